"""The help pages' pictures, in ``web/docs/images``: what the nodes make of a test card.

``python dev workflows --pictures`` draws them anew, after a change of an operator.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from PIL import Image, ImageDraw

from ..bending import operators as ops
from ..bending.bend import Bend, Bending
from . import help_films, help_seeing, paths
from .console import say
from .help_films import Panels
from .pictures import heat, play, test_card, text

FOLDER = paths.ROOT / "web" / "docs" / "images"
ZOOM, GAP, CAPTION = 4, 16, 34
GRAY = (136, 136, 136)
"""Captions lie on the panel's own background, which may be dark or light; it shows them at about half their size."""

Chain = Sequence[ops.Operator]
"""Operators in the order they act; none for the card as it is."""

BOX = {"x1": 0.0, "y1": 0.0, "x2": 0.5, "y2": 1.0}

PICTURES: dict[str, list[tuple[str, Chain]]] = {
    "AttnBendAmplify": [
        ("factor 2.5", [ops.Amplify(2.5)]),
        ("factor 0.4", [ops.Amplify(0.4)]),
        ("factor -1", [ops.Amplify(-1.0)]),
    ],
    "AttnBendRegionalMask": [
        ("feather 0.1", [ops.RegionalMask(**BOX, feather=0.1)]),
        ("feather 0.6", [ops.RegionalMask(**BOX, feather=0.6)]),
        ("invert", [ops.RegionalMask(**BOX, feather=0.1, invert=True)]),
    ],
    "AttnBendBlur": [
        ("sigma 1", [ops.Blur(1.0)]),
        ("sigma 2", [ops.Blur(2.0)]),
        ("sigma 5", [ops.Blur(5.0)]),
    ],
    "AttnBendSharpen": [
        ("amount 1", [ops.Sharpen(1.0)]),
        ("amount 4", [ops.Sharpen(4.0)]),
        ("amount 4, clamp off", [ops.Sharpen(4.0, clamp=False)]),
    ],
    "AttnBendTranslate": [
        ("x 0.25, border", [ops.Translate(0.25)]),
        ("x 0.25, zeros", [ops.Translate(0.25, padding="zeros")]),
        ("x 0.25, reflection", [ops.Translate(0.25, padding="reflection")]),
        ("x 0.25, wrap", [ops.Translate(0.25, padding="wrap")]),
        ("y -0.25, wrap", [ops.Translate(0.0, -0.25, padding="wrap")]),
    ],
    "AttnBendRotate": [
        ("angle 30, border", [ops.Rotate(30.0)]),
        ("angle 30, zeros", [ops.Rotate(30.0, padding="zeros")]),
        ("angle 30, reflection", [ops.Rotate(30.0, padding="reflection")]),
        ("angle 30, wrap", [ops.Rotate(30.0, padding="wrap")]),
        ("angle -90, zeros", [ops.Rotate(-90.0, padding="zeros")]),
    ],
    "AttnBendSpatialScale": [
        ("factor 1.5", [ops.SpatialScale(1.5)]),
        ("factor 0.5, border", [ops.SpatialScale(0.5)]),
        ("factor 0.5, zeros", [ops.SpatialScale(0.5, padding="zeros")]),
        ("factor 0.5, reflection", [ops.SpatialScale(0.5, padding="reflection")]),
        ("factor 0.5, wrap", [ops.SpatialScale(0.5, padding="wrap")]),
    ],
    "AttnBendFlip": [
        ("horizontal", [ops.Flip("horizontal")]),
        ("vertical", [ops.Flip("vertical")]),
        ("both", [ops.Flip("both")]),
    ],
    "AttnBendFrequencyFilter": [
        ("low, below 0.2", [ops.FrequencyFilter("low", high=0.2)]),
        ("high, above 0.2", [ops.FrequencyFilter("high", low=0.2)]),
        ("band 0.1 to 0.5", [ops.FrequencyFilter("band")]),
        ("notch 0.1 to 0.5", [ops.FrequencyFilter("notch")]),
        ("high, mean off", [ops.FrequencyFilter("high", low=0.2, keep_mean=False)]),
    ],
    "AttnBendStack": [
        ("masked", [ops.RegionalMask(**BOX)]),
        ("masked, moved", [ops.RegionalMask(**BOX), ops.Translate(0.25)]),
        ("moved, masked", [ops.Translate(0.25), ops.RegionalMask(**BOX)]),
    ],
}
"""For each node's page, the captions and operators of its pictures; the card as it is comes first."""


def draw(names: Sequence[str]) -> None:
    """Draw those that are named, or all."""
    card = test_card()
    pictures = {name: partial(of_chains, variants, card) for name, variants in PICTURES.items()}
    for panels, columns in ((help_films.PANELS, 2), (help_films.STRIPS, 1)):
        pictures |= {name: partial(of_panels, make, card, columns) for name, make in panels.items()}
    pictures |= help_seeing.PICTURES
    for name in names or pictures:
        file = FOLDER / f"{name}.png"
        pictures[name]().save(file, optimize=True)
        say(f"{file.relative_to(paths.ROOT)}  {file.stat().st_size / 1000:.1f} kB")


def of_chains(variants: list[tuple[str, Chain]], card: np.ndarray) -> Image.Image:
    """The card as it is and after each of some chains."""
    bendings = {caption: Bending(tuple(Bend(operator, "word") for operator in chain)) for caption, chain in variants}
    bent = [(caption, play(card[None], bending)[0]) for caption, bending in bendings.items()]
    return sheet([("as it is", card), *bent])


def of_panels(make: Callable[[np.ndarray], Panels], card: np.ndarray, columns: int) -> Image.Image:
    return sheet(make(card), columns)


def colored(values: np.ndarray) -> Image.Image:
    """Each cell a square."""
    height, width = values.shape
    # Rounded finer than the eye sees: a smaller file.
    return heat(values.round(2)).resize((width * ZOOM, height * ZOOM), Image.Resampling.NEAREST)


def sheet(panels: Panels, columns: int = 2) -> Image.Image:
    """The panels in columns, each with its caption below, on nothing."""
    pictures = [(caption, side_by_side(values)) for caption, values in panels]
    width, height = pictures[0][1].size
    rows = -(-len(pictures) // columns)
    image = Image.new("RGBA", (columns * width + (columns - 1) * GAP, rows * (height + CAPTION)))
    pen = ImageDraw.Draw(image)
    for i, (caption, picture) in enumerate(pictures):
        x, y = (i % columns) * (width + GAP), (i // columns) * (height + CAPTION)
        image.paste(picture, (x, y))
        text(pen, (x, y + height + 3), caption, 21, GRAY)
    return image


def side_by_side(values: np.ndarray) -> Image.Image:
    """A picture, or a film's frames in a row."""
    if values.ndim == 2:
        return colored(values)
    frames = [colored(frame) for frame in values]
    width, height = frames[0].size
    image = Image.new("RGBA", (len(frames) * width + (len(frames) - 1) * GAP // 2, height))
    for i, frame in enumerate(frames):
        image.paste(frame, (i * (width + GAP // 2), 0))
    return image
