"""A sweep: one bending over the values of some of its parameters, and the un-bent film to compare with.

**Convention**
    Axis 1 goes across, axis 2 down; films come un-bent first, then row by row, and so on with more axes. A parameter is
    one of an operator's (`angle`, `padding`), of every bend's (`strength`, `layers`, `heads`, `frames`, `token`,
    `start`, `end`, `pass`, `renormalize`), a window of time (`steps`, `percent`), or the sampler's `seed`. It is set in
    every bend that has it, or, as `bend 2: angle`, in the second alone. Where no bend is left that does anything, the
    film would be the un-bent one, and is left out. Where a seed is swept, each seed has an un-bent film of its own.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product
from math import prod
from typing import Any

from ..bend import Bend, Bending
from ..errors import BendError
from ..operators import Operator
from ..parameter import parameter_types
from . import sweep_values as read
from .sweep_values import Value

SEED = "seed"
UNBENT = "un-bent"
NARROWING: dict[str, Callable[[str, str], tuple[Value, ...]]] = {
    "strength": lambda name, text: read.numbers(name, text, percents=True),
    "token": read.texts,
    "layers": read.texts,
    "heads": read.texts,
    "frames": read.texts,
    "start": lambda name, text: read.numbers(name, text, percents=True),
    "end": lambda name, text: read.numbers(name, text, percents=True),
    "steps": read.windows,
    "percent": read.windows,
    "pass": lambda _, text: read.texts("passes", text),
    "renormalize": read.switches,
}
"""What every bend has, where and when it acts, and how its values are read."""
KINDS = {float: read.numbers, int: read.whole_numbers, bool: read.switches, str: read.texts}
"""How the values of an operator's parameter are read, by its type; others cannot be swept."""

_ONE_BEND = re.compile(r"bend\s*(\d{1,4})\s*:\s*(.+)", re.IGNORECASE)


@dataclass(frozen=True)
class Axis:
    """A parameter, its values, and the numbers of the bends (from 0) that it is set in; none for the seed."""

    parameter: str
    values: tuple[Value, ...]
    bends: tuple[int, ...]

    @property
    def touched(self) -> set[tuple[int, str]]:
        names = {name for value in self.values for name, _ in value.sets}
        return {(bend, name) for bend in self.bends or (-1,) for name in names}


@dataclass(frozen=True)
class Point:
    """One film of a sweep; `place` is the number of its value on each axis, None where that does not matter to it."""

    label: str
    bending: Bending
    seed: int
    place: tuple[int | None, ...] = ()
    bent: bool = True

    @property
    def column(self) -> int | None:
        return self.place[0] if self.place else None

    @property
    def row(self) -> int | None:
        return self.place[1] if len(self.place) > 1 else None


