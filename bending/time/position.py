"""Where a sampler stands: at which of its steps, told from the levels of its model calls and from its callback."""

from collections.abc import Sequence
from dataclasses import dataclass

CLOSE = 1e-6
"""How near, relative to it, a noise level lies to another that is the same."""


def same_level(sigma: float, level: float) -> bool:
    """Whether two noise levels are one, but for rounding in float32."""
    return abs(sigma - level) <= CLOSE * abs(sigma)


def steps_at(sigmas: Sequence[float], sigma: float) -> list[int]:
    """The steps that hold the level σ, ascending, and never none.

    Step k holds what lies between σₖ, included, and σₖ₊₁, not included, whichever is higher; where they are equal, σₖ
    alone. The last step holds its end as well, and a level above or below all of them counts as the nearest.
    """
    last = len(sigmas) - 2
    sigma = min(max(sigma, min(sigmas)), max(sigmas))

    def holds(k: int) -> bool:
        start, end = sigmas[k : k + 2]
        if same_level(sigma, start):
            return True
        return k == last if same_level(sigma, end) else min(start, end) < sigma < max(start, end)

    return [k for k in range(last + 1) if holds(k)] or [0]


@dataclass(frozen=True)
class Conflict:
    """A call at the noise level `sigma`, which belongs to the step `by_level`, while the sampler stood in `step`."""

    sigma: float
    by_level: int
    step: int


class Position:
    """The step of each model call, while a sampler goes along `sigmas`.

    A level does not tell its step by itself: a schedule may have it twice, and what stands between sampler and model
    may change it. The sampler's callback names each step after the first call of that step, so that what follows is a
    further call of it or the first of the next: whichever holds the level. Where neither does, the callback decides,
    and it is the next. Only a level that is exactly the schedule's says more than that: the sampler has gone back, as
    a restart does, or looks ahead within its step. Before the first name, or without any, the level decides alone.

    `conflict` is the first call whose level lies more than one step from where the sampler stood.
    """

    def __init__(self, sigmas: Sequence[float]):
        self.sigmas = tuple(sigmas)
        self.step = 0
        self.conflict: Conflict | None = None
        self._last = max(0, len(self.sigmas) - 2)
        self._sigma: float | None = None
        self._named: int | None = None
        self._levels = 0  # how many there were since a step was named
        self._usual = 0  # how many there are from one name to the next, as far as is known

    def name(self, step: int) -> None:
        """The sampler's callback names a step; a number that is none of the schedule's says that a step was made."""
        if self._named is not None:
            self._usual = self._levels
        self._named = step if 0 <= step <= self._last else self.step
        self._levels = 0

    def at(self, sigma: float) -> int:
        """The step of a model call at the level σ; calls in a row at one level belong together."""
        if sigma != self._sigma or not self._levels:
            self._sigma = sigma
            held = steps_at(self.sigmas, sigma)
            self.step = self._step(sigma, held)
            self._levels += 1
            nearest = min(held, key=lambda k: abs(k - self.step))
            if self.conflict is None and abs(nearest - self.step) > 1:
                self.conflict = Conflict(sigma, nearest, self.step)
        return self.step

    def _step(self, sigma: float, held: Sequence[int]) -> int:
        if self._named is None and self._levels:
            return next((k for k in held if k >= self.step), held[-1])
        if self._named is None:  # the first call of all
            self._usual = int(sigma > (1 + CLOSE) * max(self.sigmas))  # a raised level tells no steps apart
            return 0
        following = min(self._named + 1, self._last)
        exact = [k for k in held if same_level(sigma, self.sigmas[k])]
        ahead = [k for k in exact if k > self._named and self._levels]
        behind = [k for k in exact if k <= self._named]
        if exact and following not in exact and (ahead or behind):
            return ahead[0] if ahead else behind[-1]
        is_further = self._named in held and self._levels + 1 != self._usual
        return self._named if is_further and not exact else following
