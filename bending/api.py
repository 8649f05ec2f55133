"""Bent attention as one function, for use outside a node graph: notebooks, other hosts, tests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import torch.nn.functional as F
from torch import Tensor

from .attention.action import strength_at
from .attention.chain import plan_chain
from .attention.device_cache import DeviceCache
from .attention.kernel import Attention
from .attention.logits import computes_cheaply
from .attention.state import bend_maps, bend_output
from .bend import Bending
from .errors import BendError
from .frames.grid import Grid
from .frames.layout import FrameLayout
from .text.tokens import TokenMap, resolve
from .time.windows import SamplingMoment

START = SamplingMoment(0.0, 0, 1)


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
    moment: SamplingMoment = START,
    layout: FrameLayout | None = None,
    scale: float | None = None,
) -> BentAttention:
    """`softmax(q kᵀ · scale) v` with columns of the softmax bent; exact, and without building it.

    q, k, v     `(B, H, L, D)`, `(B, H, T, D)`, `(B, H, T, D)` of one float type; L is `grid.cells`
    bending     the chain; layers and passes are the caller's business, windows count by `moment`
    tokens      what the bends' `token` fields mean: a TokenMap, or for each bend its columns (0 … T − 1; a swap has two
                lists of them), or None where every bend is of ALL tokens
    watch       columns whose maps are returned, before and after the chain
    moment      for windows and what moves over steps; default the first of one step
    layout      which frames of the film these are, for what moves over frames; default the whole film
    scale       default `D ** -0.5`

    Raises BendError where a token is not in the map, a column not in the context, or L does not fit the grid.

    >>> kiss = Bend(Translate(x=0.25), "kiss")
    >>> bend_attention(q, k, v, Bending((kiss,)), Grid(21, 30, 52), [[4]], watch=[4]).output
    """
    width, watch = k.shape[2], tuple(dict.fromkeys(watch))
    if q.shape[2] != grid.cells:
        raise BendError(f"q has {q.shape[2]} rows, but a grid of {grid} has {grid.cells}. Give the grid of these rows.")
    if tokens is None or isinstance(tokens, TokenMap):
        columns = [[resolve(token, tokens, width).columns for token in bend.tokens] for bend in bending]
    else:
        columns = [given if len(bend.tokens) > 1 else [given] for bend, given in zip(bending, tokens, strict=True)]
    named = chain.from_iterable((*chain.from_iterable(columns), watch))
    outside = {column for column in named if not 0 <= column < width}
    if outside:
        raise BendError(
            f"there is no column {min(outside)} in a context of {width}. Columns run from 0 to {width - 1}."
        )

    def kernel(q: Tensor, k: Tensor, values: Tensor, scale: float, bias: Tensor | None = None) -> Tensor:
        heads_first = (tensor.transpose(1, 2) for tensor in (q, k, values))
        return F.scaled_dot_product_attention(*heads_first, bias, scale=scale).transpose(1, 2)

    cache = DeviceCache(layout or FrameLayout.whole(grid), q.shape[1], q.device)
    cache.go_to(moment)
    acting = [
        (bend, words)
        for bend, words in zip(bending, columns, strict=True)
        if not bend.is_identity and strength_at(bend, moment)
    ]
    on_logits = tuple(bend for bend, _ in acting if bend.operator.acts_on == "logits")
    on_maps = [pair for pair in acting if pair[0] not in on_logits]
    q, k, v = (tensor.transpose(1, 2) for tensor in (q, k, v))
    scale = q.shape[3] ** -0.5 if scale is None else scale
    attention = Attention(q, k, v, kernel, scale, exact=computes_cheaply(q), kernel_with_bias=kernel)
    attention = attention.at_temperature(on_logits, cache)
    output, known = bend_output(plan_chain(on_maps, width), attention, cache, keep_lse=bool(watch))
    maps = bend_maps(plan_chain(on_maps, width, watch), known, cache)
    after, before = (
        dict(zip(watch, columns.permute(3, 0, 2, 1).unflatten(3, grid.shape), strict=True))
        for columns in (maps.bent, maps.original)
    )
    return BentAttention(output.transpose(1, 2), after, before)
