"""Probes read against each other: which of them a place would hear more than the others.

    against_p = lift_p / Σ_q (1 + lift_q)        lift_p = map_p / (its own mean over the film)

A probe's map alone shows that something is there: whatever word is asked for, a thing hears it more than the ground.
The lift takes away how loud a word is at all, and the sum how much a place hears any: what is left, from 0 to 1, tells
the words apart. The 1 is each probe's own mean lift: a place that hears none of them more than the film does stays
dark, where the lifts alone would make much of nothing. Of P probes that a thing hears alike, each comes near 1/P.
"""

from collections.abc import Collection, Sequence

import torch
from torch import Tensor

from .record import Record

AGAINST = PROBES, NOTHING = "other probes", "nothing"
"""What probes are read against."""


def is_read(record: Record, words: Collection[int], against: str) -> bool:
    """Whether any of these words is a probe that others stand against."""
    return against == PROBES and len(record.probes) > 1 and not {*record.probes}.isdisjoint(words)


def mean_maps(record: Record, words: Sequence[int], bent: bool, *places: Sequence[int], against: str) -> Tensor:
    """The mean maps `(W, F, h, w)` of some words over places, as Record.mean_map gives them; probes read `against`."""
    probes = record.probes if is_read(record, words, against) else ()
    maps = {word: record.mean_map(word, bent, *places) for word in {*words, *probes}}
    if probes:
        read = against_each_other(torch.stack([maps[probe] for probe in probes]))
        maps |= dict(zip(probes, read, strict=True))
    return torch.stack([maps[word] for word in words])


def against_each_other(maps: Tensor) -> Tensor:
    """Maps `(P, …)` of the same places, nowhere negative."""
    means = maps.flatten(1).mean(1).view(-1, *[1] * (maps.ndim - 1))
    lifts = torch.where(means > 0, maps / means, 0.0)
    return lifts / (1 + lifts).sum(0)
