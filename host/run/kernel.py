"""The host's attention kernels: torch's own can also give the log-sum-exp of what it computed."""

import torch
from comfy.ldm.modules.attention import (
    SDP_BATCH_LIMIT,
    attention_basic,
    attention_pytorch,
    attention_split,
    attention_sub_quad,
)
from torch import Tensor

TORCH_ATTENTION = attention_pytorch.__wrapped__
EXACT = tuple(
    kernel.__wrapped__ for kernel in (attention_basic, attention_pytorch, attention_split, attention_sub_quad)
)

# What scaled_dot_product_attention runs where it chooses flash attention; measured on the CPU, not on a GPU.
FLASH = {
    "cpu": torch.ops.aten._scaled_dot_product_flash_attention_for_cpu,
    "cuda": torch.ops.aten._scaled_dot_product_flash_attention,
}
CHOSE_FLASH = 1


def with_lse(func, q: Tensor, k: Tensor, v: Tensor, heads: int, options: dict) -> tuple[Tensor, Tensor] | None:
    """One attention call's output `(B, L, H·D)` and log-sum-exp `(B, L, H)`, or None where only `func` can run it.

    `func` is the kernel that the host has chosen, q `(B, L, H·D)`, k and v `(B, T, H·D)`. Where this answers, the
    output has the same bits as the host's, since the same kernel makes it.
    """
    # above the limit the host splits the batch itself, and a mask takes another kernel
    if func is not TORCH_ATTENTION or options.get("mask") is not None or q.shape[0] > SDP_BATCH_LIMIT:
        return None
    flash = FLASH.get(q.device.type)
    heads_first = [tensor.unflatten(2, (heads, -1)).transpose(1, 2) for tensor in (q, k, v)]
    scale = options.get("scale")
    if flash is None or torch._fused_sdp_choice(*heads_first, scale=scale) != CHOSE_FLASH:
        return None
    output, lse, *_ = flash(*heads_first, scale=scale)
    if lse.shape != output.shape[:3]:  # padded, in some builds of flash attention: better none than a wrong one
        return None
    return output.transpose(1, 2).flatten(2), lse.transpose(1, 2)


def is_exact(func, q: Tensor, options: dict) -> bool:
    """Whether `func` computes `softmax(q kᵀ · scale) v`, unmasked and not quantised, and float32 products are cheap."""
    cheap = q.dtype == torch.float32 or q.device.type == "cpu"
    return func in EXACT and options.get("mask") is None and cheap
