"""One attention, as the algebra sees it: its own q, k and v, the kernel that ran, and what the kernel told besides."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .device_cache import DeviceCache

AttentionKernel = Callable[[Tensor, Tensor, Tensor], Tensor]
"""q `(B, L, H, D)`, k and values `(B, T, H, D)` → output `(B, L, H, D)`."""


@dataclass(frozen=True)
class Attention:
    """`A = softmax(q kᵀ · scale)`, never built.

    `lse` `(B, L, H)` float32 is the log of each softmax's denominator, where the kernel gives it, as FlashAttention
    (Dao et al. 2022) keeps it for its backward pass; `exact` says that the kernel computes this very softmax, and that
    its denominators may be computed here. Then columns of A are `exp(q·k · scale − lse)`. For any other kernel a second
    call, whose values are one-hot selectors, returns them.
    """

    q: Tensor
    k: Tensor
    v: Tensor
    kernel: AttentionKernel
    scale: float
    lse: Tensor | None = None
    exact: bool = False

    @property
    def tells(self) -> bool:
        """Whether single columns are known to float32's precision, whatever the type of the output."""
        return self.lse is not None or self.exact

    def output(self) -> Tensor:
        """`A V` `(B, L, H, D)`, as the kernel gives it, each row's heads side by side."""
        return self.kernel(self.q, self.k, self.v).contiguous()

    def sums(self, sets: Sequence[tuple[int, ...]], cache: DeviceCache) -> Tensor:
        """The sums of A over some sets of columns, `(B, L, H, len(sets))` float32.

        Reading a word's map off its column is daam's way (Tang et al., 2023, "What the DAAM").
        """
        if not sets:
            return torch.empty_like(self.q[..., :0], dtype=torch.float32)
        if self.tells and all(len(columns) == 1 for columns in sets):
            return self._columns(tuple(column for (column,) in sets), cache)
        batch, width, heads, depth = self.v.shape
        parts = []
        for start in range(0, len(sets), depth):
            slots = sets[start : start + depth]
            selector = cache.selector(slots, width, depth, self.v.dtype)[:, None].expand(batch, width, heads, depth)
            parts.append(self.kernel(self.q, self.k, selector)[..., : len(slots)].float())
        return torch.cat(parts, dim=-1)

    def output_of(self, columns: tuple[int, ...], cache: DeviceCache) -> Tensor:
        """`A_U V_U` `(B, L, H, D)` float32, what the columns U add to the output: one call with V zero elsewhere."""
        member = cache.selector((columns,), self.v.shape[1], 1, self.v.dtype)
        return self.kernel(self.q, self.k, self.v * member[:, None]).float().contiguous()

    def _columns(self, columns: tuple[int, ...], cache: DeviceCache) -> Tensor:
        maps = torch.empty(*self.q.shape[:3], len(columns), device=self.q.device)
        k = self._keys(self.k.index_select(1, cache.index(columns)))
        lse = self._log_sum_exp(cache) if self.lse is None else self.lse
        for b, rows in cache.blocks(self.q):
            part, q = maps[b, rows], self.q[b, rows].float()
            if len(columns) == 1:  # libraries are slow at products with one column, and with a few at the far end
                torch.sum(q * k[b, :, 0], -1, keepdim=True, out=part)
            else:
                part.copy_(torch.bmm(k[b], q.permute(1, 2, 0)).permute(2, 0, 1))
            part.sub_(lse[b, rows, :, None]).exp_()
        return maps

    def _log_sum_exp(self, cache: DeviceCache) -> Tensor:
        """`(B, L, H)`, some rows of some heads at a time."""
        lse = torch.empty(self.q.shape[:3], device=self.q.device)
        k = self._keys(self.k)
        heads, width = self.q.shape[2], self.k.shape[1]
        for b, rows in cache.blocks(self.q, heads * width):
            lse[b, rows] = torch.bmm(self.q[b, rows].float().transpose(0, 1), k[b].mT).logsumexp(-1).T
        return lse

    def _keys(self, k: Tensor) -> Tensor:
        """Scaled keys, head by head: `(B, H, columns, D)` float32."""
        return (k.float() * self.scale).transpose(1, 2).contiguous()
