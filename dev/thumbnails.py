"""The example workflows' pictures in ComfyUI's template browser. ``python -m dev.thumbnails`` draws them anew.

No real weights are at hand, so no film is shown: a drawn scene, on it the map of a word as a glow, and below both
again after the very operators of the workflow. Run this in the development environment after a change of either.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from bending import operators as ops

from . import paths

FOLDER = paths.ROOT / "example_workflows"
CELLS = (26, 52)
"""The maps' height and width."""

PANEL = (504, 248)
SIDE, EDGE = 512, 4
FINE = 2
"""Scenes are drawn so many times larger, and made smaller: smooth edges."""

AMBER, CYAN = (255, 178, 54), (64, 224, 255)

Chain = list[ops.Operator]


class Glow(NamedTuple):
    """A word, its map `(h, w)`, its color, and what the workflow does to it."""

    word: str
    map: np.ndarray
    color: tuple[int, int, int]
    chain: Chain


class Picture(NamedTuple):
    """A thumbnail: a scene, the glows on it, what bends the whole picture, and the words under `before` and `after`."""

    scene: Callable[[], Image.Image]
    glows: list[Glow]
    before: str
    after: str
    whole: Chain = []  # noqa: RUF012 - never changed


def blob(x: float, y: float, rx: float, ry: float, height: float = 1.0) -> np.ndarray:
    """A soft spot; its centre and radii are fractions of the frame."""
    i, j = np.mgrid[0 : CELLS[0], 0 : CELLS[1]]
    u, v = (j + 0.5) / CELLS[1] - x, (i + 0.5) / CELLS[0] - y
    return (height * np.exp(-((u / rx) ** 2 + (v / ry) ** 2))).astype(np.float32)


def bend(chain: Chain, pictures: np.ndarray) -> np.ndarray:
    """Pictures `(h, w, C)` after the operators that bend the maps."""
    bent = torch.from_numpy(np.ascontiguousarray(pictures))[None]
    for operator in chain:
        bent = operator.kernel(*bent.shape[1:3], torch.device("cpu"))(bent)
    return bent[0].numpy()


def panel(scene: Image.Image, glows: list[Glow], bent: bool, whole: Chain, caption: str) -> Image.Image:
    """The scene in a dim light, each word's map shining on it."""
    shown = np.asarray(scene.resize(PANEL, Image.Resampling.LANCZOS), np.float32) / 255
    if glows:
        shown = shown * 0.62
    for glow in glows:
        values = bend(glow.chain, glow.map[..., None])[..., 0] if bent else glow.map
        spread = Image.fromarray(values.clip(0, 1.15)).resize(PANEL, Image.Resampling.BICUBIC)
        light = np.asarray(spread).clip(0, 1)[..., None]
        color = np.array(glow.color, np.float32) / 255
        shown = shown * (1 - 0.75 * light) + color * 0.9 * light
        shown = shown + np.maximum(light - 0.55, 0) * 0.9  # the hottest places are white
    if bent and whole:
        shown = bend(whole, shown)
    image = Image.fromarray((shown.clip(0, 1) * 255).astype(np.uint8))
    _label(image, caption, glows)
    return image


def _label(image: Image.Image, caption: str, glows: list[Glow]) -> None:
    """The caption at the lower left, its words in their glows' colors."""
    draw, font = ImageDraw.Draw(image, "RGBA"), ImageFont.load_default(22)
    x, y = 14, PANEL[1] - 38
    draw.rounded_rectangle((x - 8, y - 4, x + draw.textlength(caption, font) + 8, y + 28), 8, fill=(10, 8, 20, 205))
    colors = {glow.word: glow.color for glow in glows}
    for i, part in enumerate(caption.split(" ")):
        text = part if i == 0 else " " + part
        draw.text((x, y), text, font=font, fill=colors.get(part, (240, 240, 245)))
        x += draw.textlength(text, font)


