"""Tiny text encoders for tests: those of the development's own nodes, and one whose vocabulary is learnt here."""

from functools import cache

import comfy.ops
import comfy.sd
import torch
from attention_bending.dev import tiny_text, vocabulary
from attention_bending.dev.nodes_tiny.encoders import BUILT, LLAMA, clip_of, tiny
from comfy.text_encoders import lt

__all__ = ["BUILT", "tiny"]


@cache
def gemma_vocabulary() -> torch.Tensor:
    model = vocabulary.learnt(tiny_text.PROMPTS, 900, "bpe", vocabulary.GEMMA)
    return torch.frombuffer(bytearray(model), dtype=torch.uint8)


def _gemma() -> comfy.sd.CLIP:
    configs = {"_model_config": LLAMA, "initial_device": torch.device("cpu")}
    clip = clip_of(
        lt.ltxav_te(text_projection_type="dual_linear"),
        lt.LTXAVGemmaTokenizer,
        configs,
        spiece_model=gemma_vocabulary(),
    )
    width = LLAMA["hidden_size"] * (LLAMA["num_hidden_layers"] + 1)
    clip.cond_stage_model.text_embedding_projection = lt.DualLinearProjection(
        width, 24, 8, operations=comfy.ops.manual_cast
    )
    return clip


BUILT["LTX-2"] = _gemma
