"""Logits in float32, whatever the type of queries and keys: what the shares of a softmax are told by."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from .device_cache import DeviceCache

SUMS_IN_FLOAT32 = ("cuda", "meta")
"""Devices whose products of half types add up in float32 inside the kernel: nothing need be widened before."""

BMM_WIDENS = "dtype" in torch.ops.aten.bmm.overloads()
"""Whether torch can return a product of half types in float32, since 2.8; before, the factors are widened first."""


def computes_cheaply(q: Tensor) -> bool:
    """Whether logits of q in float32 cost less than another call, with selectors: in half types not on a GPU."""
    return q.dtype == torch.float32 or q.device.type == "cpu"


def adds_up_wide(q: Tensor) -> bool:
    """Whether products of queries, of a half type, come in float32 without being widened before."""
    return q.dtype != torch.float32 and q.device.type in SUMS_IN_FLOAT32 and BMM_WIDENS


def logits_of(
    q: Tensor, k: Tensor, scale: float, columns: tuple[int, ...], cache: DeviceCache, room: int = 0
) -> Tensor:
    """`q·k · scale` of single keys, for q `(B, L, H, D)` and k `(B, T, H, D)`: ours to write to, `room` behind them.

    `(B, L, H, len(columns) + room)` float32. Only where products add up wide.
    """
    count = len(columns)
    logits = q.new_empty(*q.shape[:3], count + room, dtype=torch.float32)
    single = k.index_select(1, cache.index(columns)) if columns else ()
    for b, keys in enumerate(single):
        product = torch.bmm(q[b].transpose(0, 1), keys.permute(1, 2, 0), out_dtype=torch.float32)
        torch.mul(product.transpose(0, 1), scale, out=logits[b, ..., :count])
    return logits


def blocks_of_logs(
    q: Tensor,
    k: Tensor,
    scale: float,
    columns: tuple[int, ...],
    sets: Sequence[tuple[int, ...]],
    lses: Sequence[Tensor] | None,
    cache: DeviceCache,
) -> Iterator[tuple[int, slice, Tensor]]:
    """The logits of single columns, and the log of each set's denominator: `(H, columns + sets, rows)` float32.

    Of some rows of a batch row at a time, so that all of it stays where it is fast. `lses` `(B, L, H, 1)` are the sets'
    logs, one a set; without them they are computed here.
    """
    order = columns if lses is not None else (*columns, *(key for keys in sets for key in keys))
    sizes = [len(columns), *map(len, sets)]
    k = (k.index_select(1, cache.index(order)).float() * scale).transpose(1, 2).contiguous()
    for b, rows in cache.blocks(q, q.shape[2] * max(len(order), q.shape[3])):
        queries = q[b, rows]
        if len(order) == 1:  # libraries are slow at products with one column
            logits = (queries * k[b, :, 0]).sum(-1).T[:, None]
        else:
            logits = torch.bmm(k[b], queries.float().permute(1, 2, 0))
        if lses is None:
            singles, *parts = logits.split(sizes, 1)
            known = [part.logsumexp(1, keepdim=True) for part in parts]
        else:
            singles, known = logits, [lse[b, rows].permute(1, 2, 0) for lse in lses]
        yield b, rows, torch.cat([singles, *known], 1)
