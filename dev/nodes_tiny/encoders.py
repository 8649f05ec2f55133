"""Text encoders of ComfyUI's own classes, narrow and shallow, with its own tokenizers; Gemma's vocabulary is given.

Their pictures' halves and projections have the sizes that their classes fix; those weights are never read.
"""

from collections.abc import Callable

import comfy.ops
import comfy.sd
import torch
from comfy.text_encoders import anima, cosmos, kandinsky5, lt

T5 = {"d_model": 32, "d_ff": 64, "num_heads": 2, "d_kv": 16, "num_layers": 2}
LLAMA = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
}
CLIP_L = {"num_hidden_layers": 2}
GEMMA_FILE = "tiny_gemma3.safetensors"
"""Holds the vocabulary alone, as `spiece_model`."""

UNREAD = (".visual.", ".vision_model.", ".multi_modal_projector.")


def _clip(text_encoder: type, tokenizer: type, configs: dict, **tokenizer_data) -> comfy.sd.CLIP:
    class Target:
        params = {}  # noqa: RUF012 - read only, as ComfyUI's own targets are
        clip = text_encoder

    Target.tokenizer = tokenizer
    return comfy.sd.CLIP(Target, tokenizer_data=tokenizer_data, model_options=configs)


def _gemma(spiece_model: torch.Tensor) -> comfy.sd.CLIP:
    configs = {"_model_config": LLAMA, "initial_device": torch.device("cpu")}
    clip = _clip(
        lt.ltxav_te(text_projection_type="dual_linear"),
        lt.LTXAVGemmaTokenizer,
        configs,
        spiece_model=spiece_model,
    )
    width = LLAMA["hidden_size"] * (LLAMA["num_hidden_layers"] + 1)
    clip.cond_stage_model.text_embedding_projection = lt.DualLinearProjection(
        width, 24, 8, operations=comfy.ops.manual_cast
    )
    return clip


def _anima(config: dict) -> comfy.sd.CLIP:
    return _clip(anima.te(), anima.AnimaTokenizer, {"qwen3_06b_model_config": config})


def _kandinsky(tokenizer: type) -> comfy.sd.CLIP:
    return _clip(kandinsky5.te(), tokenizer, {"qwen25_7b_model_config": LLAMA, "_model_config": CLIP_L})


BUILT: dict[str, Callable[..., comfy.sd.CLIP]] = {
    "LTXV": lambda: _clip(lt.ltxv_te(), lt.LTXVT5Tokenizer, {"t5xxl_model_config": T5}),
    "Cosmos": lambda: _clip(cosmos.te(), cosmos.CosmosT5Tokenizer, {"t5xxl_model_config": T5}),
    "Anima": lambda: _anima(LLAMA),
    "Anima, as wide as its model": lambda: _anima({**LLAMA, "hidden_size": 1024}),
    "Kandinsky 5": lambda: _kandinsky(kandinsky5.Kandinsky5Tokenizer),
    "Kandinsky 5 Image": lambda: _kandinsky(kandinsky5.Kandinsky5TokenizerImage),
    "LTX-2": _gemma,
}


def made(name: str, **vocabulary: torch.Tensor) -> comfy.sd.CLIP:
    """A CLIP object of that name in BUILT with random weights, the same each time.

    LTX-2's needs a `spiece_model`: the bytes of one by Gemma's rules.
    """
    clip = BUILT[name](**vocabulary)
    generator = torch.Generator().manual_seed(len(name))
    for key, weight in clip.cond_stage_model.named_parameters():
        if not any(part in f".{key}" for part in UNREAD):
            with torch.no_grad():
                scale = 0.1 if "norm" in key or weight.ndim < 2 else weight.shape[-1] ** -0.5
                weight.copy_(scale * torch.randn(weight.shape, generator=generator) + ("norm" in key))
    return clip
