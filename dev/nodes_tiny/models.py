"""Models of the host's own classes, narrow and shallow, with random weights: for classes whose files have one size."""

import zlib
from collections.abc import Callable, Mapping
from typing import Any

import comfy.model_patcher
import comfy.supported_models
import torch

DIT = {
    "max_img_h": 240,
    "max_img_w": 240,
    "max_frames": 128,
    "in_channels": 16,
    "out_channels": 16,
    "patch_spatial": 2,
    "patch_temporal": 1,
    "model_channels": 48,
    "num_blocks": 2,
    "num_heads": 2,
    "crossattn_emb_channels": 32,
    "pos_emb_cls": "rope3d",
    "use_adaln_lora": True,
    "adaln_lora_dim": 16,
}
ANIMA = {**DIT, "crossattn_emb_channels": 1024}  # its adapter has one size
KANDINSKY5 = {
    "model_dim": 64,
    "ff_dim": 64,
    "time_dim": 32,
    "in_text_dim": 32,
    "in_text_dim2": 768,
    "num_text_blocks": 1,
    "num_visual_blocks": 2,
}


def made(config: str, settings: Mapping[str, Any], device: str = "cpu"):
    """The model that ComfyUI makes of a class in comfy.supported_models, with `settings` of its network."""
    kind = getattr(comfy.supported_models, config)
    configuration = kind({**kind.unet_config, **settings})
    configuration.set_inference_dtype(torch.float32, None)
    return configuration.get_model({}, device=device)


def built(config: str, settings: Mapping[str, Any]) -> comfy.model_patcher.ModelPatcher:
    """That model with random weights of the processor's, the same each time."""
    model, generator = made(config, settings), torch.Generator().manual_seed(zlib.crc32(config.encode()))
    for name, weight in model.diffusion_model.named_parameters():
        weight.data = drawn(name, weight.shape, generator).to(weight.dtype)
    return comfy.model_patcher.ModelPatcher(model.eval(), torch.device("cpu"), torch.device("cpu"))


def drawn(name: str, shape: torch.Size, generator: torch.Generator) -> torch.Tensor:
    """A weight, so scaled that activations stay near 1, logits vary, and no gate is shut."""
    noise, last = torch.randn(shape, generator=generator), name.rpartition(".")[2]
    if len(shape) > 1 and "modulation" not in last and "table" not in last:
        return noise / shape[1:].numel() ** 0.5
    if any(norm in name for norm in ("norm_q", "norm_k", "q_norm", "k_norm", "query_norm", "key_norm")):
        return 2 * torch.ones(shape)
    if name.endswith("weight"):
        return torch.ones(shape)
    return 0.02 * noise if name.endswith("bias") else 0.5 + 0.1 * noise


BUILT: dict[str, Callable[[], comfy.model_patcher.ModelPatcher]] = {
    "Cosmos Predict 2": lambda: built("CosmosT2IPredict2", DIT),
    "Anima": lambda: built("Anima", ANIMA),
    "Kandinsky 5": lambda: built("Kandinsky5", KANDINSKY5),
}
