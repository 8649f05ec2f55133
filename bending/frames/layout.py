"""Which frames of a film a model call has."""

from dataclasses import dataclass

from .grid import Grid


@dataclass(frozen=True)
class FrameLayout:
    """The frames of one model call: its grid, and for each grid frame its latent frame in a film of `length` frames."""

    grid: Grid
    frames: tuple[int, ...]
    length: int

    @classmethod
    def whole(cls, grid: Grid) -> "FrameLayout":
        return cls(grid, tuple(range(grid.frames)), grid.frames)
