"""The demo's picture: per mode a test card, a word's map and the film, before and after."""

import textwrap
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from ..bending.bend import Bending
from .pictures import FAINT, PAPER, heat, play, test_card, text

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
    extra = {title: [_fitted(each, half) for each in pictures] for title, pictures in last.items()}
    tall = [40 + max(each.height for each in pictures) + MARGIN for pictures in extra.values()]
    below = HEAD + len(rows) * (SIZE[1] + MARGIN) + MARGIN
    sheet = Image.new("RGB", (width, below + sum(tall)), PAPER)
    draw = ImageDraw.Draw(sheet)
    card = test_card()

    def x(column: int) -> int:
        return LABEL + MARGIN + column * (SIZE[0] + MARGIN)

    text(draw, (MARGIN, MARGIN), "Attention Bending", 26)
    text(draw, (MARGIN, 58), "on the toy Wan that\ncomes with the pack", 17, FAINT)
    sheet.paste(gray(card), (x(0), MARGIN))
    text(draw, (x(0), MARGIN + SIZE[1] + 4), "the test card, as it is", 13, FAINT)
    text(draw, (x(1), MARGIN), ABOUT_MAPS, 15, FAINT)
    text(draw, (x(3), MARGIN), ABOUT_FILMS, 15, FAINT)
    for i, name in enumerate(COLUMNS):
        text(draw, (x(i), HEAD - 26), name, 15)
    for i, row in enumerate(rows):
        y = HEAD + i * (SIZE[1] + MARGIN)
        text(draw, (MARGIN, y), row.name, 20)
        prompt = textwrap.fill(f"“{row.prompt}”", 32)
        text(draw, (MARGIN, y + 28), prompt, 14)
        says = textwrap.wrap(str(row.bend).replace("×", "x"), 36)  # the font has no such sign
        text(draw, (MARGIN, y + 34 + 18 * (prompt.count("\n") + 1)), "\n".join(says[:5]), 13, FAINT)
        bright = max(row.before.max(), 1e-12)
        pictures = [
            gray(bent_card(row.bend, card)),
            colored(row.before / bright),
            colored(row.after / bright),
            picture(row.unbent),
            picture(row.film),
        ]
        for column, image in enumerate(pictures):
            sheet.paste(image, (x(column), y))
        for column in (1, 2):
            text(draw, (x(column) + 8, y + SIZE[1] - 22), row.word, 14, PAPER)
    for height, (title, pictures) in zip(tall, extra.items(), strict=True):
        text(draw, (MARGIN, below), title, 20)
        for i, each in enumerate(pictures):
            sheet.paste(each, (MARGIN + i * (half + MARGIN), below + 40))
        below += height
    return sheet


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


def gray(values: np.ndarray) -> Image.Image:
    return picture(np.repeat(values[..., None], 3, axis=2))


def colored(values: np.ndarray) -> Image.Image:
    """A map, by the square root of what is above 0."""
    return heat(np.where(values > 0, np.sqrt(values.clip(0)), values)).resize(SIZE, Image.Resampling.NEAREST)


def picture(values: np.ndarray) -> Image.Image:
    image = Image.fromarray((values.clip(0, 1) * 255).astype(np.uint8))
    return image.resize(SIZE, Image.Resampling.NEAREST)


def _fitted(values: np.ndarray, width: int) -> Image.Image:
    """`(H, W, 3)` in 0 … 1, no wider than that."""
    image = Image.fromarray((values.clip(0, 1) * 255).astype(np.uint8))
    height = round(image.height * min(1, width / image.width))
    return image.resize((min(width, image.width), height), Image.Resampling.LANCZOS)
