"""The film that a model call belongs to, and masks over it."""

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from .errors import BendError
from .grid import Grid


@dataclass(frozen=True)
class Film:
    """The frames of one model call: its grid, and for each grid frame its latent frame in a film of `length` frames."""

    grid: Grid
    frames: tuple[int, ...]
    length: int

    @classmethod
    def whole(cls, grid: Grid) -> "Film":
        return cls(grid, tuple(range(grid.frames)), grid.frames)


@dataclass(frozen=True)
class MaskFilm:
    """A mask, `(n, H, W)` in 0 … 1: one picture, or a film of them. Equal where its values are.

    **Convention**
        In space it is resized to the grid by area, after `feather`, the width of a soft edge as a fraction of the
        shorter side, centred on the edge; the picture's own border does not fade. In time, for a film of F latent
        frames: n = 1 stands for all; n = F as it is; n = 4(F − 1) + 1 by Wan's causal groups, the first alone, then
        means of four; any other n is stretched linearly.
    """

    values: Tensor = field(compare=False, repr=False)
    feather: float = 0.0
    digest: str = field(init=False)

    def __post_init__(self):
        values = self.values
        if values.dim() == 2:
            values = values[None]
        if values.dim() != 3 or values.numel() == 0:
            raise BendError(f"mask has the shape {tuple(self.values.shape)}. Give a MASK: pictures of (H, W).")
        if not torch.isfinite(values).all():
            raise BendError("mask holds values that are not finite numbers. Give one from 0 to 1.")
        if not 0 <= self.feather <= 1:
            raise BendError(f"mask_feather is {self.feather}. Give it a number from 0 to 1.")
        values = values.detach().to("cpu", torch.float32).clamp(0, 1).contiguous()
        object.__setattr__(self, "values", values)
        shape = str(tuple(values.shape)).encode()
        object.__setattr__(self, "digest", hashlib.sha256(shape + values.numpy().tobytes()).hexdigest()[:12])

    @cached_property
    def _feathered(self) -> Tensor:
        """The values with soft edges, at their own size."""
        width = self.feather * min(self.values.shape[1:])
        if width <= 1:
            return self.values
        return _smooth(_smooth(self.values, width, 1), width, 2)

    def on(self, film: Film) -> Tensor:
        """The mask on a call's grid, `(F, h, w)` float32."""
        values = self._feathered
        down, across = (_area(n, m) for n, m in zip(values.shape[1:], (film.grid.height, film.grid.width), strict=True))
        cells = down @ values @ across.T
        return in_time(cells, film.length)[list(film.frames)]

    def __str__(self) -> str:
        n, height, width = self.values.shape
        frames = "" if n == 1 else f", {n} frames"
        return f"mask {self.digest} ({width} × {height}{frames}{f', feather {self.feather:g}' if self.feather else ''})"


def is_stretched(count: int, length: int) -> bool:
    """Whether `count` pictures or values meet a film of `length` latent frames only by stretching."""
    return count not in (1, length, 4 * (length - 1) + 1)


def in_time(values: Tensor, length: int) -> Tensor:
    """`(n, …)` brought to `(length, …)` by the rules of MaskFilm."""
    count = len(values)
    if count == length:
        return values
    if count == 1:
        return values.expand(length, *values.shape[1:])
    if count == 4 * (length - 1) + 1:
        groups = values[1:].unflatten(0, (length - 1, 4)).mean(1)
        return torch.cat((values[:1], groups))
    at = torch.linspace(0, count - 1, length) if length > 1 else torch.zeros(1)
    low = at.floor().long().clamp(max=count - 2)
    part = (at - low).view(-1, *(1,) * (values.dim() - 1))
    return torch.lerp(values[low], values[low + 1], part)


def _area(size: int, cells: int) -> Tensor:
    """`(cells, size)`: the mean of `size` pixels over each of `cells` equal stretches, by exact overlap."""
    pixel = torch.arange(size, dtype=torch.float32)
    edge = torch.arange(cells + 1, dtype=torch.float32) * (size / cells)
    overlap = torch.minimum(edge[1:, None], pixel + 1) - torch.maximum(edge[:-1, None], pixel)
    overlap = overlap.clamp(min=0)
    return overlap / overlap.sum(1, keepdim=True)


def _smooth(values: Tensor, width: float, axis: int) -> Tensor:
    """Mean over a stretch of `width` pixels along one axis, the border repeated: an edge becomes such a ramp."""
    reach = int((width + 1) // 2)
    offset = torch.arange(-reach, reach + 1, dtype=torch.float32)
    taps = (offset + 0.5).clamp(max=width / 2) - (offset - 0.5).clamp(min=-width / 2)
    taps = taps.clamp(min=0)
    size = values.shape[axis]
    source = (torch.arange(size)[:, None] + torch.arange(-reach, reach + 1)).clamp(0, size - 1)
    matrix = torch.zeros(size, size).scatter_add_(1, source, (taps / taps.sum()).expand(size, -1).contiguous())
    return torch.movedim(torch.tensordot(matrix, values, dims=([1], [axis])), 0, axis)
