"""A bend at one moment of one film: its operator for each frame, and its weight at every place."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..bend import Bend
from ..frames.layout import FrameLayout
from ..operators import Operator
from ..time import ranges
from ..time.windows import SamplingMoment

MIN_STRENGTH = 1e-6
"""Below this a strength is none; the start of a curve from 0 is."""


@dataclass(frozen=True, eq=False)
class Action:
    """What a bend does to pictures at one moment.

    `operators` holds one operator for all frames, or one for each. `weight` blends `a + weight · (f(a) − a)`: a number,
    or float32 that broadcasts to `(F, h, w, H, 1)`.
    """

    operators: tuple[Operator, ...]
    weight: float | Tensor

    @property
    def is_nothing(self) -> bool:
        """Whether it changes nothing; asked once, while the weight is on the host."""
        weightless = not self.weight.any() if isinstance(self.weight, Tensor) else self.weight == 0
        return weightless or all(operator.is_identity for operator in self.operators)

    def on(self, device: torch.device) -> "Action":
        """The same, its weight there."""
        return replace(self, weight=self.weight.to(device)) if isinstance(self.weight, Tensor) else self

    def runs(self, frames: int, identities: bool = False) -> list[tuple[Operator, slice]]:
        """The operators with the frames in a row that each of them has; identities are left out if not asked for."""
        operators = self.operators if len(self.operators) > 1 else self.operators * frames
        runs, start = [], 0
        for frame in range(1, frames + 1):
            if frame == frames or operators[frame] != operators[start]:
                if identities or not operators[start].is_identity:
                    runs.append((operators[start], slice(start, frame)))
                start = frame
        return runs


def strength_at(bend: Bend, moment: SamplingMoment) -> float:
    """A bend's strength at a moment, windows and an animation over the steps included; 0 where it does nothing."""
    strength = bend.strength
    for animation in bend.animations:
        if animation.over == "steps" and animation.parameter == "strength":
            strength = _clamp(animation.track.values(moment.steps)[moment.step])
        elif animation.parameter == "strength":
            strength = 1.0  # it is said frame by frame
    for window in bend.all_windows:
        strength *= window.weight(moment)
    return strength if strength > MIN_STRENGTH else 0.0


def act(bend: Bend, moment: SamplingMoment, layout: FrameLayout, heads: int) -> Action | None:
    """The bend at a moment, for the frames of one model call, on the host; None where it changes nothing.

    Raises BendError where a number leaves its range.
    """
    action = Action(operators_at(bend, moment, layout), _weight(bend, moment, layout, heads))
    return None if action.is_nothing else action


def operators_at(bend: Bend, moment: SamplingMoment, layout: FrameLayout) -> tuple[Operator, ...]:
    """The bend's operator at a moment: one for all frames, or one for each where a number moves over them."""
    by_step, by_frame = {}, {}
    for animation in bend.animations:
        if animation.parameter == "strength":
            continue
        if animation.over == "steps":
            by_step[animation.parameter] = animation.track.values(moment.steps)[moment.step]
        else:
            by_frame[animation.parameter] = animation.track.values(layout.length, layout.stride)
    operator = bend.operator.moved(**by_step) if by_step else bend.operator
    if not by_frame:
        return (operator,)
    return tuple(operator.moved(**{name: values[f] for name, values in by_frame.items()}) for f in layout.frames)


def _weight(bend: Bend, moment: SamplingMoment, layout: FrameLayout, heads: int) -> float | Tensor:
    weight: float | Tensor = strength_at(bend, moment)
    for animation in bend.animations:
        if (animation.parameter, animation.over) == ("strength", "frames"):
            values = animation.track.values(layout.length, layout.stride)
            weight = weight * torch.tensor([_clamp(values[f]) for f in layout.frames]).view(-1, 1, 1, 1, 1)
    if bend.frames != "all":
        chosen = ranges.resolve(bend.frames, ranges.FRAMES, layout.length)
        weight = weight * torch.tensor([float(f in chosen) for f in layout.frames]).view(-1, 1, 1, 1, 1)
    if bend.heads != "all":
        chosen = ranges.resolve(bend.heads, ranges.HEADS, heads)
        weight = weight * torch.tensor([float(h in chosen) for h in range(heads)]).view(1, 1, 1, -1, 1)
    for mask in bend.masks:
        weight = weight * mask.on(layout)[..., None, None]
    return weight


def _clamp(strength: float) -> float:
    return min(1.0, max(0.0, strength))
