"""Translate: a word moved."""

from __future__ import annotations

from dataclasses import dataclass

from ..lazy import np
from ..parameter import parameter
from .base import PADDINGS, FrameOperator, Kernel
from .resample import resample


@dataclass(frozen=True)
class Translate(FrameOperator):
    """Move the map by `x` to the right and `y` down.

    **Convention**
        Fractions of the frame: x = 0.25 moves a quarter of the frame's width to the right. Bilinear between cells;
        shifts by whole cells are exact. `padding` says what comes in at the edge, see `resample`; default border.
    """

    x: float = parameter(0.25, low=-1, high=1, step=0.01, unit="fractions of the frame's width")
    y: float = parameter(0.0, low=-1, high=1, step=0.01, unit="fractions of the frame's height")
    padding: str = parameter("border", choices=PADDINGS)

    name = "Translate"
    key = "translate"

    def __post_init__(self):
        super().__post_init__()
        self.require_one_of("padding", PADDINGS)

    @property
    def is_identity(self) -> bool:
        return self.x == 0 and self.y == 0

    def kernel(self, height, width, device) -> Kernel:
        inverse = np.array([[1.0, 0.0, -self.x * width], [0.0, 1.0, -self.y * height]])
        return resample(inverse, (0.0, 0.0), self.padding, (height, width), device)
