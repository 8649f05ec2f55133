"""The latent-token grid: how a row of attention queries is laid out as a film."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Grid:
    """`frames` × `height` × `width` image tokens, in that order, the width fastest.

    Every per-token quantity of the algebra has the shape `(B, H, L, C)`: batch row, head, token, and
    whatever stands at a token (head width, columns, or one). `L` is `frames · height · width`.
    """

    frames: int
    height: int
    width: int

    @property
    def cells(self) -> int:
        return self.frames * self.height * self.width

    def as_frames(self, rows: Tensor) -> Tensor:
        """`(B, H, L, C)` as single pictures `(B·H·F, h, w, C)`, without a copy where strides allow."""
        return rows.reshape(-1, self.height, self.width, rows.shape[-1])

    def __str__(self) -> str:
        return f"{self.frames} × {self.height} × {self.width}"
