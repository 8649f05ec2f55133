"""The help pages' pictures, in ``web/docs/images``: what the nodes make of a test card, and of a toy's film.

``python dev workflows --pictures`` draws them anew, after a change of an operator.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from PIL import Image, ImageDraw, ImageOps

from ..bending import operators as ops
from ..bending.bend import Bend, Bending
from ..bending.pictures import drawing
from ..host.maps.record_store import record_of
from . import help_films
from .headless import Watched
from .help_films import Panels
from .pictures import heat, play, test_card
from .sheet import Sheet, picture_of
from .thumbnails import shoot, twin
from .workflow_table import HELP, MIDDLE, TEMPLATES, Shot

ZOOM, GAP, CAPTION = 4, 16, 34
WIDTH, COLORS = 480, 160
GRAY = (136, 136, 136)
"""Captions lie on the panel's own background, which may be dark or light; it shows them at about half their size."""

Variants = dict[str, Sequence[ops.Operator]]
"""By caption, operators in the order they act."""

LEFT = {"x1": 0.0, "y1": 0.0, "x2": 0.5, "y2": 1.0}

CHAINS: dict[str, Variants] = {
    "AttnBendAmplify": {f"factor {factor:g}": [ops.Amplify(factor)] for factor in (2.5, 0.4, -1.0)},
    "AttnBendRegionalMask": {
        **{f"feather {feather:g}": [ops.RegionalMask(**LEFT, feather=feather)] for feather in (0.1, 0.6)},
        "invert": [ops.RegionalMask(**LEFT, feather=0.1, invert=True)],
    },
    "AttnBendBlur": {f"sigma {sigma:g}": [ops.Blur(sigma)] for sigma in (1.0, 2.0, 5.0)},
    "AttnBendSharpen": {
        **{f"amount {amount:g}": [ops.Sharpen(amount)] for amount in (1.0, 4.0)},
        "amount 4, clamp off": [ops.Sharpen(4.0, clamp=False)],
    },
    "AttnBendTranslate": {
        **{f"x 0.25, {padding}": [ops.Translate(0.25, padding=padding)] for padding in ops.PADDINGS},
        "y -0.25, wrap": [ops.Translate(0.0, -0.25, padding="wrap")],
    },
    "AttnBendRotate": {
        **{f"angle 30, {padding}": [ops.Rotate(30.0, padding=padding)] for padding in ops.PADDINGS},
        "angle -90, zeros": [ops.Rotate(-90.0, padding="zeros")],
    },
    "AttnBendSpatialScale": {
        "factor 1.5": [ops.SpatialScale(1.5)],
        **{f"factor 0.5, {padding}": [ops.SpatialScale(0.5, padding=padding)] for padding in ops.PADDINGS},
    },
    "AttnBendFlip": {axis: [ops.Flip(axis)] for axis in ("horizontal", "vertical", "both")},
    "AttnBendFrequencyFilter": {
        "low, below 0.2": [ops.FrequencyFilter("low", high=0.2)],
        "high, above 0.2": [ops.FrequencyFilter("high", low=0.2)],
        "band 0.1 to 0.5": [ops.FrequencyFilter("band")],
        "notch 0.1 to 0.5": [ops.FrequencyFilter("notch")],
        "high, mean off": [ops.FrequencyFilter("high", low=0.2, keep_mean=False)],
    },
    "AttnBendStack": {
        "masked": [ops.RegionalMask(**LEFT)],
        "masked, moved": [ops.RegionalMask(**LEFT), ops.Translate(0.25)],
        "moved, masked": [ops.Translate(0.25), ops.RegionalMask(**LEFT)],
    },
}
"""For each node's page, the captions and operators of its pictures; the card as it is comes first."""


def pictures(comfy: Watched) -> dict[str, Callable[[], Image.Image]]:
    """What draws each, by the node or the file that it is for."""
    panels = {name: partial(chained, variants) for name, variants in CHAINS.items()} | help_films.PANELS
    drawn = {name: partial(of_panels, make) for name, make in panels.items()}
    drawn |= {name: partial(of_a_film, comfy, *shot) for name, shot in HELP.items()}
    return drawn | {"AttnBendModel_live": partial(live, comfy), "AttnBendCompare": partial(compared, comfy)}


def chained(variants: Variants, card: np.ndarray) -> Panels:
    """The card as it is and after each of some chains."""
    bendings = {caption: Bending(tuple(Bend(operator, "word") for operator in of)) for caption, of in variants.items()}
    return {"as it is": card} | {caption: play(card[None], bending)[0] for caption, bending in bendings.items()}


def of_panels(make: Callable[[np.ndarray], Panels]) -> Image.Image:
    """The panels in two columns, or films below each other, each with its caption below, on nothing."""
    panels = make(test_card())
    columns = 1 if any(values.ndim == 3 for values in panels.values()) else 2
    pictures, captions = list(map(side_by_side, panels.values())), list(panels)
    (width, height), rows = pictures[0].size, -(-len(pictures) // columns)
    page = Sheet((columns * (width + GAP) - GAP, rows * (height + CAPTION)))
    for row in range(rows):
        of = slice(row * columns, (row + 1) * columns)
        page.row((0, row * (height + CAPTION)), pictures[of], GAP, captions[of], size=21, color=GRAY)
    return page.image


def side_by_side(values: np.ndarray) -> Image.Image:
    """A picture, or a film's frames in a row; each cell a square."""
    *_, height, width = values.shape
    size = width * ZOOM, height * ZOOM
    # Rounded finer than the eye sees: a smaller file.
    frames = [
        heat(frame.round(2)).resize(size, Image.Resampling.NEAREST) for frame in values.reshape(-1, height, width)
    ]
    strip = Sheet((len(frames) * (size[0] + GAP // 2) - GAP // 2, size[1]))
    strip.row((0, 0), frames, GAP // 2)
    return strip.image


def of_a_film(comfy: Watched, name: str, shot: Shot) -> Image.Image:
    """A shot of a workflow's twin."""
    return small(*shoot(comfy, name, [shot]))


def live(comfy: Watched) -> Image.Image:
    """What Patch Model shows of its maps while it samples, here after the last step."""
    name = "Before and after"
    patch, sampler = (str(TEMPLATES[name].ids + node) for node in (9, 11))
    taken = comfy.take(twin(name), {"maps": (patch, 1), "latent": (sampler, 0)})
    frames = drawing.draw(drawing.choose(record_of(**taken)), drawing.Look())
    return small(picture_of(frames[MIDDLE].numpy()))


def compared(comfy: Watched) -> Image.Image:
    """An un-bent film and a bent one as Compare shows them, its line through a thing that was moved."""
    before, after = (
        ImageOps.scale(picture, WIDTH / picture.width, Image.Resampling.LANCZOS)
        for picture in shoot(comfy, "Before and after", [Shot(12, bent=False), Shot(12)])
    )
    place = round(0.2 * WIDTH)
    after.paste(before.crop((0, 0, place, before.height)))
    ImageDraw.Draw(after).line([(place, 0), (place, after.height)], "white", 2)
    return small(after)


def small(picture: Image.Image) -> Image.Image:
    """No wider than a page shows it, in few colours."""
    picture.thumbnail((WIDTH, picture.height), Image.Resampling.LANCZOS)
    return picture.quantize(COLORS, kmeans=1, dither=Image.Dither.NONE)
