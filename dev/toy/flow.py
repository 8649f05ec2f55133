"""The toy's diffusion model: ComfyUI's WanModel with fresh weights, and what it is trained to do.

Flow matching as ComfyUI samples it: at a noise level σ the model sees (1 − σ) x + σ n and says n − x.
"""

import torch
import torch.nn.functional as F
from comfy.ldm.wan.model import WanModel
from comfy.ops import disable_weight_init
from torch import Tensor, nn

from . import text

CONFIG = {"dim": 256, "ffn_dim": 768, "num_layers": 6}
"""What ComfyUI reads from the tensors."""

SHIFT = 4.0
"""Noise levels are drawn evenly, then shifted so far towards noise, where places and colours are decided."""


def build(device: torch.device) -> WanModel:
    """A WanModel as ComfyUI's loader builds it, in float32, at first with silent branches."""
    heads = CONFIG["dim"] // 128
    fixed = {"model_type": "t2v", "in_dim": 16, "out_dim": 16, "text_dim": text.CONFIG["d_model"], "num_heads": heads}
    model = WanModel(**CONFIG, **fixed, device=device, dtype=torch.float32, operations=disable_weight_init)
    for name, weight in model.named_parameters():
        if name.endswith(("bias", "_attn.o.weight", "ffn.2.weight", "head.head.weight", "time_projection.1.weight")):
            nn.init.zeros_(weight)
        elif name.endswith(("norm_q.weight", "norm_k.weight", "norm3.weight")):
            nn.init.ones_(weight)
        elif name == "head.modulation":
            nn.init.zeros_(weight)
        elif name.endswith("modulation"):
            nn.init.zeros_(weight)
            weight.data[:, [2, 5]] = 1.0  # the gates of self-attention and of the feed-forward part
        elif name.startswith("time_embedding"):
            nn.init.normal_(weight, std=0.02)
        else:
            nn.init.normal_(weight, std=weight[0].numel() ** -0.5)
    return model


class Attention:
    """The host's attention with a gradient, for contexts whose last column stands for all of a prompt's padding.

    ComfyUI pads a context to 512 with zeros. Columns that are the same are here one, its logit raised by the logarithm
    of their number.
    """

    def __init__(self):
        self.bias = None

    def pad(self, context: Tensor, mask: Tensor) -> Tensor:
        """`(B, N + 1, d)` of `(B, N, d)` vectors, of which `mask` are real; the next calls' bias is made for them."""
        bias = torch.zeros_like(mask, dtype=torch.float32).masked_fill(~mask, -1e9)
        padding = (text.COLUMNS - mask.sum(1, keepdim=True)).float().log()
        self.bias = torch.cat([bias, padding], dim=1)[:, None, None, :]
        return F.pad(context, (0, 0, 0, 1))

    def __call__(self, host, q: Tensor, k: Tensor, v: Tensor, heads: int, **_) -> Tensor:
        q, k, v = (each.unflatten(2, (heads, -1)).transpose(1, 2) for each in (q, k, v))
        logits = (q * q.shape[3] ** -0.5) @ k.transpose(2, 3)
        if k.shape[2] != q.shape[2]:
            logits = logits + self.bias
        return (logits.softmax(3).to(v.dtype) @ v).transpose(1, 2).flatten(2)


def velocity(model: WanModel, noisy: Tensor, sigma: Tensor, context: Tensor, mask: Tensor, attention: Attention):
    """The answer `(B, 16, F, h, w)` at noise levels `(B,)`, for vectors `(B, N, d)`; `mask` tells the real ones."""
    options = {"optimized_attention_override": attention}
    return model(noisy, sigma * 1000, attention.pad(context, mask), transformer_options=options)


def noise_levels(count: int, generator: torch.Generator) -> Tensor:
    """`(count,)` levels, one from each equal part of the distribution."""
    even = (torch.randperm(count, generator=generator) + torch.rand(count, generator=generator)) / count
    return SHIFT * even / (1 + (SHIFT - 1) * even)


def loss(pair, latents: Tensor, ids: Tensor, mask: Tensor, attention: Attention, generator: torch.Generator):
    """Mean squared error of each film `(B,)`, and its noise level `(B,)`; `pair` has a `model` and an `encoder`."""
    device = latents.device
    sigma = noise_levels(len(latents), generator).to(device)
    noise = torch.randn(latents.shape, generator=generator).to(device)
    level = sigma.view(-1, 1, 1, 1, 1)
    with torch.autocast(device.type, torch.bfloat16):
        context = text.encode(pair.encoder, ids, mask)
        said = velocity(pair.model, torch.lerp(latents, noise, level), sigma, context, mask, attention)
    return (said.float() - (noise - latents)).square().mean((1, 2, 3, 4)), sigma
