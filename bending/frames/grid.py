"""The latent-token grid: how a row of attention queries is laid out as a film."""

from __future__ import annotations

from dataclasses import dataclass

from ..lazy import torch


@dataclass(frozen=True)
class Grid:
    """`frames` × `height` × `width` image tokens, in that order, the width fastest.

    Every per-token quantity of the algebra has the shape `(B, L, H, C)`, as models lay out their queries: batch row,
    token, head, and whatever stands there (head width, columns, or one). `L` is `frames · height · width`.
    """

    frames: int
    height: int
    width: int

    @property
    def cells(self) -> int:
        return self.frames * self.height * self.width

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.frames, self.height, self.width

    def as_pictures(self, rows: torch.Tensor) -> torch.Tensor:
        """`(L, H, C)` as a view of single pictures, each head's channels apart: `(F, h, w, H, C)`."""
        return rows.unflatten(0, self.shape)

    def __str__(self) -> str:
        return f"{self.frames} × {self.height} × {self.width}"
