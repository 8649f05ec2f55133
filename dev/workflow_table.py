"""The example workflows, in order: what one sees in each, and its picture in ComfyUI's template browser, off its twin.

Some of these shots are the picture of a node's help page too.
"""

from collections.abc import Iterable
from typing import NamedTuple

from ..toy.world import FRAMES, HEIGHT, WIDTH

FIRST, MIDDLE, LAST = 0, FRAMES // 2, FRAMES - 1


class Shot(NamedTuple):
    """One picture: a frame of what a node's output holds, in a run that is `bent` or not, or a part of it.

    `node` is counted from where the ids of its file begin; `part` is left, top, right and bottom in pixels of that
    picture.
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


class Template(NamedTuple):
    """An example workflow: of which hundreds its node ids are, what one sees in it, and its picture."""

    ids: int
    """The first hundred is its twin's, the second its own: no two files share one."""
    says: str
    picture: Rows


TEMPLATES: dict[str, Template] = {
    "Bend one word": Template(
        0,
        "A word is taken away: the circle keeps its place and loses its red.",
        pair(12, "red taken away", "a red circle on the left"),
    ),
    "See where a word acts": Template(
        200,
        "Nothing is bent: each word glows where the model listens to it.",
        (
            (Shot(11, "the film"), glow(14, "where red acts")),
            (glow(14, "where circle acts", 1), glow(14, "where left acts", 2)),
        ),
    ),
    "Swap two words": Template(
        400,
        "Two words trade places: the circles stay, their colours change sides.",
        pair(12, "green and yellow traded", "a green circle on the left, a yellow one"),
    ),
    "Weigh a word": Template(
        4600,
        "Weights in the prompt itself, below zero too: the circle loses its red, and the star stays as it is.",
        pair(12, "(red:-1.2): red subtracted", "a red circle on the left, a blue star"),
    ),
    "Compose with regions": Template(
        600,
        "Each thing is kept to its half of the picture: a red circle here, a blue star there.",
        pair(13, "red circle: left half, blue star: right half", "a red circle and a blue star: mixed"),
    ),
    "Depth of field": Template(
        800,
        "One word is sharpened, another blurred: the star loses its points.",
        pair(14, "star blurred: blunt points", "a yellow star in the middle"),
    ),
    "Paint a word's place": Template(
        1000,
        "A mask becomes the place of a word: the circle goes into the box.",
        pair(16, "red circle painted at the right", "a red circle"),
    ),
    "Animate a bend": Template(
        1200,
        "A bend that moves with the film: the picture is turned, more from frame to frame.",
        pair(14, "turned, more from frame to frame", "un-bent: first and last frame", (FIRST, LAST)),
    ),
    "A prompt that changes": Template(
        4800,
        "A prompt of two scenes: the circle is red as the film begins, and a bluish purple as it ends.",
        pair(12, "a red circle, then a blue one", "both at once", (FIRST, MIDDLE, LAST)),
    ),
    "Chain and stack": Template(
        1400,
        "Four bends in a row and side by side: the star goes right and grows.",
        pair(16, "moved right, stronger, zoomed in, softer", "a yellow star"),
    ),
    "Early and late": Template(
        1600,
        "Early steps decide where a thing is, late ones what it looks like.",
        pair(17, "moved right early; red away late: too late", "a red circle"),
    ),
    "Before and after": Template(
        1800,
        "A word is moved down: its glow before and after, what changed, and the run in words.",
        (
            (Shot(12, "un-bent", bent=False), Shot(12, "red circle moved down")),
            (glow(15, "where red acts"), glow(15, "where it acts now", column=1)),
        ),
    ),
    "Bent and un-bent side by side": Template(
        2000,
        "One seed, two films in one video: the things of the right one have changed sides.",
        pair(15, "both turned by 180°: sides changed", "a red circle on the left, a blue star"),
    ),
    "Mask from a word": Template(
        2200,
        "One word's glow is the mask for another: only the star loses its red.",
        (
            (Shot(12, "un-bent"), glow(13, "where star acts")),
            (Shot(20, "red away, only there"),),
        ),
    ),
    "Which layer carries the word": Template(
        2400,
        "One word in every layer and step, on one sheet: which layers listen to it?",
        ((Shot(15, "where red acts, by layer and step", part=(0, 90, 1474, 1440)),),),
    ),
    "Words here": Template(
        5200,
        "You point at a place; the words heard there are taken away.",
        ((Shot(12, "a red circle, a blue star"),), (Shot(20, "what was heard on the star: away"),)),
    ),
    "Probe what is there": Template(
        5000,
        "Words that are not in the prompt, read against each other: which of them is it most like?",
        (
            (Shot(11, "the film"), glow(14, "like red?")),
            (glow(14, "like green?", 1), glow(14, "like blue?", 2)),
        ),
    ),
    "Sweep a bend": Template(
        2600,
        "Five angles and the un-bent film on one sheet that plays: how much is enough?",
        sheet("both things turned, by five angles", (10, 88, 758, 554)),
    ),
    "Compare to the baseline": Template(
        2800,
        "A word fainter and stronger, in early, middle and late layers, in pictures and numbers.",
        sheet("star away and strong, by layers", (10, 94, 1038, 538)),
    ),
    "A recipe from a file": Template(
        3000,
        "Bends from a file with your own words, and saved as a file of your own.",
        pair(13, "green and yellow traded, by a preset", "a green circle on the left, a yellow one"),
    ),
    "Wan 2.2 two samplers": Template(
        3200,
        "One bending in both of the samplers of Wan 2.2, at the same moments.",
        pair(17, "ALL away from the left, in both samplers"),
    ),
    "Bend one word in LTX-Video": Template(
        3400,
        "The same in LTX-Video: a word is taken away.",
        pair(12, "red taken away", "for LTX-Video, shown here on the toy Wan"),
    ),
    "Bend one word in LTX-2": Template(
        3600,
        "The same in LTX-2, whose sound is left alone.",
        pair(12, "red taken away", "for LTX-2, shown here on the toy Wan"),
    ),
    "Bend one word in Cosmos Predict 2": Template(
        3800,
        "A picture: a word's map is moved to the right.",
        pair(12, "the toy: red circle moved down", "the toy Wan: a red circle"),
    ),
    "Bend one word in Anima": Template(
        4000,
        "A picture: a word gets more of the attention.",
        pair(12, "the toy: red taken away", "the toy Wan: a red circle"),
    ),
    "Bend one word in Kandinsky 5": Template(
        4200,
        "A film, and a text encoder that reads from left to right.",
        pair(12, "the toy: red taken away", "the toy Wan: first and last frame", (FIRST, LAST)),
    ),
}
"""All, in the order in which they are to be opened; of a picture, the numbers of nodes are those above `ids`."""

ALIKE = {
    "Bend one word in LTX-Video": "Bend one word",
    "Bend one word in LTX-2": "Bend one word",
    "Bend one word in Anima": "Bend one word",
    "Bend one word in Cosmos Predict 2": "Before and after",
    "Bend one word in Kandinsky 5": "Bend one word",
}
"""Workflows of models that the toy cannot stand for, and those whose twins show what they do."""

HELP = {
    "AttnBendMaps": ("Before and after", Shot(15)),
    "AttnBendProbes": ("Probe what is there", Shot(14)),
    "AttnBendMapsGrid": ("Which layer carries the word", Shot(15, part=(0, 0, 1000, 680))),
}
"""The workflow and the shot of it on a node's help page."""
