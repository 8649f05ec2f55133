"""What every operator is: a frozen value that can make a kernel for a grid."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import ClassVar, Literal, NoReturn

from ..errors import BendError
from ..frames.mask_video import MaskVideo
from ..lazy import torch
from ..parameter import parameter_types

Kernel = Callable[["torch.Tensor"], "torch.Tensor"]
"""Pictures in, pictures out: float32 `(N, h, w, C)`; each of the N pictures and C channels by itself."""

PADDINGS = ("border", "zeros", "reflection", "wrap")


@dataclass(frozen=True)
class Operator(ABC):
    """A mode with its parameters.

    Class attributes
        name          as the node and every message write it
        key           as files write it
        convention    the version of what the parameters mean; raised when it changes
        acts_on       `map`: each column's map by itself; `words`: the summed maps of whole words, which it remaps
                      together; `logits`: the queries, before all other bends
        temporal      it moves maps along the frames, by a `matrix`; else each frame is bent by itself, by a `kernel`
        token_fields  parameters that name words too, beside the bend's own token
        linear        it maps maps linearly
        diagonal      each place is only multiplied by a number of its own
        signed        non-negative maps may come out with negative values
    """

    name: ClassVar[str]
    key: ClassVar[str]
    convention: ClassVar[int] = 1
    acts_on: ClassVar[Literal["map", "words", "logits"]] = "map"
    temporal: ClassVar[bool] = False
    token_fields: ClassVar[tuple[str, ...]] = ()
    diagonal: ClassVar[bool] = False

    @classmethod
    def movable(cls) -> tuple[str, ...]:
        """The names of the parameters that can be animated."""
        return tuple(name for name, kind in parameter_types(cls).items() if kind in (int, float))

    @property
    def numbers(self) -> tuple[str, ...]:
        """The parameters that can be animated."""
        return self.movable()

    @property
    def masks(self) -> tuple[MaskVideo, ...]:
        """The masks among the parameters."""
        return ()

    def moved(self, **numbers: float) -> Operator:
        """The operator with some of its numbers changed. Raises BendError where one leaves its range."""
        types = parameter_types(type(self))
        return replace(
            self, **{name: types[name](round(v) if types[name] is int else v) for name, v in numbers.items()}
        )

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

    def __post_init__(self):
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, float) and not math.isfinite(value):
                raise BendError(f"{self.name}: {field.name} is {value}. Give it a finite number.", field.name)

    def require(self, truth: bool, field: str, cure: str) -> None:
        """Refuse the value of a parameter: `cure` says what to give instead."""
        if not truth:
            self.refuse(f"{field} is {_brief(getattr(self, field))}. {cure}", field)

    def require_one_of(self, field: str, choices: tuple[str, ...]) -> None:
        value = getattr(self, field)
        if value not in choices:
            self.refuse(f"{field} is {value!r}. Choose one of {', '.join(choices)}.", field)

    def refuse(self, message: str, field: str | None = None) -> NoReturn:
        """Raise BendError: `message` says what was given and what to give instead, `field` which parameter it is of."""
        raise BendError(f"{self.name}: {message}", field)

    def __str__(self) -> str:
        shown = (f"{field.name}={_brief(getattr(self, field.name))}" for field in fields(self))
        return f"{self.name}({', '.join(shown)})"


@dataclass(frozen=True)
class FrameOperator(Operator):
    """An operator on each frame of each map by itself.

    **Convention** (all of them)
        In 2-D. Origin top-left, x to the right, y down. Cell (row i, column j) has its centre at (j + ½, i + ½) in a
        frame of w × h cells. Distances are fractions of the frame, angles degrees clockwise as displayed.
    """

    @abstractmethod
    def kernel(self, height: int, width: int, device: torch.device) -> Kernel:
        """The kernel for pictures of `height` × `width` cells, its tables in float32 on `device`."""


def _brief(value) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
