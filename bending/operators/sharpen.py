"""Sharpen: a word drawn together at its peaks."""

from __future__ import annotations

from dataclasses import dataclass

from ..lazy import torch
from ..parameter import parameter
from .base import FrameOperator, Kernel
from .blur import gaussian


@dataclass(frozen=True)
class Sharpen(FrameOperator):
    """Add `amount` times what a blur takes away: `a + amount · (a − blur a)`.

    **Convention**
        `sigma` in cells, as in Blur. `clamp` cuts negative values off before the strength blends; without it the
        operator is linear.
    """

    amount: float = parameter(1.0, low=0, high=20, step=0.05)
    sigma: float = parameter(1.0, low=0, high=64, step=0.1, unit="cells of the latent grid")
    clamp: bool = True

    name = "Sharpen"
    key = "sharpen"

    def __post_init__(self):
        super().__post_init__()
        self.require(self.amount >= 0, "amount", "Give it 0 (nothing) or more; Blur softens.")
        self.require(self.sigma >= 0, "sigma", "Give it 0 (nothing) or more.")

    @property
    def linear(self) -> bool:
        return not self.clamp

    @property
    def signed(self) -> bool:
        return not self.clamp

    @property
    def gain(self) -> float:
        return 1 + self.amount

    @property
    def is_identity(self) -> bool:
        # unclamped negatives cannot be there unless an earlier bend made them, and those are not this bend's to cut
        return self.amount == 0 or self.sigma == 0

    def kernel(self, height, width, device) -> Kernel:
        amount = min(self.amount, torch.finfo(torch.float32).max)  # a larger one, from a file, is no number to torch
        sharpened = gaussian(self.sigma, None, height, width, device, sharpen=amount)
        return (lambda pictures: sharpened(pictures).clamp_(min=0)) if self.clamp else sharpened
