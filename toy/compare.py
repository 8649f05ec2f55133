"""What a bend changed: the things that are seen in the un-bent and in the bent film, one by one."""

import math
from typing import Any

from . import cases


def compare(before: list, after: list, subject: cases.Subject) -> dict[str, Any]:
    """What became of the subject and, where there is one, of the other thing.

    `drawn`    the un-bent film shows the subject as its caption says, else its row counts for nothing
    `present`  it is still there; then how far it moved (fractions of the frame), the ratio of areas, and whether its
               colour and shape stayed
    """
    thing = next((s for s in before if (s.colour, s.shape) == subject.thing[:2]), None)
    if thing is None:
        return {"drawn": False}
    others = [s for s in before if s is not thing]
    pairs = match([thing, *others], after)
    row: dict[str, Any] = {"drawn": True, "count": len(after), **change(thing, pairs[0])}
    if others:
        row["other"] = change(others[0], pairs[1])
    return row


def change(before, after) -> dict[str, Any]:
    """The difference that a bend made to one thing; `went` and `goes` are its ways from first to last frame."""
    if after is None:
        return {"present": False, "was": (before.x, before.y)}
    return {
        "present": True,
        "was": (before.x, before.y),
        "x": after.x,
        "y": after.y,
        "dx": after.x - before.x,
        "dy": after.y - before.y,
        "area": after.area / before.area,
        "colour": after.colour == before.colour and after.off < 0.3,
        "shape": after.shape == before.shape,
        "is": (after.colour, after.shape),
        "rgb": after.rgb,
        "fit": after.fit,
        "went": (before.dx, before.dy),
        "goes": (after.dx, after.dy),
    }


def match(before: list, after: list) -> list:
    """For each sighting before the one after that is likest to it, or None; each is given once."""
    from scipy.optimize import linear_sum_assignment

    if not after:
        return [None] * len(before)
    unlike = [
        [math.dist((a.x, a.y), (b.x, b.y)) + 0.5 * (a.colour != b.colour) + 0.25 * (a.shape != b.shape) for a in after]
        for b in before
    ]
    partners = dict(zip(*linear_sum_assignment(unlike), strict=True))
    return [after[partners[number]] if number in partners else None for number in range(len(before))]
