"""The example workflows' pictures in ComfyUI's template browser. ``python -m dev.thumbnails`` draws them anew.

No real weights are at hand, so no film is shown: a drawn scene, on it the map of a word as a glow, and below both
again after the very operators of the workflow. Run this in the development environment after a change of either.
"""

from collections.abc import Callable, Iterator
from itertools import chain
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from ..bending import operators as ops
from ..bending.attention.device_cache import DeviceCache
from ..bending.frames.grid import Grid
from ..bending.frames.layout import FrameLayout
from ..bending.frames.mask_video import MaskVideo
from ..bending.time.animation import parse_keyframes
from ..bending.time.windows import SamplingMoment, TimeWindow
from . import paths, scenes, thumbnail_maps, thumbnail_sweeps
from .scenes import PANEL
from .thumbnail_maps import CELLS, Chain, bend, blob, texture

FOLDER = paths.ROOT / "example_workflows"
SIDE, EDGE = 512, 4
STEPS = 20

AMBER, CYAN = (255, 178, 54), (64, 224, 255)

RISE = (0.0, 0.35, 1.0), (0.0, 1.0, 0.25)
"""The points of Early and late's curve."""


class Glow(NamedTuple):
    """A word, its map `(h, w)`, its color, and what the workflow makes of the map: by operators, or as it then is."""

    word: str
    map: np.ndarray
    color: tuple[int, int, int]
    becomes: Chain | np.ndarray


class Side(NamedTuple):
    """The upper or lower half: its words, whether it is bent, how much noise lies on it, and bars of strength in time.

    `frames` are chains for the whole picture: one, or one for each frame of a film.
    """

    caption: str
    bent: bool = True
    noise: float = 0.0
    bars: tuple[tuple[tuple[int, int, int], list[float]], ...] = ()
    frames: tuple[Chain, ...] = ()


class Picture(NamedTuple):
    """A thumbnail: a scene, the glows on it, and both halves."""

    scene: Callable[[], Image.Image]
    glows: list[Glow]
    before: Side
    after: Side


def exchange(operator: ops.Operator, *maps: np.ndarray) -> list[np.ndarray]:
    """The maps of words after an operator that takes them whole."""
    tables = DeviceCache(FrameLayout.whole(Grid(1, *CELLS)), 1, torch.device("cpu"))
    sums = [torch.from_numpy(map_).reshape(1, -1, 1, 1) for map_ in maps]
    return [new.view(CELLS).numpy() for new in operator.remap_words(sums, list(map(tables.mask, operator.masks)))]


def strengths(window: TimeWindow, first: int = 0, last: int = STEPS) -> list[float]:
    """A window's weight in each of the steps; 0 in those of another sampler."""
    return [window.weight(SamplingMoment(k / STEPS, k, STEPS)) * (first <= k < last) for k in range(STEPS)]


