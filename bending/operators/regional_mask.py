"""Regional Mask: a word kept to a box."""

from __future__ import annotations

from dataclasses import dataclass

from ..lazy import torch
from ..parameter import parameter
from .base import FrameOperator, Kernel

BOX = "box"
"""What an error speaks of that is about the four edges together."""


@dataclass(frozen=True)
class RegionalMask(FrameOperator):
    """Multiply the map by the weight of a box: one inside, nothing outside.

    **Convention**
        The box's edges are fractions of the frame, (`x1`, `y1`) its top left, (`x2`, `y2`) its bottom right. The weight
        is `Wx · Wy` with `W(t) = R((t − a)/f) − R((t − b)/f)` and `R(u) = clamp(u + ½, 0, 1)`, at the cell centres t,
        a and b the edges, all in cells, `f = max(1, feather · min(h, w))`: exact area coverage at feather 0, a ramp
        centred on the edge otherwise. An edge at 0 or 1 lies at infinity, so nothing fades at the picture's own
        border. `invert` keeps the word out of the box instead. On all tokens the total changes on purpose and is not
        renormalised away.
    """

    x1: float = parameter(0.25, low=0, high=1, step=0.01, unit="fractions of the frame's width")
    y1: float = parameter(0.25, low=0, high=1, step=0.01, unit="fractions of the frame's height")
    x2: float = parameter(0.75, low=0, high=1, step=0.01, unit="fractions of the frame's width")
    y2: float = parameter(0.75, low=0, high=1, step=0.01, unit="fractions of the frame's height")
    feather: float = parameter(0.1, low=0, high=1, step=0.01, unit="fractions of the frame's shorter side")
    invert: bool = False

    name = "Regional Mask"
    key = "regional_mask"
    diagonal = True

    def __post_init__(self):
        super().__post_init__()
        box = f"The box x {self.x1:g} to {self.x2:g}, y {self.y1:g} to {self.y2:g}"
        for low, high, axis in ((self.x1, self.x2, "x"), (self.y1, self.y2, "y")):
            if not (0 <= low <= 1 and 0 <= high <= 1):
                self.refuse(f"{box} leaves the frame. Give edges from 0 to 1.", BOX)
            if not low < high:
                self.refuse(f"{box} has no area. Make {axis}1 smaller than {axis}2.", BOX)
        self.require(self.feather >= 0, "feather", "Give it 0 (a hard edge) or more.")

    @property
    def is_identity(self) -> bool:
        return (self.x1, self.y1, self.x2, self.y2) == (0, 0, 1, 1) and not self.invert

    def kernel(self, height, width, device) -> Kernel:
        feather = max(1.0, self.feather * min(height, width))
        wx = _window(self.x1, self.x2, width, feather)
        wy = _window(self.y1, self.y2, height, feather)
        weight = wy[:, None] * wx
        weight = (1 - weight if self.invert else weight).to(device)[..., None]
        return lambda pictures: pictures * weight


def _window(low: float, high: float, size: int, feather: float) -> torch.Tensor:
    """W at the `size` cell centres."""
    t = torch.arange(size, dtype=torch.float32) + 0.5
    rise = ((t - low * size) / feather + 0.5).clamp(0, 1) if low > 0 else torch.ones(size)
    fall = ((t - high * size) / feather + 0.5).clamp(0, 1) if high < 1 else torch.zeros(size)
    return rise - fall
