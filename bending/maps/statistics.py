"""What a word's maps are in numbers."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from .record import Record


def attention_share(values: Tensor) -> float:
    """A word's share of the attention: the mean of its map over all places; 1 would be all of it."""
    return float(values.mean())


def entropy(values: Tensor) -> float:
    """How widely a map is spread over its places, from 0 (one place) to 1 (all alike): −Σ p ln p / ln(cells).

    p is |map| / Σ|map|. NaN for a map of zeros, or of one place, which has no spread.
    """
    p = values.abs().flatten()
    p = p / p.sum()
    return float(torch.special.entr(p).sum() / math.log(len(p))) if len(p) > 1 else math.nan


def statistics(values: Tensor) -> dict[str, float | None]:
    """What a map `(F, h, w)` amounts to: its `share` and `entropy`, as in the report, and `max`, its largest magnitude.

    The share of a difference is what the word gained; an entropy that there is none of is None.
    """
    spread = entropy(values)
    return {
        "share": attention_share(values),
        "entropy": None if math.isnan(spread) else min(1.0, spread),
        "max": values.abs().max().item(),
    }


def overall_mean(record: Record, word: int, bent: bool) -> Tensor | None:
    """The mean `(F, h, w)` of a word's maps over all that was seen; None where nothing was."""
    if not record.seen[word].any():
        return None
    return record.mean_map(word, bent, range(len(record.steps)), range(len(record.layers)))


def shares(record: Record, words: Sequence[int]) -> Tensor:
    """What share of the attention some words have together, before all bends, `(S, N)` float32.

    NaN where no call was seen. S and N are the record's bins of steps and of layers.
    """
    maps = record.original
    total = torch.zeros(len(record.steps), len(record.layers))
    for word in words:
        for step in range(len(record.steps)):  # a step at a time: all of a large record would not fit
            means = maps.values[word, step].float().mean((-3, -2, -1)) * maps.peaks[word, step, ..., 0, 0, 0]
            total[step] += means.mean(-1)
    return torch.where(record.seen[list(words)].any(0), total, torch.nan)
