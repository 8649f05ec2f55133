"""What the file of a model tells before it is loaded: how many layers it has, and what a place of its grid stands for.

Only the file's header is read. ComfyUI's own recognition and the family's own adapter are asked about a model whose
tensors hold nothing (torch's `meta` device), so that what is said here is what a run will find.
"""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import comfy.model_detection
import comfy.model_patcher
import comfy.utils
import folder_paths
import torch
from safetensors import SafetensorError, safe_open

from ..bending.errors import BendError
from . import toy
from .families import family_of
from .families.family import Cell

log = logging.getLogger(__name__)

LOADERS = {
    "UNETLoader": ("diffusion_models", "unet_name"),
    "CheckpointLoaderSimple": ("checkpoints", "ckpt_name"),
}
"""ComfyUI's loaders of models: the folder that they look into, and the input that names the file."""
OWN = {"AttnBendToyWan": str(toy.FOLDER / toy.MODEL)}
"""Loaders of a file of the pack."""
NOWHERE = torch.device("meta")


@dataclass(frozen=True)
class FileFacts:
    """The number of a model's layers, and its cell."""

    layers: int
    cell: Cell


def facts_of(loader: str, inputs: Mapping[str, Any]) -> FileFacts | None:
    """What is known of the model that a loader, by its node class and its values, will give.

    None for other packs' loaders, for files that are not there, and for models that cannot be bent.
    """
    path = OWN.get(loader) or _chosen(loader, inputs)
    if path is None or not path.endswith(".safetensors") or not os.path.isfile(path):
        return None
    status = os.stat(path)
    return _read(path, status.st_mtime_ns, status.st_size)


def _chosen(loader: str, inputs: Mapping[str, Any]) -> str | None:
    folder, field = LOADERS.get(loader, ("", ""))
    name = inputs.get(field)
    return folder_paths.get_full_path(folder, name) if folder and isinstance(name, str) else None


@lru_cache(maxsize=8)
def _read(path: str, *_: int) -> FileFacts | None:
    try:
        shapes, metadata = _header(path)
        prefix = comfy.model_detection.unet_prefix_from_state_dict(shapes)
        own = comfy.utils.state_dict_prefix_replace(dict(shapes), {prefix: ""}, filter_keys=True) or shapes
        config = comfy.model_detection.model_config_from_unet(own, "", metadata=metadata)
        if config is None:
            return None
        model = config.get_model(own, "", device=NOWHERE)
        family = family_of(model)
        patcher = comfy.model_patcher.ModelPatcher(model, NOWHERE, NOWHERE)
        return FileFacts(1 + max(site.layer for site in family.sites(patcher)), family.cell(patcher))
    except (BendError, SafetensorError, RuntimeError, KeyError) as error:  # some kinds are told by their values
        log.info("%s tells nothing before it is loaded: %s", os.path.basename(path), error)
        return None


def _header(path: str) -> tuple[dict[str, torch.Tensor], dict[str, str] | None]:
    with safe_open(path, "pt") as file:
        shapes = {
            name: torch.empty(file.get_slice(name).get_shape(), device=NOWHERE)
            for name in file.keys()  # noqa: SIM118 - it is no dict
            if not name.endswith(".comfy_quant")  # which ComfyUI reads
        }
        return shapes, file.metadata()
