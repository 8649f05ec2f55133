"""The tiny text encoders, each made once; Gemma's vocabulary is learnt."""

from functools import cache

import comfy.sd
import torch
from attention_bending.dev import tiny_text, vocabulary
from attention_bending.dev.nodes_tiny.encoders import BUILT, made

__all__ = ["BUILT", "gemma_vocabulary", "tiny"]


@cache
def gemma_vocabulary() -> torch.Tensor:
    model = vocabulary.learnt(tiny_text.PROMPTS, 900, "bpe", vocabulary.GEMMA)
    return torch.frombuffer(bytearray(model), dtype=torch.uint8)


@cache
def tiny(name: str) -> comfy.sd.CLIP:
    """A CLIP object of that name in BUILT."""
    return made(name, **({"spiece_model": gemma_vocabulary()} if name == "LTX-2" else {}))
