"""Rotate: a word turned."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..lazy import np
from ..parameter import parameter
from .base import PADDINGS, FrameOperator, Kernel
from .resample import resample


@dataclass(frozen=True)
class Rotate(FrameOperator):
    """Turn the map by `angle` degrees, clockwise as displayed.

    **Convention**
        About (`center_x`, `center_y`), fractions of the frame, default its middle. Modulo 360. Distances are measured
        in cells, so shapes keep their form on frames that are not square. Bilinear; 180°, and 90° on square frames
        about the middle, are exact permutations. `padding` as in `resample`; default border.
    """

    angle: float = parameter(15.0, low=-360, high=360, step=1, unit="degrees")
    padding: str = parameter("border", choices=PADDINGS)
    center_x: float = parameter(0.5, low=0, high=1, step=0.01, unit="fractions of the frame's width")
    center_y: float = parameter(0.5, low=0, high=1, step=0.01, unit="fractions of the frame's height")

    name = "Rotate"
    key = "rotate"

    def __post_init__(self):
        super().__post_init__()
        self.require_one_of("padding", PADDINGS)

    @property
    def is_identity(self) -> bool:
        return self.angle % 360 == 0

    def kernel(self, height, width, device) -> Kernel:
        cos, sin = _turn(self.angle)
        inverse = np.array([[cos, sin, 0.0], [-sin, cos, 0.0]])
        return resample(inverse, (self.center_x, self.center_y), self.padding, (height, width), device)


def _turn(angle: float) -> tuple[float, float]:
    """Cosine and sine, exact at quarter turns."""
    quarter = angle / 90 % 4
    if quarter == int(quarter):
        return ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))[int(quarter) % 4]
    return math.cos(math.radians(angle)), math.sin(math.radians(angle))
