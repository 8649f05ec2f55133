"""When a bend acts: noise levels, percents and steps of one sampling."""

from collections.abc import Callable, Sequence

from .bend import Bend


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
        reached = sum(1 for level in self.sigmas if level >= sigma - 1e-6 * abs(sigma))
        return min(max(reached - 1, 0), max(self.steps - 1, 0))

    def window(self, bend: Bend) -> list[int]:
        """The scheduled steps that lie in a bend's window."""
        return [k for k in range(self.steps) if bend.covers(self.percent(self.sigmas[k]))]

    def reaches(self, bend: Bend) -> bool:
        """Whether any level between the first and the last of the schedule, scheduled or not, is in the window."""
        return bend.covers(*(self.percent(self.sigmas[k]) for k in (0, -1)))
