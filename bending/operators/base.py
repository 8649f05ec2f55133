"""What every operator is: a frozen value that can make a kernel for a grid."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import ClassVar

import torch
from torch import Tensor

from ..errors import BendError

Kernel = Callable[[Tensor], Tensor]
"""Pictures in, pictures out: float32 `(N, h, w, C)`; each of the N pictures and C channels by itself."""

PADDINGS = ("border", "zeros", "reflection", "wrap")


@dataclass(frozen=True)
class Operator(ABC):
    """A function on maps, with its parameters; one subclass a mode.

    **Convention** (all operators)
        Per frame, in 2-D. Origin top-left, x to the right, y down. Cell (row i, column j) has its centre at
        (j + ½, i + ½) in a frame of w × h cells. Distances are fractions of the frame, angles degrees clockwise
        as displayed. A kernel of a non-identity operator is made once and applied to many pictures.

    Class attributes
        name        as the node and every message write it
        key         as files write it
        convention  the version of what the parameters mean; raised when it changes
        linear      the kernel is a linear map of each picture
        diagonal    each place is only multiplied by a number of its own
        signed      non-negative pictures may come out with negative values
    """

    name: ClassVar[str]
    key: ClassVar[str]
    convention: ClassVar[int] = 1
    diagonal: ClassVar[bool] = False

    @property
    def linear(self) -> bool:
        return True

    @property
    def signed(self) -> bool:
        return False

    @property
    def gain(self) -> float:
        """By how much the largest value of a map can grow; names the likeliest culprit of an overflow."""
        return 1.0

    @property
    @abstractmethod
    def is_identity(self) -> bool:
        """True for parameters that change nothing; such a bend is left out, so the bits stay."""

    @abstractmethod
    def kernel(self, height: int, width: int, device: torch.device) -> Kernel:
        """The kernel for pictures of `height` × `width` cells, its tables in float32 on `device`."""

    def __post_init__(self):
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, float) and not math.isfinite(value):
                raise BendError(f"{self.name}: {field.name} is {value}. Give it a finite number.")

    def require(self, truth: bool, message: str) -> None:
        """Refuse parameters: `message` says what was given and what to give instead."""
        if not truth:
            raise BendError(f"{self.name}: {message}")

    def require_one_of(self, field: str, choices: tuple[str, ...]) -> None:
        value = getattr(self, field)
        self.require(value in choices, f"{field} is {value!r}. Choose one of {', '.join(choices)}.")

    def __str__(self) -> str:
        shown = (f"{field.name}={_brief(getattr(self, field.name))}" for field in fields(self))
        return f"{self.name}({', '.join(shown)})"


def _brief(value) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
