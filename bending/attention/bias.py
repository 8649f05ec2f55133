"""A chain that only multiplies, and renormalises, is one attention with a bias: `softmax(q kᵀ · scale + log c) V`.

c ≥ 0 is what the bends together multiply a column by, at a place and in a head. No part is made and no map, and nothing
is lost where one word holds nearly all of a place. Where c is 0 the bias is -inf: no large negative number would do,
since where all words had it, all would return.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Protocol

import torch
from torch import Tensor

from ..bend import Bend
from .chain import FEW, Plan
from .device_cache import DeviceCache
from .kernel import Attention

HOST = torch.device("cpu")


class Biased(Protocol):
    """A chain at one moment, as attention with a bias; `needs_bias` says that the kernel must take one."""

    needs_bias: bool

    def output(self, attention: Attention, cache: DeviceCache) -> Tensor:
        """`(B, L, H, D)`."""


def biased_output(plan: Plan, attention: Attention, cache: DeviceCache) -> Tensor | None:
    """The output `(B, L, H, D)` of a plan whose steps all act; None where chain or kernel do not allow it.

    Who watches has no part in that. A place that hears no word at all is left to the parts.
    """
    if not plan.only_multiplies or not attention.divisible:
        return None
    biased = cache.at_moment(plan, lambda: biased_at(plan, cache))
    if biased is None or (biased.needs_bias and attention.kernel_with_bias is None):
        return None
    return biased.output(attention, cache)


def bias_type(q: Tensor) -> torch.dtype:
    """Of a bias to logits of q: kernels want the queries' own; on a processor they take float32 beside half types."""
    return torch.float32 if q.device.type == "cpu" else q.dtype


@dataclass(frozen=True, eq=False)
class KeysLeftOut:
    """Every frame hears a word as it is, or not at all: `runs` are rows, and the keys that are attended to in them.

    Without a bias any kernel does it, flash on a GPU too, and in less than the time of all keys.
    """

    runs: tuple[tuple[slice, tuple[int, ...]], ...]
    needs_bias = False

    def output(self, attention: Attention, cache: DeviceCache) -> Tensor:
        if len(self.runs) == 1:
            return attention.over_some(*self.runs[0], cache).contiguous()
        output = attention.q.new_empty(attention.q.shape)
        for rows, keys in self.runs:
            output[:, rows] = attention.over_some(rows, keys, cache)
        return output


@dataclass(frozen=True, eq=False)
class FrameBias:
    """The bias is the same at all places of a frame: frames are the batch, `bias` `(F, H, 1, T)` or 1 for F or H."""

    bias: Tensor
    needs_bias = True

    def output(self, attention: Attention, cache: DeviceCache) -> Tensor:
        bias, frames = self.bias.to(bias_type(attention.q)), len(self.bias)
        made = []
        for q, k, v in zip(attention.q, attention.k, attention.v, strict=True):
            pictures = q.unflatten(0, (frames, -1))
            k, v = (every.expand(frames, *every.shape) for every in (k, v))
            made.append(attention.kernel_with_bias(pictures, k, v, attention.scale, bias).flatten(0, 1))
        return made[0].contiguous()[None] if len(made) == 1 else torch.stack(made)


@dataclass(frozen=True, eq=False)
class PlaceBias:
    """The bias differs from place to place: `logs` `(L, C)` of C kinds of columns; `kinds` has that of each column.

    All heads share it, and it is made for some rows at a time.
    """

    logs: Tensor
    kinds: tuple[int, ...]
    needs_bias = True

    def output(self, attention: Attention, cache: DeviceCache) -> Tensor:
        q, kinds = attention.q, cache.index(self.kinds)
        logs, output = self.logs.to(bias_type(q)), q.new_empty(q.shape)
        for b, rows in cache.blocks(q, len(self.kinds) // 2):
            bias = logs[rows].index_select(1, kinds)[None, None]
            some = (tensor[b : b + 1] for tensor in (q[:, rows], attention.k, attention.v))
            output[b, rows] = attention.kernel_with_bias(*some, attention.scale, bias)[0]
        return output


def biased_at(plan: Plan, cache: DeviceCache) -> Biased | None:
    """The cheapest way for a plan at the moment of the cache; None where the parts are as cheap, or must do it."""
    gains, none = [_log_gain(step.bend, cache) for step in plan.steps], torch.zeros(1, 1, 1, 1)
    kinds = torch.broadcast_tensors(*(sum((gains[i] for i in steps), none) for steps in plan.alike))
    logs = torch.stack(kinds, -1)
    silent = logs == -torch.inf
    if silent.all(-1).any():
        return None
    grid, (frames, height, width, heads, count) = cache.layout.grid, logs.shape
    kind_of = {column: kind for kind, columns in enumerate(plan.alike.values()) for column in columns}
    kinds = tuple(kind_of[column] for column in sorted(kind_of))
    if height * width > 1:
        if heads > 1 or count > FEW:  # what is read besides would be as large as the map, or stored for every place
            return None
        return PlaceBias(logs[:, :, :, 0].expand(*grid.shape, -1).flatten(0, 2).to(cache.device), kinds)
    by_frame = logs[:, 0, 0, :, list(kinds)]
    if heads == 1 and (silent | (logs == 0)).all():
        heard = [tuple((frame == 0).nonzero()[:, 0].tolist()) for frame in by_frame[:, 0]]
        return KeysLeftOut(tuple(_runs(heard, grid.cells // frames)))
    return FrameBias(by_frame[:, :, None].to(cache.device))


def _log_gain(bend: Bend, cache: DeviceCache) -> Tensor:
    """The log of what a bend multiplies by, `(F, h, w, H)` float32 on the host, or 1 for what it is the same along."""
    action = cache.action(bend, on_host=True)
    size = cache.layout.grid.shape[1:]
    full = torch.cat([operator.kernel(*size, HOST)(torch.ones(1, *size, 1)) for operator in action.operators])
    weight = action.weight[..., 0] if isinstance(action.weight, Tensor) else action.weight
    gain = torch.lerp(torch.ones(()), full, weight)
    corner = gain[:, :1, :1]
    return (corner if (gain == corner).all() else gain).clamp_min(0).log()


def _runs(heard: list[tuple[int, ...]], rows: int) -> Iterator[tuple[slice, tuple[int, ...]]]:
    """Of frames of `rows` each, those in a row that attend to the same keys."""
    for keys, run in groupby(enumerate(heard), itemgetter(1)):
        frames = [frame for frame, _ in run]
        yield slice(frames[0] * rows, (frames[-1] + 1) * rows), keys
