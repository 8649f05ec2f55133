"""What the drawn pictures of bends share: one test card, its colours, and bends of it."""

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from ..bending.attention.device_cache import DeviceCache
from ..bending.bend import Bending
from ..bending.frames.grid import Grid
from ..bending.frames.layout import FrameLayout
from ..bending.pictures import drawing

COLD = (60, 150, 255)
"""What is below 0."""

CELLS = (30, 52)
"""The test card's height and width in cells: the grid of Wan 2.1 at 832 × 480."""


def heat(values: np.ndarray) -> Image.Image:
    """`(h, w)`: black at 0 through red and yellow to white at 1, blue below 0."""
    colors = drawing.heat(torch.from_numpy(np.ascontiguousarray(values, np.float32)), "hot").numpy() * 255
    below = np.sqrt((-values).clip(0, 1))[..., None]
    return Image.fromarray((colors * (1 - below) + np.array(COLD) * below).round().astype(np.uint8))


def test_card() -> np.ndarray:
    """A map that looks different from every side, `(h, w)`: a letter, a disc, a grating, a bar at the left edge.

    It is dark enough to be amplified.
    """
    height, width = CELLS
    fine = 8
    image = Image.new("L", (width * fine, height * fine), 12)
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 22 * fine, 6 * fine - 1, 26 * fine - 1), fill=95)
    pen.text((11 * fine, 3 * fine), "F", fill=130, font=ImageFont.load_default(28 * fine))
    pen.ellipse((29 * fine, 4 * fine, 39 * fine, 14 * fine), fill=105)
    for column in range(42, 48, 2):
        pen.rectangle((column * fine, 16 * fine, (column + 1) * fine - 1, 27 * fine - 1), fill=105)
    return np.asarray(image.resize((width, height), Image.Resampling.BOX), np.float32) / 255


def play(maps: np.ndarray, bending: Bending, other: np.ndarray | None = None) -> np.ndarray:
    """A word's map over a film, `(F, h, w)`, after the very code that bends maps, before renormalising.

    `other` is the map of the word that it is swapped with.
    """
    grid = Grid(*maps.shape)
    cache = DeviceCache(FrameLayout.whole(grid), 1, torch.device("cpu"))

    def rows_of(values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(values, np.float32)).reshape(1, grid.cells, 1, 1)

    rows = rows_of(maps)
    for bend in bending:
        if bend.operator.acts_on == "words":
            sums = [rows, *(rows_of(other) for _ in bend.operator.token_fields)]
            rows, *_ = cache.remap_words(bend, sums)
        else:
            rows = cache.bend(bend, rows)
    return rows.view(grid.shape).numpy()
