"""The example workflows' pictures: by name, what their twin on the toy is shown with in ComfyUI's template browser.

Some of these shots are the picture of a node's help page too.
"""

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


def sheet(caption: str, part: tuple[int, int, int, int]) -> Rows:
    """What Bend Grid lays out of a sweep's films, without its headline."""
    return ((Shot(14, caption, output=1, part=part),),)


PICTURES: dict[str, Rows] = {
    "A recipe from a file": pair(
        13, "green and yellow traded, by a preset", "a green circle on the left, a yellow one"
    ),
    "Animate a bend": pair(14, "turned, more from frame to frame", "un-bent: first and last frame", (FIRST, LAST)),
    "Before and after": (
        (Shot(12, "un-bent", bent=False), Shot(12, "red circle moved down")),
        (glow(15, "where red acts"), glow(15, "where it acts now", column=1)),
    ),
    "Bend one word": pair(12, "red taken away", "a red circle on the left"),
    "Bend one word in Anima": pair(12, "the toy: red taken away", "the toy Wan: a red circle"),
    "Bend one word in Cosmos Predict 2": pair(12, "the toy: red circle moved down", "the toy Wan: a red circle"),
    "Bend one word in Kandinsky 5": pair(
        12, "the toy: red taken away", "the toy Wan: first and last frame", (FIRST, LAST)
    ),
    "Bent and un-bent side by side": pair(
        15, "both turned by 180°: sides changed", "a red circle on the left, a blue star"
    ),
    "Chain and stack": pair(16, "moved right, stronger, zoomed in, softer", "a yellow star"),
    "Compare to the baseline": sheet("star away and strong, by layers", (10, 94, 1038, 538)),
    "Compose with regions": pair(
        13, "red circle: left half, blue star: right half", "a red circle and a blue star: mixed"
    ),
    "Depth of field": pair(14, "star blurred: blunt points", "a yellow star in the middle"),
    "Early and late": pair(17, "moved right early; red away late: too late", "a red circle"),
    "Mask from a word": (
        (Shot(12, "un-bent"), glow(13, "where star acts")),
        (Shot(20, "red away, only there"),),
    ),
    "Paint a word's place": pair(16, "red circle painted at the right", "a red circle"),
    "See where a word acts": (
        (Shot(11, "the film"), glow(14, "where red acts")),
        (glow(14, "where circle acts", 1), glow(14, "where left acts", 2)),
    ),
    "Swap two words": pair(12, "green and yellow traded", "a green circle on the left, a yellow one"),
    "Sweep a bend": sheet("both things turned, by five angles", (10, 88, 758, 554)),
    "Wan 2.2 two samplers": pair(17, "ALL away from the left, in both samplers"),
    "Which layer carries the word": ((Shot(15, "where red acts, by layer and step", part=(0, 90, 1474, 1440)),),),
}
"""Rows of shots for each workflow."""

ALIKE = {
    "Bend one word in Anima": "Bend one word",
    "Bend one word in Cosmos Predict 2": "Before and after",
    "Bend one word in Kandinsky 5": "Bend one word",
}
"""Workflows of models that the toy cannot stand for, and those whose twins show what they do."""

HELP = {
    "AttnBendMaps": ("Before and after", Shot(15)),
    "AttnBendMapsGrid": ("Which layer carries the word", Shot(15, part=(0, 0, 1000, 680))),
}
"""The workflow and the shot of it on a node's help page."""
