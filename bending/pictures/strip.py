"""A film of one word's map as a single picture, for whoever plays it over another film.

**Convention.** Frames stand below each other, the first on top. A pixel's colour is that of a map's value, its opacity
the value's magnitude times `opacity`; without one the picture is opaque.
"""

import io

import torch
from PIL import Image
from torch import Tensor

from .drawing import SIGNED, enlarge, palette

HIGHEST = 16_000
"""Pixels of a picture that browsers still draw."""


def strip_size(grid: tuple[int, int, int], cell: int, widest: int) -> tuple[int, int]:
    """The height and width of a frame of a grid `(F, h, w)`: a cell has its own pixels, or as many as there is room."""
    frames, height, width = grid
    pixels = max(1, min(cell, widest // width, HIGHEST // (frames * height)))
    times = min(1.0, widest / (pixels * width), HIGHEST / (pixels * frames * height))
    return max(1, int(height * pixels * times)), max(1, int(width * pixels * times))


def strip(values: Tensor, colors: str, size: tuple[int, int], opacity: float | None = None) -> bytes:
    """A PNG of values `(F, h, w)` in 0 … 1, or −1 … 1 with SIGNED; each frame has this height and width."""
    table = palette(colors)
    last, signed = len(table) - 1, colors == SIGNED
    place = ((values + 1) / 2 if signed else values).clamp(0, 1)
    pixels = (enlarge(place, *size) * last).round().byte().flatten(0, 1)
    picture = Image.fromarray(pixels.numpy(), "P")
    picture.putpalette((table * 255).round().byte().flatten().tolist())
    file = io.BytesIO()
    if opacity is None:
        picture.save(file, "PNG")
    else:
        magnitude = (torch.arange(last + 1) / last * 2 - 1).abs() if signed else torch.arange(last + 1) / last
        picture.save(file, "PNG", transparency=bytes((magnitude * opacity * 255).round().byte().tolist()))
    return file.getvalue()
