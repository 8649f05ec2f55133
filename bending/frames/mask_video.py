"""Masks over a film: one picture, or one for each frame."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

from ..errors import BendError
from ..lazy import torch
from ..parameter import parameter
from .latent_time import in_time
from .layout import FrameLayout


@dataclass(frozen=True)
class MaskVideo:
    """A mask, `(n, H, W)` in 0 … 1: one picture, or a film of them. Equal where its values are.

    **Convention**
        In space it is resized to the grid by area, after `feather`, the width of a soft edge as a fraction of the
        shorter side, centred on the edge; the picture's own border does not fade. In time, for a film of F latent
        frames: n = 1 stands for all; n = F as it is; n = stride·(F − 1) + 1, one for each
        frame of the video, by the model's causal groups: the first alone, then means of `stride` (4 on Wan); any other
        n is stretched linearly.
    """

    values: torch.Tensor = field(compare=False, repr=False)
    feather: float = parameter(0.0, low=0, high=1, step=0.01, unit="fractions of the mask's shorter side")
    digest: str = field(init=False)

    def __post_init__(self):
        values = self.values
        if values.dim() == 2:
            values = values[None]
        if values.dim() != 3 or values.numel() == 0:
            raise BendError(f"mask has the shape {tuple(self.values.shape)}. Give a MASK: pictures of (H, W).", "mask")
        if not torch.isfinite(values).all():
            raise BendError("mask holds values that are not finite numbers. Give one from 0 to 1.", "mask")
        if not 0 <= self.feather <= 1:
            raise BendError(f"mask_feather is {self.feather}. Give it a number from 0 to 1.", "feather")
        values = values.detach().to("cpu", torch.float32).clamp(0, 1).contiguous()
        object.__setattr__(self, "values", values)
        shape = str(tuple(values.shape)).encode()
        object.__setattr__(self, "digest", hashlib.sha256(shape + values.numpy().tobytes()).hexdigest()[:12])

    @cached_property
    def _feathered(self) -> torch.Tensor:
        """The values with soft edges, at their own size."""
        width = self.feather * min(self.values.shape[1:])
        if width <= 1:
            return self.values
        return _smooth(_smooth(self.values, width, 1), width, 2)

    def on(self, layout: FrameLayout) -> torch.Tensor:
        """The mask on a call's grid, `(F, h, w)` float32."""
        values = self._feathered
        down, across = (
            _area(n, m) for n, m in zip(values.shape[1:], (layout.grid.height, layout.grid.width), strict=True)
        )
        cells = down @ values @ across.T
        return in_time(cells, layout.length, layout.stride)[list(layout.frames)]

    def __str__(self) -> str:
        n, height, width = self.values.shape
        frames = "" if n == 1 else f", {n} frames"
        return f"mask {self.digest} ({width} × {height}{frames}{f', feather {self.feather:g}' if self.feather else ''})"


def _area(size: int, cells: int) -> torch.Tensor:
    """`(cells, size)`: the mean of `size` pixels over each of `cells` equal stretches, by exact overlap."""
    pixel = torch.arange(size, dtype=torch.float32)
    edge = torch.arange(cells + 1, dtype=torch.float32) * (size / cells)
    overlap = torch.minimum(edge[1:, None], pixel + 1) - torch.maximum(edge[:-1, None], pixel)
    overlap = overlap.clamp(min=0)
    return overlap / overlap.sum(1, keepdim=True)


def _smooth(values: torch.Tensor, width: float, axis: int) -> torch.Tensor:
    """Mean over a stretch of `width` pixels along one axis, the border repeated: an edge becomes such a ramp."""
    reach = int((width + 1) // 2)
    offset = torch.arange(-reach, reach + 1, dtype=torch.float32)
    taps = (offset + 0.5).clamp(max=width / 2) - (offset - 0.5).clamp(min=-width / 2)
    taps = taps.clamp(min=0)
    size = values.shape[axis]
    source = (torch.arange(size)[:, None] + torch.arange(-reach, reach + 1)).clamp(0, size - 1)
    matrix = torch.zeros(size, size).scatter_add_(1, source, (taps / taps.sum()).expand(size, -1).contiguous())
    return torch.movedim(torch.tensordot(matrix, values, dims=([1], [axis])), 0, axis)
