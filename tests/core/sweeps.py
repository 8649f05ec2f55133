"""What the tests of sweeps share: a bending of one bend and of two, and a sweep off typed axes."""

from attention_bending.bending import operators as ops
from attention_bending.bending.bend import Bend, Bending
from attention_bending.bending.explore import sweep
from attention_bending.bending.explore.sweep import Sweep

TURN = Bending((Bend(ops.Rotate(15.0), "kiss"),))
CHAIN = TURN + Bending((Bend(ops.Translate(0.25), "rose", layers="early"),))


def expanded(bending: Bending, *typed: tuple[str, str], **options) -> Sweep:
    return sweep.expand(bending, sweep.axes(bending, *typed), **options)


def labels(values) -> list[str]:
    return [value.label for value in values]
