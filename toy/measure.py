"""What is to be seen in a film of the toy's world: each thing's centre, size, colour and shape, and the field.

The yardstick of the toy's evaluation: told nothing of how a film was made, it reads films drawn by `world` as they are.
**Convention** as in `world`: places and lengths are fractions of the frame, x right, y down.
"""

import functools
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from scipy import ndimage
from torch import Tensor

from . import world

FOREGROUND = 0.28
"""Distance in RGB from the field's colour from which a pixel belongs to a thing."""

SMALLEST = 60
"""Pixels; fewer are a speck."""

REFERENCE = 20.0
"""Pixels: the size at which a shape's area is counted."""

PRESENT = 0.5
"""A thing seen in a smaller part of the frames than this is a flicker."""


@dataclass(frozen=True)
class Blob:
    """A connected patch of one frame. `area` is a fraction of the frame; `fit` the overlap with its `shape`, 0 … 1."""

    x: float
    y: float
    area: float
    rgb: tuple[float, float, float]
    shape: str
    fit: float


@dataclass(frozen=True)
class Sighting:
    """A thing over a film.

    `x`, `y`    its mean centre
    `dx`, `dy`  from its first frame to its last
    `area`      the mean of the frames in which it is seen; `presence` is their share
    `colour`    the world's nearest colour to `rgb`, `off` how far they lie apart; `shape` and `fit` as in most frames
    """

    x: float
    y: float
    dx: float
    dy: float
    area: float
    presence: float
    colour: str
    rgb: tuple[float, float, float]
    off: float
    shape: str
    fit: float


def field(film: Tensor) -> tuple[str, tuple[float, float, float]]:
    """The field's name and its colour: that of the median pixel. `film` is `(F, 3, H, W)` in 0 … 1."""
    # Of an expanded tensor torch's median is garbage, and a film without things is one colour, expanded.
    rgb = film.transpose(0, 1).flatten(1).contiguous().median(1).values
    return _nearest(rgb, world.FIELDS)[0], tuple(rgb.tolist())


def sightings(film: Tensor) -> list[Sighting]:
    """The things of a film `(F, 3, H, W)` in 0 … 1, the most present and largest first."""
    background = torch.tensor(field(film)[1])
    tracks: list[list[Blob]] = []
    for frame in film.float().cpu():
        free = list(tracks)
        for blob in blobs(frame, background):
            near = min(free, key=lambda track: _apart(track[-1], blob), default=None)
            if near is not None and _apart(near[-1], blob) < 0.2:
                near.append(blob)
                free.remove(near)
            else:
                tracks.append([blob])
    seen = [_sighting(track, len(film)) for track in tracks]
    return sorted((s for s in seen if s.presence >= PRESENT), key=lambda s: (s.presence, s.area), reverse=True)


def blobs(frame: Tensor, background: Tensor) -> list[Blob]:
    """The patches of one frame `(3, H, W)` that differ from the `background` colour."""
    apart = (frame - background.view(3, 1, 1)).square().sum(0).sqrt()  # five times as fast as torch's norm
    labels, count = ndimage.label((apart > FOREGROUND).numpy())
    labels = torch.from_numpy(labels)
    patches = (labels == number for number in range(1, count + 1))
    return [_blob(frame, mask) for mask in patches if mask.sum() >= SMALLEST]


def _blob(frame: Tensor, mask: Tensor) -> Blob:
    height, width = mask.shape
    row, column = torch.nonzero(mask, as_tuple=True)
    x, y = column.float().mean() + 0.5, row.float().mean() + 0.5
    core = torch.from_numpy(ndimage.binary_erosion(mask.numpy(), iterations=2))
    rgb = frame[:, core if core.any() else mask].median(1).values
    fits = {shape: _fit(shape, mask, x, y) for shape in world.SHAPES}
    shape = max(fits, key=fits.get)
    area = mask.sum().item() / (height * width)
    return Blob(x.item() / width, y.item() / height, area, tuple(rgb.tolist()), shape, fits[shape])


def _fit(shape: str, mask: Tensor, x: Tensor, y: Tensor) -> float:
    """Intersection over union of a patch and the world's shape of the same area at its centre."""
    height, width = mask.shape
    across = torch.arange(width).view(1, -1) + 0.5 - x
    down = torch.arange(height).view(-1, 1) + 0.5 - y
    # Distances grow with the size, areas with its square: the size is found from that of one drawn shape.
    size = REFERENCE * (mask.sum() / _reference_area(shape)).sqrt().item()
    drawn = world.distance(shape, across, down, size) < 0
    return ((drawn & mask).sum() / (drawn | mask).sum()).item()


@functools.cache
def _reference_area(shape: str) -> Tensor:
    """The area of a shape of the size `REFERENCE`, counted on half pixels."""
    x, y = torch.meshgrid(*[torch.linspace(-2 * REFERENCE, 2 * REFERENCE, 161)] * 2, indexing="xy")
    return (world.distance(shape, x, y, REFERENCE) < 0).sum() * 0.25


def _sighting(track: list[Blob], frames: int) -> Sighting:
    mean = {name: sum(getattr(blob, name) for blob in track) / len(track) for name in ("x", "y", "area")}
    rgb = torch.tensor([blob.rgb for blob in track]).median(0).values
    colour, off = _nearest(rgb, world.COLOURS)
    shape, _ = Counter(blob.shape for blob in track).most_common(1)[0]
    fits = [blob.fit for blob in track if blob.shape == shape]
    return Sighting(
        **mean,
        dx=track[-1].x - track[0].x,
        dy=track[-1].y - track[0].y,
        presence=len(track) / frames,
        colour=colour,
        rgb=tuple(rgb.tolist()),
        off=off,
        shape=shape,
        fit=sum(fits) / len(fits),
    )


def colour_of(rgb: Sequence[float]) -> str:
    """The world's nearest colour."""
    return _nearest(torch.tensor(rgb), world.COLOURS)[0]


def _apart(one: Blob, other: Blob) -> float:
    return math.dist((one.x, one.y), (other.x, other.y))


def _nearest(rgb: Tensor, names: dict[str, tuple[float, float, float]]) -> tuple[str, float]:
    apart = {name: (rgb - torch.tensor(colour)).norm().item() for name, colour in names.items()}
    name = min(apart, key=apart.get)
    return name, apart[name]
