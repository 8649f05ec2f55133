"""One attention, as the algebra sees it: its own q, k and v, the kernel that ran, and what the kernel told besides."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .tables import Tables

AttentionKernel = Callable[[Tensor, Tensor, Tensor], Tensor]
"""q `(B, L, H, D)`, k and values `(B, T, H, D)` → output `(B, L, H, D)`."""


@dataclass(frozen=True)
class Attention:
    """`A = softmax(q kᵀ · scale)`, never built.

    `lse` `(B, L, H)` float32 is the log of each softmax's denominator, where the kernel gives it: then columns of A are
    `exp(q·k · scale − lse)`. For any other kernel a second call, whose values are one-hot selectors, returns them.
    """

    q: Tensor
    k: Tensor
    v: Tensor
    kernel: AttentionKernel
    scale: float
    lse: Tensor | None = None

    def output(self) -> Tensor:
        """`A V` `(B, L, H, D)`, as the kernel gives it, each row's heads side by side."""
        return self.kernel(self.q, self.k, self.v).contiguous()

    def sums(self, sets: Sequence[tuple[int, ...]], tables: Tables) -> Tensor:
        """The sums of A over some sets of columns, `(B, L, H, len(sets))` float32."""
        if self.lse is not None and all(len(columns) == 1 for columns in sets):
            return self._columns(tuple(column for (column,) in sets), tables)
        batch, width, heads, depth = self.v.shape
        parts = []
        for start in range(0, len(sets), depth):
            some = sets[start : start + depth]
            selector = tables.selector(some, width, depth, self.v.dtype)[:, None].expand(batch, width, heads, depth)
            parts.append(self.kernel(self.q, self.k, selector)[..., : len(some)].float())
        return torch.cat(parts, dim=-1)

    def share(self, columns: tuple[int, ...], tables: Tables) -> Tensor:
        """`A_U V_U` `(B, L, H, D)` float32: one call with V zero outside the columns U."""
        member = tables.selector((columns,), self.v.shape[1], 1, self.v.dtype)
        return self.kernel(self.q, self.k, self.v * member[:, None]).float().contiguous()

    def _columns(self, columns: tuple[int, ...], tables: Tables) -> Tensor:
        batch, length, heads, _ = self.q.shape
        maps = torch.empty(batch, length, heads, len(columns), device=self.q.device)
        k = self.k.index_select(1, tables.index(columns)).float() * self.scale
        for b in range(batch):
            for h in range(heads):  # head by head: q is read where it lies
                maps[b, :, h] = self.q[b, :, h].float() @ k[b, :, h].T
        return maps.sub_(self.lse[..., None]).exp_()
