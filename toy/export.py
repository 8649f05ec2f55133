"""The training's state as the three files that the pack carries, in half precision and with ComfyUI's names."""

import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from ..bending.atomic_write import atomic_write
from . import text

FILES = {"model": "toy_wan", "encoder": "toy_umt5", "vae": "toy_wan_vae"}


def write(state: Path, folder: Path) -> None:
    """Write the averaged weights of the training in the folder `state`, finished or not, and its log."""
    checkpoint = torch.load(state / "flow-state.pt", map_location="cpu", weights_only=True)
    average = checkpoint["average"]
    parts = {
        part: {name.removeprefix(f"{part}."): weight for name, weight in average.items() if name.startswith(f"{part}.")}
        for part in ("model", "encoder")
    }
    parts["vae"] = torch.load(state / "vae.pt", map_location="cpu", weights_only=True)
    halves = {part: {name: w.half().contiguous() for name, w in weights.items()} for part, weights in parts.items()}
    halves["encoder"]["spiece_model"] = torch.frombuffer(bytearray(text.vocabulary()), dtype=torch.uint8)
    # The one size that ComfyUI does not read off the tensors.
    sizes = {"config": json.dumps({"transformer": {"text_dim": text.CONFIG["d_model"]}})}
    metadata = {"modelspec.title": "Toy Wan", "modelspec.training_steps": str(checkpoint["step"])}
    for part, weights in halves.items():
        _save(weights, folder / f"{FILES[part]}.safetensors", {**metadata, **(sizes if part == "model" else {})})
    shutil.copyfile(state / "log.jsonl", folder / "training.jsonl")


def _save(weights: dict[str, Tensor], file: Path, metadata: dict[str, str]) -> None:
    """Write one file, whole or not at all: a running ComfyUI may have the old one open."""
    file.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(file, lambda part: save_file(weights, part, metadata))
    numbers = sum(weight.numel() for weight in weights.values())
    print(f"{file.name}: {numbers / 1e6:.1f} M numbers, {file.stat().st_size / 1e6:.1f} MB", flush=True)
