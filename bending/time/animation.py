"""Values that move: keyframes, curves, lists and stretches, read at the frames of a film or the steps of a sampling."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from ..errors import BendError
from ..frames.latent_time import in_time, is_causal
from ..lazy import torch
from ..text.lists import COMMAS
from .stretch import Stretch

EASES = ("linear", "ease", "hold")
_KEY = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*(%?)\s*:\s*(-?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*")


@dataclass(frozen=True)
class Keyframes:
    """`(position, is a percent, value)` in order of writing; between two keys `linear`, eased (`3t² − 2t³`) or held.

    A position is a frame or step, negative from the end, or a percent of the way from the first to the last. Before the
    first key and after the last the value stands still.
    """

    keys: tuple[tuple[float, bool, float], ...]
    ease: str = "linear"

    key: ClassVar[str] = "keyframes"  # in the experiment log

    @property
    def lowest(self) -> float:
        return min(value for _, _, value in self.keys)

    def values(self, count: int, stride: int | None = None) -> list[float]:
        """The value at each of `count` frames, which have a stride, or steps. Raises BendError for a position outside.

        A picture is a film of one frame, the first of any film's: it has the first key's value.
        """
        if count == 1 and stride is not None:
            return [min(self.keys, key=lambda key: (key[0] < 0, key[0]))[2]]
        placed = [(self._place(position, percent, count), value) for position, percent, value in self.keys]
        points = sorted(placed, key=lambda point: point[0])
        if count > 1 and len({place for place, _ in points}) < len(points):
            raise BendError(f"keyframes name one of the {count} positions twice. Give each position one value.")
        return [self._at(i, points) for i in range(count)]

    def _place(self, position: float, percent: bool, count: int) -> float:
        if percent:
            return round(position / 100 * (count - 1), 9)
        if not -count <= position <= count - 1:
            raise BendError(
                f"keyframe {position:g} is outside: there are {count}, 0 to {count - 1}. Percents fit any length."
            )
        return position + count if position < 0 else position

    def _at(self, i: int, points: list[tuple[float, float]]) -> float:
        if i <= points[0][0]:
            return points[0][1]
        for (start, low), (end, high) in pairwise(points):
            if start <= i < end:
                t = 0.0 if self.ease == "hold" else (i - start) / (end - start)
                t = t * t * (3 - 2 * t) if self.ease == "ease" else t
                return low + (high - low) * t
        return points[-1][1]

    def __str__(self) -> str:
        keys = ", ".join(f"{position:g}{'%' if percent else ''}: {value:g}" for position, percent, value in self.keys)
        return f"{keys} ({self.ease})"


@dataclass(frozen=True)
class SampledCurve:
    """A list of values, or a curve, sampled finely.

    A list is taken as it is where it has as many values as there are frames or steps; over a film, where it has one for
    each of the video's frames, by the model's causal groups, as masks are; else stretched linearly.
    """

    samples: tuple[float, ...]
    name: str = "list"

    key: ClassVar[str] = "samples"  # in the experiment log

    @property
    def lowest(self) -> float:
        return min(self.samples)

    def values(self, count: int, stride: int | None = None) -> list[float]:
        """The value at each of `count` latent frames of that stride, or, without one, of `count` steps."""
        if stride is None or self.name == "curve" or not is_causal(len(self.samples), count, stride):
            at = [i * (len(self.samples) - 1) / max(1, count - 1) for i in range(count)]
            return [between(self.samples, x) for x in at]
        return in_time(torch.tensor(self.samples, dtype=torch.float32), count, stride).tolist()

    def __str__(self) -> str:
        return f"{self.name} of {len(self.samples)} values, {self.lowest:g} to {max(self.samples):g}"


Track = Keyframes | SampledCurve | Stretch


def parse_keyframes(text: str, ease: str = "linear") -> Keyframes:
    """Keys such as `0: 0, 50%: 45, 100%: 0`. Raises BendError, showing the place, for what cannot be read."""
    if ease not in EASES:
        raise BendError(f"ease is {ease!r}. Choose one of {', '.join(EASES)}.", "ease")
    keys, at = [], 0
    for part in re.split(f"[{COMMAS}\n]", text):
        match = _KEY.fullmatch(part)
        if not match and part.strip():
            shown = f"{text[:at]}▸{text[at:]}".replace("\n", " ")
            raise BendError(f'keyframes cannot be read at "{shown.strip()}". Write them as 0: 0, 50%: 45, 100%: 0.')
        if match:
            position, percent, value = float(match[1]), bool(match[2]), float(match[3])
            if not math.isfinite(value):
                raise BendError(f"keyframe {position:g} has the value {match[3]}. Give it a finite number.")
            if percent and not 0 <= position <= 100:
                raise BendError(f"keyframe {position:g}% lies outside 0% to 100%.")
            keys.append((position, percent, value))
        at += len(part) + 1
    if not keys:
        raise BendError("keyframes are empty. Write them as 0: 0, 50%: 45, 100%: 0.")
    if len({key[:2] for key in keys}) < len(keys):
        raise BendError("keyframes name one position twice. Give each position one value.")
    return Keyframes(tuple(keys), ease)


def sampled_curve(values: Sequence[float], name: str = "list") -> SampledCurve:
    """A list of numbers as a track. Raises BendError for an empty list or numbers that are not finite."""
    numbers = tuple(float(value) for value in values)
    if not numbers or not all(map(math.isfinite, numbers)):
        raise BendError("values is an empty list or holds what is no finite number. Connect a list of FLOATs.")
    return SampledCurve(numbers, name)


def between(values: tuple[float, ...], x: float) -> float:
    """Values at 0, 1, 2, … read at x, linearly."""
    low = min(int(x), len(values) - 1)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (x - low)
