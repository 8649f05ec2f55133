"""The toy's text encoder: ComfyUI's UMT5 classes, a vocabulary of the world's words, and a forward that can be trained.

One piece a word, so that a word is one column of the attention; bytes for all other text.
"""

import torch
import torch.nn.functional as F
from comfy.text_encoders.t5 import T5
from torch import Tensor

from ..dev.vocabulary import learnt
from . import world

COLUMNS = 512
"""Of a Wan context: the prompt's pieces, the end, and padding whose vectors are zeroed."""

CONFIG = {"num_layers": 2, "num_heads": 2, "d_kv": 64, "d_model": 256, "d_ff": 384}
"""The differences from UMT5-XXL, besides the vocabulary's size."""

LONGEST = 24
"""Pieces of the world's longest caption, its end included."""

VOCABULARY = 400
"""Pieces at most: 3 special ones, 256 bytes, the letters, and what merges into words."""

FIXED = {"dense_act_fn": "gelu_pytorch_tanh", "is_gated_act": True, "model_type": "umt5"}


def vocabulary() -> bytes:
    """The toy's SentencePiece model, learnt from captions of its world."""
    captions = (world.scene(f"vocabulary {number}").caption for number in range(4000))
    # With merges to spare every word becomes one piece, which a unigram model does not promise.
    return learnt(captions, VOCABULARY, "bpe")


def build(pieces: int, device: torch.device) -> T5:
    """The encoder with fresh weights, in float32, for a vocabulary of that many pieces."""
    from comfy.ops import disable_weight_init

    encoder = T5({**CONFIG, **FIXED, "vocab_size": pieces}, torch.float32, device, disable_weight_init)
    for name, weight in encoder.named_parameters():
        if name.endswith("layer_norm.weight"):
            torch.nn.init.ones_(weight)
        elif name.endswith((".o.weight", ".wo.weight")):
            torch.nn.init.zeros_(weight)
        elif name.endswith("relative_attention_bias.weight"):
            weight.data.copy_(near_words(*weight.shape))
        elif name == "shared.weight":
            torch.nn.init.normal_(weight)
        elif name.endswith(("SelfAttention.q.weight", "SelfAttention.k.weight")):
            torch.nn.init.zeros_(weight)
            weight.requires_grad_(False)
        else:
            torch.nn.init.normal_(weight, std=weight.shape[1] ** -0.5)
    return encoder


def near_words(buckets: int, heads: int) -> Tensor:
    """Where attention looks at first, `(buckets, heads)`: even heads at the words just before, odd ones just after.

    Hardly at the word itself, which the residual carries anyway.

    Attention goes by places alone, its queries and keys are zero and stay so. Learned, they grew until each word saw
    one place only, whatever the caption: then "red" is the same beside any shape, and two things take each other's
    colours.
    """
    far = 0.5 * torch.arange(buckets // 2)
    far[0] = 3.0
    back, ahead = torch.cat([-far, -far - 2]), torch.cat([-far - 2, -far])
    return torch.stack([back if head % 2 == 0 else ahead for head in range(heads)], dim=1)


def tokens(processor, captions: list[str], device: torch.device) -> tuple[Tensor, Tensor]:
    """Ids and mask `(B, LONGEST)` of captions, each with its end."""
    rows = [processor.encode(caption, add_eos=True) for caption in captions]
    ids = torch.zeros(len(rows), LONGEST, dtype=torch.long)
    for number, row in enumerate(rows):
        ids[number, : len(row)] = torch.tensor(row)
    lengths = torch.tensor([len(row) for row in rows])
    mask = torch.arange(ids.shape[1]) < lengths.unsqueeze(1)
    return ids.to(device), mask.to(device)


def encode(encoder: T5, ids: Tensor, mask: Tensor) -> Tensor:
    """What the host's forward makes of `(B, N)` ids, zeroed where masked, `(B, N, d_model)`; this one has a gradient.

    The host adds in place to tensors that a gradient needs.
    """
    x = encoder.shared(ids)
    forbidden = torch.zeros_like(mask, dtype=x.dtype).masked_fill(~mask, -1e9)[:, None, None, :]
    for block in encoder.encoder.block:
        attention, feed = block.layer
        inner = attention.SelfAttention
        y = attention.layer_norm(x)
        q, k, v = (part(y).unflatten(2, (inner.num_heads, -1)).transpose(1, 2) for part in (inner.q, inner.k, inner.v))
        bias = forbidden + inner.compute_bias(x.shape[1], x.shape[1], x.device, x.dtype)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=bias.to(q.dtype), scale=1.0)
        x = x + inner.o(y.transpose(1, 2).flatten(2))
        x = x + feed.DenseReluDense(feed.layer_norm(x))
    return encoder.encoder.final_layer_norm(x) * mask.unsqueeze(2)
