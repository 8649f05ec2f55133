"""Paint: a mask in place of a word's map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..frames.mask_video import MaskVideo
from ..lazy import torch
from .base import Operator


@dataclass(frozen=True)
class Paint(Operator):
    """The mask becomes the word's map; the word's total attention in each frame is kept.

    **Convention**
        Per frame, head and batch row: `new = mask · Σ map / Σ mask` over the frame's cells. A frame whose mask is empty
        keeps its map. The word's map is the sum over its pieces and occurrences; the new sum is split among them in the
        proportion they had at that place, equally where all are 0. The mask meets the film as `MaskVideo` says.
    """

    mask: MaskVideo

    name = "Paint"
    key = "paint"
    acts_on = "words"

    @property
    def masks(self) -> tuple[MaskVideo, ...]:
        return (self.mask,)

    @property
    def linear(self) -> bool:
        return False

    @property
    def is_identity(self) -> bool:
        return False

    def remap_words(self, sums: Sequence[torch.Tensor], masks: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """The word's new sum from its old, `(B, L, H, 1)` both; `masks`: its mask on the grid, `(F, h, w)`."""
        (old,), (mask,) = sums, masks
        mask = mask.flatten(1)[..., None, None]
        weight = mask.sum(1, keepdim=True)
        frames = old.unflatten(1, (len(mask), -1))
        painted = mask * frames.sum(2, keepdim=True) / weight.clamp(min=1e-12)
        return [painted.where(weight > 0, frames).flatten(1, 2)]
