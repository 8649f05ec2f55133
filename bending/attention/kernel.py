"""One attention, as the algebra sees it: its own q, k and v, the kernel that runs it, and what that tells besides."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..bend import Bend
from .device_cache import DeviceCache
from .logits import adds_up_wide, blocks_of_logs, logits_of

AttentionKernel = Callable[[Tensor, Tensor, Tensor, float], Tensor]
"""q `(B, L, H, D)`, k and values `(B, T, H, D)`, and the scale of the logits → output `(B, L, H, D)`."""

KernelWithLse = Callable[[Tensor, Tensor, Tensor, float], tuple[Tensor, Tensor]]
"""The same with the log of each softmax's denominator, `(B, L, H)` float32."""

KernelWithBias = Callable[[Tensor, Tensor, Tensor, float, Tensor], Tensor]
"""The same with a bias to the logits, which broadcasts to `(B, H, L, T)`; -inf leaves a key out."""


@dataclass(frozen=True)
class Split:
    """An attention whose keys are taken apart into single columns and sets, each with the softmax over it alone.

        A V = columns V_S + Σ_g w_g O_g        w_g = Σ_g A,  O_g = softmax over the keys g, times V_g

    `columns` `(B, L, H, S)` and `masses` w `(B, L, H, P)` are float32, `outputs` P tensors `(B, L, H, D)`, none where
    only maps were asked for. `weighed` says that the outputs hold w_g O_g already.
    """

    columns: Tensor
    masses: Tensor
    outputs: tuple[Tensor, ...] = ()
    weighed: bool = False