def panel(scene: Image.Image, glows: list[Glow], side: Side) -> Image.Image:
    """The scene in a dim light, each word's map shining on it."""
    shown = np.asarray(scene.resize(PANEL, Image.Resampling.LANCZOS), np.float32) / 255
    if glows:
        shown = shown * 0.62
    if side.noise:
        snow = np.random.default_rng(1).normal(0.4, 0.2, (PANEL[1] // 8, PANEL[0] // 8, 1)).astype(np.float32)
        shown = shown * (1 - side.noise) + side.noise * snow.repeat(8, 0).repeat(8, 1)
    for glow in glows:
        values = glow.map
        if side.bent:
            becomes = glow.becomes
            values = becomes if isinstance(becomes, np.ndarray) else bend(becomes, values[..., None])[..., 0]
        spread = Image.fromarray(values.clip(0, 1.15)).resize(PANEL, Image.Resampling.BICUBIC)
        light = np.asarray(spread).clip(0, 1)[..., None]
        color = np.array(glow.color, np.float32) / 255
        shown = shown * (1 - 0.75 * light) + color * 0.9 * light
        shown = shown + np.maximum(light - 0.55, 0) * 0.9  # the hottest places are white
    if side.frames:
        shown = _strip([bend(operators, shown) for operators in side.frames])
    image = Image.fromarray((shown.clip(0, 1) * 255).astype(np.uint8))
    _bars(image, side.bars)
    _label(image, side.caption, {glow.word: glow.color for glow in glows})
    return image


def _strip(frames: list[np.ndarray]) -> np.ndarray:
    """A film's frames beside each other, their middles only."""
    width = PANEL[0] // len(frames)
    left = (PANEL[0] - width) // 2
    strip = np.concatenate([frame[:, left : left + width] for frame in frames], 1)
    for edge in range(width, PANEL[0], width):
        strip[:, edge - 2 : edge + 2] = (0.07, 0.055, 0.11)
    return strip


def _bars(image: Image.Image, rows: tuple) -> None:
    """Strength over the steps, at the upper left, a row for each bend."""
    draw = ImageDraw.Draw(image, "RGBA")
    for row, (color, heights) in enumerate(rows):
        top = 10 + 40 * row
        draw.rounded_rectangle((6, top - 4, 18 + 10 * STEPS, top + 34), 6, fill=(10, 8, 20, 205))
        for k, height in enumerate(heights):
            x, floor = 12 + 10 * k, top + 29
            draw.rectangle((x, floor, x + 7, floor + 1), fill=(120, 120, 130))
            if height > 0:
                draw.rectangle((x, floor - 26 * height, x + 7, floor), fill=color)


def _label(image: Image.Image, caption: str, colors: dict[str, tuple[int, int, int]]) -> None:
    """The caption at the lower left, some of its words in colors."""
    draw, font = ImageDraw.Draw(image, "RGBA"), ImageFont.load_default(22)
    x, y = 14, PANEL[1] - 38
    draw.rounded_rectangle((x - 8, y - 4, x + draw.textlength(caption, font) + 8, y + 28), 8, fill=(10, 8, 20, 205))
    for i, part in enumerate(caption.split(" ")):
        text = part if i == 0 else " " + part
        draw.text((x, y), text, font=font, fill=colors.get(part, (240, 240, 245)))
        x += draw.textlength(text, font)


def _arrow(sheet: Image.Image) -> None:
    """From the upper panel to the lower one, at the right."""
    draw, x, y = ImageDraw.Draw(sheet), SIDE - 44, SIDE // 2
    draw.ellipse((x - 26, y - 26, x + 26, y + 26), fill=(18, 14, 28))
    draw.polygon([(x - 13, y - 7), (x + 13, y - 7), (x, y + 13)], fill=(240, 240, 245))


def pictures() -> dict[str, Picture]:
    """A thumbnail for each example workflow, with the operators and parameters that stand in it."""
    kiss = blob(0.435, 0.37, 0.1, 0.2, 0.42) + blob(0.44, 0.75, 0.12, 0.3, 0.12)
    sunset = blob(0.5, 0.35, 0.5, 0.32, 0.62) + blob(0.5, 0.9, 0.6, 0.25, 0.34)
    people = blob(0.33, 0.75, 0.12, 0.28, 0.7) + blob(0.7, 0.75, 0.12, 0.28, 0.7) + blob(0.5, 0.2, 0.45, 0.2, 0.3)
    near = blob(0.485, 0.38, 0.1, 0.18, 0.5) * (0.6 + 0.7 * texture(2, 1.2)) + blob(0.485, 0.37, 0.035, 0.07, 0.3)
    far = 0.75 * texture(9, 0.9) ** 2 * (1 - blob(0.485, 0.65, 0.16, 0.6))
    fox = blob(0.3, 0.72, 0.11, 0.16, 0.56)
    forest = 0.62 * texture(4, 0.9) * (blob(0.5, 0.4, 0.9, 0.28))
    half = {"feather": 0.2, "x1": 0.0, "x2": 1.0}
    rose = blob(0.24, 0.34, 0.09, 0.16, 0.9) + 0.1
    box = torch.zeros(480, 832)
    box[80:440, 520:800] = 1
    (painted,) = exchange(ops.Paint(MaskVideo(box, 0.15)), rose)
    cat, dog = blob(0.29, 0.56, 0.12, 0.3, 0.7), blob(0.71, 0.54, 0.13, 0.34, 0.7)
    deer = blob(0.32, 0.5, 0.12, 0.24, 0.7)
    mist = 0.3 * texture(6, 1.5) * blob(0.5, 0.5, 0.9, 0.26)
    early, late = (
        TimeWindow(end=0.4, fade_out=0.4),
        TimeWindow(start=0.4, curve=tuple(np.interp(np.linspace(0, 1, 99), *RISE))),
    )
    moon = blob(0.5, 0.3, 0.07, 0.14, 0.75)
    both = TimeWindow(start=0.2, end=0.7)
    leaning = tuple([ops.Rotate(angle)] for angle in parse_keyframes("0%: 0, 50%: 20, 100%: 0", "ease").values(3))
    return {
        "Animate a bend": Picture(
            scenes.sailboat,
            [],
            Side("un-bent", frames=([],) * 3),
            Side("ALL rotated: 0°, 20°, 0°", frames=leaning),
        ),
        "Bend one word": Picture(
            scenes.kiss_at_sunset,
            [Glow("kiss", kiss, AMBER, [ops.Amplify(1 + 0.8 * 1.5)])],
            Side("kiss", bent=False),
            Side("kiss 2.5 times"),
        ),
        "Compose with regions": Picture(
            scenes.walkers_at_sunset,
            [
                Glow("sunset", sunset, AMBER, [ops.RegionalMask(y1=0.0, y2=0.5, **half)]),
                Glow("people", people, CYAN, [ops.RegionalMask(y1=0.5, y2=1.0, **half)]),
            ],
            Side("sunset and people anywhere", bent=False),
            Side("sunset above, people below"),
        ),
        "Depth of field": Picture(
            scenes.kiss_at_night,
            [
                Glow("background", far, CYAN, [ops.Blur(3.0, 7)]),
                Glow("kiss", near, AMBER, [ops.Sharpen(2.0)]),
            ],
            Side("kiss and background", bent=False),
            Side("kiss sharpened, background blurred"),
        ),
        "Chain and stack": Picture(
            scenes.fox_in_the_forest,
            [
                Glow("forest", forest, CYAN, [ops.SpatialScale(1.1), ops.Blur(2.0)]),
                Glow("fox", fox, AMBER, [ops.Translate(0.2), ops.Amplify(1.6), ops.SpatialScale(1.1)]),
            ],
            Side("fox in the forest", bent=False),
            Side("fox moved and stronger, forest softer"),
        ),
        "Bent and un-bent side by side": Picture(
            scenes.lighthouse,
            [],
            Side("un-bent"),
            Side("ALL rotated by 12°", frames=([ops.Rotate(12.0, center_x=0.6)],)),
        ),
        "Early and late": Picture(
            scenes.deer_in_a_clearing,
            [
                Glow("mist", mist, CYAN, [ops.Amplify(3.0)]),
                Glow("deer", deer, AMBER, [ops.Translate(0.25)]),
            ],
            Side("deer and mist", bent=False),
            Side("deer moved early, mist stronger late", bars=((AMBER, strengths(early)), (CYAN, strengths(late)))),
        ),
        "Paint a word's place": Picture(
            scenes.rose_on_a_table,
            [Glow("rose", rose, AMBER, painted)],
            Side("rose", bent=False),
            Side("rose painted at the right"),
        ),
        "Swap two words": Picture(
            scenes.cat_and_dog,
            [
                Glow(word, map_, color, swapped)
                for word, map_, color, swapped in zip(
                    ("cat", "dog"), (cat, dog), (AMBER, CYAN), exchange(ops.Swap("dog"), cat, dog), strict=True
                )
            ],
            Side("cat and dog", bent=False),
            Side("cat and dog traded"),
        ),
        "Wan 2.2 two samplers": Picture(
            scenes.moon_over_a_lake,
            [Glow("moon", moon, AMBER, [ops.SpatialScale(1.5, center_y=0.3)])],
            Side("moon larger, high noise", noise=0.6, bars=((AMBER, strengths(both, last=10)),)),
            Side("moon larger, low noise", noise=0.15, bars=((AMBER, strengths(both, first=10)),)),
        ),
    }


def sheets() -> Iterator[tuple[str, Image.Image]]:
    """Every thumbnail with the name of its workflow."""
    for name, picture in pictures().items():
        scene = picture.scene()
        rows = [[panel(scene, picture.glows, side)] for side in (picture.before, picture.after)]
        yield name, _sheet(rows, arrow=True)
    for name, shown in (thumbnail_maps.pictures() | thumbnail_sweeps.pictures()).items():
        for part in chain.from_iterable(shown.rows):
            if part.caption:
                _label(part.image, part.caption, dict.fromkeys(part.words, thumbnail_maps.BRIGHTEST))
        yield name, _sheet([[part.image for part in row] for row in shown.rows], shown.arrow)


def _sheet(rows: list[list[Image.Image]], arrow: bool) -> Image.Image:
    """Two rows of panels, with or without an arrow from the upper to the lower one."""
    sheet = Image.new("RGB", (SIDE, SIDE), (18, 14, 28))
    for row, images in enumerate(rows):
        x, y = EDGE, EDGE + row * (PANEL[1] + SIDE - 2 * (PANEL[1] + EDGE))
        for image in images:
            sheet.paste(image, (x, y))
            x += image.width + EDGE
    if arrow:
        _arrow(sheet)
    return sheet


def main() -> None:
    for name, sheet in sheets():
        file = FOLDER / f"{name}.jpg"
        sheet.save(file, quality=86, optimize=True)
        print(f"{file.relative_to(paths.ROOT)}  {file.stat().st_size / 1000:.1f} kB")


def run(arguments: list[str]) -> None:
    main()
