"""Two films made alike, so that one can be seen over the other: the first's size, the shorter one's length."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad

LARGEST = 1024
"""Pixels of a shown film's longer side, at most."""
SMALLEST = 512
"""And at least, by whole multiples: a small film's colours would run together in a video."""


class Pair(NamedTuple):
    """Two films `(T, H, W, 3)` of one shape, and in words what had to be done for it."""

    a: Tensor
    b: Tensor
    told: tuple[str, ...]


def paired(a: Tensor, b: Tensor) -> Pair:
    """Two films `(T, H, W, 3 or more)` in 0 … 1, of any sizes and lengths, made alike.

    The size is a's: b is made as large as it can be inside of it, its shape kept, on black. A single picture stands
    beside every frame of a film; of two films the shorter one's frames are seen.
    """
    told = []
    a, b = a[..., :3].float(), b[..., :3].float()
    if a.shape[1:3] != b.shape[1:3]:
        told.append(f"a is {_size(a)}, b {_size(b)}: b is fitted into a's size.")
    lengths = len(a), len(b)
    if lengths[0] == lengths[1] or 1 in lengths:
        length = max(lengths)
    else:
        length = min(lengths)
        told.append(f"a has {lengths[0]} frames, b {lengths[1]}: the first {length} are shown.")
    a, b = (film[:length].expand(length, -1, -1, -1) for film in (a, b))
    return Pair(a, _fitted(b, *a.shape[1:3]), tuple(told))


def shown(pair: Pair) -> Tensor:
    """Both as one film, a above b, `(T, 2 H', W', 3)`: H' and W' even, and of a size to look at."""
    height, width = pair.a.shape[1:3]
    longer = max(height, width)
    films = [film.movedim(-1, 1) for film in (pair.a, pair.b)]
    if longer > LARGEST:
        size = [max(1, round(side * LARGEST / longer)) for side in (height, width)]
        films = [interpolate(film, size, mode="area") for film in films]
    elif longer < SMALLEST:
        films = [interpolate(film, scale_factor=SMALLEST // longer, mode="nearest") for film in films]
    films = [pad(film, (0, film.shape[3] % 2, 0, film.shape[2] % 2), mode="replicate") for film in films]
    return torch.cat(films, 2).movedim(1, -1)


def _fitted(film: Tensor, height: int, width: int) -> Tensor:
    its_height, its_width = film.shape[1:3]
    if (its_height, its_width) == (height, width):
        return film
    times = min(height / its_height, width / its_width)
    rows, columns = (max(1, round(side * times)) for side in (its_height, its_width))
    inside = interpolate(film.movedim(-1, 1), (rows, columns), mode="bilinear", antialias=True)
    top, left = (height - rows) // 2, (width - columns) // 2
    return pad(inside, (left, width - columns - left, top, height - rows - top)).clamp(0, 1).movedim(1, -1)


def _size(film: Tensor) -> str:
    return f"{film.shape[2]} × {film.shape[1]}"
