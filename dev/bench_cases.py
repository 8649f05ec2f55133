"""What the benchmark bends, and at which sizes."""

from typing import Any, NamedTuple

import torch

from ..bending import operators as ops
from ..bending.bend import Animation, Bend
from ..bending.frames.mask_video import MaskVideo
from ..bending.time.animation import parse_keyframes

TOKENS = 512
"""The tokens of every Wan's context."""

HEADS = {"1.3B": 12, "14B": 40, "small": 2}
DEPTH = 128
"""The width of a head of every Wan."""

MODES = (ops.Translate(x=0.1, y=0.05), ops.Rotate(15.0), ops.Blur(2.0), ops.FrequencyFilter("low", high=0.3))
FIRST = 3
"""The column of the first word."""
ONE, EVERY = (FIRST,), tuple(range(TOKENS))


class Scenario(NamedTuple):
    """A chain of bends, each with its columns, and columns that are watched."""

    bends: tuple[tuple[Bend, tuple[int, ...]], ...] = ()
    watch: tuple[int, ...] = ()


def words(count: int) -> Scenario:
    """`count` words of one token each, dealt round to the four modes; every bend renormalises."""
    columns = tuple(range(FIRST, FIRST + count))
    return Scenario(tuple((Bend(mode, "word"), columns[i::4]) for i, mode in enumerate(MODES[:count])))


def one_bend(operator: ops.Operator, columns: tuple[int, ...] = EVERY, **aim) -> Scenario:
    return Scenario(((Bend(operator, "word", **aim), columns),))


def masked(frames: int) -> dict[str, Any]:
    """The aim of a mask of that many frames."""
    return {"masks": (MaskVideo(torch.rand(frames, 60, 104, generator=torch.Generator().manual_seed(3))),)}


MOVING = {"animations": (Animation("angle", "frames", parse_keyframes("0: 10, 100%: 90")),)}
"""The aim of another angle in every frame."""

SCENARIOS = {
    **{f"words-{count}": words(count) for count in (1, 4, 16, 64)},
    "all-translate": one_bend(MODES[0]),
    "all-rotate": one_bend(MODES[1]),
    "all-rotate-frames": one_bend(ops.Rotate(), **MOVING),
    "all-flip": one_bend(ops.Flip()),
    "all-blur": one_bend(MODES[2]),
    "all-sharpen": one_bend(ops.Sharpen(clamp=False)),
    "all-frequency": one_bend(MODES[3]),
    "record-4": Scenario(watch=(3, 4, 5, 6)),
    "inactive": Scenario(),
}
AIMS = {
    "all-rotate, an angle moving": (ops.Rotate(), EVERY, MOVING),
    "all-rotate, a mask": (ops.Rotate(), EVERY, masked(1)),
    "all-blur, a mask": (ops.Blur(), EVERY, masked(1)),
    "word-translate, a mask": (ops.Translate(), ONE, masked(1)),
    "word-translate, 17 masks": (ops.Translate(), ONE, masked(17)),
    "word-rotate, an angle moving": (ops.Rotate(), ONE, MOVING),
}
"""An operator, its columns, and what narrows it: the bend with that is measured against the bend without."""

STEPS = ("every-layer", "inactive", "record-4")
SOME = ("words-1", "words-4", "all-rotate")

SMALL, SHORT = (2, 5, 6), (3, 15, 26)
USUAL = (5, 30, 52)
"""480p with 17 frames: what two cores do in a fraction of a second, and large enough not to fit a cache."""
HD, SD = (21, 45, 80), (21, 30, 52)
"""720p and 480p with 81 frames."""
GROWTH = ((1, 30, 52), (9, 30, 52), (5, 15, 26), (5, 45, 80))
"""Beside USUAL: fewer and more frames, lower and higher resolution."""


class Case(NamedTuple):
    """What makes one row; `rounds` are how often each part is timed: un-bent and bent, dense, other kernels."""

    level: str
    model: str
    grid: tuple[int, int, int]
    scenario: str
    rounds: tuple[int, int, int]

    def rounds_of(self, part: str) -> int:
        return self.rounds[{"un-bent": 0, "bent": 0, "dense": 1}.get(part, 2)]


# The runs: of each series the level, the model, the grids, the scenarios, and the rounds of a case.
SMALLEST = (
    ("call", "small", [SMALL], SCENARIOS, (2, 2, 2)),
    ("aim", "small", [SMALL], AIMS, (2, 0, 0)),
    ("step", "small", [SMALL], STEPS, (2, 2, 0)),
)
ON_CPU = (
    ("call", "1.3B", [USUAL], ["words-1"], (15, 7, 2)),
    ("call", "1.3B", [USUAL], list(SCENARIOS)[1:], (7, 7, 2)),
    ("call", "1.3B", GROWTH, ["words-4"], (7, 3, 0)),
    ("aim", "1.3B", [USUAL], AIMS, (9, 0, 0)),
    ("call", "14B", [(2, 30, 52)], SOME, (7, 3, 0)),
    ("step", "1.3B", [SHORT], STEPS, (21, 2, 0)),
    ("step", "small", [SHORT], ["record-4"], (41, 0, 0)),
)
LARGE = (("call", "1.3B", [SD], SCENARIOS), ("call", "1.3B", [HD], SOME), ("call", "14B", [SD, HD], SOME))
FULL_ON_CPU = (*ON_CPU, *((*series, (3, 2, 0)) for series in LARGE))
ON_GPU = (
    *((*series, (21, 7, 21)) for series in LARGE),
    ("call", "1.3B", GROWTH, ["words-4"], (21, 7, 0)),
    ("step", "1.3B", [SD], STEPS, (7, 3, 0)),
)


def cases(device: str, full: bool = False, smallest: bool = False) -> list[Case]:
    """The cases of one run, in the order of the table."""
    run = SMALLEST if smallest else ON_GPU if device == "cuda" else FULL_ON_CPU if full else ON_CPU
    return [
        Case(level, model, grid, scenario, rounds)
        for level, model, grids, scenarios, rounds in run
        for grid in grids
        for scenario in scenarios
    ]
