"""One text cross-attention while it is bent: wrapped around the host's own forward, with the host's own kernel."""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from ...bending.attention.kernel import Attention
from ..families.family import Site
from ..families.foreign import TORCH_ATTENTION
from ..families.geometry import Geometry
from .kernel import HostKernel, lengths, named_options
from .open_keys import OpenKeys

OVERRIDE = "optimized_attention_override"


@dataclass(frozen=True)
class RowSlice:
    """Some batch `rows` of one model call that are bent alike; `tokens` are the film's own among their queries.

    `keys` are those that they attend to, where their own mask shuts out the others. Where a forward takes the batch
    apart, `is_first` tells the part that holds the first of them.
    """

    rows: slice
    tokens: slice | Tensor
    geometry: Geometry
    keys: OpenKeys | None = field(default=None, kw_only=True)
    is_first: bool = field(default=True, kw_only=True)

    @property
    def is_whole(self) -> bool:
        """Whether all queries of these rows are the film's own."""
        count = self.geometry.tokens
        return isinstance(self.tokens, slice) and len(range(*self.tokens.indices(count))) == count


class Bender(Protocol):
    """What a site asks of a run."""

    def slices_at(self, site: Site) -> Sequence[RowSlice]:
        """The rows of the model call under way that something happens to, or is watched, at this site."""

    def checks(self, layer: int) -> bool:
        """Whether this layer's attention is looked at though nothing happens there."""

    def misfit(
        self, layer: int, rows: int, more: bool, queries: int, keys: int, options: Mapping[str, Any]
    ) -> str | None:
        """How the text's attention is not laid out as expected, if so; there may be `more` of its batch rows to come.

        `options` are the transformer_options.
        """

    def refuse(self, layer: int, reason: str) -> None:
        """Take note of an attention that cannot be bent. Raises BendError where a bend would act in it."""

    def bends(self, layer: int, part: RowSlice) -> bool:
        """Whether one slice's output is bent now, so that nobody needs the un-bent one."""

    def bend(self, site: Site, part: RowSlice, attention: Attention) -> Tensor | None:
        """One slice's bent output `(B, L, H, D)`; None where it stays as it is."""


def bent_forward(bender: Bender, site: Site, original: Callable) -> Callable:
    """`original`, the site's forward, with its text attention bent as `bender` says for the call under way.

    The host's attention goes through `transformer_options`; only inside this forward, our override is chained onto
    whatever stood there. Not compiled: core's compile node drops the guards on `transformer_options`, so a compiled
    bend of one step would act on every step.
    """
    signature = inspect.signature(original)
    rest = next((name for name, one in signature.parameters.items() if one.kind is one.VAR_KEYWORD), None)
    # since 0.37 a checkpoint may choose a module's attention, which the host leaves aside for any override, ours too
    chosen = getattr(getattr(original, "__self__", None), "comfy_attention", None)

    @torch.compiler.disable
    def forward(*args, **kwargs):
        slices = bender.slices_at(site)
        if not slices and not bender.checks(site.layer):
            return original(*args, **kwargs)
        call = signature.bind(*args, **kwargs)
        # another pack's forward may take what it does not name
        given = call.arguments if "transformer_options" in signature.parameters else call.arguments.setdefault(rest, {})
        options = given.get("transformer_options") or {}
        override = _Override(bender, site, slices, options, getattr(chosen, "function", None))
        given["transformer_options"] = {**options, OVERRIDE: override}
        with override.listening():
            out = original(*call.args, **call.kwargs)
        override.finish()
        return out

    return forward


