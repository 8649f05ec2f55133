"""One text cross-attention while it is bent: wrapped around the host's own forward, with the host's own kernel."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor

from ...bending.attention.kernel import Attention
from ...bending.errors import BendError
from ..families.family import Site
from ..families.geometry import Geometry
from .kernel import is_exact, with_lse

OVERRIDE = "optimized_attention_override"

AttendWithQueries = Callable[[Attention, Tensor], tuple[Attention, Tensor]]
"""An attention with other queries `(B, L, H, D)`, and its output, from the kernel."""


@dataclass(frozen=True)
class RowSlice:
    """Some batch `rows` of one model call that are bent alike; `tokens` are the film's own among their queries."""

    rows: slice
    tokens: slice | Tensor
    geometry: Geometry


class Bender(Protocol):
    """What a site asks of a run."""

    def slices_at(self, layer: int) -> Sequence[RowSlice]:
        """The rows of the model call under way that something happens to, or is watched, in this layer."""

    def bend(
        self, layer: int, part: RowSlice, attention: Attention, output: Tensor, rerun: AttendWithQueries
    ) -> Tensor | None:
        """One slice's `output` `(B, L, H, D)`, bent in place or anew; None where it stays as it is.

        `rerun` runs the attention with other queries.
        """


def bent_forward(bender: Bender, site: Site, original: Callable) -> Callable:
    """`original`, the site's forward, with its text attention bent as `bender` says for the call under way.

    The host's attention goes through `transformer_options`; only inside this forward, our override is chained onto
    whatever stood there. Not compiled: core's compile node drops the guards on `transformer_options`, so a compiled
    bend of one step would act on every step.
    """
    signature = inspect.signature(original)

    @torch.compiler.disable
    def forward(*args, **kwargs):
        slices = bender.slices_at(site.layer)
        if not slices:
            return original(*args, **kwargs)
        call = signature.bind(*args, **kwargs)
        options = call.arguments.get("transformer_options") or {}
        override = _Override(bender, site, slices, options.get(OVERRIDE))
        call.arguments["transformer_options"] = {**options, OVERRIDE: override}
        out = original(*call.args, **call.kwargs)
        override.finish()
        return out

    return forward


class _Override:
    """Stands in for the attention kernel during one forward, and bends the call that attends to the text."""

    def __init__(self, bender: Bender, site: Site, slices: Sequence[RowSlice], chained: Callable | None):
        self.bender = bender
        self.site = site
        self.slices = slices
        self.chained = chained
        self.calls = 0
        self.error: Exception | None = None

    def __call__(self, func, q, k, v, heads, *args, **kwargs):
        self.calls += 1
        if self.calls - 1 != self.site.text_call:
            return self.kernel(func, q, k, v, heads, *args, **kwargs)
        try:
            return self.bend(func, q, k, v, heads, *args, **kwargs)
        except Exception as error:  # a foreign forward may swallow it: kept, and raised again at the end
            self.error = error
            raise

    def kernel(self, func, *args, **kwargs) -> Tensor:
        """What would run without us."""
        return func(*args, **kwargs) if self.chained is None else self.chained(func, *args, **kwargs)

    def attend(
        self, func, q: Tensor, k: Tensor, v: Tensor, heads: int, *args, **kwargs
    ) -> tuple[Tensor, Tensor | None]:
        """The output `(B, L, H·D)`, ours to write to, and the log-sum-exp where the kernel tells it."""
        with_denominators = with_lse(func, q, k, v, heads, kwargs) if self.chained is None and not args else None
        if with_denominators is not None:
            return with_denominators
        output = self.kernel(func, q, k, v, heads, *args, **kwargs)
        return (output if self.chained is None else output.clone()), None  # a chained override may keep what it gives

    def bend(self, func, q: Tensor, k: Tensor, v: Tensor, heads: int, *args, **kwargs) -> Tensor:
        """The host's output `(B, L, H·D)`, bent where the slices say so."""
        output, lse = self.attend(func, q, k, v, heads, *args, **kwargs)
        exact = self.chained is None and not args and is_exact(func, q, kwargs)
        scale = kwargs.get("scale") or (q.shape[2] // heads) ** -0.5

        def kernel(q: Tensor, k: Tensor, values: Tensor) -> Tensor:
            flat = (tensor.flatten(2) for tensor in (q, k, values))
            return self.kernel(func, *flat, heads, *args, **kwargs).unflatten(2, (heads, -1))

        def rerun(attention: Attention, q: Tensor) -> tuple[Attention, Tensor]:
            """The same attention with other queries, and its output."""
            flat = (tensor.flatten(2) for tensor in (q, attention.k, attention.v))
            output, lse = self.attend(func, *flat, heads, *args, **kwargs)
            return replace(attention, q=q, lse=lse), output.unflatten(2, (heads, -1))

        q, k, v, split = (tensor.unflatten(2, (heads, -1)) for tensor in (q, k, v, output))
        for part in self.slices:
            if q.shape[1] != part.geometry.tokens:
                raise BendError(
                    f"layer {self.site.layer} attends with {q.shape[1]} tokens where {part.geometry.tokens} were "
                    f"expected from the latent. Another node changes this model's tokens; bend a branch without it."
                )
            at = (part.rows, part.tokens)
            view = split[at]
            own_lse = None if lse is None else lse[at]
            attention = Attention(q[at], k[part.rows], v[part.rows], kernel, scale, own_lse, exact)
            bent = self.bender.bend(self.site.layer, part, attention, view.contiguous(), rerun)
            if bent is not None and (bent is not view or isinstance(part.tokens, Tensor)):  # bent in a copy
                split[at] = bent
        return output

    def finish(self) -> None:
        """After the forward: what happened inside it must be what was planned."""
        if self.error is not None:
            raise self.error
        if self.calls != self.site.calls:
            raise BendError(
                f"layer {self.site.layer} made {self.calls} attention calls where {self.site.calls} were expected, so "
                f"its text attention was not found. Another node changes its attention; bend a branch without it."
            )
