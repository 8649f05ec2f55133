"""The host's attention kernel for one call, and the fused kernels of torch that also tell the log-sum-exp."""

import logging
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from copy import copy
from functools import lru_cache

import comfy.ops
import torch
import torch.nn.functional as F
from comfy.ldm.modules.attention import (
    SDP_BATCH_LIMIT,
    attention_basic,
    attention_pytorch,
    attention_split,
    attention_sub_quad,
)
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from ...bending.attention.bias import bias_type
from ...bending.attention.logits import computes_cheaply
from ..families.foreign import TORCH_ATTENTION, kernel_beneath
from .open_keys import OpenKeys

log = logging.getLogger(__name__)

EXACT = tuple(
    kernel.__wrapped__ for kernel in (attention_basic, attention_pytorch, attention_split, attention_sub_quad)
)

BIASED = tuple(kernel.__wrapped__ for kernel in (attention_basic, attention_pytorch, attention_split))
"""Those that add a bias to whole rows of logits: sub_quad may take the largest of some before it."""

FusedKernel = Callable[..., tuple[Tensor, ...]]
"""q `(B, H, L, D)`, k and v `(B, H, T, D)`, `scale` → the output, then the log-sum-exp, and more."""

aten = torch.ops.aten
FUSED: dict[tuple[str, SDPBackend], FusedKernel] = {
    ("cpu", SDPBackend.FLASH_ATTENTION): aten._scaled_dot_product_flash_attention_for_cpu,
    ("cuda", SDPBackend.FLASH_ATTENTION): aten._scaled_dot_product_flash_attention,
    ("cuda", SDPBackend.EFFICIENT_ATTENTION): lambda q, k, v, scale: aten._scaled_dot_product_efficient_attention(
        q, k, v, None, True, scale=scale
    ),
    ("cuda", SDPBackend.CUDNN_ATTENTION): lambda q, k, v, scale: (
        aten._scaled_dot_product_cudnn_attention(q, k, v, None, True, scale=scale)
        if k.shape[2] > 1  # it takes no single key
        else (v.expand(q.shape).clone(), (q.float() * k.float()).sum(-1) * scale)
    ),
}
"""What scaled_dot_product_attention runs, by device and choice. On the GPU: by their signatures, not measured."""

KEYS_AT_ONCE = 16
"""On a CPU, flash is up to a tenth slower where its keys are no multiple of this."""

ROWS_AT_ONCE = 4096
"""On a CPU, of what is computed in float32: sixteen of flash's blocks, so that as many threads have one each."""

SMALL_VALUES, LARGE_VALUES = 2**-7, 2**15
"""Between them each head has its largest value: float16 then holds their means, and has digits left for small ones."""

UNSPLIT_ROWS = 128 * 256
"""From this many queries times heads on, flash on a GPU has a block of 128 for each multiprocessor, and never divides
the keys among several: the bits of a row do not depend on how many others there are."""


def chosen_backend(q: Tensor, k: Tensor, v: Tensor, scale: float | None = None) -> SDPBackend:
    """What torch's attention runs for `(B, H, L, D)`, asked as the host asks: on some GPUs torch prefers another."""
    priority = getattr(comfy.ops, "SDPA_BACKEND_PRIORITY", None)
    with sdpa_kernel(priority, set_priority=True) if priority else nullcontext():
        return SDPBackend(torch._fused_sdp_choice(q, k, v, scale=scale))


def fused_kernel(q: Tensor, k: Tensor, v: Tensor, scale: float) -> FusedKernel | None:
    """That kernel, if it tells the log-sum-exp as we know it."""
    fused = FUSED.get((q.device.type, chosen_backend(q, k, v, scale)))
    return fused if fused is not None and _is_known(fused, q.device, q.dtype, q.shape[3]) else None


