"""Finding words in a text as a person means them: whole, in any case, with any of Unicode's spellings.

**Convention.** Texts are compared case-folded and in compatibility form (NFKC's equivalence), without emoji variation
selectors and soft hyphens. A word is whole where neither edge cuts a run of letters and digits; an apostrophe between
letters holds them together (don't), save a possessive 's, as do a point or comma between digits (3.5); a hyphen does
not. Scripts written without spaces, and Korean, whose particles cling to the noun, match anywhere between characters.
No edge cuts what is drawn as one: a letter and its accent, an emoji and its skin tone, a joined family, a flag.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

_SPACELESS = (
    (0x0E00, 0x109F),  # Thai, Lao, Tibetan, Myanmar
    (0x1100, 0x11FF),  # Hangul, as it is spelled when decomposed
    (0x1780, 0x17FF),  # Khmer
    (0x1950, 0x19DF),  # Tai Le, New Tai Lue
    (0x1A20, 0x1AAF),  # Tai Tham
    (0x1B00, 0x1B7F),  # Balinese
    (0x2E80, 0x2FDF),  # radicals
    (0x3005, 0x3007),  # ideographic repetition, closing mark, zero
    (0x3040, 0x31FF),  # Hiragana, Katakana, Bopomofo
    (0x3400, 0x4DBF),  # Han
    (0x4E00, 0x9FFF),
    (0xA960, 0xA97F),  # Hangul
    (0xA980, 0xA9FF),  # Javanese, Myanmar
    (0xAA60, 0xAADF),  # Myanmar, Tai Viet
    (0xAC00, 0xD7FF),  # Hangul
    (0xF900, 0xFAFF),  # Han
    (0x1B000, 0x1B16F),  # Kana
    (0x20000, 0x3FFFF),  # Han
)
_STARTS = tuple(first for first, _ in _SPACELESS)
_DROPPED = "\u00ad\ufe0e\ufe0f"
_ALIKE = str.maketrans("‘’ʼ“”‐", "'''\"\"-")
_JOINERS = "\u200c\u200d"
_BLANK = "\u200b\ufeff"


class Folded(NamedTuple):
    """A text as it is compared, and for each of its characters the index that it came from."""

    text: str
    source: tuple[int, ...]


@lru_cache(maxsize=1024)
def fold(text: str) -> Folded:
    """Case-fold and decompose `text`.

    Decomposed, not composed: equal in NFKD is equal in NFKC, and each character can be traced to where it came from.
    """
    spelled = [
        (char, index)
        for index, original in enumerate(text)
        if original not in _DROPPED
        for char in unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", original).casefold()).translate(_ALIKE)
    ]
    # canonical order: sort each run of combining marks by class; all else has class 0 and stays where it is
    ordered = []
    for _, run in groupby(spelled, key=lambda pair: unicodedata.combining(pair[0]) > 0):
        ordered += sorted(run, key=lambda pair: unicodedata.combining(pair[0]))
    return Folded("".join(char for char, _ in ordered), tuple(index for _, index in ordered))


@lru_cache(maxsize=1024)
def find(needle: str, text: str) -> tuple[tuple[int, int], ...]:
    """The places, (start, end) in `text`, where `needle` stands as a word or phrase; a space stands for any blanks."""
    parts = fold(needle).text.split()
    if not parts:
        return ()
    folded = fold(text)
    pattern = re.compile(r"\s+".join(map(re.escape, parts)))
    places, at = [], 0
    while match := pattern.search(folded.text, at):
        start, end = match.span()
        if _is_edge(folded, start) and _is_edge(folded, end):
            # reordered marks may stand before their neighbours, and a dropped selector belongs to the emoji before it
            used = folded.source[start:end]
            after = max(used) + 1
            while after < len(text) and text[after] in _DROPPED:
                after += 1
            places.append((min(used), after))
            at = end
        else:
            at = start + 1
    return tuple(places)


def is_blank(char: str) -> bool:
    return char.isspace() or char in _BLANK


def visible(text: str, start: int, end: int) -> tuple[int, int]:
    """The span without the blanks at its ends; an empty one where it holds nothing else."""
    while start < end and is_blank(text[start]):
        start += 1
    while start < end and is_blank(text[end - 1]):
        end -= 1
    return start, end


def words_of(text: str) -> tuple[str, ...]:
    """The words of `text` in their order, each once, without the punctuation around them: a list to choose from.

    Text without spaces is listed in its unbroken runs; `find` finds each of the words listed.
    """
    bare = (_bare(run) for run in re.split(r"[\s、。，；：！？「」『』・]+", text))
    return tuple(word for word in unique(bare) if find(word, text))


def unique(words: Iterable[str]) -> tuple[str, ...]:
    """The words in their order, each only as it was spelled first."""
    spelled: dict[str, str] = {}
    for word in words:
        spelled.setdefault(fold(word).text, word)
    return tuple(spelled.values())


def _bare(run: str) -> str:
    start, end = 0, len(run)
    while start < end and _is_punctuation(run[start]):
        start += 1
    while start < end and _is_punctuation(run[end - 1]):
        end -= 1
    return run[start:end]


def _is_punctuation(char: str) -> bool:
    return unicodedata.category(char) in ("Po", "Pd", "Ps", "Pe", "Pi", "Pf")


def _is_edge(folded: Folded, at: int) -> bool:
    """Whether a word may begin or end between the characters `at - 1` and `at`."""
    text, source = folded
    if at in (0, len(text)):
        return True
    before, after = text[at - 1], text[at]
    if source[at - 1] == source[at] or before == "\u200d" or _extends(after):
        return False
    if _is_flag_letter(before) and _is_flag_letter(after):
        run = at
        while run and _is_flag_letter(text[run - 1]):
            run -= 1
        return (at - run) % 2 == 0
    if _is_word(before) and _is_word(after):
        return _is_spaceless(before) or _is_spaceless(after)
    if _binds(text, at):
        return after == "'" and _is_possessive(text, at)
    return not _binds(text, at - 1)


def _binds(text: str, at: int) -> bool:
    """Whether the character `at` is punctuation that holds its neighbours together in one word."""
    if not 0 < at < len(text) - 1:
        return False
    before, after = text[at - 1], text[at + 1]
    if text[at] == "'":
        return is_letter(before) and is_letter(after)
    return text[at] in ".," and before.isdigit() and after.isdigit()


def _is_possessive(text: str, at: int) -> bool:
    return text[at + 1] == "s" and not (at + 2 < len(text) and (_is_word(text[at + 2]) or _extends(text[at + 2])))


def _is_word(char: str) -> bool:
    return char.isalnum() or char == "_" or unicodedata.category(char) in ("Mn", "Mc")


def is_letter(char: str) -> bool:
    """Whether `char` is one of an alphabet: words of a script without spaces have none."""
    return _is_word(char) and not char.isdigit() and not _is_spaceless(char)


def _is_spaceless(char: str) -> bool:
    at = bisect_right(_STARTS, ord(char)) - 1
    return at >= 0 and ord(char) <= _SPACELESS[at][1]


def _extends(char: str) -> bool:
    """Whether `char` is drawn into the one before it: marks, joiners, skin tones, tags, vowels and finals of Hangul."""
    return (
        unicodedata.category(char)[0] == "M"
        or char in _JOINERS
        or "\U0001f3fb" <= char <= "\U0001f3ff"
        or "\U000e0020" <= char <= "\U000e007f"
        or "\u1160" <= char <= "\u11ff"
    )


def _is_flag_letter(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"
