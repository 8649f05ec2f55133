"""Text as pixels: in Pillow's own font, in one of the system's where that lacks a letter, and plainly where all do."""

import unicodedata
from functools import lru_cache

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

Color = tuple[int, int, int]
FOREGROUND: Color = (236, 236, 236)
FAINT: Color = (158, 158, 164)
BACKGROUND: Color = (24, 24, 27)

_SYSTEM = (
    *("DejaVuSans.ttf", "segoeui.ttf", "arial.ttf", "Arial.ttf", "NotoSans-Regular.ttf", "Arial Unicode.ttf"),
    *("NotoSansCJK-Regular.ttc", "msyh.ttc", "YuGothM.ttc", "malgun.ttf", "PingFang.ttc", "Hiragino Sans GB.ttc"),
    *("AppleSDGothicNeo.ttc", "wqy-microhei.ttc", "wqy-zenhei.ttc", "DroidSansFallbackFull.ttf", "NotoColorEmoji.ttf"),
)
"""Fonts of Linux, Windows and macOS, by file name: European scripts first, then the Chinese, Japanese and Korean ones.

Pillow's own holds little more than ASCII: not even an é.
"""

_NO_CHARACTER = "\U0010ffff"


@lru_cache(maxsize=256)
def _face(name: str | None, size: int):
    """Pillow's own font, or one of the system's; None where there is no such file, or it has no such size."""
    try:
        return ImageFont.load_default(size) if name is None else ImageFont.truetype(name, size)
    except (OSError, ImportError):  # Pillow without FreeType has one font, of one size
        return ImageFont.load_default() if name is None else None


@lru_cache(maxsize=4096)
def _draws(name: str | None, size: int, character: str) -> bool:
    """Whether a font has a letter, and not just the box that stands for those it lacks."""
    font = _face(name, size)
    if font is None:
        return False
    if character.isascii():
        return True
    try:
        own, box = font.getmask(character), font.getmask(_NO_CHARACTER)
    except (UnicodeError, OSError):
        return False
    return own.size != box.size or bytes(own) != bytes(box)


def _fallback_glyph(character: str, size: int) -> str:
    """A letter that no font has: without its accents, else by its number."""
    base = unicodedata.normalize("NFKD", character)[0]
    return base if _draws(None, size, base) else f"<U+{ord(character):X}>"


@lru_cache(maxsize=1024)
def _lettered(text: str, size: int):
    """The font that has all letters of a text, and the text; else Pillow's own, and what that can say of it."""
    text = "".join(character for character in " ".join(text.split()) if character.isprintable())
    for name in (None, *_SYSTEM):
        if all(_draws(name, size, character) for character in text):
            return _face(name, size), text
    return _face(None, size), "".join(c if _draws(None, size, c) else _fallback_glyph(c, size) for c in text)


def width_of(text: str, size: int) -> int:
    """In pixels, of one line."""
    font, text = _lettered(text, size)
    return int(np.ceil(font.getlength(text)))


def fitted(text: str, size: int, width: int) -> str:
    """The text, or as much of its beginning and an ellipsis as `width` pixels hold; nothing where not even that."""
    if width_of(text, size) <= width:
        return text
    kept = next((end for end in range(len(text) - 1, 0, -1) if width_of(f"{text[:end]}...", size) <= width), 0)
    return f"{text[:kept]}..." if kept else ""


class Canvas:
    """A picture in the making, `(height, width)` pixels; positions are of top-left corners."""

    def __init__(self, width: int, height: int, background: Color = BACKGROUND):
        self._image = Image.new("RGB", (width, height), background)
        self._draw = ImageDraw.Draw(self._image)

    def write(
        self, x: int, y: int, text: str, size: int, foreground: Color = FOREGROUND, width: int | None = None
    ) -> int:
        """One line, cut to `width`, in the middle of a box two thirds of its size taller. Returns where it ends."""
        font, shown = _lettered(text if width is None else fitted(text, size, width), size)
        top, bottom = font.getbbox("Ag")[1::2]
        self._draw.text((x, y + (line_height(size) - top - bottom) // 2), shown, foreground, font)
        return x + int(np.ceil(font.getlength(shown)))

    def fill(self, x: int, y: int, width: int, height: int, color: Color) -> None:
        self._draw.rectangle((x, y, x + width - 1, y + height - 1), color)

    def hatch(self, x: int, y: int, width: int, height: int) -> None:
        """Slanted lines: there is nothing to show here."""
        tile = Image.new("RGB", (width, height), (34, 34, 38))
        draw = ImageDraw.Draw(tile)
        for start in range(-height, width, 8):
            draw.line((start, height, start + height, 0), (84, 84, 90))
        self._image.paste(tile, (x, y))

    def paste(self, x: int, y: int, picture: Tensor) -> None:
        """A picture `(H, W, 3)` in 0 … 1."""
        pixels = (picture * 255).round().to(torch.uint8).numpy()
        self._image.paste(Image.fromarray(pixels), (x, y))

    def pixels(self) -> Tensor:
        """`(height, width, 3)` float32 in 0 … 1."""
        return torch.from_numpy(np.array(self._image, np.float32) / 255)


def line_height(size: int) -> int:
    """Of a line of text, even: films of an odd height cannot be saved by most encoders."""
    return size * 5 // 6 * 2
