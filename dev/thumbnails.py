"""The workflows' pictures in ComfyUI's template browser: ``python dev workflows --pictures``.

They are true, and an original has its twin's, or that of one which is alike: each twin is run in this process, bent and
un-bent, and its films, maps and sheets are laid on a page. Draw them anew after a change of a twin or of the toy's
weights.
"""

import json
import re
from typing import Any

from PIL import Image, ImageFont, ImageOps
from torch import Tensor

from ..toy.world import COLOURS
from . import paths
from .headless import Watched
from .sheet import Sheet, picture_of
from .twins import MARK
from .workflow_table import ALIKE, PICTURES, Shot

SIDE, EDGE, STRIP = 512, 4, 28
PAPER, INK = (18, 14, 28), (240, 240, 245)
HUES = {name: tuple(round(255 * part) for part in rgb) for name, rgb in COLOURS.items() if name != "blue"}
HUES["blue"] = (96, 132, 255)  # the world's own is too dark on this paper
SAVING = {"CreateVideo", "SaveVideo", "SaveImage", "MaskPreview", "AttnBendSave", "AttnBendLog"}
"""Nodes that only leave files."""


def shoot(comfy: Watched, name: str, shots: list[Shot]) -> list[Image.Image]:
    """Run a twin as often as it takes, and take these shots of it."""
    films = {}
    for bent in {shot.bent for shot in shots}:
        outputs = {f"{shot.node} {shot.output}": (str(shot.node), shot.output) for shot in shots if shot.bent == bent}
        films[bent] = comfy.take(twin(name, bent), outputs)
    return [taken(films[shot.bent][f"{shot.node} {shot.output}"], shot) for shot in shots]


def twin(name: str, bent: bool = True) -> dict[str, Any]:
    """A workflow's twin in API form that saves nothing; where not `bent`, nothing reaches Patch Model."""
    prompt = json.loads((paths.EXPORTS / f"{name}{MARK}.json").read_text(encoding="utf-8"))
    prompt = {key: node for key, node in prompt.items() if node["class_type"] not in SAVING}
    for node in prompt.values():
        if node["class_type"] == "AttnBendModel" and not bent:
            node["inputs"].pop("bending", None)
    return prompt


def taken(film: Tensor, shot: Shot) -> Image.Image:
    """A shot of a film `(T, H, W, 3)` in 0 … 1; of a single picture, that."""
    picture = picture_of(film[min(shot.frame, len(film) - 1)].float().numpy())
    return picture.crop(shot.part) if shot.part else picture


class Page(Sheet):
    """One on which the names of colours have them."""

    def write(self, at: tuple[int, int], lines: str, size: int, color=INK) -> None:
        x, y = at
        font = ImageFont.load_default(size)
        for part in re.findall(" ?[^ ]+", lines):
            self.pen.text((x, y), part, font=font, fill=HUES.get(part.strip(" ,:"), color))
            x += self.pen.textlength(part, font)


def page(rows: list[list[tuple[Image.Image, str]]]) -> Image.Image:
    """Rows of pictures with captions beneath, as large as they can be."""
    sheet = Page((SIDE, SIDE), PAPER)
    height = (SIDE - EDGE) // len(rows) - EDGE
    for number, row in enumerate(rows):
        pictures, captions = zip(*row, strict=True)
        wide, high = (SIDE - EDGE) // len(row) - EDGE, height - STRIP * any(captions)
        times = min(min(wide / picture.width, high / picture.height) for picture in pictures)
        pictures = [ImageOps.scale(picture, times, Image.Resampling.LANCZOS) for picture in pictures]
        x = (SIDE - sum(picture.width + EDGE for picture in pictures) + EDGE) // 2
        y = EDGE + number * (height + EDGE) + (high - max(picture.height for picture in pictures)) // 2
        sheet.row((x, y), pictures, EDGE, captions, size=20)
    return sheet.image


def picture(comfy: Watched, name: str) -> Image.Image:
    """A workflow's picture, which is its twin's too, where it has one."""
    rows = PICTURES[name]
    shots = iter(shoot(comfy, ALIKE.get(name, name), [shot for row in rows for shot in row]))
    return page([[(next(shots), shot.caption) for shot in row] for row in rows])
