"""Bent attention as one function, for use outside a node graph: notebooks, other hosts, tests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from .attention import Attention
from .bend import Bending
from .chain import plan_chain
from .errors import BendError
from .grid import Grid
from .state import run_chain
from .tables import Tables
from .tokens import TokenMap, resolve


@dataclass(frozen=True)
class BentAttention:
    """`output` `(B, H, L, D)` in the type of q; `maps` and `original` by watched column, `(B, H, F, h, w)` float32."""

    output: Tensor
    maps: Mapping[int, Tensor]
    original: Mapping[int, Tensor]


def bend_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    bending: Bending,
    grid: Grid,
    tokens: TokenMap | Sequence[Sequence[int]] | None = None,
    *,
    watch: Sequence[int] = (),
    scale: float | None = None,
) -> BentAttention:
    """`softmax(q kᵀ · scale) v` with columns of the softmax bent; exact, and without building it.

    q, k, v     `(B, H, L, D)`, `(B, H, T, D)`, `(B, H, T, D)` of one float type; L is `grid.cells`
    bending     the chain; windows, layers and passes are the caller's business, all its bends act here
    tokens      what the bends' `token` fields mean: a TokenMap, or for each bend its columns (0 … T − 1), or None where
                every bend is of ALL tokens
    watch       columns whose maps are returned, before and after the chain
    scale       default `D ** -0.5`

    Raises BendError where a token is not in the map, a column not in the context, or L does not fit the grid.

    >>> kiss = Bend(Translate(x=0.25), "kiss")
    >>> bend_attention(q, k, v, Bending((kiss,)), Grid(21, 30, 52), [[4]], watch=[4]).output
    """
    width, watch = k.shape[2], tuple(dict.fromkeys(watch))
    if q.shape[2] != grid.cells:
        raise BendError(f"q has {q.shape[2]} rows, but a grid of {grid} has {grid.cells}. Give the grid of these rows.")
    if tokens is None or isinstance(tokens, TokenMap):
        columns = [resolve(bend.token, tokens, width).columns for bend in bending]
    else:
        columns = list(tokens)
    outside = {column for some in (*columns, watch) for column in some if not 0 <= column < width}
    if outside:
        raise BendError(
            f"there is no column {min(outside)} in a context of {width}. Columns run from 0 to {width - 1}."
        )

    def kernel(q: Tensor, k: Tensor, values: Tensor) -> Tensor:
        heads_first = (tensor.transpose(1, 2) for tensor in (q, k, values))
        return F.scaled_dot_product_attention(*heads_first, scale=scale).transpose(1, 2)

    acting = [(bend, some) for bend, some in zip(bending, columns, strict=True) if not bend.is_identity]
    attention = Attention(*(tensor.transpose(1, 2) for tensor in (q, k, v)), kernel, scale or q.shape[3] ** -0.5)
    bent = run_chain(plan_chain(acting, width, watch), attention, attention.output(), Tables(grid, q.device))
    films = (maps.permute(3, 0, 2, 1).unflatten(3, grid.shape) for maps in (bent.maps, bent.original))
    after, before = (dict(zip(watch, film, strict=False)) for film in films)
    return BentAttention(bent.output.transpose(1, 2), after, before)