def _arrow(sheet: Image.Image) -> None:
    """From the upper panel to the lower one, at the right."""
    draw, x, y = ImageDraw.Draw(sheet), SIDE - 44, SIDE // 2
    draw.ellipse((x - 26, y - 26, x + 26, y + 26), fill=(18, 14, 28))
    draw.polygon([(x - 13, y - 7), (x + 13, y - 7), (x, y + 13)], fill=(240, 240, 245))


def _gradient(*colors: tuple[int, int, int]) -> Image.Image:
    """From top to bottom."""
    column = np.array(colors, np.uint8)[:, None]
    return Image.fromarray(column).resize((PANEL[0] * FINE, PANEL[1] * FINE), Image.Resampling.BICUBIC)


class Pen:
    """Draws in fractions of the frame; lengths are fractions of its height, so that a circle is round."""

    def __init__(self, image: Image.Image):
        self.draw = ImageDraw.Draw(image)
        self.width, self.height = image.size

    def oval(self, x, y, rx, ry, fill):
        x, y, rx, ry = x * self.width, y * self.height, rx * self.height, ry * self.height
        self.draw.ellipse((x - rx, y - ry, x + rx, y + ry), fill=fill)

    def shape(self, fill, *points):
        self.draw.polygon([(x * self.width, y * self.height) for x, y in points], fill=fill)


def _person(pen: Pen, x: float, y: float, size: float, lean: float, fill) -> None:
    """A figure whose head is at (x, y), leaning by `lean` of the frame's width."""
    pen.oval(x, y, 0.075 * size, 0.09 * size, fill)
    w, h = 0.075 * size, 1.0
    foot = x - lean
    pen.shape(
        fill,
        (x - w * 0.25, y + 0.06 * size),
        (x + w * 0.25, y + 0.06 * size),
        (foot + w * 0.75, y + 0.3 * size),
        (foot + w * 0.7, h),
        (foot - w * 0.7, h),
        (foot - w * 0.75, y + 0.3 * size),
    )


def kiss_at_sunset() -> Image.Image:
    image = _gradient((44, 38, 92), (150, 74, 120), (244, 142, 84), (250, 190, 110), (120, 84, 110), (60, 48, 84))
    pen = Pen(image)
    pen.oval(0.74, 0.52, 0.15, 0.15, (255, 224, 150))
    pen.shape((62, 56, 100), (0, 0.62), (1, 0.62), (1, 0.8), (0, 0.8))
    pen.shape((255, 206, 140), (0.7, 0.64), (0.78, 0.64), (0.83, 0.78), (0.65, 0.78))
    pen.shape((46, 34, 56), (0, 0.8), (1, 0.76), (1, 1), (0, 1))
    _person(pen, 0.405, 0.36, 1.35, 0.055, (22, 16, 34))
    _person(pen, 0.465, 0.40, 1.3, -0.055, (28, 20, 42))
    return image


def walkers_at_sunset() -> Image.Image:
    image = _gradient((64, 50, 110), (214, 104, 104), (252, 176, 92), (110, 96, 130), (92, 74, 92), (70, 54, 66))
    pen = Pen(image)
    pen.oval(0.5, 0.4, 0.13, 0.13, (255, 228, 160))
    pen.shape((72, 70, 116), (0, 0.5), (1, 0.5), (1, 0.66), (0, 0.66))
    pen.shape((84, 62, 66), (0, 0.66), (1, 0.62), (1, 1), (0, 1))
    for x, y in ((0.3, 0.6), (0.36, 0.58), (0.68, 0.56), (0.73, 0.6)):
        _person(pen, x, y, 0.55, 0.004, (26, 18, 34))
    return image


def kiss_at_night() -> Image.Image:
    image = _gradient((14, 14, 36), (30, 26, 58), (52, 40, 74), (30, 22, 40))
    pen = Pen(image)
    spots = np.random.default_rng(3)
    for x, y, r in zip(spots.random(46), spots.random(46) * 0.85, spots.random(46), strict=True):
        color = [(255, 196, 110), (250, 120, 110), (140, 190, 255), (255, 240, 200)][int(r * 4)]
        pen.oval(x, y, 0.012 + 0.03 * r, 0.012 + 0.03 * r, color)
    image = image.filter(ImageFilter.GaussianBlur(5))
    pen = Pen(image)
    _person(pen, 0.455, 0.36, 1.35, 0.055, (10, 8, 20))
    _person(pen, 0.515, 0.40, 1.3, -0.055, (16, 12, 28))
    return image


