"""The demo's picture: per mode a test card, a word's map and the film, before and after."""

import textwrap
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from PIL import Image

from ..bending.bend import Bending
from .pictures import heat, play, test_card
from .sheet import FAINT, PAPER, Sheet, picture_of

SIZE = (214, 150)
MARGIN = 18
HEAD = 256
LABEL = 250
COLUMNS = ("the test card, bent", "a word's map", "the same map, bent", "the film, un-bent", "the film, bent")


@dataclass(frozen=True)
class ShownBend:
    """One row: a name, the prompt, the bend that ran, and before and after it a word's map `(h, w)` and the film's
    last frame `(H, W, 3)` in 0 … 1.
    """

    name: str
    prompt: str
    word: str
    bend: Any
    before: np.ndarray
    after: np.ndarray
    unbent: np.ndarray
    film: np.ndarray


def draw_sheet(rows: list[ShownBend], last: dict[str, list[np.ndarray]]) -> Image.Image:
    """The sheet; `last` are pictures for the end, by their title."""
    width = LABEL + len(COLUMNS) * (SIZE[0] + MARGIN) + 2 * MARGIN
    half = (width - 3 * MARGIN) // 2
    extra = {title: [picture_of(values) for values in pictures] for title, pictures in last.items()}
    for picture in chain(*extra.values()):
        picture.thumbnail((half, picture.height), Image.Resampling.LANCZOS)
    heights = [40 + max(picture.height for picture in pictures) + MARGIN for pictures in extra.values()]
    below = HEAD + len(rows) * (SIZE[1] + MARGIN) + MARGIN
    sheet = Sheet((width, below + sum(heights)), PAPER)
    card = test_card()
    columns = [LABEL + MARGIN + i * (SIZE[0] + MARGIN) for i in range(len(COLUMNS))]

    sheet.write((MARGIN, MARGIN), "Attention Bending", 26)
    sheet.write((MARGIN, 58), "on the toy Wan that\ncomes with the pack", 17, FAINT)
    sheet.row((columns[0], MARGIN), [_cell(picture_of(card))], 0, ["the test card, as it is"], size=13, color=FAINT)
    sheet.write((columns[1], MARGIN), ABOUT_MAPS, 15, FAINT)
    sheet.write((columns[3], MARGIN), ABOUT_FILMS, 15, FAINT)
    for x, name in zip(columns, COLUMNS, strict=True):
        sheet.write((x, HEAD - 26), name, 15)
    for i, row in enumerate(rows):
        y = HEAD + i * (SIZE[1] + MARGIN)
        prompt = textwrap.fill(f"“{row.prompt}”", 32)
        bend = textwrap.wrap(str(row.bend).replace("×", "x"), 36)  # the font has no such sign
        sheet.write((MARGIN, y), row.name, 20)
        sheet.write((MARGIN, y + 28), prompt, 14)
        sheet.write((MARGIN, y + 34 + 18 * (prompt.count("\n") + 1)), "\n".join(bend[:5]), 13, FAINT)
        bright = max(row.before.max(), 1e-12)
        maps = [rooted(values / bright) for values in (row.before, row.after)]
        films = [picture_of(frame) for frame in (row.unbent, row.film)]
        sheet.row((columns[0], y), list(map(_cell, [picture_of(bent_card(row.bend, card)), *maps, *films])), MARGIN)
        for x in columns[1:3]:
            sheet.write((x + 8, y + SIZE[1] - 22), row.word, 14, PAPER)
    for height, (title, pictures) in zip(heights, extra.items(), strict=True):
        sheet.write((MARGIN, below), title, 20)
        sheet.row((MARGIN, below + 40), pictures, half - pictures[0].width + MARGIN)
        below += height
    return sheet.image


ABOUT_MAPS = """A word's map is how much each place of the
film attends to the word; brightness is the
square root of it. Shown: the mean of all
layers, steps and heads, at the film's end.
Blue is less than nothing."""

ABOUT_FILMS = """The same prompt, the same seed, 20 steps.
Shown: the film's last frame.

What these bends do on many prompts and seeds,
in numbers: docs/what-bends-do.md"""


def bent_card(bend: Any, card: np.ndarray) -> np.ndarray:
    """The card after the very code that bends the maps: the last frame of a film of three.

    The film stands still, but for Time, where the card moves to the right. A word that it is swapped with has the card
    upside down for its map.
    """
    moving = 6 * bend.operator.temporal
    maps = np.stack([np.roll(card, moving * frame, 1) for frame in range(3)])
    if bend.operator.acts_on == "logits":
        return (card / card.max()) ** (1 / bend.operator.temperature) * card.max()
    return play(maps, Bending((bend,)), maps[:, ::-1])[-1]


def rooted(values: np.ndarray) -> Image.Image:
    """A map, by the square root of what is above 0."""
    return heat(np.where(values > 0, np.sqrt(values.clip(0)), values))


def _cell(picture: Image.Image) -> Image.Image:
    return picture.resize(SIZE, Image.Resampling.NEAREST)