@dataclass(frozen=True)
class Sweep:
    """All films of a sweep: what travels on the SWEEP_CELLS wire. Immutable.

    bending   that is swept, as it came
    axes      the first across, the second down
    points    a film each, in the order in which they are sampled
    same      those left out, since nothing in them bends
    """

    bending: Bending
    axes: tuple[Axis, ...]
    points: tuple[Point, ...]
    same: tuple[Point, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(point.label for point in self.points)

    @property
    def title(self) -> str:
        return " × ".join(axis.parameter for axis in self.axes)

    def baseline_of(self, point: Point) -> int | None:
        """The number of the un-bent film with the same seed; None where there is none."""
        return next((i for i, other in enumerate(self.points) if not other.bent and other.seed == point.seed), None)

    def __str__(self) -> str:
        unbent = sum(not point.bent for point in self.points)
        count = f"{_films(len(self.points))}: {len(self.points) - unbent} bent, {unbent} un-bent"
        lines = [count, *(f"{i}. {label}" for i, label in enumerate(self.labels, 1))]
        if self.same:
            lines.append(f"left out, as nothing in them bends: {', '.join(point.label for point in self.same)}")
        return "\n".join(lines)


def axes(bending: Bending, *typed: tuple[str, str]) -> list[Axis]:
    """The axes of parameters and values as they are typed; what is empty in both is none.

    Raises BendError where one has no values, or values have no parameter, as `axis` does.
    """
    axes = []
    for number, (parameter, values) in enumerate(typed, 1):
        if number > 1 and not (parameter.strip() or values.strip()):
            continue
        if not parameter.strip() or not values.strip():
            lacking = ("parameter", "values")[bool(parameter.strip())]
            raise BendError(
                f"{lacking}_{number} is empty. Write a parameter and its values, such as angle and -90:90:7"
                f"{', or neither' if number > 1 else ''}. "
                f"This bending has {_choices(tuple(bending), True)}."
            )
        axes.append(axis(parameter, values, bending))
    return axes


def axis(parameter: str, values: str, bending: Bending) -> Axis:
    """Read an axis. Raises BendError for a parameter that no bend has, naming those there are, and for odd values."""
    number, name = None, " ".join(parameter.split())
    if match := _ONE_BEND.fullmatch(name):
        number, name = int(match[1]), match[2].strip()
    name = name.lower().replace(" ", "_")
    if name == SEED and number is None:
        return Axis(SEED, read.whole_numbers(SEED, values, 0, read.LARGEST_SEED), ())
    if number is not None and not 1 <= number <= len(bending):
        raise BendError(
            f"{parameter.strip()!r} is swept, but the bending has {_bends(len(bending))}, counted from 1. "
            "Choose one that it has."
        )
    chosen = [n for n in range(len(bending)) if number in (None, n + 1)]
    having = tuple(n for n in chosen if name in _parameters(bending.bends[n]))
    if not having:
        raise BendError(_lacking(name, [bending.bends[n] for n in chosen], number is None))
    for n in having:
        if any(animation.parameter == name for animation in bending.bends[n].animations):
            raise BendError(
                f"{name} is swept, but a Bend Animate moves it in bend {n + 1}, {bending.bends[n].title}, and would "
                f"win. Take that out, or sweep another parameter."
            )
    reader = _parameters(bending.bends[having[0]])[name]
    shown = name.replace("_", " ")
    return Axis(shown if number is None else f"bend {number} {shown}", reader(name, values), having)


def expand(
    bending: Bending,
    axes: Sequence[Axis],
    baseline: bool = True,
    seed: int = 0,
    limit: int = 64,
) -> Sweep:
    """All films of a sweep, each as its own bending and seed.

    Raises BendError where they are more than `limit`, where two axes set the same thing, where nothing bends, and for
    values that a bend refuses, naming the film.
    """
    if not len(bending):
        raise BendError("there is nothing to sweep: the bending has no bends. Connect a bend.")
    for one, other in combinations(axes, 2):
        if one.touched & other.touched:
            raise BendError(f"both axes set {one.parameter}. Sweep another parameter, or another bend's.")
    count = prod(len(axis.values) for axis in axes)
    if count > read.MOST:  # before they are made
        raise BendError(_too_many(axes, count, limit))
    points, same = [], []
    for backwards in product(*(range(len(axis.values)) for axis in reversed(axes))):
        point = _point(bending, axes, backwards[::-1], seed)
        (same if all(bend.is_identity for bend in point.bending) else points).append(point)
    if not points:
        raise BendError(
            f"nothing bends at any value of {' and '.join(axis.parameter for axis in axes)}: every film would be the "
            f"un-bent one. Raise the strength, or sweep what does something."
        )
    if baseline:
        points = [*_unbent([*points, *same], axes), *points]
    if len(points) > limit:
        raise BendError(_too_many(axes, len(points), limit))
    return Sweep(bending, tuple(axes), tuple(points), tuple(same))


def sweepable(operator: type[Operator]) -> dict[str, Callable[[str, str], tuple[Value, ...]]]:
    """How each parameter of an operator's bends is read; what acts on logits is of all words, and so has no token."""
    own = {name: KINDS[kind] for name, kind in parameter_types(operator).items() if kind in KINDS}
    of_all_words = operator.acts_on == "logits"
    narrowing = {name: reader for name, reader in NARROWING.items() if name != "token" or not of_all_words}
    return {**own, **narrowing}


def _parameters(bend: Bend) -> dict[str, Callable[[str, str], tuple[Value, ...]]]:
    return sweepable(type(bend.operator))


def _lacking(name: str, bends: Sequence[Bend], all_bends: bool) -> str:
    if not bends:
        return "there is nothing to sweep: the bending has no bends. Connect a bend."
    names = ", ".join(sorted({bend.operator.name for bend in bends}))
    return f'{names} has no parameter "{name}". Choose one of {_choices(bends, all_bends)}.'


def _choices(bends: Sequence[Bend], all_bends: bool) -> str:
    names = dict.fromkeys(name for bend in bends for name in _parameters(bend))
    return ", ".join([*sorted(names, key=lambda name: name in NARROWING), *([SEED] if all_bends else [])])


def _point(bending: Bending, axes: Sequence[Axis], place: tuple[int, ...], seed: int) -> Point:
    values = [axis.values[number] for axis, number in zip(axes, place, strict=True)]
    label = " · ".join(f"{axis.parameter} {value.label}" for axis, value in zip(axes, values, strict=True))
    changes: list[dict[str, Any]] = [{} for _ in bending]
    for axis_, value in zip(axes, values, strict=True):
        if axis_.parameter == SEED:
            seed = value.sets[0][1]
        for number in axis_.bends:
            changes[number].update(value.sets)
    try:
        bends = tuple(_changed(bend, sets) for bend, sets in zip(bending, changes, strict=True))
    except BendError as error:
        raise error.within(f"at {label}") from None
    return Point(label, Bending(bends), seed, place)


def _changed(bend: Bend, sets: dict[str, Any]) -> Bend:
    """All changes at once, since one alone may be none that the bend allows."""
    own = {name: sets[name] for name in sets if name in parameter_types(type(bend.operator))}
    narrowing = {name: value for name, value in sets.items() if name not in own}
    return replace(bend, operator=replace(bend.operator, **own), **narrowing) if sets else bend


def _unbent(points: Sequence[Point], axes: Sequence[Axis]) -> list[Point]:
    """The un-bent film, or one for each seed."""
    swept = [number for number, axis in enumerate(axes) if axis.parameter == SEED]
    if not swept:
        return [Point(UNBENT, Bending(), points[0].seed, bent=False)]
    seeds = {point.place[swept[0]]: point.seed for point in points}
    return [
        Point(
            f"{UNBENT} · seed {seed}",
            Bending(),
            seed,
            tuple(number if axis.parameter == SEED else None for axis in axes),
            bent=False,
        )
        for number, seed in sorted(seeds.items())
    ]


def _too_many(axes: Sequence[Axis], count: int, limit: int) -> str:
    product = " × ".join(f"{len(axis.values)} of {axis.parameter}" for axis in axes)
    return (
        f"this sweep makes {_films(count)} ({product}), more than its limit of {limit}. Give fewer values, or raise "
        f"limit if you mean it."
    )


def _films(count: int) -> str:
    return f"{count} film" if count == 1 else f"{count} films"


def _bends(count: int) -> str:
    return f"{count} bend" if count == 1 else f"{count} bends"
