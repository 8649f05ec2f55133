"""One text cross-attention while it is bent: wrapped around the host's own forward, with the host's own kernel."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from ...bending.attention.kernel import Attention
from ...bending.errors import BendError
from ..families.family import Site
from ..families.geometry import Geometry
from .kernel import HostKernel

OVERRIDE = "optimized_attention_override"


@dataclass(frozen=True)
class RowSlice:
    """Some batch `rows` of one model call that are bent alike; `tokens` are the film's own among their queries."""

    rows: slice
    tokens: slice | Tensor
    geometry: Geometry

    @property
    def is_whole(self) -> bool:
        """Whether all queries of these rows are the film's own."""
        count = self.geometry.tokens
        return isinstance(self.tokens, slice) and len(range(*self.tokens.indices(count))) == count


class Bender(Protocol):
    """What a site asks of a run."""

    def slices_at(self, layer: int) -> Sequence[RowSlice]:
        """The rows of the model call under way that something happens to, or is watched, in this layer."""

    def bends(self, layer: int, part: RowSlice) -> bool:
        """Whether one slice's output is bent now, so that nobody needs the un-bent one."""

    def bend(self, layer: int, part: RowSlice, attention: Attention) -> Tensor | None:
        """One slice's bent output `(B, L, H, D)`; None where it stays as it is."""


def bent_forward(bender: Bender, site: Site, original: Callable) -> Callable:
    """`original`, the site's forward, with its text attention bent as `bender` says for the call under way.

    The host's attention goes through `transformer_options`; only inside this forward, our override is chained onto
    whatever stood there. Not compiled: core's compile node drops the guards on `transformer_options`, so a compiled
    bend of one step would act on every step.
    """
    signature = inspect.signature(original)
    # since 0.37 a checkpoint may choose a module's attention, which the host leaves aside for any override, ours too
    chosen = getattr(getattr(original, "__self__", None), "comfy_attention", None)

    @torch.compiler.disable
    def forward(*args, **kwargs):
        slices = bender.slices_at(site.layer)
        if not slices:
            return original(*args, **kwargs)
        call = signature.bind(*args, **kwargs)
        options = call.arguments.get("transformer_options") or {}
        override = _Override(bender, site, slices, options.get(OVERRIDE), getattr(chosen, "function", None))
        call.arguments["transformer_options"] = {**options, OVERRIDE: override}
        out = original(*call.args, **call.kwargs)
        override.finish()
        return out

    return forward


class _Override:
    """Stands in for the attention kernel during one forward, and bends the call that attends to the text."""

    def __init__(
        self,
        bender: Bender,
        site: Site,
        slices: Sequence[RowSlice],
        chained: Callable | None,
        chosen: Callable | None = None,
    ):
        self.bender = bender
        self.site = site
        self.slices = slices
        self.chained = chained
        self.chosen = chosen if chained is None else None
        self.calls = 0
        self.error: Exception | None = None

    def __call__(self, func, q, k, v, heads, *args, **kwargs):
        self.calls += 1
        func = self.chosen or func
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

    def bend(self, func, q: Tensor, k: Tensor, v: Tensor, heads: int, *args, **kwargs) -> Tensor:
        """The host's output `(B, L, H·D)`, bent where the slices say so."""
        for part in self.slices:
            if q.shape[1] != part.geometry.tokens:
                raise BendError(
                    f"layer {self.site.layer} attends with {q.shape[1]} tokens where {part.geometry.tokens} were "
                    f"expected from the latent. Another node changes this model's tokens; bend a branch without it."
                )
        kernel = HostKernel(func, self.chained, q, k, v, heads, args, kwargs)
        q, k, v = map(kernel.heads_apart, (q, k, v))
        # these are never attended to un-bent: the algebra makes them of their parts
        bent = [part for part in self.slices if part.is_whole and self.bender.bends(self.site.layer, part)]
        output, lse = self.unbent(kernel, q, k, v, [part.rows for part in bent])
        for part in self.slices:
            at = (part.rows, part.tokens)
            attention = Attention(
                q[at],
                k[part.rows],
                v[part.rows],
                kernel,
                kernel.scale,
                kernel.with_lse if kernel.tells else None,
                kernel.exact,
                kernel.divisible,
                None if lse is None or part in bent else lse[at],
            )
            made = self.bender.bend(self.site.layer, part, attention)
            if made is not None and made.shape == q.shape:  # all there is
                return made.flatten(2)
            if made is not None:
                output = torch.empty_like(q) if output is None else output
                output[at] = made
        return output.flatten(2)

    def unbent(
        self, kernel: HostKernel, q: Tensor, k: Tensor, v: Tensor, bent: Sequence[slice]
    ) -> tuple[Tensor | None, Tensor | None]:
        """The output `(B, L, H, D)` in the host's own bits, and the log-sum-exp `(B, L, H)` where the kernel tells it.

        Of all batch rows but the `bent`: what those hold is left open, and where there are no others, both are None.
        """
        kept = [row for row in range(len(q)) if not any(rows.start <= row < rows.stop for rows in bent)]
        attend = kernel.with_lse if kernel.tells else lambda *qkv: (kernel(*qkv), None)
        if not kept:
            return None, None
        if len(kept) == len(q) or not kernel.by_rows:
            return attend(q, k, v)
        output, lse = torch.empty_like(q), q.new_empty(q.shape[:3], dtype=torch.float32)
        for first, last in _stretches(kept):
            rows = slice(first, last)
            output[rows], lse[rows] = attend(q[rows], k[rows], v[rows])
        return output, lse

    def finish(self) -> None:
        """After the forward: what happened inside it must be what was planned."""
        if self.error is not None:
            raise self.error
        if self.calls != self.site.calls:
            raise BendError(
                f"layer {self.site.layer} made {self.calls} attention calls where {self.site.calls} were expected, so "
                f"its text attention was not found. Another node changes its attention; bend a branch without it."
            )


def _stretches(numbers: list[int]) -> list[tuple[int, int]]:
    """Ascending numbers as stretches without a gap: the first, and one behind the last."""
    starts = [n for n in numbers if n - 1 not in numbers]
    ends = [n + 1 for n in numbers if n + 1 not in numbers]
    return list(zip(starts, ends, strict=True))
