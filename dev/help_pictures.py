"""The help pages' pictures: what the nodes make of a test card. ``python -m dev.help_pictures`` draws them anew.

They are kept in ``web/docs/images``; run this in the development environment after a change of an operator.
"""

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from ..bending import operators as ops
from . import help_films, help_seeing, paths
from .help_films import Panels

FOLDER = paths.ROOT / "web" / "docs" / "images"
CELLS = (30, 52)
"""The card's height and width in cells: the grid of Wan 2.1 at 832 × 480."""

ZOOM, GAP, CAPTION = 4, 16, 34
GRAY = (136, 136, 136)
"""Captions lie on the panel's own background, which may be dark or light; it shows them at about half their size."""

HEAT = np.array([(8, 6, 30), (71, 18, 104), (152, 45, 110), (221, 81, 70), (250, 157, 38), (252, 245, 170)], float)
COLD = np.array([60.0, 150.0, 255.0])

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


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    card = test_card()
    for node, variants in PICTURES.items():
        save(node, sheet([(caption, bend(chain, card)) for caption, chain in [("as it is", []), *variants]]))
    for node, panels in help_films.PANELS.items():
        save(node, sheet(panels(card)))
    for node, panels in help_films.STRIPS.items():
        save(node, sheet(panels(card), columns=1))
    for name, picture in help_seeing.all_pictures().items():
        save(name, picture)


def save(node: str, picture: Image.Image) -> None:
    file = FOLDER / f"{node}.png"
    picture.save(file, optimize=True)
    print(f"{file.relative_to(paths.ROOT)}  {file.stat().st_size / 1000:.1f} kB")


def test_card() -> np.ndarray:
    """A map that looks different from every side, `(h, w)`: a letter, a disc, a grating, a bar at the left edge."""
    height, width = CELLS
    fine = 8
    image = Image.new("L", (width * fine, height * fine), 12)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 22 * fine, 6 * fine - 1, 26 * fine - 1), fill=95)
    draw.text((11 * fine, 3 * fine), "F", fill=130, font=ImageFont.load_default(28 * fine))
    draw.ellipse((29 * fine, 4 * fine, 39 * fine, 14 * fine), fill=105)
    for column in range(42, 48, 2):
        draw.rectangle((column * fine, 16 * fine, (column + 1) * fine - 1, 27 * fine - 1), fill=105)
    return np.asarray(image.resize((width, height), Image.Resampling.BOX), np.float32) / 255


def bend(chain: Chain, card: np.ndarray) -> np.ndarray:
    """The card after the very operators that bend the maps."""
    picture = torch.from_numpy(card)[None, :, :, None]
    for operator in chain:
        picture = operator.kernel(*card.shape, torch.device("cpu"))(picture)
    return picture[0, :, :, 0].numpy()


def colored(values: np.ndarray) -> Image.Image:
    """Black at 0 through red to light yellow at 1, blue below 0; each cell a square."""
    values = values.round(2)  # finer than the eye; a smaller file
    position = values.clip(0, 1) * (len(HEAT) - 1)
    low = position.astype(int).clip(max=len(HEAT) - 2)
    part = (position - low)[..., None]
    below = np.sqrt((-values).clip(0, 1))[..., None]
    colors = (HEAT[low] * (1 - part) + HEAT[low + 1] * part) * (1 - below) + COLD * below
    height, width = values.shape
    return Image.fromarray(colors.astype(np.uint8)).resize((width * ZOOM, height * ZOOM), Image.Resampling.NEAREST)


def sheet(panels: Panels, columns: int = 2) -> Image.Image:
    """The panels in columns, each with its caption below, on nothing."""
    pictures = [(caption, side_by_side(values)) for caption, values in panels]
    width, height = pictures[0][1].size
    rows = -(-len(pictures) // columns)
    image = Image.new("RGBA", (columns * width + (columns - 1) * GAP, rows * (height + CAPTION)))
    draw = ImageDraw.Draw(image)
    for i, (caption, picture) in enumerate(pictures):
        x, y = (i % columns) * (width + GAP), (i // columns) * (height + CAPTION)
        image.paste(picture, (x, y))
        draw.text((x, y + height + 3), caption, fill=GRAY, font=ImageFont.load_default(21))
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


def run(arguments: list[str]) -> None:
    main()
