"""Whether a bend did what it says: the thing went where the map was sent, lost its colour, turned back, and so on."""

import functools
import math
from typing import Any

import torch

from ..bending.bend import Bend, Bending
from ..dev.pictures import play
from . import cases, world

FAR = 0.08
"""From here a movement is seen at once, as a fraction of the frame."""

Row = dict[str, Any]


def outcome(case: cases.Case, row: Row) -> bool | None:
    """True or False for a film whose thing was drawn, as `compare` tells it; None where a bend promises
    nothing that can be seen, or nothing here, such as to move a thing to where it is.
    """
    setting = dict(case.setting)
    present = row["present"]
    if case.mode == "amplify" and setting["factor"] == 0 and case.target in (cases.COLOUR, cases.SHAPE, cases.PLACE):
        if case.target == cases.PLACE:
            return present and moved_far(row)
        return present and not row["colour" if case.target == cases.COLOUR else "shape"]
    if case.mode in ("regional_mask", "paint"):
        return None if inside(case, *row["was"]) else present and inside(case, row["x"], row["y"])
    if case.mode in ("translate", "rotate", "spatial_scale", "flip"):
        return followed(case, row)
    if case.mode == "swap" and setting["way"] == "trade":
        return traded(case, row)
    if case.mode == "time" and setting["way"] != "shift" and subject(row).moves:
        return present and turned(setting["way"], row)
    return None


def moved_far(row: Row) -> bool:
    """Whether a thing moved visibly."""
    return math.hypot(row["dx"], row["dy"]) > FAR


def subject(row: Row) -> cases.Subject:
    return next(subject for subject in cases.SUBJECTS if subject.caption == row["caption"])


def followed(case: cases.Case, row: Row) -> bool | None:
    """Whether the thing is nearer to where its map was sent than to where it was; None where these are one."""
    x, y = row["was"]
    sent = target(case, round(x, 2), round(y, 2))
    if sent is None or math.dist(sent, (x, y)) < FAR:
        return None
    return row["present"] and math.dist(sent, (row["x"], row["y"])) < math.hypot(row["dx"], row["dy"])


@functools.cache
def target(case: cases.Case, x: float, y: float) -> tuple[float, float] | None:
    """Where the case's operator puts a spot at that place; None where it sends it out of the frame."""
    height, width = world.HEIGHT // 4, world.WIDTH // 4
    across = (torch.arange(width) + 0.5) / width
    down = ((torch.arange(height) + 0.5) / height).unsqueeze(1)
    spot = torch.exp(-(((across - x) * 160) ** 2 + ((down - y) * 112) ** 2) / (2 * 8.0**2))
    bending = Bending((Bend(cases.operator(case, cases.SUBJECTS[0]), "ALL"),))
    bent = torch.from_numpy(play(spot[None].numpy(), bending)[0]).clamp(min=0)
    mass = bent.sum()
    if mass < 0.2 * spot.sum():
        return None
    return ((bent * across).sum() / mass).item(), ((bent * down).sum() / mass).item()


def inside(case: cases.Case, x: float, y: float) -> bool:
    """Whether a centre lies in the half of the frame that a mask or a painted map leaves."""
    setting = dict(case.setting)
    half = setting.get("half") or ("right" if setting["x1"] == 0.5 else "bottom")
    return x > 0.5 if half == "right" else y > 0.5


def traded(case: cases.Case, row: Row) -> bool:
    """Whether both things are there, and each has of the other what was traded."""
    one, other = row, row["other"]
    if not (one["present"] and other["present"]):
        return False
    was, theirs = subject(row).thing, subject(row).other
    if case.target == cases.PLACE:
        pairs = ((one, other), (other, one))
        return all(math.dist((a["x"], a["y"]), b["was"]) < math.hypot(a["dx"], a["dy"]) for a, b in pairs)
    kind = 0 if case.target == cases.COLOUR else 1
    return one["is"][kind] == theirs[kind] and other["is"][kind] == was[kind]


def turned(way: str, row: Row) -> bool:
    """Whether a moving thing now goes the other way, or stands still."""
    (was, _), (now, _) = row["went"], row["goes"]
    return was * now < 0 and abs(now) > abs(was) / 3 if way == "reverse" else abs(now) < abs(was) / 3
