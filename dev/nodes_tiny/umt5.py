"""A UMT5 text encoder of a few million parameters, for tests and the demo.

ComfyUI's CLIPLoader takes a UMT5 file for the full-sized model whatever its tensors' shapes, so the small one is built
from the same classes with another configuration. Tokenizer, embedding width (4096), padding to 512 columns and the
zeroed padding are those of the real encoder.
"""

import comfy.sd
import comfy.text_encoders.wan
import comfy.utils

FILE_NAME = "tiny_umt5.safetensors"
CLIP_NAME = "umt5xxl"


class Target:
    """What ComfyUI looks up for a file of a known text encoder."""

    params = {}  # noqa: RUF012 - read only, as ComfyUI's own targets are
    clip = comfy.text_encoders.wan.te()
    tokenizer = comfy.text_encoders.wan.WanT5Tokenizer


def configuration(vocab_size: int, d_ff: int) -> dict:
    """The differences from the real UMT5-XXL: one layer, one head, a small vocabulary and feed-forward part."""
    return {"num_layers": 1, "num_heads": 1, "vocab_size": vocab_size, "d_ff": d_ff}


def build(spiece_model, config: dict, state_dict=()) -> comfy.sd.CLIP:
    """A CLIP object of that configuration; without a state dict its weights are uninitialised."""
    # Two keys: which of the two names a ComfyUI reads depends on its version.
    options = {f"{CLIP_NAME}_model_config": config, f"clip_{CLIP_NAME}_model_config": config}
    tokenizer_data = {"spiece_model": spiece_model}
    states = [state_dict] if state_dict else []
    return comfy.sd.CLIP(Target, tokenizer_data=tokenizer_data, model_options=options, state_dict=states)


def load(path: str) -> comfy.sd.CLIP:
    """Load the tiny file, which like the real ones carries its SentencePiece model as a tensor of bytes."""
    weights = comfy.utils.load_torch_file(path, safe_load=True)
    spiece_model = weights.pop("spiece_model")
    vocab_size = weights["shared.weight"].shape[0]
    d_ff = weights["encoder.block.0.layer.1.DenseReluDense.wo.weight"].shape[1]
    return build(spiece_model, configuration(vocab_size, d_ff), weights)