class _Override:
    """Stands in for the attention kernel during one forward, and bends the calls that attend to the text."""

    def __init__(
        self,
        bender: Bender,
        site: Site,
        slices: Sequence[RowSlice],
        options: Mapping[str, Any],
        chosen: Callable | None = None,
    ):
        self.bender = bender
        self.site = site
        self.slices = slices
        self.options = options
        self.chained: Callable | None = options.get(OVERRIDE)
        self.chosen = chosen if self.chained is None else None
        self.calls = 0
        self.pieces = 0  # of the text's attention, and the rows that they had between them
        self.rows = 0
        self.keys = 0
        self.queries = 0
        self.under_way = False
        self.refused = False
        self.error: Exception | None = None

    def __call__(self, func, q, k, v, heads, *args, **kwargs):
        return self._call(self.chosen or func, self.chained, q, k, v, heads, *args, **kwargs)

    def listening(self) -> AbstractContextManager:
        """Around the forward: where it is one that goes past the override to torch's attention, takes that too."""
        return _PastOverride(self) if self.site.attends.past_override else nullcontext()

    def of_torch(self, q: Tensor, k: Tensor, v: Tensor, attn_mask: Tensor | None = None, **kwargs) -> Tensor:
        """Such a call, q `(B, H, L, D)`, k and v `(B, H, T, D)`."""
        flat = (tensor.transpose(1, 2).flatten(2) for tensor in (q, k, v))
        scale = {"scale": kwargs["scale"]} if kwargs.get("scale") is not None else {}
        out = self._call(TORCH_ATTENTION, None, *flat, q.shape[1], mask=attn_mask, **scale)
        return out.unflatten(2, (q.shape[1], -1)).transpose(1, 2)

    def _call(self, func, chained, q, k, v, heads, *args, **kwargs):
        number, self.calls, self.under_way = self.calls, self.calls + 1, True
        is_text = number in self.site.attends.text
        try:
            return (self._text if is_text else _unbent)(func, chained, q, k, v, heads, *args, **kwargs)
        except Exception as error:  # a foreign forward may swallow it: kept, and raised again at the end
            self.error = error if is_text else self.error
            raise
        finally:
            self.under_way = False

    def _text(self, func, chained, q: Tensor, k: Tensor, v: Tensor, heads: int, *args, **kwargs) -> Tensor:
        options = named_options(args, kwargs)
        first, self.rows, self.pieces = self.rows, self.rows + q.shape[0], self.pieces + 1
        self.queries, self.keys = lengths(q, k, options)
        reason = self._misfit(more=self.pieces < len(self.site.attends.text))
        slices = [] if reason else list(_within(self.slices, first, self.rows))
        masks = (part.keys.misfit(options.get("mask"), part.rows) for part in slices if part.keys is not None)
        if reason := reason or next(filter(None, masks), None):
            self._refuse(reason)
        elif slices:
            kernel = HostKernel(func, chained, q, k, v, heads, options)
            return kernel.handed_back(self.bend(kernel, slices, *map(kernel.heads_apart, (q, k, v))))
        return _unbent(func, chained, q, k, v, heads, *args, **kwargs)

    def _refuse(self, reason: str) -> None:
        self.refused = True
        self.bender.refuse(self.site.layer, reason)

    def _misfit(self, more: bool) -> str | None:
        return self.bender.misfit(self.site.layer, self.rows, more, self.queries, self.keys, self.options)

    def bend(self, kernel: HostKernel, slices: Sequence[RowSlice], q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """The host's output `(B, L, H, D)`, bent where the slices say so."""
        # these are never attended to un-bent: the algebra makes them of their parts
        bent = [part for part in slices if part.is_whole and self.bender.bends(self.site.layer, part)]
        output, lse = self.unbent(kernel, q, k, v, [part.rows for part in bent])
        for part in slices:
            at = (part.rows, part.tokens)
            attends, keys = kernel.at(*at, part.keys), (k[part.rows], v[part.rows])
            attention = Attention(
                q[at],
                *(keys if part.keys is None else map(part.keys.of, keys)),
                attends,
                attends.scale,
                attends.with_lse if attends.tells_some else None,
                attends.exact,
                attends.divisible,
                None if lse is None or part in bent else lse[at],
                kernel_with_bias=attends.with_bias if attends.takes_bias else None,
                of_kernel=attends.tells,
            )
            made = self.bender.bend(self.site, part, attention)
            if made is not None and made.shape == q.shape:  # all there is
                return made
            if made is not None:
                output = torch.empty_like(q) if output is None else output
                output[at] = made
        return output

    def unbent(
        self, kernel: HostKernel, q: Tensor, k: Tensor, v: Tensor, bent: Sequence[slice]
    ) -> tuple[Tensor | None, Tensor | None]:
        """The output `(B, L, H, D)` in the host's own bits, and the log-sum-exp `(B, L, H)` where the kernel tells it.

        Of all batch rows but the `bent`: what those hold is left open, and where there are no others, both are None.
        """
        kept = [row for row in range(len(q)) if not any(rows.start <= row < rows.stop for rows in bent)]
        if not kept:
            return None, None
        if len(kept) == len(q) or not kernel.by_rows:
            return _attended(kernel, q, k, v)
        output = torch.empty_like(q)
        lse = q.new_empty(q.shape[:3], dtype=torch.float32) if kernel.tells else None
        for first, last in _stretches(kept):
            rows = slice(first, last)
            output[rows], told = _attended(kernel.at(rows, slice(None)), q[rows], k[rows], v[rows])
            if told is not None:
                lse[rows] = told
        return output, lse

    def finish(self) -> None:
        """After the forward: what happened inside it must be what was planned."""
        if self.error is not None:
            raise self.error
        expected = self.site.attends.calls[max(self.pieces, 1) - 1]
        if self.refused:
            return
        if self.calls != expected:
            self._refuse(
                f"layer {self.site.layer} made {self.calls} attention calls where {expected} were expected, so its "
                f"text attention was not found."
            )
        elif reason := self._misfit(more=False):
            self._refuse(reason)


class _PastOverride(TorchFunctionMode):
    """While it is entered, torch's attention is an override's, except what that itself calls."""

    def __init__(self, override: _Override):
        super().__init__()
        self.override = override

    def __torch_function__(self, func, types, args=(), kwargs=None):
        takes = func is torch.nn.functional.scaled_dot_product_attention and not self.override.under_way
        return (self.override.of_torch if takes else func)(*args, **(kwargs or {}))


def _unbent(func: Callable, chained: Callable | None, *args, **kwargs) -> Tensor:
    """What would run without us."""
    return func(*args, **kwargs) if chained is None else chained(func, *args, **kwargs)


def _attended(kernel: HostKernel, *qkv: Tensor) -> tuple[Tensor, Tensor | None]:
    """The output of a kernel, and the log-sum-exp where it tells it."""
    return kernel.with_lse(*qkv, kernel.scale) if kernel.tells else (kernel(*qkv, kernel.scale), None)


def _within(slices: Iterable[RowSlice], first: int, end: int) -> Iterable[RowSlice]:
    """What slices have of the batch rows from `first` to before `end`, counted from there."""
    for part in slices:
        start, stop = max(part.rows.start, first), min(part.rows.stop, end)
        if start < stop:
            rows = slice(start - first, stop - first)
            yield part if rows == part.rows else replace(part, rows=rows, is_first=start == part.rows.start)


def _stretches(numbers: list[int]) -> list[tuple[int, int]]:
    """Ascending numbers as stretches without a gap: the first, and one behind the last."""
    starts = [n for n in numbers if n - 1 not in numbers]
    ends = [n + 1 for n in numbers if n + 1 not in numbers]
    return list(zip(starts, ends, strict=True))
