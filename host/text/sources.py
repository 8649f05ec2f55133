"""Which text encoder a loader node would load, read off its files' headers: no model is loaded."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import comfy.model_detection
import comfy.sd
import folder_paths
import safetensors
import torch

import nodes

from .. import toy
from ..families.encoders import ANIMA, COSMOS_T5, ENCODERS, KANDINSKY5, KANDINSKY5_IMAGE, LTX2_GEMMA, LTXV_T5, UMT5
from ..families.family import TextEncoder

SPIECE = "spiece_model"
STANDS_IN = "attention_bending_loads"
"""What a loader node of another pack may have: the name of a text encoder's tokenizer, the folder and the file."""

_ONE_FILE = {("T5_XXL", "wan"): UMT5, ("T5_XXL", "ltxv"): LTXV_T5}
_ONE_FILE_OF_ANY_TYPE = {"T5_XXL_OLD": COSMOS_T5, "QWEN3_06B": ANIMA}
_TWO_FILES = {"ltxv": LTX2_GEMMA, "kandinsky5": KANDINSKY5, "kandinsky5_image": KANDINSKY5_IMAGE}
_OWN_VOCABULARY = (UMT5, LTX2_GEMMA)
_CHECKPOINT_TEXT = "text_encoders."
_TYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2,
}  # fmt: skip


class Unknown(Exception):
    """Why the pieces of a prompt are known after a run alone, as the end of a sentence."""


class Source(NamedTuple):
    """A text encoder, and the file and the tensor in it that hold the tokenizer's vocabulary, where it has its own."""

    encoder: TextEncoder
    file: str = ""
    tensor: str = SPIECE


def source_of(loader: str, inputs: Mapping[str, Any]) -> Source:
    """What the node of class `loader` would load with these `inputs`. Raises Unknown."""
    if loader in _LOADERS:
        return _LOADERS[loader](inputs)
    node = nodes.NODE_CLASS_MAPPINGS.get(loader)
    if node is None or not hasattr(node, STANDS_IN):
        raise Unknown(f"it is not known here what the node {loader} loads.")
    name, folder, file = getattr(node, STANDS_IN)
    encoder = next(encoder for encoder in ENCODERS if encoder.tokenizer == name)
    return Source(encoder, _file(folder, file))


def _clip_loader(inputs: Mapping[str, Any]) -> Source:
    file = _file("text_encoders", inputs.get("clip_name"))
    model = comfy.sd.detect_te_model(_header(file))
    kind = model.name if model else "unknown kind"
    encoder = _ONE_FILE.get((kind, inputs.get("type"))) or _ONE_FILE_OF_ANY_TYPE.get(kind)
    if encoder is None:
        raise Unknown(f"a text encoder of {kind}, with type {inputs.get('type')}, is none that Bend Prompt reads.")
    return Source(encoder, file)


def _dual_clip_loader(inputs: Mapping[str, Any]) -> Source:
    encoder = _TWO_FILES.get(inputs.get("type"))
    if encoder is None:
        raise Unknown(f"text encoders with type {inputs.get('type')} are none that Bend Prompt reads.")
    return Source(encoder, _file("text_encoders", inputs.get("clip_name1")))


def _ltx2_loader(inputs: Mapping[str, Any]) -> Source:
    return Source(LTX2_GEMMA, _file("text_encoders", inputs.get("text_encoder")))


def _checkpoint_loader(inputs: Mapping[str, Any]) -> Source:
    """As ComfyUI does it: by the kind of diffusion model that it finds, which names the tokenizer."""
    file = _file("checkpoints", inputs.get("ckpt_name"))
    header = _header(file)
    prefix = comfy.model_detection.unet_prefix_from_state_dict(header)
    model = comfy.model_detection.model_config_from_unet(header, prefix)
    target = model.clip_target(state_dict=header) if model else None
    name = f"{target.tokenizer.__module__}:{target.tokenizer.__qualname__}" if target else None
    encoder = next((encoder for encoder in ENCODERS if encoder.tokenizer == name), None)
    if encoder is None or not any(key.startswith(_CHECKPOINT_TEXT) for key in header):
        raise Unknown("this checkpoint has no text encoder that Bend Prompt reads.")
    return Source(encoder, file, _CHECKPOINT_TEXT + SPIECE)


def _toy_loader(_inputs: Mapping[str, Any]) -> Source:
    return Source(UMT5, str(toy.FOLDER / toy.ENCODER))


_LOADERS: Mapping[str, Callable[[Mapping[str, Any]], Source]] = {
    "CLIPLoader": _clip_loader,
    "DualCLIPLoader": _dual_clip_loader,
    "LTXAVTextEncoderLoader": _ltx2_loader,
    "CheckpointLoaderSimple": _checkpoint_loader,
    "AttnBendToyWan": _toy_loader,
}


def vocabulary(source: Source) -> dict[str, torch.Tensor]:
    """The `tokenizer_data` of the host for a source: that one tensor of its file. Raises Unknown."""
    if source.encoder not in _OWN_VOCABULARY:
        return {}
    with _opened(source.file) as file:
        if source.tensor not in file.keys():  # noqa: SIM118 - no dict
            raise Unknown(f"{Path(source.file).name} has no vocabulary in it ({source.tensor}).")
        return {SPIECE: file.get_tensor(source.tensor)}


def _file(folder: str, name: object) -> str:
    path = folder_paths.get_full_path(folder, name) if isinstance(name, str) else None
    if path is None:
        raise Unknown(f"there is no file {name!r} in the folder {folder}.")
    return path


def _header(path: str) -> dict[str, torch.Tensor]:
    """The names, shapes and types of a file's tensors, as tensors without values."""
    with _opened(path) as file:
        slices = {key: file.get_slice(key) for key in file.keys()}  # noqa: SIM118 - no dict
        return {
            key: torch.empty(part.get_shape(), dtype=_TYPES.get(part.get_dtype(), torch.uint8), device="meta")
            for key, part in slices.items()
        }


def _opened(path: str):
    try:
        return safetensors.safe_open(path, "pt")
    except (OSError, safetensors.SafetensorError) as error:
        raise Unknown(f"{Path(path).name} is no safetensors file that can be read ({error}).") from None
