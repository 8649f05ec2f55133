"""The maps on the example workflows' pictures, and those pictures that show maps as the viewing nodes draw them."""

from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..bending import operators as ops
from ..bending.pictures import drawing as seeing
from ..bending.pictures import text_rendering
from . import scenes
from .scenes import PANEL

CELLS = (26, 52)
"""The maps' height and width."""

HALF = (250, PANEL[1])
"""Two beside each other are as wide as a panel."""

COLORS = "viridis"
BRIGHTEST = tuple(round(255 * part) for part in seeing.palette(COLORS)[-1].tolist())

Chain = list[ops.Operator]


class Part(NamedTuple):
    """A picture, its caption, if any, and which words of it are set off."""

    image: Image.Image
    caption: str
    words: tuple[str, ...] = ()


class Shown(NamedTuple):
    """A thumbnail: two rows, and whether an arrow leads down."""

    rows: tuple[list[Part], list[Part]]
    arrow: bool = True


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


def texture(seed: int, sigma: float) -> np.ndarray:
    """Soft random hills between 0 and 1."""
    noise = np.random.default_rng(seed).standard_normal(CELLS).astype(np.float32)
    hills = bend([ops.Blur(sigma)], noise[..., None])[..., 0]
    return ((hills - hills.min()) / (hills.max() - hills.min())).astype(np.float32)


def over(scene: Image.Image, map_: np.ndarray, colors: str = COLORS, opacity: float = 0.75) -> Image.Image:
    """A map over a scene, as Attention Maps lays it over a film."""
    film = torch.from_numpy(np.asarray(scene.resize(PANEL, Image.Resampling.LANCZOS), np.float32) / 255)
    return image(seeing.overlay(film, _values(map_, *PANEL), colors, opacity))


def _values(map_: np.ndarray, width: int, height: int) -> Tensor:
    """A map in its own scale, in so many pixels."""
    values = torch.from_numpy(np.ascontiguousarray(map_))[None]
    return seeing.enlarge(seeing.normalised(values, seeing.peaks(values[None])), height, width)[0]


def image(values: Tensor) -> Image.Image:
    return Image.fromarray((values.clamp(0, 1) * 255).round().byte().numpy())


def half(image: Image.Image, left: float) -> Image.Image:
    """Half a panel, from `left` on."""
    x = round(left * PANEL[0])
    return image.crop((x, 0, x + HALF[0], HALF[1]))


def _layers(word: np.ndarray) -> dict[int, list[np.ndarray]]:
    """Of some layers the word's map in three steps: noise, a hint, its place, its outline, and noise again."""
    clear = {2: 0.05, 7: 0.35, 12: 1.0, 17: 0.6, 26: 0.12}
    return {
        layer: [
            (1.1 - part) * 0.12 * texture(3 * layer + step, 0.8) ** 2 + part * (0.4 + 0.3 * step) * word
            for step in range(3)
        ]
        for layer, part in clear.items()
    }


def sheet(layers: dict[int, list[np.ndarray]], best: int) -> Image.Image:
    """A small Attention Maps Grid, with a frame around one layer."""
    slate, left, top, (wide, tall) = text_rendering.Canvas(*PANEL), 62, 26, (84, 42)
    largest = max(float(map_.max()) for maps in layers.values() for map_ in maps)
    x = left + list(layers).index(best) * (wide + 4)
    slate.fill(x - 3, 2, wide + 6, 199, BRIGHTEST)
    slate.fill(x - 1, 4, wide + 2, 195, text_rendering.BACKGROUND)
    for column, (layer, maps) in enumerate(layers.items()):
        x = left + column * (wide + 4)
        slate.write(x, 4, f"layer {layer}", 16)
        for row, map_ in enumerate(maps):
            y = top + row * (tall + 16)
            values = seeing.enlarge(torch.from_numpy(map_)[None] / largest, tall, wide)[0]
            slate.paste(x, y, seeing.heat(values, COLORS))
            numbers = seeing.statistics(torch.from_numpy(map_)[None] / 4)
            says = f"{100 * numbers['share']:.2g}% · {numbers['entropy']:.2f}"
            slate.write(x, y + tall, says, 11, text_rendering.FAINT)
    for row, step in enumerate((0, 12, 24)):
        slate.write(6, top + row * (tall + 16) + 12, f"step {step}", 15, text_rendering.FAINT)
    return image(slate.pixels())


def pictures() -> dict[str, Shown]:
    """A thumbnail for each workflow that shows maps, with the operators and parameters that stand in it."""
    tower = scenes.lighthouse()
    lighthouse = blob(0.72, 0.33, 0.06, 0.34) + blob(0.72, 0.2, 0.16, 0.3, 0.25)
    sea = blob(0.25, 0.88, 0.34, 0.2) * (0.5 + texture(3, 1.5))
    birds = blob(0.2, 0.24, 0.06, 0.1) + blob(0.32, 0.16, 0.06, 0.1, 0.9) + blob(0.42, 0.3, 0.06, 0.1, 0.8)

    flight = scenes.balloon_over_hills()
    balloon = blob(0.37, 0.38, 0.1, 0.24) + blob(0.37, 0.4, 0.2, 0.4, 0.15)
    moved = bend([ops.Translate(0.25)], balloon[..., None])[..., 0]

    meadow = scenes.dancer_in_a_meadow()
    dress = blob(0.49, 0.76, 0.12, 0.26) + blob(0.49, 0.42, 0.04, 0.2, 0.5)
    mask = (dress > 0.25 * dress.max()).astype(np.float32)
    flowers = 0.1 + 0.16 * texture(5, 0.9)
    soft = bend([ops.Blur(0.8)], mask[..., None])[..., 0]
    bloom = flowers + soft * (bend([ops.Amplify(4.0)], flowers[..., None])[..., 0] - flowers)

    street = scenes.umbrella_in_the_rain()
    umbrella = blob(0.5375, 0.27, 0.12, 0.17)
    layers = _layers(umbrella)
    return {
        "See where a word acts": Shown(
            (
                [Part(over(tower, lighthouse), "lighthouse", ("lighthouse",))],
                [
                    Part(half(over(tower, sea), 0.0), "sea", ("sea",)),
                    Part(half(over(tower, birds), 0.06), "birds", ("birds",)),
                ],
            ),
            arrow=False,
        ),
        "Before and after": Shown(
            (
                [
                    Part(half(over(flight, balloon), 0.24), "balloon original", ("balloon",)),
                    Part(half(over(flight, moved), 0.24), "balloon bent", ("balloon",)),
                ],
                [Part(over(flight, moved - balloon, seeing.SIGNED), "what changed")],
            )
        ),
        "Mask from a word": Shown(
            (
                [
                    Part(half(over(meadow, dress), 0.25), "dress", ("dress",)),
                    Part(half(image(seeing.heat(_values(mask, *PANEL), "gray")), 0.25), "its mask"),
                ],
                [Part(over(meadow, bloom), "flowers stronger, only there", ("flowers",))],
            )
        ),
        "Which layer carries the word": Shown(
            (
                [Part(sheet(layers, 12), "umbrella in each layer", ("umbrella",))],
                [Part(over(street, layers[12][2]), "umbrella in layer 12", ("umbrella",))],
            )
        ),
    }
