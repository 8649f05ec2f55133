"""When a bend acts: noise levels, percents and steps of one sampling."""

from collections.abc import Callable, Sequence

from ..bend import Bend
from ..time.windows import TOLERANCE, SamplingMoment, TimeWindow
from .action import strength_at


class Schedule:
    """The levels σ that a sampler received, and what they mean.

    A model call belongs to the level σ it is made at. Its *percent* is the inverse of the model's own
    `percent_to_sigma`, so that it means the same moment in every sampler and schedule. Its *step* is the k with
    `σₖ ≥ σ > σₖ₊₁`, 0-based; a call off the schedule, as some samplers make, lies in the step that covers it.
    """

    def __init__(self, sigmas: Sequence[float], percent_to_sigma: Callable[[float], float]):
        self.sigmas = tuple(sigmas)
        self._percent_to_sigma = percent_to_sigma

    @property
    def steps(self) -> int:
        return max(0, len(self.sigmas) - 1)

    def percent(self, sigma: float) -> float:
        """The fraction 0 … 1 of the sampling at which the model's noise level is σ."""
        low, high = 0.0, 1.0
        for _ in range(40):
            middle = (low + high) / 2
            if float(self._percent_to_sigma(middle)) > sigma:
                low = middle
            else:
                high = middle
        return (low + high) / 2

    def step(self, sigma: float) -> int:
        """The step k that a call at level σ belongs to."""
        sign = 1 if self.sigmas[0] >= self.sigmas[-1] else -1  # FlipSigmas samples backwards
        reached = sum(1 for level in self.sigmas if sign * (level - sigma) >= -1e-6 * abs(sigma))
        return min(max(reached - 1, 0), max(self.steps - 1, 0))

    def moment(self, sigma: float) -> SamplingMoment:
        return SamplingMoment(self.percent(sigma), self.step(sigma), max(self.steps, 1))

    @property
    def moments(self) -> list[SamplingMoment]:
        """The scheduled steps."""
        return [self.moment(sigma) for sigma in self.sigmas[: self.steps]]

    def window(self, bend: Bend) -> list[int]:
        """The scheduled steps in which a bend has any strength."""
        return [moment.step for moment in self.moments if strength_at(bend, moment)]

    def reaches(self, bend: Bend) -> bool:
        """Whether any level between the first and the last of the schedule, scheduled or not, is in the windows."""
        first, last = sorted(self.percent(self.sigmas[k]) for k in (0, -1))
        return all(window.overlaps(first, last) for window in bend.all_windows)

    def is_whole_for(self, window: TimeWindow) -> bool:
        """Whether all of a window of percents lies in this sampling; another sampler may do the rest of it."""
        first, last = sorted(self.percent(self.sigmas[k]) for k in (0, -1))
        return window.unit == "percent" and first - TOLERANCE <= window.start and window.end <= last + TOLERANCE
