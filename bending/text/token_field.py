"""The `token` field of a bend: a comma list of selectors, words and phrases.

**Convention.** Any script's comma separates. `ALL` (or `*`), `PROMPT`, `MARKED`, `PADDING`, `END` and `REGISTERS`, in
capitals, select by what a token is; anything else is a word or phrase of the prompt, all its occurrences unless
`word#2` asks for the second. Quotes take the rest literally: `"red, round"` holds a comma, `"ALL"` is the word,
`"red, round"#2` its second occurrence. `@2` is the second scene of a prompt that has scenes, `@0` what is heard in all
of them, `star@2` the word in that scene, `star#2@2` its second occurrence there. A weight is refused, since none has a
meaning here.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from ..errors import BendError
from .lists import at_commas, straight_quotes
from .prompt import as_number, is_weight
from .words import fold

ALL, PROMPT, MARKED, PADDING, END, REGISTERS = KINDS = ("ALL", "PROMPT", "MARKED", "PADDING", "END", "REGISTERS")
SELECTORS = {**{kind: kind for kind in KINDS}, "*": ALL, "ALLTOKENS": ALL}

_HOW = "Type a word of the prompt, several with commas between, or ALL for every token."
_QUOTED = re.compile(r'"([^"]*)"\s*(?:#([^@]*))?(?:@(.*))?', re.DOTALL)
_COUNTED = re.compile(r"(.+?)#(.*)", re.DOTALL)
_IN_SCENE = re.compile(r"(.*?)\s*@\s*([0-9]{1,9})", re.DOTALL)


@dataclass(frozen=True)
class TokenTerm:
    """One entry of a `token` field.

    text         the word or phrase, or the selector's name; empty for a whole scene
    selector     whether it is one of KINDS
    occurrence   which occurrence, from 1; None for all of them
    scene        in which scene, from 1, or 0 for what is heard in all of them; None for anywhere
    """

    text: str
    selector: bool = False
    occurrence: int | None = None
    scene: int | None = None

    def __str__(self) -> str:
        return self.text + self._where

    @property
    def _where(self) -> str:
        count = "" if self.occurrence is None else f"#{self.occurrence}"
        return count if self.scene is None else f"{count}@{self.scene}"

    @property
    def token(self) -> str:
        """A `token` field that means this alone: quoted where it would else be read as something more."""
        is_bare = self.selector or not self.text or _is_plain(self.text)
        return (self.text if is_bare else f'"{self.text}"') + self._where


@dataclass(frozen=True)
class TokenField:
    """A `token` field that was read: its `text` as it was typed, and its `terms` in order. Equal where the text is."""

    text: str
    terms: tuple[TokenTerm, ...] = field(compare=False)

    @classmethod
    def parse(cls, text: str) -> "TokenField":
        """Read a field; needs no prompt.

        Raises BendError for an empty field or entry, quotes without their other half, and a `#` without a number
        from 1.
        """
        plain = straight_quotes(text)
        if not plain.strip():
            raise _error(f"token is empty. {_HOW}")
        if plain.count('"') % 2:
            raise _error(f'token is {text!r}, where a quote is opened but not closed. Write both, as in "red, round".')
        return cls(text, tuple(_parse_term(part.strip(), text) for part in at_commas(plain)))


def token_of(word: str) -> str:
    """A `token` field that means a term by what its `str` says: itself where that reads back, else in quotes."""
    try:
        terms = TokenField.parse(word).terms
    except BendError:
        terms = ()
    return word if [str(term) for term in terms] == [word] else TokenTerm(word).token


def replaced(terms: Sequence[TokenTerm], term: TokenTerm, by: str) -> str:
    """A field of these terms, with another text in the place of one."""
    return ", ".join(by if other == term else other.token for other in terms)


def quoted(text: str) -> str:
    """A field as messages show it: words in quotes, selectors bare."""
    return text if text.strip() in (*KINDS, "*") else f'"{text}"'


def _error(message: str) -> BendError:
    return BendError(message, "token")


def _parse_term(part: str, token: str) -> TokenTerm:
    if not part:
        raise _error(f"token is {token!r}, which has nothing before or after a comma. Take that comma out. {_HOW}")
    if part in SELECTORS:
        return TokenTerm(SELECTORS[part], selector=True)
    scene = None
    if quoted := _QUOTED.fullmatch(part):
        text, count, scene = quoted.groups()
    elif '"' in part:
        raise _error(f"token has {part!r}, with quotes inside. Put the whole phrase between quotes, or use none.")
    else:
        text, scene = inside.groups() if (inside := _IN_SCENE.fullmatch(part)) else (part, None)
        counted = _COUNTED.fullmatch(text)
        text, count = counted.groups() if counted else (text, None)
        if text.strip() in SELECTORS:
            sign = "#" if count is not None else "@"
            raise _error(f"token has {part!r}, but {text.strip()} cannot be counted. Leave the {sign} out.")
        if not text and scene is not None:
            return TokenTerm("", scene=int(scene))
        if re.fullmatch(r"#\d+", text):
            raise _error(f"token has {part!r}, with no word before it. Write the word too, as in kiss{part}.")
    if not quoted and (word := _weighed(text.strip())):
        raise _error(
            f"token has {part!r}, but a weight is no part of a word here. Write {word}, and give the weight to the "
            f'prompt; a word that has a colon goes into quotes: "{text.strip()}".'
        )
    text = " ".join(text.split())
    if not fold(text).text.strip():
        raise _error(f"token is {token!r}, where {part!r} holds no word. {_HOW}")
    return TokenTerm(
        text,
        occurrence=None if count is None else _occurrence(count, text, part),
        scene=None if scene is None else _scene(scene, text, part),
    )


def _weighed(text: str) -> str | None:
    """The word of `kiss:1.3`, `(kiss:1.3)` or `(kiss:much)`; None for what has no weight, such as `12:30`."""
    marked = text[:1] == "(" and text[-1:] == ")"
    word, _, weight = (text[1:-1] if marked else text).rpartition(":")
    if not word.strip() or not ((marked and is_weight(weight)) or as_number(weight) is not None):
        return None
    return None if word[-1].isdigit() and weight.isdigit() else word.strip("( ")


@lru_cache(maxsize=4096)
def _is_plain(text: str) -> bool:
    """Whether a word needs no quotes to be read as itself."""
    try:
        return TokenField.parse(text).terms == (TokenTerm(text),)
    except BendError:
        return False


def _scene(number: str, text: str, part: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", number.strip()):
        raise _error(
            f"token has {part!r}. After the @ comes a scene's number, as in {text}@2; for a word that has an @ in it, "
            f'use quotes around all of it: "{text}@{number}".'
        )
    return int(number)


def _occurrence(count: str, text: str, part: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", count.strip()) or int(count) == 0:
        raise _error(
            f"token has {part!r}. After the # comes which occurrence you mean, counted from 1, as in {text}#2; "
            f'for a word that has a # in it, use quotes: "{text}#{count}".'
        )
    return int(count)
