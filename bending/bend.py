"""Bend and Bending: what travels on the wires."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .errors import BendError
from .layers import parse_layers
from .operators import Operator
from .tokens import parse_token

TOLERANCE = 1e-4


@dataclass(frozen=True)
class Bend:
    """One operator and where it acts. Immutable; equal where it does the same thing.

    operator        a mode with its parameters
    token           words, phrases and selectors, as `parse_token` reads them; `ALL` is every token
    strength        0 … 1, blends `a + strength · (f(a) − a)`
    start, end      percent of the sampling as fractions 0 … 1; half-open, closed at 1
    layers          blocks of the model, as `parse_layers` reads them
    renormalize     after this bend, scale every place's attention back to a total of 1
    origin          the node that made it, for messages; outside equality, never in a file

    Raises BendError for what can never work, naming the operator.
    """

    operator: Operator
    token: str
    strength: float = 1.0
    start: float = 0.0
    end: float = 1.0
    layers: str = "all"
    renormalize: bool = True
    origin: str | None = field(default=None, compare=False, repr=False)

    def __post_init__(self):
        try:
            parse_token(self.token)
            parse_layers(self.layers)
            for name in ("strength", "start", "end"):
                value = getattr(self, name)
                if not (math.isfinite(value) and 0 <= value <= 1):
                    raise BendError(f"{name} is {value}. Give it a number from 0 to 1.")
            if self.start >= self.end:
                raise BendError(
                    f"it starts at {self.start:.1%} and ends at {self.end:.1%}. "
                    "Make start_percent smaller than end_percent."
                )
        except BendError as error:
            raise BendError(f"{self.operator.name} of {quoted(self.token)}: {error}") from None

    @property
    def is_identity(self) -> bool:
        return self.strength == 0 or self.operator.is_identity

    def covers(self, first: float, last: float | None = None) -> bool:
        """Whether a moment of the sampling, or any from `first` to `last`, lies in the window.

        The window is `start ≤ p < end`, closed at 1, with a tolerance that lets half of an even schedule be half.
        """
        last = first if last is None else last
        return self.start - TOLERANCE <= last and (first < self.end - TOLERANCE or self.end >= 1)

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
        if self.layers != "all":
            parts.append(f"layers {self.layers}")
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


def quoted(token: str) -> str:
    """A token field as messages show it: words in quotes, selectors bare."""
    return token if token.strip() in ("ALL", "*", "PROMPT", "PADDING", "END") else f'"{token}"'