def fox_in_the_forest() -> Image.Image:
    image = _gradient((150, 176, 206), (206, 214, 226), (236, 232, 232), (226, 230, 240), (208, 216, 232))
    pen = Pen(image)
    trees = np.random.default_rng(5)
    for x, size, shade in zip(np.linspace(0, 1, 17), trees.random(17), trees.random(17), strict=True):
        h, w, base = 0.34 + 0.3 * size, 0.03 + 0.025 * size, 0.66
        fill = tuple(int(c + 50 * shade) for c in (62, 92, 104))
        pen.shape(fill, (x - w, base), (x, base - h), (x + w, base))
    pen.shape((238, 242, 250), (0, 0.68), (0.4, 0.62), (1, 0.66), (1, 1), (0, 1))
    fur, white = (212, 98, 40), (250, 240, 232)
    pen.shape(fur, (0.13, 0.72), (0.245, 0.7), (0.245, 0.76), (0.17, 0.8))
    pen.oval(0.135, 0.74, 0.05, 0.035, white)
    pen.oval(0.3, 0.74, 0.15, 0.075, fur)
    pen.oval(0.385, 0.66, 0.075, 0.06, fur)
    pen.shape(fur, (0.362, 0.62), (0.372, 0.53), (0.392, 0.61))
    pen.shape(fur, (0.388, 0.61), (0.402, 0.53), (0.414, 0.63))
    pen.shape(white, (0.405, 0.65), (0.45, 0.69), (0.395, 0.71))
    for x, tip in ((0.25, 0.225), (0.275, 0.265), (0.345, 0.37), (0.36, 0.4)):
        pen.shape((70, 40, 36), (x - 0.008, 0.78), (x + 0.008, 0.78), (tip + 0.006, 0.92), (tip - 0.006, 0.92))
    return image


def lighthouse() -> Image.Image:
    image = _gradient((96, 150, 200), (160, 196, 220), (246, 220, 190), (250, 200, 160), (60, 110, 140), (36, 80, 112))
    pen = Pen(image)
    pen.shape((52, 112, 142), (0, 0.68), (1, 0.68), (1, 1), (0, 1))
    for x, y in ((0.1, 0.8), (0.25, 0.9), (0.42, 0.76), (0.86, 0.86)):
        pen.shape((150, 196, 208), (x, y), (x + 0.1, y - 0.012), (x + 0.2, y), (x + 0.1, y + 0.012))
    pen.shape((84, 72, 66), (0.5, 1), (0.55, 0.72), (0.62, 0.6), (0.82, 0.58), (0.9, 0.7), (1, 0.74), (1, 1))
    pen.shape((112, 128, 80), (0.6, 0.63), (0.63, 0.585), (0.82, 0.565), (0.85, 0.63))
    pen.shape((246, 240, 230), (0.682, 0.6), (0.695, 0.2), (0.745, 0.2), (0.758, 0.6))
    for top, bottom in ((0.26, 0.34), (0.42, 0.5)):
        pen.shape((204, 66, 52), (0.69, bottom), (0.693, top), (0.747, top), (0.75, bottom))
    pen.shape((58, 52, 60), (0.688, 0.2), (0.688, 0.17), (0.752, 0.17), (0.752, 0.2))
    pen.shape((255, 232, 150), (0.7, 0.17), (0.7, 0.09), (0.74, 0.09), (0.74, 0.17))
    pen.shape((150, 44, 40), (0.692, 0.09), (0.72, 0.02), (0.748, 0.09))
    for x, y in ((0.2, 0.24), (0.32, 0.16), (0.42, 0.3)):
        pen.shape((70, 76, 90), (x - 0.03, y - 0.04), (x, y), (x + 0.03, y - 0.04), (x, y + 0.018))
    return image


