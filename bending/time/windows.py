"""Windows of time with soft ends and a curve: by percent of the sampling, or by the sampler's steps."""

import math
from dataclasses import dataclass
from typing import ClassVar

from ..errors import BendError
from ..parameter import parameter
from .animation import between

UNITS = ("percent", "steps")
TOLERANCE = 1e-4
"""Lets half of an even schedule be half, in fractions of the sampling."""


@dataclass(frozen=True)
class SamplingMoment:
    """One level of one sampling: its percent as a fraction 0 … 1, and its step k of `steps`."""

    percent: float
    step: int
    steps: int


@dataclass(frozen=True)
class TimeWindow:
    """A window, and how strong a bend is in it.

    **Convention**
        `percent`: half-open, `start ≤ p < end`, closed at 1, in fractions of the sampling by noise level. `steps`: the
        sampler's own, 0-based, both ends included. `fade_in` and `fade_out` are lengths in the same unit over which the
        strength rises and falls in straight lines; in steps, a fade of n gives 1/(n+1), 2/(n+1), … . `curve` holds the
        strength along the window, evenly spaced from its start to its end, each cut to 0 … 1.
    """

    unit: str = parameter("percent", choices=UNITS)
    start: float = parameter(0.0, low=0, high=10000, step=0.001)
    end: float = parameter(1.0, low=0, high=10000, step=0.001)
    fade_in: float = parameter(0.0, low=0, high=10000, step=0.001)
    fade_out: float = parameter(0.0, low=0, high=10000, step=0.001)
    curve: tuple[float, ...] | None = None

    key: ClassVar[str] = "when"  # in the experiment log

    def __post_init__(self):
        if self.unit not in UNITS:
            raise BendError(f"unit is {self.unit!r}. Choose percent or steps.", "unit")
        if self.unit == "percent" and not (0 <= self.start <= 1 and 0 <= self.end <= 1):
            raise BendError(f"the window {self.start:g} to {self.end:g} leaves the sampling. Give fractions, 0 to 1.")
        if self.start > self.end or (self.unit == "percent" and self.start == self.end):
            raise BendError(
                f"the window starts at {self.start:g} and ends at {self.end:g}. Make start smaller than end."
            )
        if not (0 <= self.fade_in < math.inf and 0 <= self.fade_out < math.inf):
            raise BendError(f"the fades are {self.fade_in:g} and {self.fade_out:g}. Give them 0 or more.")
        if self.curve is not None and not (self.curve and all(map(math.isfinite, self.curve))):
            raise BendError("the curve is empty or holds what is no finite number. Connect another curve.", "curve")
        if self.curve is not None and self.unit == "steps" and self.start == self.end:
            raise BendError(
                f"a curve needs more than one step, but the window is step {self.start:g} alone. Widen it, or use "
                "strength."
            )

    def weight(self, moment: SamplingMoment) -> float:
        """0 outside the window, up to 1 in it."""
        if not self.holds(moment):
            return 0.0
        at, fade = (moment.step, 1) if self.unit == "steps" else (moment.percent, 0)
        rise = (at - self.start + fade) / (self.fade_in + fade) if self.fade_in else 1.0
        fall = (self.end - at + fade) / (self.fade_out + fade) if self.fade_out else 1.0
        along = (at - self.start) / (self.end - self.start) if self.end > self.start else 0.0
        return max(0.0, min(1.0, rise, fall)) * self._curve(min(1.0, max(0.0, along)))

    def holds(self, moment: SamplingMoment) -> bool:
        """Whether a moment lies in the window."""
        if self.unit == "steps":
            return self.start <= moment.step <= self.end
        return self.overlaps(moment.percent, moment.percent)

    def overlaps(self, first: float, last: float) -> bool:
        """Whether any moment from `first` to `last`, as fractions of the sampling, lies in a window of percents."""
        if self.unit == "steps":
            return True
        return self.start - TOLERANCE <= last and (first < self.end - TOLERANCE or self.end >= 1)

    def _curve(self, t: float) -> float:
        if self.curve is None:
            return 1.0
        return min(1.0, max(0.0, between(self.curve, t * (len(self.curve) - 1))))

    def __str__(self) -> str:
        shown = (
            f"{self.start:.1%} to {self.end:.1%}" if self.unit == "percent" else f"steps {self.start:g} to {self.end:g}"
        )
        fades = [f"fade {way} {length:g}" for way, length in (("in", self.fade_in), ("out", self.fade_out)) if length]
        return ", ".join([shown, *fades, *(["along a curve"] if self.curve is not None else [])])