def output_and_lse(fused: FusedKernel, q: Tensor, k: Tensor, v: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    """`(B, L, H, D)` in, the output `(B, L, H, D)` and the log-sum-exp `(B, L, H)` float32 out."""
    output, lse, *_ = fused(*(tensor.transpose(1, 2) for tensor in (q, k, v)), scale=scale)
    # (B, H, L), or padded beyond L, or with a dimension more
    return output.transpose(1, 2), lse.flatten(2)[..., : q.shape[1]].transpose(1, 2)


def flash_over_some(q: Tensor, k: Tensor, v: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    """`output_and_lse` of flash on a CPU, for some of a call's keys: a part, which the host would not have computed.

    They are filled up to whole vectors by others that a mask shuts out. Where `computes_in_float32` says so, that is
    done some rows of a head at a time, and the output comes in float16: as small as bfloat16, and eight times as fine.
    """
    fill = -k.shape[1] % KEYS_AT_ONCE
    mask = q.new_zeros(k.shape[1] + fill, dtype=torch.float32)
    mask[k.shape[1] :] = -torch.inf

    def flash(q: Tensor, k: Tensor, v: Tensor, scale: float) -> tuple[Tensor, ...]:
        shut = mask.to(q.dtype).expand(1, 1, q.shape[2], -1)
        return FUSED["cpu", SDPBackend.FLASH_ATTENTION](q, k, v, attn_mask=shut, scale=scale)

    if not computes_in_float32(v):
        return output_and_lse(flash, q, *(F.pad(tensor, (0, 0, 0, 0, 0, fill)) for tensor in (k, v)), scale)
    output, lse = q.new_empty(q.shape, dtype=torch.float16), q.new_empty(q.shape[:3], dtype=torch.float32)
    for head in range(q.shape[2]):
        queries, *keys = (tensor[:, :, head : head + 1] for tensor in (q, k, v))
        keys = [F.pad(tensor.float(), (0, 0, 0, 0, 0, fill)) for tensor in keys]
        for start in range(0, q.shape[1], ROWS_AT_ONCE):
            at = (slice(None), slice(start, start + ROWS_AT_ONCE), slice(head, head + 1))
            output[at], lse[at] = output_and_lse(flash, queries[at[:2]].float(), *keys, scale)
    return output, lse


def computes_in_float32(v: Tensor) -> bool:
    """Whether flash on a CPU computes a part of these values in float32 and gives float16: that must hold them."""
    if v.dtype not in (torch.bfloat16, torch.float16) or not multiplies_float32_as_fast():
        return False
    largest = v.abs().amax(1).amax((0, 2))
    return v.dtype == torch.float16 or bool(((largest > SMALL_VALUES) & (largest < LARGE_VALUES)).all())


def multiplies_float32_as_fast() -> bool:
    """Whether this processor multiplies float32 no slower than half types: measured on an x86 without AMX."""
    has_amx = getattr(torch.cpu, "_is_amx_tile_supported", lambda: True)
    return torch.backends.cpu.get_cpu_capability().startswith("AVX") and not has_amx()


@lru_cache
def _is_known(fused: FusedKernel, device: torch.device, dtype: torch.dtype, depth: int) -> bool:
    """Whether a fused kernel of this torch answers as we read it; tried once, and said once where it does not."""
    if device.type == "meta":
        return True
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(1, rows, 2, depth, generator=generator).to(device, dtype) for rows in (40, 7, 7))
    scale = depth**-0.5
    logits = (q.float().transpose(1, 2) @ k.float().transpose(1, 2).mT) * scale
    try:
        output, lse = output_and_lse(fused, q, k, v, scale)
        expected = (logits.softmax(-1) @ v.float().transpose(1, 2)).transpose(1, 2)
        known = torch.allclose(lse, logits.logsumexp(-1).transpose(1, 2), atol=0.02)
        known = known and torch.allclose(output.float(), expected, atol=0.05)
    except (RuntimeError, TypeError, ValueError) as error:
        log.debug("%s", error)
        known = False
    if not known:
        log.warning(
            "torch %s: its attention tells no log-sum-exp that we can read; bends cost more.", torch.__version__
        )
    return known


@lru_cache
def adds_bias(func: Callable, device: torch.device, dtype: torch.dtype, depth: int) -> bool:
    """Whether a kernel of the host adds a bias as a chain gives it; tried once.

    Frames are the batch, of the same keys, and the first of them is to hear none of as many as a kernel takes at once.
    """
    if device.type == "meta":
        return True
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(rows, 40, 2, depth, generator=generator) for rows in (2, 26, 26))
    k, v = (tensor.view(1, -1, 2, depth).expand(2, -1, -1, -1) for tensor in (k, v))
    bias = torch.randn(2, 1, 1, k.shape[1], generator=generator)
    bias[0, ..., :528] = -torch.inf
    q, k, v, bias = (tensor.to(device, dtype) for tensor in (2 * q, k, v, bias))
    logits = q.float().transpose(1, 2) @ k.float().permute(0, 2, 3, 1) * depth**-0.5 + bias.float()
    expected = (logits.softmax(-1) @ v.float().transpose(1, 2)).transpose(1, 2)
    try:
        output = func(*(tensor.flatten(2) for tensor in (q, k, v)), 2, mask=bias.to(bias_type(q)))
    except (RuntimeError, TypeError, ValueError) as error:
        log.debug("%s", error)
        return False
    return bool((output.view(q.shape) - expected).norm() < 0.05 * expected.norm())  # False where it is not a number


