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
from ..frames.layout import FrameLayout
from ..frames.mask_video import MaskVideo
from ..text.token_field import END, PADDING, token_of
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

    A word of which nothing was seen is left out, and a probe, which is no word of the prompt. Raises BendError for a
    place outside the film.
    """
    return heard(*_seen(record, bent), x, y, frame, radius)


def words_under(record: Record, mask: MaskVideo, frame: int, *, bent: bool = True) -> list[Heard]:
    """The same where a mask is, in one latent frame: each place counts by the mask's value there.

    Raises BendError for a frame outside the film, and for a mask that is empty in it.
    """
    words, maps = _seen(record, bent)
    _check_frame(frame, maps)
    weights = mask.on(FrameLayout.whole(record.grid, record.stride))[frame]
    if not weights.any():
        raise BendError(
            f"mask is empty in latent frame {frame}, so that it shows no place. Paint one, or choose another frame.",
            "mask",
        )
    return _ranked(words, maps, frame, weights)


def heard(words: Sequence[str], maps: Tensor, x: float, y: float, frame: int, radius: float = 0.0) -> list[Heard]:
    """The words at a place of maps `(W, F, h, w)`, one a word."""
    if not (0 <= x <= 1 and 0 <= y <= 1):
        raise BendError(
            f"x {x:g}, y {y:g} is no place of this film: x and y go from 0 to 1.", "y" if 0 <= x <= 1 else "x"
        )
    if not radius >= 0:
        raise BendError(f"radius is {radius:g}. Give it 0, which is one cell, or more.", "radius")
    _check_frame(frame, maps)
    return _ranked(words, maps, frame, _disc(*maps.shape[2:], x, y, radius).float())


def most_heard(found: Sequence[Heard]) -> list[str]:
    """Of the words at a place those that are heard there before all others, as token fields, the first first.

    Their lift is above 1, and at least half of the first's; none where no word's is.
    """
    words = [each for each in found if each.word not in _LAST and each.lift > 1]
    return [token_of(each.word) for each in words if each.lift >= words[0].lift / 2]


def table(found: Sequence[Heard], most: Sequence[str]) -> str:
    """The words at a place for a person, a line each: lift and share, under those that are `most_heard`."""
    first = f"Heard here: {', '.join(most)}" if most else "No word is heard here more than in the whole film."
    lines = (f"{each.word}: {each.lift:.1f} × the whole film, {each.share:.1%} of the attention" for each in found)
    return "\n".join([first, *lines])


def check_many(record: Record) -> None:
    """Raises BendError for a record in which no two words can be told from each other."""
    words = [record.words[n] for n in _numbers(record) if record.words[n] not in _LAST]
    if len(words) < 2:
        raise BendError(
            f"the record has {', '.join(record.words)} alone, and a place is told by how words compare. Set record to "
            f'"prompt words" on Patch Model, and sample again.',
            "maps",
        )


def _seen(record: Record, bent: bool) -> tuple[list[str], Tensor]:
    """The words that were seen, and their mean maps `(W, F, h, w)`."""
    means = {n: overall_mean(record, n, bent) for n in _numbers(record)}
    seen = {n: mean for n, mean in means.items() if mean is not None}
    maps = torch.stack(list(seen.values())) if seen else torch.zeros(0, *record.grid.shape)
    return [record.words[n] for n in seen], maps


def _numbers(record: Record) -> list[int]:
    """Of the words of the prompt."""
    return [n for n in range(len(record.words)) if n not in record.probes]


def _check_frame(frame: int, maps: Tensor) -> None:
    frames = maps.shape[1]
    if not 0 <= frame < frames:
        raise BendError(
            f"frame {frame} is no place of this film: its {frames} latent frames are 0 to {frames - 1}.", "frame"
        )


def _ranked(words: Sequence[str], maps: Tensor, frame: int, weights: Tensor) -> list[Heard]:
    """By the mean of maps `(W, F, h, w)` in a frame, its places weighted `(h, w)`."""
    shares = (maps[:, frame] * weights).sum((1, 2)) / weights.sum()
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
