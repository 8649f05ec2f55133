"""What a set of keys adds to the output of an attention, and how such parts become one output."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..bend import Bend
from .device_cache import DeviceCache
from .logits import SUMS_IN_FLOAT32

LEAST_WEIGHT = 1e-4
"""A part's output is kept divided by its weight, but by no less: half types keep their digits, nothing blows up."""


@dataclass
class Part:
    """A set of keys in a chain: it adds `weight · output`, once nothing is pending, and `mass` to the rows' mass.

    `output` `(B, L, H, D)` is None where only maps are asked for, or where the keys' columns are computed when they
    are needed. Beside values of bfloat16 it may come in float16, which is finer and holds their means; what a bend
    makes of it is no mean, and is of `dtype`, that of the values. `weight` and `own_mass` are `(B, L, H, 1)` float32;
    a weight of None is 1, an own mass the weight.
    `pending` is a bend that the output has still to go through, and what multiplies it before and after that.
    """

    output: Tensor | None
    weight: Tensor | None
    own_mass: Tensor | None = None
    dtype: torch.dtype | None = None
    pending: tuple[Bend, Tensor | None, Tensor | None] | None = None

    @property
    def mass(self) -> Tensor:
        return self.weight if self.own_mass is None else self.own_mass

    def bend(self, cache: DeviceCache, bend: Bend) -> None:
        """By a linear operator. The mass follows, since these keys' columns are of one sign: see chain._keeps_sign."""
        if self.own_mass is None and (self.output is None or (bend.operator.diagonal and not bend.signed)):
            self.weight = cache.bend(bend, self.weight).abs_()
        else:
            mass = cache.bend(bend, self.mass).abs_()
            self.bend_output(cache, bend, mass)
            self.own_mass = mass

    def bend_output(self, cache: DeviceCache, bend: Bend, mass: Tensor) -> None:
        """The output alone, `mass` being what the bend makes of the mass; more than a factor is put down as pending."""
        if bend.operator.diagonal:  # the large output stays as it is
            if self.weight is None:
                self.weight = self.output.new_ones(*self.output.shape[:3], 1, dtype=torch.float32)
            self.weight = cache.bend(bend, self.weight)
        else:
            self.settle(cache)
            self.output = _in_type(cache, self.output, self.dtype or self.output.dtype)
            if self.weight is None or bend.signed:  # what cancels in the mass need not cancel in the output
                self.pending, self.weight = (bend, self.weight, None), None
            else:
                weight = mass.clamp_min(LEAST_WEIGHT)
                self.pending, self.weight = (bend, self.weight, 1 / weight), weight

    def settle(self, cache: DeviceCache, weighed: bool = False) -> None:
        """Carry out what is pending; `weighed`, times the weight in the same pass, which is then None."""
        if self.pending is None:
            return
        bend, before, after = self.pending
        if weighed and self.weight is not None:
            after, self.weight = self.weight if after is None else after * self.weight, None
        cache.bend_(bend, self.output, before, after)
        self.pending = None

    def divide(self, divisor: Tensor) -> None:
        if self.own_mass is not None:
            self.own_mass = self.own_mass / divisor
        if self.weight is not None:
            self.weight = self.weight / divisor
        elif self.output is not None:
            self.weight = 1 / divisor


def add_up(cache: DeviceCache, parts: Sequence[Part], maps: Tensor, v: Tensor) -> Tensor:
    """`Σ weight · output + maps · V` `(B, L, H, D)`, written into the first part's output, or a new one of V's type.

    `maps` `(B, L, H, S)` float32, v `(B, S, H, D)`. All heads of some rows at a time: one pass over what is large, and
    nothing large is ever float32 that was not.
    """
    for part in parts:
        part.settle(cache, weighed=True)
    target = parts[0].output if parts else v.new_empty(*maps.shape[:3], v.shape[3])
    if len(parts) == 1 and not maps.shape[3] and parts[0].weight is None:
        return _in_type(cache, target, v.dtype)
    if target.device.type in SUMS_IN_FLOAT32:
        return _add_up_by_kernels(parts, maps, v)
    # of each row a part is read before the sum is written
    target = target.view(v.dtype) if _is_finer(target, v.dtype) else target
    v = v.float().transpose(1, 2)
    for b, rows in cache.blocks(target):
        total = torch.zeros(target[b, rows].shape, device=target.device) if not parts else None
        for part in parts:
            output = part.output[b, rows]
            weight = None if part.weight is None else part.weight[b, rows]
            if total is not None:
                total = total.add_(output) if weight is None else total.addcmul_(output.float(), weight)
            elif weight is None:
                total = output.float()
            else:
                total = output.float().mul_(weight)
        if maps.shape[3] == 1:  # libraries are slow at products with one column
            total.addcmul_(maps[b, rows], v[b, :, 0])
        elif maps.shape[3]:
            total.transpose(0, 1).baddbmm_(maps[b, rows].transpose(0, 1), v[b])
        if target.dtype != torch.float32 or not parts:  # else it was summed where it lies
            target[b, rows] = total
    return target


def _is_finer(output: Tensor, dtype: torch.dtype) -> bool:
    """Whether it is of another half type than `dtype`."""
    return output.dtype != dtype and output.element_size() == dtype.itemsize


def _in_type(cache: DeviceCache, output: Tensor, dtype: torch.dtype) -> Tensor:
    """An output `(B, L, H, D)` of one half type in the other, where it lies; another as it is."""
    if not _is_finer(output, dtype):
        return output
    target = output.view(dtype)
    for b, rows in cache.blocks(output):
        target[b, rows] = output[b, rows].float()  # from half to half a processor is four times as slow
    return target


def _add_up_by_kernels(parts: Sequence[Part], maps: Tensor, v: Tensor) -> Tensor:
    """The same by few kernels that read and write the type of the output, and add up in float32 themselves.

    The columns' product comes first, since it is small and so is its rounding; each part is weighed as it is added.
    """
    if maps.shape[3] or not parts:
        target = v.new_empty(*maps.shape[:3], v.shape[3])
        for row, columns, values in zip(target, maps.to(v.dtype), v, strict=True):
            torch.bmm(columns.transpose(0, 1), values.transpose(0, 1), out=row.transpose(0, 1))
    else:
        first, *parts = parts
        target = first.output if first.weight is None else first.output.mul_(first.weight)
    for part in parts:
        target.add_(part.output) if part.weight is None else target.addcmul_(part.output, part.weight)
    return target
