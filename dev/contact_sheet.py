"""The demo's picture: per mode, a test card, a word's map before and after, and what changed in the film."""

import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

CARD = (30, 52)
"""The test card's cells, height and width: the grid of Wan 2.1 at 832 × 480."""

SIZE = (260, 150)
MARGIN = 18
HEAD = 232
LABEL = 250
INK, FAINT, PAPER = (32, 32, 36), (120, 120, 128), (250, 249, 246)
COLORS = np.array([(8, 6, 30), (71, 18, 104), (152, 45, 110), (221, 81, 70), (250, 157, 38), (252, 245, 170)], float)


@dataclass(frozen=True)
class Row:
    """One row: a name, the bend that ran, the word's map before and after, the film's difference, all `(h, w)`."""

    name: str
    bend: Any
    before: np.ndarray
    after: np.ndarray
    difference: np.ndarray
    layers: int
    steps: int
    change: float


def draw_sheet(
    rows: list[Row],
    unbent: np.ndarray,
    caption: str,
    pack: Callable[[str], Any],
    last: dict[str, list[np.ndarray]],
) -> Image.Image:
    """The sheet. `unbent` is a frame of the un-bent film, `(H, W, 3)` in 0 … 1; `caption` says which map is shown.

    `pack` gives the pack's modules by name, for what bends the card. `last` are pictures for the end, by their title.
    """
    columns = ["the test card, bent", "the word's map", "the same map, bent", "the film's difference"]
    width = LABEL + len(columns) * (SIZE[0] + MARGIN) + 2 * MARGIN
    half = (width - 3 * MARGIN) // 2
    extra = {title: [_fitted(each, half) for each in pictures] for title, pictures in last.items()}
    tall = [40 + max(each.height for each in pictures) + MARGIN for pictures in extra.values()]
    below = HEAD + len(rows) * (SIZE[1] + MARGIN) + MARGIN
    sheet = Image.new("RGB", (width, below + sum(tall)), PAPER)
    draw = ImageDraw.Draw(sheet)
    card = test_card()
    largest = max(row.difference.max() for row in rows)

    def x(column: int) -> int:
        return LABEL + MARGIN + column * (SIZE[0] + MARGIN)

    text(draw, (MARGIN, MARGIN), "Attention Bending", 26)
    text(draw, (MARGIN, 56), "on one word of a prompt", 17, FAINT)
    text(draw, (x(1), MARGIN), caption, 15, FAINT)
    text(
        draw,
        (x(1), MARGIN + 76),
        f"Differences share one scale:\nyellow is {largest:.2f} of the film's range.",
        15,
        FAINT,
    )
    sheet.paste(gray(card), (x(0), MARGIN))
    text(draw, (x(0), MARGIN + SIZE[1] + 4), "the test card, as it is", 13, FAINT)
    sheet.paste(picture(unbent), (x(3), MARGIN))
    text(draw, (x(3), MARGIN + SIZE[1] + 4), "the un-bent film: random weights, so noise", 13, FAINT)
    for i, name in enumerate(columns):
        text(draw, (x(i), HEAD - 24), name, 15)
    for i, row in enumerate(rows):
        y = HEAD + i * (SIZE[1] + MARGIN)
        text(draw, (MARGIN, y), row.name, 20)
        says = textwrap.wrap(str(row.bend), 34)
        text(draw, (MARGIN, y + 28), "\n".join(says[:5]), 13, FAINT)
        done = f"ran in {row.layers} layers, {row.steps} steps\nfilm changed by {row.change:.3f}"
        text(draw, (MARGIN, y + SIZE[1] - 38), done, 13)
        bright = max(row.before.max(), 1e-12)
        sheet.paste(gray(bend(row.bend, card, pack)), (x(0), y))
        sheet.paste(heat(np.sqrt(row.before / bright)), (x(1), y))
        sheet.paste(heat(_signed_root(row.after / bright)), (x(2), y))
        sheet.paste(heat(row.difference / largest), (x(3), y))
    for height, (title, pictures) in zip(tall, extra.items(), strict=True):
        text(draw, (MARGIN, below), title, 20)
        for i, each in enumerate(pictures):
            sheet.paste(each, (MARGIN + i * (half + MARGIN), below + 40))
        below += height
    return sheet


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


def bend(bend: Any, card: np.ndarray, pack: Callable[[str], Any]) -> np.ndarray:
    """The card after the very code that bends the maps: the last frame of a film of three.

    The film stands still, but for Time, where the card moves to the right. A word that it is swapped with has the card
    upside down for its map.
    """
    core, operators = pack("bending"), pack("bending.operators")
    still = [card] * 3 if not isinstance(bend.operator, operators.Time) else [np.roll(card, 6 * f, 1) for f in range(3)]
    rows = torch.tensor(np.stack(still), dtype=torch.float32).view(1, -1, 1, 1)
    tables = pack("bending.tables").Tables(core.Film.whole(core.Grid(3, *card.shape)), 1, rows.device)
    if isinstance(bend.operator, operators.Temperature):
        bent = (rows / rows.max()) ** (1 / bend.operator.temperature) * rows.max()
    elif isinstance(bend.operator, operators.Paint | operators.Swap):
        sums = [rows, rows.view(3, *card.shape).flip(1).reshape(rows.shape)][: len(bend.tokens)]
        bent = bend.operator.exchange(sums, tables)[0]
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
