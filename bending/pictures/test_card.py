"""A map to try bends on before there is one: a moon on its way over water, and a heart for a second word."""

from functools import lru_cache

import torch
from torch import Tensor

FRAMES, HEIGHT, WIDTH = 12, 24, 42
"""Of the card's film, in latent frames and cells; small enough that a processor bends it with one thread."""

GROUND = 0.004
"""What is left of a word where it is not."""

_FINE = 4  # samples a cell, each way


@lru_cache
def word(number: int) -> Tensor:
    """The map of a word, `(F, h, w)`: shares of a place's attention, 0 … 1, which for all words together are below 1.

    The first, the moon, looks different from every side, and has fine waves; the second is the heart, which stays
    where it is; further words are nowhere.
    """
    if number == 0:
        return torch.stack([_sky(frame / (FRAMES - 1)) for frame in range(FRAMES)])
    return _heart() if number == 1 else torch.full((FRAMES, HEIGHT, WIDTH), 1e-4)


def _heart() -> Tensor:
    x, y = _places()
    x, y = (x - 30) / 7.5, (y - 10.5) / 7.5
    inside = (x**2 + (y + 0.75 * x.abs().sqrt() - 0.15) ** 2) < 0.75
    return _shares(0.12 * inside).expand(FRAMES, -1, -1)


def _sky(time: float) -> Tensor:
    x, y = _places()
    left, top = 8 + 19 * time, 9.5 - 2.5 * (1 - (2 * time - 1) ** 2)
    disc = (x - left) ** 2 + (y - top) ** 2 < 6.3**2
    bite = (x - left - 3.4) ** 2 + (y - top + 1.6) ** 2 < 5.2**2
    star = (x - 36).abs().sqrt() + (y - 5).abs().sqrt() < 2.0
    waves = sum(
        ((y - height - 0.8 * torch.sin(0.02 * (x + 12) ** 2 / 1.6 + turn)).abs() < 0.55) * 1.0
        for height, turn in ((18.2, 0.0), (21.2, 0.5))
    )
    glow = torch.exp(-((x - left) ** 2 + (y - top) ** 2) / 90)
    return _shares(0.12 * (disc & ~bite) + 0.016 * glow + 0.1 * star + 0.08 * waves)


def _places() -> tuple[Tensor, Tensor]:
    """x to the right and y down, in cells, several samples in each."""
    across, down = ((torch.arange(n * _FINE) + 0.5) / _FINE for n in (WIDTH, HEIGHT))
    return across[None], down[:, None]


def _shares(samples: Tensor) -> Tensor:
    cells = samples.reshape(HEIGHT, _FINE, WIDTH, _FINE).mean((1, 3))
    return cells.clamp(min=GROUND)
