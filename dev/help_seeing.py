"""The help pages' pictures of maps: what the viewing nodes draw of a run that is made up, so that it can be read."""

from collections.abc import Callable
from functools import partial

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from ..bending import operators as ops
from ..bending.frames.grid import Grid
from ..bending.maps.record import PackedMaps, Record
from ..bending.pictures import drawing, maps_grid
from ..toy import world

GRID = Grid(3, 15, 26)
THINGS = (world.Thing("circle", "red", 0.5, 0.4, 19.0), world.Thing("star", "blue", 0.8, 0.62, 19.0))
SCENE = world.Scene(THINGS, "grey", "a red circle and a blue star")
WORDS = tuple(thing.shape for thing in THINGS)
PLACES = {thing.shape: (thing.x, thing.y, radius) for thing, radius in zip(THINGS, (0.12, 0.14), strict=True)}
"""Where each word acts: centre and radius in fractions of the frame."""

STEPS, LAYERS = 3, 4
WIDTH, COLORS = 480, 160


def spot(x: float, y: float, radius: float) -> Tensor:
    """`(h, w)`: a soft round spot on a faint floor."""
    i, j = torch.meshgrid(torch.arange(GRID.height), torch.arange(GRID.width), indexing="ij")
    u, v = (j + 0.5) / GRID.width - x, ((i + 0.5) / GRID.height - y) * GRID.height / GRID.width
    return 0.03 * torch.exp(-(u**2 + v**2) / radius**2) + 0.001


def made_up() -> Record:
    """A run that moved the circle a quarter of the frame to the left; the third layer carries the words."""
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


def over_a_film() -> Tensor:
    frame = F.interpolate(world.film(SCENE, last=1), scale_factor=2.4, mode="bilinear")
    look = drawing.Look("plasma", opacity=0.85)
    return drawing.draw(drawing.choose(made_up(), "circle"), look, frame.movedim(1, 3).clamp(0, 1))


def by_step_and_layer() -> Tensor:
    return maps_grid.sheet(maps_grid.collect(made_up(), "circle"), "plasma")


def live() -> Tensor:
    return drawing.draw(drawing.choose(made_up()), drawing.Look("plasma"))


def small(draw: Callable[[], Tensor]) -> Image.Image:
    image = Image.fromarray((draw()[0] * 255).round().byte().numpy())
    image = image.resize((WIDTH, round(image.height * WIDTH / image.width)), Image.Resampling.LANCZOS)
    return image.quantize(COLORS, kmeans=1, dither=Image.Dither.NONE)


PICTURES = {
    "AttnBendMaps": partial(small, over_a_film),
    "AttnBendMapsGrid": partial(small, by_step_and_layer),
    "AttnBendModel_live": partial(small, live),
}
"""What makes each, by the name of the file that it is for."""
