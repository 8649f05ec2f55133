"""One text cross-attention while it is bent: wrapped around the host's own forward, with the host's own kernel."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..errors import BendError
from .wan import Site

if TYPE_CHECKING:
    from .run import Job, Run

OVERRIDE = "optimized_attention_override"


def bent_forward(run: "Run", site: Site, original: Callable) -> Callable:
    """`original`, the site's forward, with its text attention bent as `run` says for the call under way.

    The host's attention goes through `transformer_options`; only inside this forward, our override is chained onto
    whatever stood there. Not compiled: core's compile node drops the guards on `transformer_options`, so a compiled
    bend of one step would act on every step.
    """
    signature = inspect.signature(original)

    @torch.compiler.disable
    def forward(*args, **kwargs):
        jobs = run.jobs_at(site.layer)
        if not jobs:
            return original(*args, **kwargs)
        call = signature.bind(*args, **kwargs)
        options = call.arguments.get("transformer_options") or {}
        override = _Override(run, site, jobs, options.get(OVERRIDE))
        call.arguments["transformer_options"] = {**options, OVERRIDE: override}
        out = original(*call.args, **call.kwargs)
        override.finish()
        return out

    return forward


class _Override:
    """Stands in for the attention kernel during one forward, and bends the call that attends to the text."""

    def __init__(self, run: "Run", site: Site, jobs: list["Job"], chained: Callable | None):
        self.run = run
        self.site = site
        self.jobs = jobs
        self.chained = chained
        self.calls = 0
        self.error: Exception | None = None

    def __call__(self, func, q, k, v, heads, *args, **kwargs):
        kernel = func if self.chained is None else lambda *call, **options: self.chained(func, *call, **options)
        output = kernel(q, k, v, heads, *args, **kwargs)
        self.calls += 1
        if self.calls - 1 == self.site.text_call:
            try:
                attention = _Attention(lambda q, k, v: kernel(q, k, v, heads, *args, **kwargs), q, k, v, heads)
                output = self.bend(attention, output)
            except Exception as error:  # a foreign forward may swallow it: kept, and raised again at the end
                self.error = error
                raise
        return output

    def bend(self, attention: "_Attention", output: Tensor) -> Tensor:
        bent = output.clone()
        for job in self.jobs:
            if output.shape[1] != job.geometry.tokens:
                raise BendError(
                    f"layer {self.site.layer} attends with {output.shape[1]} tokens where {job.geometry.tokens} were "
                    f"expected from the latent. Another node changes this model's tokens; bend a branch without it."
                )
            part = attention.part(job.rows, job.tokens)
            result = self.run.bend(self.site.layer, job, part, part.split(output[job.rows, job.tokens]))
            if result is not None:
                bent[job.rows, job.tokens] = result.transpose(1, 2).flatten(2).to(bent.dtype)
        return bent

    def finish(self) -> None:
        """After the forward: what happened inside it must be what was planned."""
        if self.error is not None:
            raise self.error
        if self.calls != self.site.calls:
            raise BendError(
                f"layer {self.site.layer} made {self.calls} attention calls where {self.site.calls} were expected, so "
                f"its text attention was not found. Another node changes its attention; bend a branch without it."
            )


@dataclass(frozen=True)
class _Attention:
    """The site's kernel on its own q `(B, L, H·D)`, k and v `(B, T, H·D)`."""

    kernel: Callable[[Tensor, Tensor, Tensor], Tensor]
    q: Tensor
    k: Tensor
    v: Tensor
    heads: int

    def part(self, rows: slice, tokens: slice | Tensor) -> "_Attention":
        """The same attention for some batch rows and some of their image tokens."""
        return _Attention(self.kernel, self.q[rows, tokens], self.k[rows], self.v[rows], self.heads)

    def split(self, tensor: Tensor) -> Tensor:
        """`(B, N, H·D)` as `(B, H, N, D)`."""
        return tensor.unflatten(2, (self.heads, -1)).transpose(1, 2)

    def __call__(self, values: Tensor) -> Tensor:
        """Values `(B, H, T, D)` → output `(B, H, L, D)`."""
        return self.split(self.kernel(self.q, self.k, values.transpose(1, 2).flatten(2)))