OPTIONS = ("mask", "attn_precision", "skip_reshape", "skip_output_reshape")
"""What the host's attention takes after the heads."""


def named_options(args, kwargs) -> dict:
    """What a call of the host's attention gives after the heads, by name."""
    return {**dict(zip(OPTIONS, args, strict=False)), **kwargs} if args else kwargs


def lengths(q: Tensor, k: Tensor, options: Mapping) -> tuple[int, int]:
    """The queries and the keys of each row in a call with these options, as the host divides them."""
    at = 2 if options.get("skip_reshape") else 1
    return q.shape[at], k.shape[0] * k.shape[at] // q.shape[0]


class HostKernel:
    """The attention that the host makes of one call, with the options of that call, for any queries, keys and values.

    Called with q `(B, L, H, D)`, k and values `(B, T, H, D)` it runs what would run without us: the kernel `func` that
    the host has chosen, or the override that another node has `chained`. `mask` is the call's own, or None. The host
    hands over `(B, L, H·D)`, or heads first `(B, H, L, D)`, and asks for either; `heads_apart` and `handed_back` go
    between.

    tells        the kernel tells the log-sum-exp, by `with_lse`; over all keys in the same bits
    tells_some   so does it, or torch's fused kernel, which computes the same as the host's others
    exact        it computes `softmax(q kᵀ · scale) v`, not masked and not quantised, and float32 products are cheap
    divisible    it may be called with some of the keys: there is no mask over all, and no foreign override, which may
                 know the text by their number
    takes_scale  it takes any number for the scale of its logits; for others the queries are multiplied, and rounded
    takes_bias   it adds a bias to its logits, by `with_bias`
    by_rows      a call with some of the batch rows gives these the same bits
    """

    def __init__(
        self, func: Callable, chained: Callable | None, q: Tensor, k: Tensor, v: Tensor, heads: int, options: Mapping
    ):
        options = dict(options)
        self.mask: Tensor | None = options.get("mask")
        self.heads_first = bool(options.get("skip_reshape"))
        self.gives_heads_first = bool(options.pop("skip_output_reshape", False))
        beneath = kernel_beneath(chained, func, q, k) if chained is not None and self.mask is None else None
        if beneath is not None:
            func, chained = beneath, None
        self.func, self.chained, self.heads, self.options = func, chained, heads, options
        q, k, v = map(self.heads_apart, (q, k, v))
        scale = options.get("scale")
        self.scale = q.shape[3] ** -0.5 if scale is None else scale
        self._is_cheap, self._keys, self._open = computes_cheaply(q), k.shape[1], None
        self._adds = func in BIASED and adds_bias(func, q.device, q.dtype, q.shape[3])
        self._fused = None
        # above the limit the host splits the batch itself
        if chained is None and func in EXACT and q.shape[0] <= SDP_BATCH_LIMIT:
            self._fused = fused_kernel(*(tensor.transpose(1, 2) for tensor in (q, k, v)), self.scale)
        self._is_fused = self._fused is not None and func is TORCH_ATTENTION
        fills_gpu = self._fused is FUSED["cuda", SDPBackend.FLASH_ATTENTION] and q.shape[1] * heads >= UNSPLIT_ROWS
        self.by_rows = self._is_fused and (q.device.type == "cpu" or (fills_gpu and self.mask is None))
        self._settle()

    def _settle(self) -> None:
        """What it can do, by the mask that it has now."""
        plain = self.divisible = self.chained is None and self.mask is None
        self.takes_scale = plain and self.func in EXACT
        self.exact = self.takes_scale and self._is_cheap
        self.takes_bias = plain and self._adds
        self.tells_some = plain and self._fused is not None
        self.tells = self.tells_some and self._is_fused

    def at(self, rows: slice, tokens: slice | Tensor, keys: OpenKeys | None = None) -> "HostKernel":
        """The same for some batch rows and some of their queries: a mask over the call is cut as they are.

        With `keys` it is called with the open ones alone, and no mask is needed; where another node's override stands,
        that sees all of them all the same, and the mask.
        """
        if self.mask is None:
            return self
        part, mask = copy(self), self.mask
        if mask.ndim > 2 and mask.shape[0] > 1:
            mask = mask[rows]
        part.mask = mask[..., tokens, :] if mask.shape[-2] > 1 else mask
        if keys is not None and self.chained is None:
            part.mask, part._keys = None, len(keys.index)
            part._settle()
        elif keys is not None:
            part._open = keys
        return part

    def heads_apart(self, tensor: Tensor) -> Tensor:
        """What the host hands over as `(B, L, H, D)`."""
        if self.heads_first:
            return tensor.transpose(1, 2)
        return tensor.unflatten(2, (self.heads, -1)) if tensor.ndim == 3 else tensor

    def handed_back(self, output: Tensor) -> Tensor:
        """An output `(B, L, H, D)` as the host asked for it."""
        return output.transpose(1, 2) if self.gives_heads_first else output.flatten(2)

    def __call__(self, q: Tensor, k: Tensor, values: Tensor, scale: float) -> Tensor:
        """The output `(B, L, H, D)`, ours to write to."""
        return self._attend(q, k, values, scale, self.mask)

    def with_bias(self, q: Tensor, k: Tensor, values: Tensor, scale: float, bias: Tensor) -> Tensor:
        """The same with a bias to the logits, which broadcasts to `(B, H, L, T)`; only where the kernel takes it."""
        return self._attend(q, k, values, scale, bias)

    def _attend(self, q: Tensor, k: Tensor, values: Tensor, scale: float, mask: Tensor | None) -> Tensor:
        options = self.options if mask is self.options.get("mask") else {**self.options, "mask": mask}
        if scale != self.scale and self.takes_scale:
            options = {**options, "scale": scale}
        elif scale != self.scale:
            q = q * (scale / self.scale)
        if self._open is not None:
            k, values = map(self._open.spread, (k, values))
        given = [tensor.transpose(1, 2) if self.heads_first else tensor.flatten(2) for tensor in (q, k, values)]
        if self.chained is None:
            return self.func(*given, self.heads, **options).unflatten(2, (self.heads, -1))
        # an override may keep what it gives
        return self.chained(self.func, *given, self.heads, **options).unflatten(2, (self.heads, -1)).clone()

    def with_lse(self, q: Tensor, k: Tensor, values: Tensor, scale: float) -> tuple[Tensor, Tensor]:
        """The output and the log-sum-exp `(B, L, H)` float32; only where the kernel, or torch's fused one, tells it."""
        fused = self._fused
        if fused is FUSED["cpu", SDPBackend.FLASH_ATTENTION] and k.shape[1] < self._keys:
            return flash_over_some(q, k, values, scale)
        return output_and_lse(fused, q, k, values, scale)
