"""Swap: words exchange their maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..lazy import torch
from ..parameter import parameter
from .base import Operator

WAYS = ("trade", "follow")


@dataclass(frozen=True)
class Swap(Operator):
    """Words A (the bend's token) and B (`other`) trade maps, or A follows B.

    **Convention**
        With a and b the sums over each one's pieces: `trade` makes a' = (1 − mix)·a + mix·b and b' likewise from a;
        `follow` leaves B alone. A new sum is split among the pieces in the proportion they had at that place, equally
        where all are 0.
    """

    other: str = ""
    way: str = parameter("trade", choices=WAYS)
    mix: float = parameter(1.0, low=0, high=1, step=0.05)

    name = "Swap"
    key = "swap"
    acts_on = "words"
    token_fields = ("other",)

    def __post_init__(self):
        super().__post_init__()
        self.require_one_of("way", WAYS)
        self.require(0 <= self.mix <= 1, "mix", "Give it a number from 0 to 1.")

    @property
    def linear(self) -> bool:
        return False

    @property
    def is_identity(self) -> bool:
        return self.mix == 0

    def remap_words(self, sums: Sequence[torch.Tensor], masks: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """The new sums of A and B from the old, `(B, L, H, 1)` each; there are no masks."""
        a, b = sums
        return [a.lerp(b, self.mix), b.lerp(a, self.mix) if self.way == "trade" else b]
