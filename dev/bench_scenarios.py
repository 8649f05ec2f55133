"""What the benchmark bends."""

from dataclasses import replace
from typing import NamedTuple

import torch

from ..bending import narrow
from ..bending import operators as ops
from ..bending.bend import Bend, Bending
from ..bending.frames.mask_video import MaskVideo
from ..bending.time import animation

TOKENS = 512
"""The tokens of every Wan's context."""


class Scenario(NamedTuple):
    """A chain of bends, each with its columns, and columns that are watched."""

    bends: tuple[tuple[Bend, tuple[int, ...]], ...] = ()
    watch: tuple[int, ...] = ()


MODES = (
    ops.Translate(x=0.1, y=0.05),
    ops.Rotate(15.0),
    ops.Blur(2.0),
    ops.FrequencyFilter("low", high=0.3),
)


def words(count: int) -> Scenario:
    """`count` words of one token each, dealt round to the four modes; every bend renormalises."""
    columns = tuple(range(3, 3 + count))
    dealt = [(Bend(mode, "word"), columns[i::4]) for i, mode in enumerate(MODES[:count])]
    return Scenario(tuple(dealt))


def everything(bend: Bend) -> Scenario:
    return Scenario(((bend, tuple(range(TOKENS))),))


def moving(bend: Bend) -> Bend:
    """A rotation with another angle in every frame."""
    track = animation.parse_keyframes("0: 10, 100%: 90")
    return narrow.animate(Bending((bend,)), "angle", "frames", track).bends[0]


def aimed(operator: ops.Operator, columns: tuple[int, ...], frames: int = 0) -> tuple[Scenario, Scenario]:
    """A bend without and with its aim: a mask of that many frames, or, with none, an angle that moves over the film."""
    bend = Bend(operator, "word")
    mask = MaskVideo(torch.rand(frames, 60, 104, generator=torch.Generator().manual_seed(3))) if frames else None
    aim = replace(bend, masks=(mask,)) if mask else moving(bend)
    return Scenario(((bend, columns),)), Scenario(((aim, columns),))


ONE, EVERY = (3,), tuple(range(TOKENS))
AIMS = {
    "all-rotate, an angle moving": aimed(ops.Rotate(), EVERY),
    "all-rotate, a mask": aimed(ops.Rotate(), EVERY, 1),
    "all-blur, a mask": aimed(ops.Blur(), EVERY, 1),
    "word-translate, a mask": aimed(ops.Translate(), ONE, 1),
    "word-translate, 17 masks": aimed(ops.Translate(), ONE, 17),
    "word-rotate, an angle moving": aimed(ops.Rotate(), ONE),
}
"""The same bend without and with what narrows it."""

SCENARIOS = {
    **{f"words-{count}": words(count) for count in (1, 4, 16, 64)},
    "all-translate": everything(Bend(MODES[0], "ALL")),
    "all-rotate": everything(Bend(MODES[1], "ALL")),
    "all-rotate-frames": everything(moving(Bend(ops.Rotate(), "ALL"))),
    "all-flip": everything(Bend(ops.Flip(), "ALL")),
    "all-blur": everything(Bend(MODES[2], "ALL")),
    "all-sharpen": everything(Bend(ops.Sharpen(clamp=False), "ALL")),
    "all-frequency": everything(Bend(MODES[3], "ALL")),
    "record-4": Scenario(watch=(3, 4, 5, 6)),
    "inactive": Scenario(),
}
