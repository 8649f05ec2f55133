"""A stretch of a film: where something is heard, as a track over the frames."""

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from ..errors import BendError
from ..parameter import parameter


@dataclass(frozen=True)
class Stretch:
    """1 from `start` to `end`, fractions of the film, and `outside` elsewhere.

    **Convention**
        Of P pictures, picture p lasts from p/P to (p + 1)/P. A latent frame has the mean over its pictures' time.
        `fade` is the width of a straight ramp about each border, in fractions of the film, none at the film's own ends;
        the ramps of two stretches that meet add up to 1.
    """

    start: float
    end: float
    fade: float = parameter(0.0, low=0, high=1, step=0.01, unit="fractions of the film")
    outside: float = parameter(0.0, low=0, high=1, step=0.01)

    key: ClassVar[str] = "stretch"  # in the experiment log

    def __post_init__(self):
        if not 0 <= self.start < self.end <= 1:
            raise BendError(
                f"the stretch goes from {self.start:g} to {self.end:g}. Give fractions of the film, the smaller first."
            )
        if not (0 <= self.fade <= 1 and 0 <= self.outside <= 1):
            raise BendError(f"fade is {self.fade:g} and outside {self.outside:g}. Give numbers from 0 to 1.")

    @property
    def lowest(self) -> float:
        return self.outside

    def values(self, count: int, stride: int | None = None) -> list[float]:
        """The mean in each of `count` latent frames of that stride, or, without one, of `count` equal parts."""
        stride = stride or 1
        pictures = stride * (count - 1) + 1
        borders = [0.0, *((1 + stride * frame) / pictures for frame in range(count))]
        # rounded, so that what lies wholly inside is 1
        return [round(self._mean(first, last), 9) for first, last in pairwise(borders)]

    def heard(self, count: int, stride: int) -> list[int]:
        """The latent frames that lie in it by half at least."""
        return [frame for frame, value in enumerate(self.values(count, stride)) if value >= (1 + self.outside) / 2]

    def _mean(self, first: float, last: float) -> float:
        length = last - first
        begun = length if self.start == 0 else self._risen(last - self.start) - self._risen(first - self.start)
        over = 0.0 if self.end == 1 else self._risen(last - self.end) - self._risen(first - self.end)
        return self.outside + (1 - self.outside) * (begun - over) / length

    def _risen(self, t: float) -> float:
        """The integral up to t of the ramp that rises from 0 to 1 about 0."""
        if abs(t) >= self.fade / 2:
            return max(0.0, t)
        return (t + self.fade / 2) ** 2 / (2 * self.fade)

    def __str__(self) -> str:
        more = [f"{name} {value:g}" for name, value in (("fade", self.fade), ("outside", self.outside)) if value]
        return ", ".join([f"{self.start:.1%} to {self.end:.1%} of the film", *more])
