"""From a video's frames to the latent frames of a film."""

import torch
from torch import Tensor


def is_stretched(count: int, length: int) -> bool:
    """Whether `count` pictures or values meet a film of `length` latent frames only by stretching."""
    return count not in (1, length, 4 * (length - 1) + 1)


def in_time(values: Tensor, length: int) -> Tensor:
    """`(n, …)` brought to `(length, …)` by the rules of MaskFilm."""
    count = len(values)
    if count == length:
        return values
    if count == 1:
        return values.expand(length, *values.shape[1:])
    if count == 4 * (length - 1) + 1:
        groups = values[1:].unflatten(0, (length - 1, 4)).mean(1)
        return torch.cat((values[:1], groups))
    at = torch.linspace(0, count - 1, length) if length > 1 else torch.zeros(1)
    low = at.floor().long().clamp(max=count - 2)
    part = (at - low).view(-1, *(1,) * (values.dim() - 1))
    return torch.lerp(values[low], values[low + 1], part)
