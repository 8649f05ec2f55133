"""Temperature: each place chooses its words more sharply or more softly."""

from dataclasses import dataclass

from ..parameter import parameter
from .base import Operator

COLDEST = 1e-30
"""Logits divided by less are no numbers to float32; long before, each place has one word alone."""


@dataclass(frozen=True)
class Temperature(Operator):
    """Divide the logits of a site by `temperature`, before all other bends.

    **Convention**
        Below 1 each place settles on fewer words, above 1 on more; 1 changes nothing. Strength, masks and curves are
        exponents: a weight w gives `temperature ** w`, so that 0 is 1. Several multiply. It belongs to all tokens.
    """

    temperature: float = parameter(0.7, low=0.05, high=20, step=0.05)

    name = "Temperature"
    key = "temperature"
    acts_on = "logits"

    def __post_init__(self):
        super().__post_init__()
        self.require(self.temperature > 0, "temperature", "Give it a number above 0.")
        self.require(self.temperature >= COLDEST, "temperature", f"Give it {COLDEST:g} or more.")

    @property
    def is_identity(self) -> bool:
        return self.temperature == 1
