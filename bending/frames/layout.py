"""Which frames of a film a model call has."""

from dataclasses import dataclass

from .grid import Grid
from .latent_time import STRIDE


@dataclass(frozen=True)
class FrameLayout:
    """The frames of one model call: its grid, and for each grid frame its latent frame in a film of `length` frames.

    The first latent frame stands for one frame of the video, every other for `stride`.
    """

    grid: Grid
    frames: tuple[int, ...]
    length: int
    stride: int = STRIDE

    @classmethod
    def whole(cls, grid: Grid, stride: int = STRIDE) -> "FrameLayout":
        return cls(grid, tuple(range(grid.frames)), grid.frames, stride)