def _texture(seed: int, sigma: float) -> np.ndarray:
    """Soft random hills between 0 and 1."""
    noise = np.random.default_rng(seed).standard_normal(CELLS).astype(np.float32)
    hills = bend([ops.Blur(sigma)], noise[..., None])[..., 0]
    return ((hills - hills.min()) / (hills.max() - hills.min())).astype(np.float32)


def pictures() -> dict[str, Picture]:
    """A thumbnail for each example workflow, with the operators and parameters that stand in it."""
    kiss = blob(0.435, 0.37, 0.1, 0.2, 0.42) + blob(0.44, 0.75, 0.12, 0.3, 0.12)
    sunset = blob(0.5, 0.35, 0.5, 0.32, 0.62) + blob(0.5, 0.9, 0.6, 0.25, 0.34)
    people = blob(0.33, 0.75, 0.12, 0.28, 0.7) + blob(0.7, 0.75, 0.12, 0.28, 0.7) + blob(0.5, 0.2, 0.45, 0.2, 0.3)
    near = blob(0.485, 0.38, 0.1, 0.18, 0.5) * (0.6 + 0.7 * _texture(2, 1.2)) + blob(0.485, 0.37, 0.035, 0.07, 0.3)
    far = 0.75 * _texture(9, 0.9) ** 2 * (1 - blob(0.485, 0.65, 0.16, 0.6))
    fox = blob(0.3, 0.72, 0.11, 0.16, 0.56)
    forest = 0.62 * _texture(4, 0.9) * (blob(0.5, 0.4, 0.9, 0.28))
    half = {"feather": 0.2, "x1": 0.0, "x2": 1.0}
    return {
        "Bend one word": Picture(
            kiss_at_sunset, [Glow("kiss", kiss, AMBER, [ops.Amplify(1 + 0.8 * 1.5)])], "kiss", "kiss 2.5 times"
        ),
        "Compose with regions": Picture(
            walkers_at_sunset,
            [
                Glow("sunset", sunset, AMBER, [ops.RegionalMask(y1=0.0, y2=0.5, **half)]),
                Glow("people", people, CYAN, [ops.RegionalMask(y1=0.5, y2=1.0, **half)]),
            ],
            "sunset and people anywhere",
            "sunset above, people below",
        ),
        "Depth of field": Picture(
            kiss_at_night,
            [
                Glow("background", far, CYAN, [ops.Blur(3.0, 7)]),
                Glow("kiss", near, AMBER, [ops.Sharpen(2.0)]),
            ],
            "kiss and background",
            "kiss sharpened, background blurred",
        ),
        "Chain and stack": Picture(
            fox_in_the_forest,
            [
                Glow("forest", forest, CYAN, [ops.SpatialScale(1.1), ops.Blur(2.0)]),
                Glow("fox", fox, AMBER, [ops.Translate(0.2), ops.Amplify(1.6), ops.SpatialScale(1.1)]),
            ],
            "fox in the forest",
            "fox moved and stronger, forest softer",
        ),
        "Bent and un-bent side by side": Picture(
            lighthouse, [], "un-bent", "ALL rotated by 12°", [ops.Rotate(12.0, center_x=0.6)]
        ),
    }


def main() -> None:
    for name, picture in pictures().items():
        scene = picture.scene()
        sheet = Image.new("RGB", (SIDE, SIDE), (18, 14, 28))
        for row, (bent, caption) in enumerate(((False, picture.before), (True, picture.after))):
            y = EDGE + row * (PANEL[1] + SIDE - 2 * (PANEL[1] + EDGE))
            sheet.paste(panel(scene, picture.glows, bent, picture.whole, caption), (EDGE, y))
        _arrow(sheet)
        file = FOLDER / f"{name}.jpg"
        sheet.save(file, quality=86, optimize=True)
        print(f"{file.relative_to(paths.ROOT)}  {file.stat().st_size / 1000:.1f} kB")


if __name__ == "__main__":
    main()