@dataclass(frozen=True)
class Attention:
    """`A = softmax(q kᵀ · scale)`, never built.

    How much each key, or set of keys, weighs is told in one of three ways:

    * `kernel_with_lse` tells the log of each softmax's denominator, as FlashAttention (Dao et al. 2022) keeps it for
      its backward pass: for any set of keys, in the call that attends to them. It is the same kernel, or, where it is
      not `of_kernel`, another that computes the same: over all keys its bits are then not those of the kernel;
    * `exact` says that the kernel computes this very softmax, and that its denominators may be computed here;
    * else a second call, whose values are one-hot selectors, returns the sums of A.

    `divisible` says that the kernel may be called with some of the keys; one that is not sees all of them, with V zero
    outside a set.

    `lse` `(B, L, H)` float32 is the log of the denominator over all keys, where it is known, and `masses` what sets of
    keys weigh `(B, L, H, 1)`: both are what taking it apart has told, for maps that are wanted besides.

    `kernel_with_bias` is the kernel with a bias to its logits, where it takes one. `biased` says that the output was so
    made, or by leaving keys out: see bias.
    """

    q: Tensor
    k: Tensor
    v: Tensor
    kernel: AttentionKernel
    scale: float
    kernel_with_lse: KernelWithLse | None = None
    exact: bool = False
    divisible: bool = True
    lse: Tensor | None = None
    masses: tuple[tuple[frozenset[int], Tensor], ...] = ()
    kernel_with_bias: KernelWithBias | None = None
    biased: bool = False
    of_kernel: bool = True

    @property
    def way(self) -> str:
        """How shares are known: `told`, `computed`, or by `selectors`; `masked` is a kernel that sees all keys.

        `biased` is where none need be known.
        """
        if self.biased:
            return "biased"
        if not self.divisible:
            return "masked"
        return "told" if self.kernel_with_lse is not None else "computed" if self.exact else "selectors"

    @property
    def tells(self) -> bool:
        """Whether single columns are known to float32's precision, whatever the type of the output."""
        return self.lse is not None or self.exact or self.kernel_with_lse is not None

    def output(self) -> Tensor:
        """`A V` `(B, L, H, D)`, as the kernel gives it, each row's heads side by side."""
        return self.kernel(self.q, self.k, self.v, self.scale).contiguous()

    def over_some(self, rows: slice, keys: tuple[int, ...], cache: DeviceCache) -> Tensor:
        """The output of some rows with the softmax over some keys alone, in the type of V."""
        qkv = (self.q[:, rows], *self.over(keys, cache), self.scale)
        if self.kernel_with_lse is None or len(keys) == self.k.shape[1]:
            return self.kernel(*qkv)
        return self.kernel_with_lse(*qkv)[0].to(self.v.dtype)

    def at_temperature(self, bends: Sequence[Bend], cache: DeviceCache) -> "Attention":
        """The same as `bends` that act on logits make it; itself where there are none.

        Where they are the same everywhere they go into the scale, which torch's attention applies in float32; else the
        queries are multiplied, and rounded.
        """
        if not bends:
            return self
        factor = cache.tempering(bends)
        if isinstance(factor, float):
            return self if factor == 1 else replace(self, scale=self.scale * factor, lse=None, masses=())
        return replace(self, q=torch.mul(self.q, factor, out=torch.empty_like(self.q)), lse=None, masses=())

    def split(
        self,
        columns: tuple[int, ...],
        blocks: Sequence[tuple[int, ...]],
        sets: Sequence[tuple[int, ...]],
        cache: DeviceCache,
        keep_lse: bool = False,
    ) -> tuple["Attention", Split]:
        """The attention taken apart: single `columns`, and `blocks` and `sets` that cover all other keys.

        Of blocks only the mass is told, of sets the output too; the masses are in that order. Every key is attended to
        once, however many sets there are; none is ever empty. With `keep_lse` the attention comes back with its
        log-sum-exp, if that can be had.
        """
        is_whole = not columns and len(blocks) + len(sets) == 1
        if self.kernel_with_lse is not None and (self.of_kernel or not is_whole):
            attended = [self.kernel_with_lse(self.q, *self.over(keys, cache), self.scale) for keys in (*blocks, *sets)]
            outputs = tuple(output.contiguous() for output, _ in attended[len(blocks) :])
            lses = [lse[..., None] for _, lse in attended]
            if is_whole:  # one softmax over all keys: nothing to weigh
                known = replace(self, lse=lses[0][..., 0])
                return known, Split(self._no_columns(), torch.ones_like(lses[0]), outputs, weighed=True)
            known, split = self._shares(columns, (*blocks, *sets), lses, cache, keep_lse)
            return known, replace(split, outputs=outputs)
        known, split = self.split_maps(columns, (*blocks, *sets), cache, keep_lse)
        if self.divisible:
            outputs = (self.kernel(self.q, *self.over(keys, cache), self.scale) for keys in sets)
        else:
            outputs = (self.kernel(self.q, self.k, self._values_of(keys, cache), self.scale) for keys in sets)
        outputs = tuple(output.contiguous() for output in outputs)
        return known, replace(split, outputs=outputs, weighed=is_whole or not self.divisible)

    def split_maps(
        self, columns: tuple[int, ...], sets: Sequence[tuple[int, ...]], cache: DeviceCache, keep_lse: bool = False
    ) -> tuple["Attention", Split]:
        """The same without outputs: what the columns and the sets weigh."""
        if not columns and len(sets) == 1:
            ones = self.q.new_ones(*self.q.shape[:3], 1, dtype=torch.float32)
            return self.with_lse(cache) if keep_lse else self, Split(self._no_columns(), ones)
        if self.lse is not None:
            maps = self.columns(columns, cache)
            masses = [self._known_mass(keys, columns, maps) for keys in sets]
            if all(mass is not None for mass in masses):
                return self, Split(maps, torch.cat(masses, -1) if masses else maps[..., :0])
        if self.kernel_with_lse is not None:
            lses = [self.kernel_with_lse(self.q, *self.over(keys, cache), self.scale)[1][..., None] for keys in sets]
            return self._shares(columns, sets, lses, cache, keep_lse)
        if self.exact:
            return self._shares(columns, sets, None, cache, keep_lse)
        sums = self._sums([*((column,) for column in columns), *sets], cache)
        return self, Split(sums[..., : len(columns)], sums[..., len(columns) :])

    def columns(self, columns: tuple[int, ...], cache: DeviceCache) -> Tensor:
        """Single columns of A, `(B, L, H, len(columns))` float32.

        Reading a word's map off its column is daam's way (Tang et al., 2023, "What the DAAM").
        """
        if not columns:
            return self._no_columns()
        if not self.tells:
            return self._sums([(column,) for column in columns], cache)
        lse = self.with_lse(cache).lse[..., None]
        if adds_up_wide(self.q):
            return logits_of(self.q, self.k, self.scale, columns, cache).sub_(lse).exp_()
        maps = self.q.new_empty(*self.q.shape[:3], len(columns), dtype=torch.float32)
        for b, rows, logits in blocks_of_logs(self.q, self.k, self.scale, columns, (), (), cache):
            maps[b, rows] = logits.permute(2, 0, 1).sub_(lse[b, rows]).exp_()
        return maps

    def with_lse(self, cache: DeviceCache) -> "Attention":
        """The same with its log-sum-exp, where that can be had."""
        if self.lse is not None or not self.tells:
            return self
        if self.kernel_with_lse is not None:
            return replace(self, lse=self.kernel_with_lse(self.q, self.k, self.v, self.scale)[1])
        return self._shares((), [tuple(range(self.k.shape[1]))], None, cache, keep_lse=True)[0]

    def _shares(
        self,
        columns: tuple[int, ...],
        sets: Sequence[tuple[int, ...]],
        lses: Sequence[Tensor] | None,
        cache: DeviceCache,
        keep_lse: bool,
    ) -> tuple["Attention", Split]:
        """Shares of one softmax: of single columns by their logits, then of sets by the log of their denominators.

        `lses` `(B, L, H, 1)` are those, one a set; without them they are computed here.
        """
        lse = None
        if adds_up_wide(self.q) and lses is not None:
            logs = logits_of(self.q, self.k, self.scale, columns, cache, room=len(lses))
            for i, known in enumerate(lses, start=len(columns)):
                logs[..., i : i + 1] = known
            shares = logs.softmax(-1)
            lse = logs.logsumexp(-1) if keep_lse else None
        else:
            shares = self.q.new_empty(*self.q.shape[:3], len(columns) + len(sets), dtype=torch.float32)
            lse = self.q.new_empty(self.q.shape[:3], dtype=torch.float32) if keep_lse else None
            for b, rows, logs in blocks_of_logs(self.q, self.k, self.scale, columns, sets, lses, cache):
                shares[b, rows] = logs.softmax(1).permute(2, 0, 1)
                if keep_lse:
                    lse[b, rows] = logs.logsumexp(1).T
        split = Split(shares[..., : len(columns)], shares[..., len(columns) :])
        if not keep_lse:
            return self, split
        # a copy: a chain goes on to write to what it was given
        masses = tuple((frozenset(keys), split.masses[..., i : i + 1].clone()) for i, keys in enumerate(sets))
        return replace(self, lse=lse, masses=masses), split

    def _known_mass(self, keys: tuple[int, ...], columns: tuple[int, ...], maps: Tensor) -> Tensor | None:
        """What a set weighs, by what is known of one that has some of the `columns` more; None where none is known."""
        every = frozenset(range(self.k.shape[1]))
        for known, mass in (*self.masses, (every, 1)):
            more = known.difference(keys)
            if known.issuperset(keys) and more.issubset(columns):
                at = [columns.index(column) for column in more]
                return (mass - maps[..., at].sum(-1, keepdim=True)).clamp_(0) if at else mass
        return None

    def over(self, keys: tuple[int, ...], cache: DeviceCache) -> tuple[Tensor, Tensor]:
        """K and V of some keys alone."""
        if len(keys) == self.k.shape[1]:
            return self.k, self.v
        index = cache.index(keys)
        return self.k.index_select(1, index), self.v.index_select(1, index)

    def _values_of(self, keys: tuple[int, ...], cache: DeviceCache) -> Tensor:
        """V, zero outside some keys."""
        if len(keys) == self.k.shape[1]:
            return self.v
        return self.v * cache.selector((keys,), self.v.shape[1], 1, self.v.dtype)[:, None]

    def _sums(self, sets: Sequence[tuple[int, ...]], cache: DeviceCache) -> Tensor:
        """The sums of A over some sets of columns, `(B, L, H, len(sets))` float32, by calls with selectors for V."""
        batch, width, heads, depth = self.v.shape
        parts = []
        for start in range(0, len(sets), depth):
            slots = sets[start : start + depth]
            selector = cache.selector(slots, width, depth, self.v.dtype)[:, None].expand(batch, width, heads, depth)
            parts.append(self.kernel(self.q, self.k, selector, self.scale)[..., : len(slots)].float())
        return torch.cat(parts, dim=-1)

    def _no_columns(self) -> Tensor:
        return self.q.new_empty(*self.q.shape[:3], 0, dtype=torch.float32)
