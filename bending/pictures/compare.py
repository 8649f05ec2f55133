"""How one film differs from another, in four numbers.

**Convention.** Films are `(T, H, W, 3)` in 0 … 1, f the film and g the one it is compared with, of one shape.

    change     mean |f − g| over frames, pixels and channels: 0 the same, 1 black against white
    ssim       structural similarity (Wang et al. 2004) of the luma Y = 0.299 R + 0.587 G + 0.114 B, in a gaussian
               window of 11 pixels and σ 1.5 (mirrored at the border), C1 = 0.01², C2 = 0.03²; mean over pixels and
               frames: 1 the same, about 0 nothing in common. As its authors advise, a picture is first made smaller by
               means of n × n pixels, n = max(1, round(shorter side / 256))
    motion     mean |f[t+1] − f[t]| over that of g: 1 moves as much, 2 twice as much
    flicker    mean |f[t+1] − 2 f[t] + f[t−1]| over that of g: what jumps back and forth counts most

None where there is nothing to measure: too few frames, pictures smaller than half the window, a g that stands still.
"""

from dataclasses import asdict, dataclass

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from ..errors import BendError
from .optional import needs

WINDOW = 11
"""Pixels of the window of the structural similarity."""
_LUMA = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class Change:
    """What a film is against another."""

    change: float
    ssim: float | None
    motion: float | None
    flicker: float | None

    def as_dict(self) -> dict[str, float | None]:
        return asdict(self)


def compare(film: Tensor, other: Tensor, moved: tuple[float | None, float | None] | None = None) -> Change:
    """The numbers of `film` against `other`; `moved` is `movement(other)`, where that is known already.

    Raises BendError where their shapes differ.
    """
    if film.shape != other.shape:
        raise BendError(f"one film has the shape {tuple(film.shape)}, the other {tuple(other.shape)}. Compare equals.")
    motion, flicker = movement(film)
    its_motion, its_flicker = moved or movement(other)
    return Change(
        _mean([_size(one - two) for one, two in _frames(film, other)]),
        _ssim(film, other),
        _ratio(motion, its_motion),
        _ratio(flicker, its_flicker),
    )


def movement(film: Tensor) -> tuple[float | None, float | None]:
    """The mean magnitudes of a film's first and second differences in time; None where it has too few frames."""
    motion, flicker = [], []
    before = step = None
    for (frame,) in _frames(film):
        if before is not None:
            last, step = step, frame - before
            motion.append(_size(step))
            if last is not None:
                flicker.append(_size(step - last))
        before = frame
    return _mean(motion), _mean(flicker)


def _frames(*films: Tensor):
    """Frame by frame, so that no second film is ever in memory."""
    return (tuple(frame[..., :3].float() for frame in frames) for frames in zip(*films, strict=True))


def _size(frame: Tensor) -> float:
    return float(frame.abs().mean())


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _ratio(one: float | None, other: float | None) -> float | None:
    return one / other if one is not None and other else None


def _ssim(film: Tensor, other: Tensor) -> float | None:
    n = max(1, round(min(film.shape[1:3]) / 256))
    if min(film.shape[1:3]) // n <= WINDOW // 2:
        return None
    with needs("kornia"):
        from kornia.metrics import ssim as ssim_map
    luma = torch.tensor(_LUMA, device=film.device)
    means = []
    for frames in _frames(film, other):
        ys = [avg_pool2d((frame @ luma)[None, None], n) for frame in frames]
        # without kornia's own small number, by which two black pictures would not be the same
        means.append(float(ssim_map(*ys, WINDOW, eps=0.0).mean()))
    return _mean(means)
