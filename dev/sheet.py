"""The paper: its colours, and the page that pictures are laid on, of the demo, the help pages and the workflows.

It needs nothing of the pack, so it may be imported before ComfyUI has loaded that.
"""

from collections.abc import Iterable
from itertools import zip_longest

import numpy as np
from PIL import Image, ImageDraw, ImageFont

PAPER, INK, FAINT = "#faf9f6", "#202024", "#787880"
LIGHT, DARK, RED = "#96aacd", "#2b3c82", "#c03e2d"

LOOK = {
    **dict.fromkeys(("figure.facecolor", "axes.facecolor"), PAPER),
    **dict.fromkeys((f"axes.spines.{side}" for side in ("left", "right", "top", "bottom")), False),
    **dict.fromkeys(("xtick.color", "ytick.color", "axes.labelcolor"), FAINT),
    **dict.fromkeys(("axes.titlelocation", "xaxis.labellocation"), "left"),
    **dict.fromkeys(("xtick.major.size", "ytick.major.size"), 0),
    "grid.color": "#e2dfd8",
    "axes.axisbelow": True,
    "legend.labelcolor": "linecolor",
    "legend.frameon": False,
    "legend.handlelength": 1.2,
}
"""Matplotlib's own settings, for diagrams."""


class Sheet:
    """A page on which pictures lie in rows, with captions beneath; with no paper, on nothing."""

    def __init__(self, size: tuple[int, int], paper: str | tuple[int, int, int] | None = None):
        self.image = Image.new("RGB", size, paper) if paper else Image.new("RGBA", size)
        self.pen = ImageDraw.Draw(self.image)

    def row(self, at, pictures: list[Image.Image], gap: int, captions: Iterable[str] = (), **letters) -> None:
        """Pictures side by side, from their upper left corner; `letters` are the captions' size and colour."""
        x, y = at
        for picture, caption in zip_longest(pictures, captions, fillvalue=""):
            self.image.paste(picture, (x, y))
            if caption:
                self.write((x, y + picture.height + 3), caption, **letters)
            x += picture.width + gap

    def write(self, at: tuple[int, int], lines: str, size: int, color=INK) -> None:
        self.pen.multiline_text(at, lines, fill=color, font=ImageFont.load_default(size), spacing=3)


def picture_of(values: np.ndarray) -> Image.Image:
    """`(H, W, 3)`, or `(H, W)` for gray, in 0 … 1."""
    return Image.fromarray((values.clip(0, 1) * 255).round().astype(np.uint8))
