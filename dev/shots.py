"""What stands on a workflow's picture: shots of the films, maps and sheets of its twin on the toy."""

from collections.abc import Iterable
from typing import NamedTuple

from ..toy.world import FRAMES, HEIGHT, WIDTH

FIRST, MIDDLE, LAST = 0, FRAMES // 2, FRAMES - 1


class Shot(NamedTuple):
    """One picture: a frame of what a node's output holds, in a run that is `bent` or not, or a part of it.

    `part` is left, top, right and bottom in pixels of that picture.
    """

    node: int
    caption: str = ""
    bent: bool = True
    frame: int = MIDDLE
    output: int = 0
    part: tuple[int, int, int, int] | None = None


Rows = tuple[tuple[Shot, ...], ...]


def pair(node: int, says: str, plain: str = "un-bent", frames: Iterable[int] = (MIDDLE,)) -> Rows:
    """The un-bent film above, the bent one below; the caption is the first frame's."""
    return tuple(
        tuple(Shot(node, caption * (i == 0), bent, frame) for i, frame in enumerate(frames))
        for caption, bent in ((plain, False), (says, True))
    )


def glow(node: int, caption: str, row: int = 0, column: int = 0) -> Shot:
    """One of the maps that Attention Maps draws over a film, without its letters, which would be too small to read."""
    x, y = column * (WIDTH + 4), row * (HEIGHT + 40)  # a gap, and a strip of letters with a gap
    return Shot(node, caption, part=(x, y, x + WIDTH, y + HEIGHT))
