"""The workflows' pictures in ComfyUI's template browser: ``python dev workflows --pictures``.

They are true, and an original has its twin's: each twin is run in this process, bent and un-bent, and its films, maps
and sheets are laid on a page. Draw them anew after a change of a twin or of the toy's weights.
"""

import json
from collections.abc import Iterable
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..toy.world import COLOURS
from . import paths
from .console import say
from .headless import Headless, recorder
from .shots import Shot
from .twin_table import ROWS
from .twins import FOLDER, MARK

EXPORTS = paths.ROOT / "tests" / "workflows"
SIDE, EDGE, STRIP = 512, 4, 28
PAPER, INK = (18, 14, 28), (240, 240, 245)
HUES = {name: tuple(round(255 * part) for part in rgb) for name, rgb in COLOURS.items() if name != "blue"}
HUES["blue"] = (96, 132, 255)  # the world's own is too dark on this paper
SAVING = {"CreateVideo", "SaveVideo", "SaveImage", "MaskPreview", "AttnBendSave", "AttnBendLog"}
"""Nodes that only leave files."""


class Runs:
    """ComfyUI in this process; keeps the pictures of a run by node and output."""

    def __init__(self):
        only_ours = ["--disable-all-custom-nodes", "--whitelist-custom-nodes", "attention-bending"]
        self.comfy = Headless("--cpu", *only_ours)
        self.kept: dict[str, np.ndarray] = {}
        self.comfy.add_node("ThumbnailKeep", recorder(self._keep, {"images": ("IMAGE",), "name": ("STRING",)}))

    def _keep(self, images, name) -> None:
        self.kept[name] = images.float().clamp(0, 1).cpu().numpy()

    def pictures(self, name: str, shots: Iterable[Shot]) -> list[Image.Image]:
        """Run a twin as often as it takes, and take these shots of it."""
        shots = list(shots)
        films = {}
        for bent in {shot.bent for shot in shots}:
            prompt = json.loads((EXPORTS / f"{name}{MARK}.json").read_text(encoding="utf-8"))
            self.kept = {}
            self.comfy.run(watched(prompt, bent, {(shot.node, shot.output) for shot in shots if shot.bent == bent}))
            films |= {(bent, key): film for key, film in self.kept.items()}
        return [taken(films[shot.bent, _key(shot.node, shot.output)], shot) for shot in shots]


def _key(node: int, output: int) -> str:
    return f"{node} {output}"


def watched(prompt: dict[str, Any], bent: bool, outputs: set[tuple[int, int]]) -> dict[str, Any]:
    """A workflow that hands over these outputs and saves nothing; where not `bent`, nothing reaches Patch Model."""
    prompt = {key: node for key, node in prompt.items() if node["class_type"] not in SAVING}
    for node in prompt.values():
        if node["class_type"] == "AttnBendModel" and not bent:
            node["inputs"].pop("bending", None)
    for node, output in outputs:
        inputs = {"images": [str(node), output], "name": _key(node, output)}
        prompt[f"keep {_key(node, output)}"] = {"class_type": "ThumbnailKeep", "inputs": inputs}
    return prompt


def taken(film: np.ndarray, shot: Shot) -> Image.Image:
    """A shot of a film `(T, H, W, 3)` in 0 … 1; of a single picture, that."""
    picture = Image.fromarray((film[min(shot.frame, len(film) - 1)] * 255).round().astype(np.uint8))
    return picture.crop(shot.part) if shot.part else picture


def page(rows: list[list[tuple[Image.Image, str]]]) -> Image.Image:
    """Rows of pictures with captions beneath, as large as they can be, and an arrow between two rows of one."""
    sheet = Image.new("RGB", (SIDE, SIDE), PAPER)
    height = (SIDE - EDGE) // len(rows) - EDGE
    for number, row in enumerate(rows):
        strip = STRIP * any(caption for _, caption in row)
        room = (SIDE - EDGE) // len(row) - EDGE, height - strip
        times = min(
            min(wide / image.width, high / image.height)
            for (wide, high), (image, _) in zip([room] * len(row), row, strict=True)
        )
        top = EDGE + number * (height + EDGE)
        sizes = [(round(image.width * times), round(image.height * times)) for image, _ in row]
        x = (SIDE - sum(wide for wide, _ in sizes) - EDGE * (len(row) - 1)) // 2
        y = top + (height - strip - max(high for _, high in sizes)) // 2
        for (image, caption), size in zip(row, sizes, strict=True):
            sheet.paste(image.resize(size, Image.Resampling.LANCZOS), (x, y))
            _write(sheet, x, y + size[1] + 2, caption)
            x += size[0] + EDGE
    return sheet


def _write(sheet: Image.Image, x: int, y: int, caption: str) -> None:
    """A line of text, the names of colours in them."""
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(20)
    for i, part in enumerate(caption.split(" ")):
        text = part if i == 0 else " " + part
        draw.text((x, y), text, font=font, fill=HUES.get(part.strip(",:"), INK))
        x += draw.textlength(text, font)


def draw(names: Iterable[str]) -> None:
    """Draw those of these workflows, or all."""
    runs = Runs()
    for name in names or ROWS:
        rows = ROWS[name].page
        pictures = iter(runs.pictures(name, (shot for row in rows for shot in row)))
        sheet = page([[(next(pictures), shot.caption) for shot in row] for row in rows])
        for file in (FOLDER / f"{name}.jpg", FOLDER / f"{name}{MARK}.jpg"):
            sheet.save(file, quality=90, optimize=True)
            say(f"{file.relative_to(paths.ROOT)}  {file.stat().st_size / 1000:.1f} kB")
