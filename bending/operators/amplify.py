"""Amplify: more or less of a word."""

from dataclasses import dataclass

from ..parameter import parameter
from .base import FrameOperator, Kernel


@dataclass(frozen=True)
class Amplify(FrameOperator):
    """Multiply the map by `factor`: the re-weighting of Prompt-to-Prompt (Hertz et al. 2022).

    **Convention**
        1 changes nothing, 0 removes the word, a negative factor pushes the picture away from it. With renormalising,
        a factor c > 0 equals adding log c to the word's logits. On all tokens the total changes on purpose and is
        not renormalised away. The seed's guide calls this `SCALE`.
    """

    factor: float = parameter(2.0, low=-10, high=10, step=0.05)

    name = "Amplify"
    key = "amplify"
    diagonal = True

    @property
    def is_identity(self) -> bool:
        return self.factor == 1

    @property
    def signed(self) -> bool:
        return self.factor < 0

    @property
    def gain(self) -> float:
        return abs(self.factor)

    def kernel(self, height, width, device) -> Kernel:
        return lambda pictures: pictures * self.factor
