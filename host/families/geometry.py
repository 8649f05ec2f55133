"""Which rows of a site's attention are the film's own image tokens."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ...bending.frames.grid import Grid


@dataclass(frozen=True)
class Geometry:
    """How one model call lays out its `tokens` image-side tokens.

    The grid of `frames` × `height` × `width` begins at token `first`; whatever stands before or after it is foreign (a
    reference picture). `frames` names for each grid frame its latent frame in the whole film, or None where that
    frame is foreign too (a reference appended in time, a context window's anchor). Foreign tokens are never bent.
    """

    tokens: int
    first: int
    frames: tuple[int | None, ...]
    height: int
    width: int

    @classmethod
    def of(cls, frames: Sequence[int | None], height: int, width: int, before: int = 0, behind: int = 0) -> "Geometry":
        """The layout of these grid frames with so many foreign tokens `before` them, and so many `behind`."""
        return cls(before + len(frames) * height * width + behind, before, tuple(frames), height, width)

    @property
    def own(self) -> tuple[int, ...]:
        """The grid frames that belong to the film."""
        return tuple(i for i, frame in enumerate(self.frames) if frame is not None)

    @property
    def own_frames(self) -> tuple[int, ...]:
        """Their latent frames in the whole film."""
        return tuple(frame for frame in self.frames if frame is not None)

    @property
    def grid(self) -> Grid:
        return Grid(len(self.own), self.height, self.width)

    def rows(self, device: torch.device) -> slice | Tensor:
        """Index of the film's own tokens: a slice where they stand together, as they nearly always do."""
        area, own = self.height * self.width, self.own
        if not own or own == tuple(range(own[0], own[-1] + 1)):
            start = self.first + area * (own[0] if own else 0)
            return slice(start, start + area * len(own))
        cells = torch.arange(area)
        return torch.cat([self.first + frame * area + cells for frame in own]).to(device)
