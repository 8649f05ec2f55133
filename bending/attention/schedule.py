"""When a bend acts: noise levels, percents and steps of one sampling."""

from collections.abc import Callable, Sequence

from ..bend import Bend
from ..time.position import steps_at
from ..time.windows import TOLERANCE, SamplingMoment, TimeWindow
from .action import strength_at


class Schedule:
    """The levels σ that a sampler received, and what they mean.

    A model call is made at a level σ. Its *percent* is the inverse of the model's own `percent_to_sigma`, so that it
    means the same moment in every sampler and schedule. Its *step*, 0-based, is where the sampler stands (`Position`):
    in most schedules the k with `σₖ ≥ σ > σₖ₊₁`; a call off the schedule, as some samplers make, lies in the step that
    covers it.
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
        """The first step whose levels hold σ."""
        return steps_at(self.sigmas, sigma)[0]

    def moment(self, sigma: float, step: int) -> SamplingMoment:
        """The moment of a call at level σ in a step."""
        return SamplingMoment(self.percent(sigma), step, max(self.steps, 1))

    @property
    def moments(self) -> list[SamplingMoment]:
        """The scheduled steps."""
        return [self.moment(sigma, step) for step, sigma in enumerate(self.sigmas[: self.steps])]

    def window(self, bend: Bend) -> list[int]:
        """The scheduled steps in which a bend has any strength."""
        return [moment.step for moment in self.moments if strength_at(bend, moment)]

    def reaches(self, bend: Bend) -> bool:
        """Whether any level between the highest and the lowest of the schedule, scheduled or not, is in the windows."""
        return all(window.overlaps(*self._ends) for window in bend.all_windows)

    def is_whole_for(self, window: TimeWindow) -> bool:
        """Whether all of a window of percents lies in this sampling; another sampler may do the rest of it."""
        first, last = self._ends
        return window.unit == "percent" and first - TOLERANCE <= window.start and window.end <= last + TOLERANCE

    @property
    def _ends(self) -> tuple[float, float]:
        """The percents between which the schedule lies."""
        return self.percent(max(self.sigmas)), self.percent(min(self.sigmas))
