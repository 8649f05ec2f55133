"""Which words are heard at a place of the film.

**Convention.** A place is `x` to the right and `y` down, 0 … 1 of the frame, in one latent frame; `radius` is a part of
the frame's shorter side. Heard there is what lies in the disc of that radius: all cells whose centres are in it, and
the cell of the place itself. Lift is a word's share of the attention there over its share in the whole film: 1 is as
much as anywhere, and what is heard everywhere alike has no more, however large its share is.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ..errors import BendError
from ..text.token_field import END, PADDING
from .record import Record
from .statistics import overall_mean

_LAST = (PADDING, END)
"""They are heard wherever no word is: whatever their lift, they name nothing."""


class Heard(NamedTuple):
    """A recorded word at a place: its `lift`, and its mean `share` of the attention there."""

    word: str
    lift: float
    share: float


def words_here(
    record: Record, x: float, y: float, frame: int, radius: float = 0.0, *, bent: bool = True
) -> list[Heard]:
    """The recorded words at a place, after the bends or before, by their lift, the largest first; padding and end last.

    A word of which nothing was seen is left out. Raises BendError for a place outside the film.
    """
    means = {n: overall_mean(record, n, bent) for n in range(len(record.words))}
    seen = {n: mean for n, mean in means.items() if mean is not None}
    maps = torch.stack(list(seen.values())) if seen else torch.zeros(0, *record.grid.shape)
    return heard([record.words[n] for n in seen], maps, x, y, frame, radius)


def heard(words: Sequence[str], maps: Tensor, x: float, y: float, frame: int, radius: float = 0.0) -> list[Heard]:
    """The same of maps `(W, F, h, w)`, one a word."""
    frames, height, width = maps.shape[1:]
    if not (0 <= x <= 1 and 0 <= y <= 1 and 0 <= frame < frames):
        raise BendError(
            f"x {x:g}, y {y:g} in latent frame {frame} is no place of this film: x and y go from 0 to 1, and its "
            f"{frames} latent frames are 0 to {frames - 1}."
        )
    here = _disc(height, width, x, y, radius)
    shares = maps[:, frame, here].mean(-1)
    anywhere = maps.abs().mean((1, 2, 3))
    lifts = torch.where(anywhere > 0, shares / anywhere, 0.0)
    found = [Heard(*each) for each in zip(words, lifts.tolist(), shares.tolist(), strict=True)]
    return sorted(found, key=lambda each: (each.word in _LAST, -each.lift))


def _disc(height: int, width: int, x: float, y: float, radius: float) -> Tensor:
    """`(h, w)` bool."""
    across, down = x * width, y * height
    column, row = torch.arange(width), torch.arange(height)[:, None]
    inside = (column + 0.5 - across) ** 2 + (row + 0.5 - down) ** 2 <= (radius * min(height, width)) ** 2
    return inside | ((column == min(int(across), width - 1)) & (row == min(int(down), height - 1)))
