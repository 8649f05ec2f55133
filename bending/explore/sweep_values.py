"""The values of a sweep's axis, as they are typed.

**Convention.** `0.25:4:8` is eight numbers evenly spaced from 0.25 to 4, both included; `0.25:4:8 log` has even ratios.
Numbers are set apart by commas or semicolons, and ranges may stand among them; texts, which may hold commas, by
semicolons or new lines. The inner numbers of a range are rounded to a hundredth of the space between them or finer, so
that a label is the very number: typed into the bend's own field it gives the same film.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ..errors import BendError
from ..text.lists import COMMAS, SEMICOLONS, at_semicolons, straight_quotes
from ..time.windows import TimeWindow

MOST = 10_000
"""Numbers in a range: more are a slip of the pen."""
LARGEST_SEED = 2**64 - 1

_RANGE = re.compile(r"([^:]+):([^:]+):\s*(\d+)\s*(log)?", re.IGNORECASE)
_BETWEEN = re.compile(f"[{COMMAS}{SEMICOLONS}\n]")
_STEPS = re.compile(r"(\d{1,5})(?:\s*-\s*(\d{1,5}))?")
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%\s*-\s*(\d+(?:\.\d+)?)\s*%")
_SWITCH = {"on": True, "true": True, "yes": True, "off": False, "false": False, "no": False}


@dataclass(frozen=True)
class Value:
    """One value of an axis: as labels show it, and the fields that it sets, by name."""

    label: str
    sets: tuple[tuple[str, Any], ...]


def numbers(field: str, text: str, percents: bool = False) -> tuple[Value, ...]:
    """Values of a field of finite numbers; with `percents`, `30%` is 0.3. Raises BendError for what cannot be read."""
    values: list[float] = []
    for part in _parts(field, text):
        if match := _RANGE.fullmatch(part):
            first, last = (_number(field, end, percents) for end in match.group(1, 2))
            values += _spaced(part, first, last, _count(field, match[3], part), bool(match[4]))
        else:
            values.append(_number(field, part, percents))
    return _values(field, [(shown(number), number) for number in values])


def whole_numbers(field: str, text: str, lowest: int | None = None, highest: int | None = None) -> tuple[Value, ...]:
    """Values of a field of whole numbers, exact however large; a range takes the nearest to its even spacing."""
    values: list[int] = []
    for part in _parts(field, text):
        if match := _RANGE.fullmatch(part):
            first, last = (_whole(field, end) for end in match.group(1, 2))
            count = _count(field, match[3], part)
            if match[4]:
                spaced = [round(x) for x in _spaced(part, first, last, count, True)]
            else:
                spaced = [first + (2 * i * (last - first) + count - 1) // (2 * (count - 1)) for i in range(count)]
            if len(set(spaced)) < count:
                raise BendError(
                    f"{field} has {part!r}, which are {len(set(spaced))} different whole numbers. Ask for so many."
                )
            values += spaced
        else:
            values.append(_whole(field, part))
    for number in values:
        if (lowest is not None and number < lowest) or (highest is not None and number > highest):
            raise BendError(f"{field} has {number}. Give whole numbers from {lowest} to {highest}.")
    return _values(field, [(str(number), number) for number in values])


def switches(field: str, text: str) -> tuple[Value, ...]:
    """Values of a field that is on or off."""
    values = []
    for part in _parts(field, text):
        if part.lower() not in _SWITCH:
            raise BendError(f"{field} has {part!r}. Write on, off, or both with a comma between.")
        values.append(("on" if _SWITCH[part.lower()] else "off", _SWITCH[part.lower()]))
    return _values(field, values)


def texts(field: str, text: str) -> tuple[Value, ...]:
    """Values of a field of text, such as words or layers, set apart by semicolons outside quotes."""
    return _values(field, [(" ".join(part.split()), part) for part in _parts(field, text, at_semicolons)])


def windows(field: str, text: str) -> tuple[Value, ...]:
    """Windows of time: steps `0-2` or `7`, percents `0%-30%`, or `all`. They replace all that a bend has."""
    values = []
    for part in _parts(field, text):
        if part.lower() == "all":
            start, end, more = 0.0, 1.0, ()
        elif match := _STEPS.fullmatch(part):
            first = int(match[1])
            start, end, more = 0.0, 1.0, (TimeWindow("steps", first, int(match[2] or first)),)
        elif match := _PERCENT.fullmatch(part):
            start, end, more = float(match[1]) / 100, float(match[2]) / 100, ()
        else:
            raise BendError(f"{field} has {part!r}, which is no window of time. Write 0-2 (steps), 0%-30%, or all.")
        values.append(("".join(part.split()), (("start", start), ("end", end), ("windows", more))))
    return _unique([Value(label, sets) for label, sets in values])


def shown(number: float) -> str:
    """A number as short as it can be written without becoming another."""
    short = f"{number + 0.0:g}"  # no −0
    return short if float(short) == number else repr(float(number))


def _parts(field: str, text: str, split: Callable[[str], list[str]] = _BETWEEN.split) -> list[str]:
    parts = [part.strip() for part in split(straight_quotes(text.strip()).rstrip(COMMAS + SEMICOLONS))]
    if not all(parts):
        what = "has nothing between two separators" if any(parts) else "has no values"
        raise BendError(f"{field} {what}. Write values such as 0.25:4:8, 0, 30, 60, or kiss; sunset; ALL.")
    return parts


def _values(field: str, values: list[tuple[str, Any]]) -> tuple[Value, ...]:
    return _unique([Value(label, ((field, value),)) for label, value in values])


def _unique(values: list[Value]) -> tuple[Value, ...]:
    return tuple({value.label: value for value in values}.values())


def _number(field: str, text: str, percents: bool) -> float:
    percent = percents and text.strip().endswith("%")
    try:
        number = float(text.strip().removesuffix("%") if percent else text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise BendError(f"{field} has {text.strip()!r}, which is no finite number. Write 0, 30, 60, or 0.25:4:8.")
    return float(Decimal(str(number)) / 100) if percent else number


def _whole(field: str, text: str) -> int:
    if not re.fullmatch(r"\s*-?\d{1,20}\s*", text):
        raise BendError(f"{field} has {text.strip()!r}, which is no whole number. Write 1, 2, 3, or 1:4:4.")
    return int(text)


def _count(field: str, text: str, part: str) -> int:
    if len(text) > 9 or not 2 <= int(text) <= MOST:
        raise BendError(
            f"{field} has {part!r}, which asks for {text} values. A range has from 2 to {MOST}; a single value stands "
            f"by itself."
        )
    return int(text)


def _spaced(part: str, first: float, last: float, count: int, log: bool) -> list[float]:
    """Numbers from `first` to `last`; the inner ones rounded, so that their neighbours stay apart a hundred times."""
    if first == last:
        raise BendError(f"{part!r} starts where it ends. Write the value once, or another end.")
    if log and not first * last > 0:
        raise BendError(f"{part!r} is logarithmic, but goes to 0 or past it. Give both ends one sign, and neither 0.")
    t = [i / (count - 1) for i in range(count)]
    exact = [first * (last / first) ** x if log else first + (last - first) * x for x in t]
    inner = []
    for i in range(1, count - 1):
        gap = min(abs(exact[i] - exact[i - 1]), abs(exact[i + 1] - exact[i]))
        digits = 2 - math.floor(math.log10(gap)) if gap > 0 else 17
        inner.append(round(exact[i], digits))
    return [first, *inner, last]
