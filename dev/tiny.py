"""Make the tiny models, in ComfyUI's Python, for `setup`.

Random, seeded weights in files that ComfyUI's own loaders take: same tensor names and same rules as the real ones, only
narrower and shallower. Their films are noise, but finite and never constant, and their attention is far from uniform,
so that a bend shows.

There are none of two kinds, because their loaders fix the size: the Wan 2.2 VAE (700 M parameters; the 5B model is
tested on latents) and CLIP vision (tests make its output themselves).
"""

import json
import logging
import zlib

import sentencepiece
import torch
from safetensors.torch import save_file

from ..bending.atomic_write import atomic_write
from . import comfy_host, paths, tiny_text, vocabulary

MODELS = paths.BASE / "models"

SMALL = {"dim": 128, "ffn_dim": 256, "num_layers": 2}
LARGE = {"dim": 256, "ffn_dim": 512, "num_layers": 4}
"""Heads are 128 wide: one head of two layers, or two heads of four. `LARGE` is for what is tested in depth."""

WAN = {
    "tiny_wan21_t2v": {**LARGE, "model_type": "t2v", "in_dim": 16},
    "tiny_wan21_i2v": {**SMALL, "model_type": "i2v", "in_dim": 36},
    "tiny_wan21_flf2v": {**SMALL, "model_type": "i2v", "in_dim": 36, "flf_pos_embed_token_number": 514},
    "tiny_wan21_fun_control": {**SMALL, "model_type": "i2v", "in_dim": 48, "in_dim_ref_conv": 16},
    "tiny_wan22_5b": {**SMALL, "model_type": "t2v", "in_dim": 48, "out_dim": 48},
    "tiny_wan22_14b_t2v_high": {**SMALL, "model_type": "t2v", "in_dim": 16},
    "tiny_wan22_14b_t2v_low": {**SMALL, "model_type": "t2v", "in_dim": 16},
    "tiny_wan22_14b_i2v_high": {**SMALL, "model_type": "t2v", "in_dim": 36},
    "tiny_wan22_14b_i2v_low": {**SMALL, "model_type": "t2v", "in_dim": 36},
}

ATTENTION_GAIN = 2.0
"""Gain of the query and key norms: logits then have a standard deviation of its square."""

HEAD_GAIN = 0.3
"""Gain of the output: keeps latents near a standard deviation of 1, for which the VAE is made, up to a cfg of 6."""

VOCABULARY, GEMMA_VOCABULARY = 1200, 900


@torch.inference_mode()
def run(arguments: list[str]) -> None:
    """Write every file, and print a line for each."""
    comfy_host.start("--cpu")
    import comfy.ops
    from comfy.ldm.wan.model import WanModel
    from comfy.ldm.wan.vae import WanVAE

    from . import tiny_ltx
    from .nodes_tiny import umt5

    logging.disable(logging.INFO)
    for name, config in WAN.items():
        config = {"out_dim": 16, "num_heads": config["dim"] // 128, **config}
        model = WanModel(**config, device="cpu", dtype=torch.float32, operations=comfy.ops.manual_cast)
        save("diffusion_models", name, filled(model, name))

    # Of its arguments only the width is free: ComfyUI reads it from the file and fixes the others to these.
    vae = WanVAE(dim=8, z_dim=16, temperal_downsample=[False, True, True])
    save("vae", "tiny_wan21_vae", filled(vae, "tiny_wan21_vae"))

    spiece_model = vocabulary.learnt(tiny_text.PROMPTS, VOCABULARY, "unigram")
    pieces = sentencepiece.SentencePieceProcessor(model_proto=spiece_model).get_piece_size()
    encoder = umt5.build(spiece_model, umt5.configuration(pieces, d_ff=64)).cond_stage_model.umt5xxl.transformer
    weights = filled(encoder, umt5.FILE_NAME)
    weights["spiece_model"] = torch.frombuffer(bytearray(spiece_model), dtype=torch.uint8)
    save("text_encoders", umt5.FILE_NAME.removesuffix(".safetensors"), weights)
    gemma = vocabulary.learnt(tiny_text.PROMPTS, GEMMA_VOCABULARY, "bpe", vocabulary.GEMMA)
    save("text_encoders", "tiny_gemma3", {"spiece_model": torch.frombuffer(bytearray(gemma), dtype=torch.uint8)})
    for name, config, parts in tiny_ltx.checkpoints():
        drawn = {start: filled(part, f"{name} {start}") for start, part in parts.items()}
        weights = {f"{start}.{key}": weight for start, part in drawn.items() for key, weight in part.items()}
        save("checkpoints", name, weights, config=json.dumps(config))


def filled(model: torch.nn.Module, name: str) -> dict[str, torch.Tensor]:
    """A state dict of that model with weights drawn from a generator seeded by `name`."""
    generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
    return {key: draw(key, tensor.shape, generator).half() for key, tensor in model.state_dict().items()}


def draw(key: str, shape: torch.Size, generator: torch.Generator) -> torch.Tensor:
    """One weight, scaled by its part so that activations keep a standard deviation near 1 at any depth."""
    noise = torch.randn(shape, generator=generator)
    if key.endswith(("norm_q.weight", "norm_k.weight", "norm_k_img.weight", "q_norm.weight", "k_norm.weight")):
        return ATTENTION_GAIN * torch.ones(shape)
    if "statistics" in key:  # of the real latents
        return torch.full(shape, float("std" in key))
    if key.endswith(("gamma", "norm.weight", "norm3.weight", "img_emb.proj.0.weight", "img_emb.proj.4.weight")):
        return torch.ones(shape)
    if key.endswith(("modulation", "table")):
        return 0.5 + 0.1 * noise  # the gates among them let every part of a block speak
    if key.endswith("bias"):
        return 0.02 * noise
    if key.endswith(("shared.weight", "emb_pos")):
        return noise
    unit = noise / shape[1:].numel() ** 0.5
    return HEAD_GAIN * unit if key == "head.head.weight" else unit


def save(folder: str, name: str, weights: dict[str, torch.Tensor], **metadata: str) -> None:
    """Write one file, whole or not at all: a running ComfyUI may have the old one open."""
    file = MODELS / folder / f"{name}.safetensors"
    file.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(file, lambda part: save_file(weights, part, metadata))
    print(f"{folder}/{file.name}: {sum(w.numel() for w in weights.values()) / 1e6:.1f} M parameters", flush=True)
