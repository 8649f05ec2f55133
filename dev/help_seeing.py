"""The help pages' pictures of maps: what the viewing nodes draw of a run that is made up, so that it can be read."""

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..bending import operators as ops
from ..bending.frames.grid import Grid
from ..bending.maps.record import PackedMaps, Record
from ..bending.pictures import drawing, maps_grid
from .scenes import kiss_at_sunset

GRID = Grid(3, 15, 26)
WORDS = ("kiss", "sunset")
PLACES = {"kiss": (0.42, 0.4, 0.12), "sunset": (0.74, 0.5, 0.16)}
"""Where each word acts: centre and radius in fractions of the frame."""

STEPS, LAYERS = 3, 4
WIDTH, COLORS = 480, 160


def spot(x: float, y: float, radius: float) -> Tensor:
    """`(h, w)`: a soft round spot on a faint floor."""
    i, j = torch.meshgrid(torch.arange(GRID.height), torch.arange(GRID.width), indexing="ij")
    u, v = (j + 0.5) / GRID.width - x, ((i + 0.5) / GRID.height - y) * GRID.height / GRID.width
    return 0.03 * torch.exp(-(u**2 + v**2) / radius**2) + 0.001


def made_up() -> Record:
    """A run that moved the kiss a quarter of the frame to the left; the third layer carries the words."""
    move = ops.Translate(-0.25).kernel(GRID.height, GRID.width, torch.device("cpu"))
    original = torch.zeros(len(WORDS), STEPS, LAYERS, 1, *GRID.shape)
    for w, word in enumerate(WORDS):
        x, y, radius = PLACES[word]
        for step in range(STEPS):
            for layer in range(LAYERS):
                loud = (0.25, 0.5, 1.0, 0.4)[layer] * (0.5 + 0.5 * step / (STEPS - 1))
                wide = radius * (1.6, 1.3, 1.0, 2.0)[layer]
                original[w, step, layer, 0] = loud * spot(x, y, wide)
    bent = original.clone()
    bent[0] = move(original[0].flatten(0, 3)[..., None])[..., 0].view(original[0].shape)
    axes = (tuple((k, k) for k in range(count)) for count in (STEPS, LAYERS))
    seen = torch.ones(original.shape[:3], dtype=torch.bool)
    return Record(WORDS, ((4,), (8,)), GRID, *axes, 1, PackedMaps.pack(original), PackedMaps.pack(bent), seen)


def all_pictures() -> dict[str, Image.Image]:
    """By the name of the file that each is for."""
    record = made_up()
    scene = torch.from_numpy(np.asarray(kiss_at_sunset().resize((384, 190)), np.float32) / 255)
    over = drawing.draw(drawing.choose(record, "kiss"), drawing.Look("plasma", opacity=0.85), scene[None])
    grid = maps_grid.sheet(maps_grid.collect(record, "kiss"), "plasma")
    live = drawing.draw(drawing.choose(record), drawing.Look("plasma"))[:1]
    named = {"AttnBendMaps": over, "AttnBendMapsGrid": grid, "AttnBendModel_live": live}
    return {name: _small(picture[0]) for name, picture in named.items()}


def _small(picture: Tensor) -> Image.Image:
    image = Image.fromarray((picture * 255).round().byte().numpy())
    image = image.resize((WIDTH, round(image.height * WIDTH / image.width)), Image.Resampling.LANCZOS)
    return image.quantize(COLORS, kmeans=1, dither=Image.Dither.NONE)
