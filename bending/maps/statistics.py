"""What one map is in numbers."""

import math

import torch
from torch import Tensor


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
