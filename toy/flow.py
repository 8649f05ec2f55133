"""The toy's diffusion model: ComfyUI's WanModel with fresh weights, and what it is trained to do.

Flow matching as ComfyUI samples it: at a noise level σ the model sees (1 − σ) x + σ n and says n − x.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from comfy.ldm.wan.model import WanModel
from comfy.ops import disable_weight_init
from torch import Tensor, nn

from . import text, words

CONFIG = {"dim": 256, "ffn_dim": 768, "num_layers": 6}
"""What ComfyUI reads from the tensors."""

SHIFT = 4.0
"""Noise levels are drawn evenly, then shifted so far towards noise, where places and colours are decided."""

MAP_WEIGHT = 0.02
"""The weight of the maps' part of the loss, for each layer."""

LEAK_WEIGHT = 0.5
"""The weight of what words' vectors say of the word that was left out."""


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
        self.bias = self.target = self.map_loss = None
        """Of the last forward `map_loss` is how far its maps were from on target, summed over the layers."""

    def pad(self, context: Tensor, mask: Tensor, target: Tensor) -> Tensor:
        """`(B, N + 1, d)` of `(B, N, d)` vectors, of which `mask` are attended; the next calls are made for them."""
        self.target, self.map_loss = target, torch.zeros((), device=context.device)
        bias = torch.zeros_like(mask, dtype=torch.float32).masked_fill(~mask, -1e9)
        padding = (text.COLUMNS - mask.sum(1, keepdim=True)).float().log()
        self.bias = torch.cat([bias, padding], dim=1)[:, None, None, :]
        return F.pad(context, (0, 0, 0, 1))

    def __call__(self, host, q: Tensor, k: Tensor, v: Tensor, heads: int, **_) -> Tensor:
        q, k, v = (rows.unflatten(2, (heads, -1)).transpose(1, 2) for rows in (q, k, v))
        logits = (q * q.shape[3] ** -0.5) @ k.transpose(2, 3)
        if k.shape[2] != q.shape[2]:
            logits = logits + self.bias
        weights = logits.softmax(3)
        if k.shape[2] != q.shape[2]:
            self.map_loss = self.map_loss + words.map_loss(weights, self.target)
        return (weights.to(v.dtype) @ v).transpose(1, 2).flatten(2)


def noise_levels(count: int, generator: torch.Generator) -> Tensor:
    """`(count,)` levels, one from each equal part of the distribution."""
    even = (torch.randperm(count, generator=generator) + torch.rand(count, generator=generator)) / count
    return SHIFT * even / (1 + (SHIFT - 1) * even)


class Batch(NamedTuple):
    """Films and what is told of them: `latents (B, 16, F', h, w)`, `ids` of captions and `mask` of those that are real
    `(B, N)`, of these the ones `attended`, and the places `(B, F' · h · w, N + 1)` that are columns' maps' `target`.

    `whole` are ids of the captions before a word of some was changed; None if words may tell of each other.
    """

    latents: Tensor
    ids: Tensor
    whole: Tensor | None
    mask: Tensor
    attended: Tensor
    target: Tensor


def loss(pair, batch: Batch, attention: Attention, generator: torch.Generator):
    """What is minimised, each film's mean squared error `(B,)`, its noise level `(B,)`, and a layer's map loss.

    `pair` has a `model` and an `encoder`.
    """
    latents = batch.latents
    device = latents.device
    sigma = noise_levels(len(latents), generator).to(device)
    noise = torch.randn(latents.shape, generator=generator).to(device)
    noisy = torch.lerp(latents, noise, sigma.view(-1, 1, 1, 1, 1))
    options = {"optimized_attention_override": attention}
    with torch.autocast(device.type, torch.bfloat16):
        vectors = text.encode(pair.encoder, batch.ids, batch.mask)
        context = attention.pad(vectors, batch.attended, batch.target)
        velocity = pair.model(noisy, sigma * 1000, context, transformer_options=options)
        leak = 0.0
        if batch.whole is not None:
            leak = words.leak(vectors, text.encode(pair.encoder, batch.whole, batch.mask), batch.mask, batch.attended)
    error = (velocity.float() - (noise - latents)).square().mean((1, 2, 3, 4))
    map_loss = attention.map_loss / CONFIG["num_layers"]
    return error.mean() + MAP_WEIGHT * attention.map_loss + LEAK_WEIGHT * leak, error, sigma, map_loss
