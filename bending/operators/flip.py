"""Flip: a word mirrored."""

from dataclasses import dataclass

from ..parameter import parameter
from .base import FrameOperator, Kernel

AXES = {"horizontal": (2,), "vertical": (1,), "both": (1, 2)}


@dataclass(frozen=True)
class Flip(FrameOperator):
    """Mirror the map; an exact permutation of the cells.

    **Convention**
        `horizontal` exchanges left and right, `vertical` top and bottom, `both` is a half turn.
    """

    axis: str = parameter("horizontal", choices=tuple(AXES))

    name = "Flip"
    key = "flip"

    def __post_init__(self):
        super().__post_init__()
        self.require_one_of("axis", tuple(AXES))

    @property
    def is_identity(self) -> bool:
        return False

    def kernel(self, height, width, device) -> Kernel:
        return lambda pictures: pictures.flip(AXES[self.axis])
