"""The pictures of the example workflows' twins in ComfyUI's template browser: ``python -m dev.thumbnail_toys``.

Unlike the originals' these are true: each twin is run in this process, bent and un-bent, and its films, maps and sheets
are laid on a page. Run this in the development environment after a change of a twin or of the toy's weights.
"""

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..toy.world import COLOURS, FRAMES, HEIGHT, WIDTH
from . import paths
from .twins import FOLDER, MARK

EXPORTS = paths.ROOT / "tests" / "workflows"
SIDE, EDGE, STRIP = 512, 4, 28
PAPER, INK = (18, 14, 28), (240, 240, 245)
HUES = {name: tuple(round(255 * part) for part in rgb) for name, rgb in COLOURS.items() if name != "blue"}
HUES["blue"] = (96, 132, 255)  # the world's own is too dark on this paper
SAVING = {"CreateVideo", "SaveVideo", "SaveImage", "MaskPreview", "AttnBendSave", "AttnBendLog"}
"""Nodes that only leave files."""

FIRST, MIDDLE, LAST = 0, FRAMES // 2, FRAMES - 1


class Shot(NamedTuple):
    """One picture: a frame of what a node's output holds, in a run that is `bent` or not, or a part of it.

    `part` is left, top, right and bottom in pixels of that picture.
    """

    node: int
    caption: str = ""
    bent: bool = True
    frame: int = MIDDLE
    output: int = 0
    part: tuple[int, int, int, int] | None = None


Rows = tuple[tuple[Shot, ...], ...]


def pair(node: int, says: str, plain: str = "un-bent", frames: Iterable[int] = (MIDDLE,)) -> Rows:
    """The un-bent film above, the bent one below; the caption is the first frame's."""
    return tuple(
        tuple(Shot(node, caption * (i == 0), bent, frame) for i, frame in enumerate(frames))
        for caption, bent in ((plain, False), (says, True))
    )


def glow(node: int, caption: str, row: int = 0, column: int = 0) -> Shot:
    """One of the maps that Attention Maps draws over a film, without its letters, which would be too small to read."""
    x, y = column * (WIDTH + 4), row * (HEIGHT + 40)  # a gap, and a strip of letters with a gap
    return Shot(node, caption, part=(x, y, x + WIDTH, y + HEIGHT))


TWO = "a green circle on the left, a yellow one"

PAGES: dict[str, Rows] = {
    "A recipe from a file": pair(13, "green and yellow traded, by a preset", TWO),
    "Animate a bend": pair(14, "turned, more from frame to frame", "un-bent: first and last frame", (FIRST, LAST)),
    "Before and after": (
        (Shot(12, "un-bent", bent=False), Shot(12, "red circle moved down")),
        (glow(15, "where red acts"), glow(15, "where it acts now", column=1)),
    ),
    "Bend one word": pair(12, "red taken away", "a red circle on the left"),
    "Bent and un-bent side by side": pair(
        15, "both turned by 180°: sides changed", "a red circle on the left, a blue star"
    ),
    "Chain and stack": pair(16, "moved right, stronger, zoomed in, softer", "a yellow star"),
    "Compare to the baseline": ((Shot(14, "star away and strong, by layers", output=1, part=(10, 94, 1038, 538)),),),
    "Compose with regions": pair(
        13, "red circle: left half, blue star: right half", "a red circle and a blue star: mixed"
    ),
    "Depth of field": pair(14, "star blurred: blunt points", "a yellow star in the middle"),
    "Early and late": pair(17, "moved right early; red away late: too late", "a red circle"),
    "Mask from a word": (
        (Shot(12, "un-bent"), glow(13, "where star acts")),
        (Shot(20, "red away, only there"),),
    ),
    "Paint a word's place": pair(16, "red circle painted at the right", "a red circle"),
    "See where a word acts": (
        (Shot(11, "the film"), glow(14, "where red acts")),
        (glow(14, "where circle acts", 1), glow(14, "where left acts", 2)),
    ),
    "Swap two words": pair(12, "green and yellow traded", TWO),
    "Sweep a bend": ((Shot(14, "both things turned, by five angles", output=1, part=(10, 88, 758, 554)),),),
    "Wan 2.2 two samplers": pair(17, "ALL away from the left, in both samplers"),
    "Which layer carries the word": ((Shot(15, "where red acts, by layer and step", part=(0, 90, 1474, 1440)),),),
}
"""A page for each twin, by its original's name."""


class Studio:
    """ComfyUI in this process; keeps the pictures of a run by node and output."""

    def __init__(self):
        from .headless import Headless, recorder

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


def main(names: list[str]) -> None:
    """Draw those of these twins' originals, or all."""
    studio = Studio()
    for name in names or PAGES:
        rows = PAGES[name]
        pictures = iter(studio.pictures(name, (shot for row in rows for shot in row)))
        sheet = page([[(next(pictures), shot.caption) for shot in row] for row in rows])
        file = FOLDER / f"{name}{MARK}.jpg"
        sheet.save(file, quality=90, optimize=True)
        print(f"{file.relative_to(paths.ROOT)}  {file.stat().st_size / 1000:.1f} kB")


def run(arguments: list[str]) -> None:
    main(arguments)
