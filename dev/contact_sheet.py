"""The demo's picture: per mode a test card, a word's map and the film, before and after."""

import textwrap
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from ..bending.attention.device_cache import DeviceCache
from ..bending.frames.grid import Grid
from ..bending.frames.layout import FrameLayout

CARD = (30, 52)
"""The test card's cells, height and width: the grid of Wan 2.1 at 832 × 480."""

SIZE = (214, 150)
MARGIN = 18
HEAD = 256
LABEL = 250
INK, FAINT, PAPER = (32, 32, 36), (120, 120, 128), (250, 249, 246)
COLORS = np.array([(8, 6, 30), (71, 18, 104), (152, 45, 110), (221, 81, 70), (250, 157, 38), (252, 245, 170)], float)
COLUMNS = ("the test card, bent", "a word's map", "the same map, bent", "the film, un-bent", "the film, bent")


@dataclass(frozen=True)
class Row:
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


def draw_sheet(rows: list[Row], last: dict[str, list[np.ndarray]]) -> Image.Image:
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
            gray(bend(row.bend, card)),
            heat(np.sqrt(row.before / bright)),
            heat(_signed_root(row.after / bright)),
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


def test_card() -> np.ndarray:
    """A letter that looks different from every side, a disc, a box and a fine grating, dark enough to be amplified."""
    height, width = CARD
    scale = 8
    image = Image.new("L", (width * scale, height * scale), 16)
    draw = ImageDraw.Draw(image)
    unit = scale * height / 30
    draw.text((5 * unit, 2 * unit), "F", fill=125, font=ImageFont.load_default(26 * unit))
    draw.ellipse((27 * unit, 4 * unit, 37 * unit, 14 * unit), fill=105)
    draw.rectangle((27 * unit, 19 * unit, 37 * unit, 26 * unit), fill=60)
    card = np.asarray(image.resize((width, height), Image.Resampling.BOX), float) / 255
    card[4:26, 41:49:2] = 0.45
    return card


def bend(bend: Any, card: np.ndarray) -> np.ndarray:
    """The card after the very code that bends the maps: the last frame of a film of three.

    The film stands still, but for Time, where the card moves to the right. A word that it is swapped with has the card
    upside down for its map.
    """
    still = [card] * 3 if not bend.operator.temporal else [np.roll(card, 6 * f, 1) for f in range(3)]
    rows = torch.tensor(np.stack(still), dtype=torch.float32).view(1, -1, 1, 1)
    tables = DeviceCache(FrameLayout.whole(Grid(3, *card.shape)), 1, rows.device)
    if bend.operator.acts_on == "logits":
        bent = (rows / rows.max()) ** (1 / bend.operator.temperature) * rows.max()
    elif bend.operator.acts_on == "words":
        sums = [rows, rows.view(3, *card.shape).flip(1).reshape(rows.shape)][: len(bend.tokens)]
        bent = bend.operator.remap_words(sums, [tables.mask(mask) for mask in bend.operator.masks])[0]
    else:
        bent = tables.bend(bend, rows)
    return bent.view(3, *card.shape)[-1].numpy()


def gray(values: np.ndarray) -> Image.Image:
    return _resized(np.repeat(values.clip(0, 1)[..., None] * 255, 3, axis=2))


def heat(values: np.ndarray) -> Image.Image:
    """Black at 0 through red to light yellow at 1, blue below 0."""
    position = values.clip(0, 1) * (len(COLORS) - 1)
    low = position.astype(int).clip(max=len(COLORS) - 2)
    part = (position - low)[..., None]
    colors = COLORS[low] * (1 - part) + COLORS[low + 1] * part
    below = (-values).clip(0, 1)[..., None]
    return _resized(colors * (1 - below) + np.array([60.0, 150.0, 255.0]) * below)


def _signed_root(values: np.ndarray) -> np.ndarray:
    return np.sign(values) * np.sqrt(np.abs(values))


def picture(values: np.ndarray) -> Image.Image:
    return _resized(values.clip(0, 1) * 255)


def _fitted(values: np.ndarray, width: int) -> Image.Image:
    """`(H, W, 3)` in 0 … 1, no wider than that."""
    image = Image.fromarray((values.clip(0, 1) * 255).astype(np.uint8))
    height = round(image.height * min(1, width / image.width))
    return image.resize((min(width, image.width), height), Image.Resampling.LANCZOS)


def _resized(values: np.ndarray) -> Image.Image:
    return Image.fromarray(values.astype(np.uint8)).resize(SIZE, Image.Resampling.NEAREST)


def text(draw: ImageDraw.ImageDraw, at: tuple[int, int], says: str, size: int, color=INK) -> None:
    draw.multiline_text(at, says, fill=color, font=ImageFont.load_default(size), spacing=3)
