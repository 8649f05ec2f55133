"""Which layers, heads and frames: `all`, names, numbers and ranges, and what several such fields have in common."""

import math
import re
from dataclasses import dataclass
from functools import lru_cache

from ..errors import BendError
from ..text.lists import COMMAS

_NUMBER = re.compile(r"-?\d{1,9}")
_RANGE = re.compile(r"(\d{1,9})\s*-\s*(\d{1,9})")
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%\s*-\s*(\d+(?:\.\d+)?)\s*%")


@dataclass(frozen=True)
class IndexAxis:
    """What is counted: its field's name, its name in a sentence, whose it is, its own words, if it has percents."""

    field: str
    one: str
    owner: str = "this model"
    names: tuple[str, ...] = ()
    percents: bool = False

    @property
    def how(self) -> str:
        names = "".join(f", {name}" for name in self.names)
        percents = ", percents such as 0%-50%" if self.percents else ""
        return f"Write all{names}{percents}, or numbers such as 0-5, 13, -1 (the first {self.one} is 0, the last -1)."


LAYERS = IndexAxis("layers", "layer", names=("early", "middle", "late"))
HEADS = IndexAxis("heads", "head")
STEPS = IndexAxis("steps", "step", "this run", names=("early", "middle", "late"))
FRAMES = IndexAxis("frames", "frame", "this film", percents=True)

Term = str | tuple[int, int] | tuple[float, float, str]


@lru_cache(maxsize=256)
def parse(text: str, axis: IndexAxis) -> tuple[tuple[Term, ...], ...]:
    """The clauses of a field, joined by `&`; each a comma list of names, inclusive ranges and percents.

    A range is `(first, last)`, a percent `(start, end, "%")` in fractions; a negative number stands alone. Raises
    BendError for anything else, so that a slip of the pen never means "all".
    """
    return tuple(
        tuple(_term(term.strip(), text, axis) for term in re.split(f"[{COMMAS}]", clause)) for clause in text.split("&")
    )


def _term(term: str, text: str, axis: IndexAxis) -> Term:
    if term.lower() in ("all", *axis.names):
        return term.lower()
    if _NUMBER.fullmatch(term):
        return int(term), int(term)
    if match := _RANGE.fullmatch(term):
        first, last = int(match[1]), int(match[2])
        if first > last:
            raise BendError(
                f"{axis.field} has the range {term!r}, which runs backwards. Write {last}-{first}.", axis.field
            )
        return first, last
    if axis.percents and (match := _PERCENT.fullmatch(term)):
        start, end = float(match[1]) / 100, float(match[2]) / 100
        if start >= end or end > 1:
            raise BendError(f"{axis.field} has {term!r}. Write a lower and a higher percent, up to 100%.", axis.field)
        return start, end, "%"
    raise BendError(f"{axis.field} is {text!r}, where {term!r} is no {axis.one}. {axis.how}", axis.field)


def intersect(one: str, other: str) -> str:
    """The text of two fields that must both hold."""
    if one == other or other.strip().lower() == "all":
        return one
    return other if one.strip().lower() == "all" else f"{one} & {other}"


@lru_cache(maxsize=256)
def resolve(text: str, axis: IndexAxis, count: int) -> frozenset[int]:
    """The numbers, 0-based, that `text` means where there are `count`; thirds are by ⌊3i/n⌋, percents half-open.

    Raises BendError for a number that is not there; only percents are fitted to what there is. Of a picture, a film of
    one frame, numbers of other frames mean nothing.
    """
    return frozenset.intersection(*(_chosen(clause, text, axis, count) for clause in parse(text, axis)))


def _chosen(clause: tuple[Term, ...], text: str, axis: IndexAxis, count: int) -> frozenset[int]:
    chosen: set[int] = set()
    for term in clause:
        if term == "all":
            chosen.update(range(count))
        elif isinstance(term, str):
            chosen.update(i for i in range(count) if 3 * i // count == axis.names.index(term))
        elif len(term) == 3:
            chosen.update(range(math.ceil(term[0] * count - 1e-9), math.ceil(term[1] * count - 1e-9)))
        else:
            for number in range(term[0], term[1] + 1):
                if axis is FRAMES and count == 1 and number not in (0, -1):
                    continue
                if not -count <= number < count:
                    raise BendError(
                        f"{axis.field} is {text!r}, but {axis.owner} has no {axis.one} {number}: its {count} "
                        f"{axis.one}s are 0 to {count - 1} (or -{count} to -1, counted from the end). Choose among "
                        "these.",
                        axis.field,
                    )
                chosen.add(number % count)
    return frozenset(chosen)
