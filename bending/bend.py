"""Bend and Bending: what travels on the wires."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from .errors import BendError
from .frames.mask_video import MaskVideo
from .operators import Operator
from .parameter import parameter
from .text.token_field import TokenField, quoted
from .time import ranges
from .time.animation import Track
from .time.windows import TimeWindow

PASSES = ("positive", "negative", "both")


@dataclass(frozen=True)
class Animation:
    """A parameter that moves over the film's `frames` or the sampling's `steps`."""

    parameter: str
    over: str
    track: Track

    key: ClassVar[str] = "animation"  # in the experiment log

    def __str__(self) -> str:
        return f"{self.parameter} over the {self.over}: {self.track}"


@dataclass(frozen=True)
class Bend:
    """One operator and where, when and how strongly it acts. Immutable; equal where it does the same thing.

    operator        a mode with its parameters
    token           words, phrases and selectors, as `TokenField` reads them; `ALL` is every token
    strength        0 … 1, blends `a + strength · (f(a) − a)`
    start, end      percent of the sampling as fractions 0 … 1; half-open, closed at 1
    layers, heads   blocks of the model and heads of a block, as `ranges` reads them
    frames          latent frames of the film, likewise, and percents
    renormalize     after this bend, scale every place's attention back to a total of 1
    passes          positive, negative or both; None is positive, not yet said
    masks           weights at every place; they multiply
    windows         further windows of time; their weights multiply
    animations      parameters that move; one for each parameter
    origin          the node that made it, for messages; outside equality, never in a file
    tokens          the fields that name columns, read: `token`, and what the operator names beside it

    Raises BendError for what can never work, naming the operator.
    """

    operator: Operator
    token: str
    strength: float = parameter(1.0, low=0, high=1, step=0.05)
    start: float = parameter(0.0, low=0, high=1, step=0.001, unit="fractions of the sampling by noise level")
    end: float = parameter(1.0, low=0, high=1, step=0.001, unit="fractions of the sampling by noise level")
    layers: str = "all"
    renormalize: bool = True
    heads: str = "all"
    frames: str = "all"
    passes: str | None = None
    masks: tuple[MaskVideo, ...] = ()
    windows: tuple[TimeWindow, ...] = ()
    animations: tuple[Animation, ...] = ()
    origin: str | None = field(default=None, compare=False, repr=False)
    tokens: tuple[TokenField, ...] = field(init=False, compare=False, repr=False)

    key: ClassVar[str] = "bend"  # in the experiment log

    def __post_init__(self):
        try:
            object.__setattr__(self, "tokens", (TokenField.parse(self.token), *self._other_tokens()))
            for kind in (ranges.LAYERS, ranges.HEADS, ranges.FRAMES):
                ranges.parse(getattr(self, kind.field), kind)
            for name in ("strength", "start", "end"):
                value = getattr(self, name)
                if not (math.isfinite(value) and 0 <= value <= 1):
                    raise BendError(f"{name} is {value}. Give it a number from 0 to 1.", name)
            if self.start >= self.end:
                raise BendError(
                    f"it starts at {self.start:.1%} and ends at {self.end:.1%}. "
                    "Make start_percent smaller than end_percent."
                )
            if self.passes not in (None, *PASSES):
                raise BendError(f"pass is {self.passes!r}. Choose one of {', '.join(PASSES)}.", "passes")
        except BendError as error:
            raise error.within(f"{self.operator.name} of {quoted(self.token)}") from None

    def _other_tokens(self) -> Iterator[TokenField]:
        for name in self.operator.token_fields:
            try:
                yield TokenField.parse(getattr(self.operator, name))
            except BendError as error:
                raise BendError(f"the other word: {error}", name) from None

    @property
    def token_fields(self) -> dict[str, TokenField]:
        """What was read from each parameter that names columns."""
        return dict(zip(("token", *self.operator.token_fields), self.tokens, strict=True))

    @property
    def is_identity(self) -> bool:
        moving = {animation.parameter for animation in self.animations}
        still = self.operator.is_identity and not moving & set(self.operator.numbers)
        return still or (self.strength == 0 and "strength" not in moving)

    @property
    def signed(self) -> bool:
        """Whether it may leave negative weights, or weights of both signs, in a map that had none."""
        moves_below = (a.parameter == "factor" and a.track.lowest < 0 for a in self.animations)
        return self.operator.signed or any(moves_below)

    @property
    def all_windows(self) -> tuple[TimeWindow, ...]:
        """All windows of time, the bend's own percents first."""
        return (TimeWindow("percent", self.start, self.end), *self.windows)

    @property
    def title(self) -> str:
        """As messages name it: `Blur of "kiss"`, with the node that made it where there is one."""
        made_by = f" (node {self.origin})" if self.origin else ""
        return f"{self.operator.name} of {quoted(self.token)}{made_by}"

    def __str__(self) -> str:
        parts = [f"{self.operator} of {quoted(self.token)}"]
        if self.strength != 1:
            parts.append(f"strength {self.strength:g}")
        if (self.start, self.end) != (0, 1):
            parts.append(f"{self.start:.1%} to {self.end:.1%}")
        parts += [
            f"{axis} {getattr(self, axis)}" for axis in ("layers", "heads", "frames") if getattr(self, axis) != "all"
        ]
        if self.passes not in (None, "positive"):
            parts.append(f"{self.passes} pass" if self.passes == "negative" else "both passes")
        parts += map(str, (*self.masks, *self.windows, *self.animations))
        if not self.renormalize:
            parts.append("not renormalized")
        return ", ".join(parts)


@dataclass(frozen=True)
class Bending:
    """An ordered chain of bends; each acts on what the one before it left."""

    bends: tuple[Bend, ...] = ()

    def __add__(self, other: "Bending") -> "Bending":
        return Bending(self.bends + other.bends)

    def __iter__(self) -> Iterator[Bend]:
        return iter(self.bends)

    def __len__(self) -> int:
        return len(self.bends)

    def __str__(self) -> str:
        return "\n".join(f"{i}. {bend}" for i, bend in enumerate(self.bends, 1)) or "no bends"

    @classmethod
    def join(cls, bendings: Iterable["Bending"]) -> "Bending":
        return cls(tuple(bend for bending in bendings for bend in bending))
