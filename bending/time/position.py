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
    and it is the next. Only a level that is exactly the schedule's says more than that, where most steps had one: the
    sampler has gone back to it, as a restart does, or looks ahead within its step. The first call is step 0; behind it,
    and before any name, the level decides alone, and so it does where the callback turns out to count something else.

    `conflict` is the first call whose level lies more than one step from where the sampler stood.
    """

    def __init__(self, sigmas: Sequence[float]):
        self.sigmas = tuple(sigmas)
        self.step = 0
        self.conflict: Conflict | None = None
        self._last = max(0, len(self.sigmas) - 2)
        self._sigma: float | None = None
        self._named: int | None = None
        self._since: list[int] = []  # the steps of the levels since that name, or since the start
        self._usual = 0  # how many levels there are from one name to the next, as far as is known
        self._counts = True  # whether the callback goes on as the sampler does
        self._trust = 0  # how many more steps had a level of the schedule's than not
        self._is_exact = False  # whether the step under way had one

    def name(self, step: int) -> None:
        """The sampler's callback names a step; a number that is none of the schedule's says that a step was made."""
        step = step if 0 <= step <= self._last else self.step
        if self._named is not None:
            self._usual = len(self._since)
            self._counts &= step != self._named or step in self._since or not self._since
        self._trust += 1 if self._is_exact else -1
        self._named, self._since, self._is_exact = step, [], False

    def at(self, sigma: float) -> int:
        """The step of a model call at the level σ; calls in a row at one level belong together."""
        if sigma != self._sigma or not self._since:
            self._sigma = sigma
            held = steps_at(self.sigmas, sigma)
            self.step = self._step(sigma, held)
            self._since.append(self.step)
            nearest = min(held, key=lambda k: abs(k - self.step))
            if self.conflict is None and abs(nearest - self.step) > 1:
                self.conflict = Conflict(sigma, nearest, self.step)
        return self.step

    def _step(self, sigma: float, held: Sequence[int]) -> int:
        exact = [k for k in held if same_level(sigma, self.sigmas[k])]
        self._is_exact |= bool(exact)
        if self._named is None and not self._since:  # the first call of all
            self._usual = int(sigma > (1 + CLOSE) * max(self.sigmas))  # a raised level tells no steps apart
            return 0
        if self._named is None or not self._counts:
            return next((k for k in held if k >= self.step), held[-1])
        following = min(self._named + 1, self._last)
        if exact and following not in exact and self._trust >= 0:
            ahead = [k for k in exact if k > self._named and self._since]
            behind = [k for k in exact if k <= self._named]
            return ahead[0] if ahead else behind[-1] if behind else following
        is_further = self._named in held and len(self._since) + 1 != self._usual
        return self._named if is_further and following not in exact else following
