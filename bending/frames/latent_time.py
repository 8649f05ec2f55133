"""From a video's frames to the latent frames of a film.

**Convention.** A video model's first latent frame stands for one frame, every other for `stride` of them: a film of F
latent frames has `stride · (F − 1) + 1` frames.
"""

from __future__ import annotations

from ..lazy import torch

STRIDE = 4
"""Where nothing else is said: that of Wan, and of most video models."""


def is_causal(count: int, length: int, stride: int = STRIDE) -> bool:
    """Whether `count` pictures or values are one for each frame of the video of `length` latent frames."""
    return count == stride * (length - 1) + 1


def is_stretched(count: int, length: int, stride: int = STRIDE) -> bool:
    """Whether `count` pictures or values meet a film of `length` latent frames only by stretching."""
    return count not in (1, length) and not is_causal(count, length, stride)


def in_time(values: torch.Tensor, length: int, stride: int = STRIDE) -> torch.Tensor:
    """`(n, …)` brought to `(length, …)` by the rules of MaskVideo."""
    count = len(values)
    if count == length:
        return values
    if count == 1:
        return values.expand(length, *values.shape[1:])
    if is_causal(count, length, stride):
        groups = values[1:].unflatten(0, (length - 1, stride)).mean(1)
        return torch.cat((values[:1], groups))
    at = torch.linspace(0, count - 1, length) if length > 1 else torch.zeros(1)
    low = at.floor().long().clamp(max=count - 2)
    part = (at - low).view(-1, *(1,) * (values.dim() - 1))
    return torch.lerp(values[low], values[low + 1], part)
