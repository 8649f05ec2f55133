"""The toy Wan that lies in the pack: files of models/toy/ as ComfyUI's own MODEL, CLIP and VAE.

Load Diffusion Model and Load VAE would take two of the files as they are. Load CLIP would not: it takes every UMT5 for
the full-sized one, so the encoder is built here from the same classes with the sizes that its tensors have.
"""

from pathlib import Path

import comfy.sd
import comfy.text_encoders.wan
import comfy.utils

from ..bending.errors import BendError

FOLDER = Path(__file__).resolve().parents[1] / "models" / "toy"
MODEL, ENCODER, VAE = "toy_wan.safetensors", "toy_umt5.safetensors", "toy_wan_vae.safetensors"


class _Target:
    """What ComfyUI looks up for a file of a known text encoder."""

    params = {}  # noqa: RUF012 - read only, as ComfyUI's own targets are
    clip = comfy.text_encoders.wan.te()
    tokenizer = comfy.text_encoders.wan.WanT5Tokenizer


def load_toy(folder: Path = FOLDER) -> tuple:
    """The toy's ModelPatcher, CLIP and VAE. Raises BendError where a file is missing."""
    model, encoder, vae = (folder / name for name in (MODEL, ENCODER, VAE))
    if missing := [file.name for file in (model, encoder, vae) if not file.is_file()]:
        raise BendError(
            f"The toy is not whole: {', '.join(missing)} cannot be found in {folder}. Install the pack again; in a "
            "clone of it, python dev train-toy makes the files."
        )
    return (
        comfy.sd.load_diffusion_model(str(model)),
        _encoder(comfy.utils.load_torch_file(str(encoder), safe_load=True)),
        comfy.sd.VAE(sd=comfy.utils.load_torch_file(str(vae), safe_load=True)),
    )


def _encoder(weights: dict) -> comfy.sd.CLIP:
    """A CLIP from a state dict that, as the real ones, carries its SentencePiece model as a tensor of bytes."""
    spiece_model = weights.pop("spiece_model")
    block = "encoder.block.0.layer"
    heads = weights[f"{block}.0.SelfAttention.relative_attention_bias.weight"].shape[1]
    config = {
        "num_layers": len({name.split(".")[2] for name in weights if name.startswith("encoder.block.")}),
        "num_heads": heads,
        "d_kv": weights[f"{block}.0.SelfAttention.q.weight"].shape[0] // heads,
        "d_model": weights["shared.weight"].shape[1],
        "d_ff": weights[f"{block}.1.DenseReluDense.wo.weight"].shape[1],
        "vocab_size": weights["shared.weight"].shape[0],
    }
    return comfy.sd.CLIP(
        _Target,
        tokenizer_data={"spiece_model": spiece_model},
        # Two keys: which of the two names a ComfyUI reads depends on its version.
        model_options={"umt5xxl_model_config": config, "clip_umt5xxl_model_config": config},
        state_dict=[weights],
    )
