"""Spatial Scale: a word made larger or smaller."""

from __future__ import annotations

from dataclasses import dataclass

from ..lazy import np
from ..parameter import parameter
from .base import PADDINGS, FrameOperator, Kernel
from .resample import resample


@dataclass(frozen=True)
class SpatialScale(FrameOperator):
    """Enlarge the map by `factor` about a centre.

    **Convention**
        `factor` > 1 enlarges, < 1 shrinks, about (`center_x`, `center_y`), fractions of the frame, default its
        middle. Bilinear. `padding` as in `resample`, for what a shrunk map leaves open; default border. The seed's
        guide calls this `SPATIAL_SCALE`, later research code `scale`.
    """

    factor: float = parameter(1.5, low=0.05, high=20, step=0.05)
    padding: str = parameter("border", choices=PADDINGS)
    center_x: float = parameter(0.5, low=0, high=1, step=0.01, unit="fractions of the frame's width")
    center_y: float = parameter(0.5, low=0, high=1, step=0.01, unit="fractions of the frame's height")

    name = "Spatial Scale"
    key = "spatial_scale"

    def __post_init__(self):
        super().__post_init__()
        self.require(self.factor > 0, "factor", "Give it a number above 0; 1 changes nothing.")
        self.require_one_of("padding", PADDINGS)

    @property
    def is_identity(self) -> bool:
        return self.factor == 1

    def kernel(self, height, width, device) -> Kernel:
        inverse = np.array([[1 / self.factor, 0.0, 0.0], [0.0, 1 / self.factor, 0.0]])
        return resample(inverse, (self.center_x, self.center_y), self.padding, (height, width), device)
