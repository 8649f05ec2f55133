"""What to tell a person whose word is not in the prompt."""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import NamedTuple

from ..errors import BendError
from .lists import straight_quotes
from .prompt import parse_prompt
from .token_field import ALL, END, MARKED, PADDING, PROMPT, REGISTERS, SELECTORS, TokenTerm
from .words import find, fold

_LISTED = 40
_BETWEEN_WORDS = re.compile(r"[\s;；/|+&]+")
_MEANT = {
    ALL: "To bend every token, write ALL, in capitals.",
    PROMPT: "To bend all tokens of the prompt, write PROMPT, in capitals.",
    MARKED: "To bend the words marked with (parentheses), write MARKED, in capitals.",
    PADDING: "To bend the padding, write PADDING, in capitals.",
    END: "To bend the end token, write END, in capitals.",
    REGISTERS: "To bend the registers behind the prompt, write REGISTERS, in capitals.",
}


class Hint(NamedTuple):
    """What was probably meant: a `sentence`, and what a token field would have instead, likeliest first."""

    sentence: str = ""
    offers: tuple[str, ...] = ()


def not_in_prompt(word: str, text: str, words: Sequence[str], marked: int) -> BendError:
    """What is missing, what was probably meant, and which `words` there are, of which the first `marked` are marked."""
    hint = _hint(word, text, words)
    sentences = [f'"{word}" is not in the prompt.', hint.sentence]
    if words:
        listed = [f'"{other}"' + (" (marked)" if i < marked else "") for i, other in enumerate(words[:_LISTED])]
        more = f" and {len(words) - _LISTED} more" if len(words) > _LISTED else ""
        sentences.append(f"The prompt has {', '.join(listed)}{more}.")
    else:
        sentences.append("The prompt has no words at all.")
    return BendError(" ".join(filter(None, sentences)), "token", hint.offers)


def _hint(word: str, text: str, words: Sequence[str]) -> Hint:
    if selector := SELECTORS.get(word.upper()):
        return Hint(_MEANT[selector], (selector,))
    plain = _without_marks(word)
    if plain and find(plain, text):
        return Hint(f"Parentheses and weights are no part of a word: write {plain}.", (TokenTerm(plain).token,))
    if spellings := own_spellings(word, text):
        return Hint(f"The prompt spells it {' or '.join(spellings)}: copy that.", tuple(spellings))
    parts = [part for part in _BETWEEN_WORDS.split(word) if part]
    if len(parts) > 1 and all(find(part, text) for part in parts):
        return Hint(
            "Its words are there, but not side by side in this order: put commas between them to bend each.",
            (", ".join(TokenTerm(part).token for part in parts),),
        )
    near = _near(word, words)
    quoted = (f'"{other}"' for other in near)
    return Hint(f"Did you mean {' or '.join(quoted)}?" if near else "", tuple(TokenTerm(other).token for other in near))


def own_spellings(word: str, text: str, count: int = 3) -> list[str]:
    """How `text` spells what differs from `word` in blanks, punctuation and accents alone, for a token field."""
    wanted, _ = _letters(word)
    letters, source = _letters(text)
    found, at = {}, letters.find(wanted) if wanted else -1
    while at >= 0 and len(found) < count:
        spelled = " ".join(text[source[at] : source[at + len(wanted) - 1] + 1].split())
        if find(spelled, text) and '"' not in straight_quotes(spelled):  # quotes cannot be quoted
            found[fold(spelled).text] = TokenTerm(spelled).token
        at = letters.find(wanted, at + 1)
    return list(found.values())


def _letters(text: str) -> tuple[str, list[int]]:
    """Letters and digits alone, case-folded, with & as and; and for each the index that it came from."""
    spelled = [
        (letter, index)
        for char, index in zip(*fold(text), strict=True)
        for letter in ("and" if char == "&" else char)
        if letter.isalnum()
    ]
    return "".join(letter for letter, _ in spelled), [index for _, index in spelled]


def _without_marks(word: str) -> str | None:
    """`kiss` for `(kiss)`, `(kiss:1.3)` or `kiss:1.3`; None for a word without such things."""
    try:
        plain = parse_prompt(word if "(" in word else f"({word})").text.strip()
    except BendError:
        return None
    return plain if plain != word else None


def _near(word: str, words: Sequence[str], count: int = 3) -> list[str]:
    """The likeliest of `words`: those that hold the word or stand in it, then those spelled alike."""
    wanted = fold(word).text
    spelled = {fold(other).text: other for other in words}
    parts = [other for other in spelled if wanted in other or (len(other) > 2 and other in wanted)]
    alike = get_close_matches(wanted, spelled, n=count)
    return [spelled[other] for other in dict.fromkeys(parts + alike)][:count]
