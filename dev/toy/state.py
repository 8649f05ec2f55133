"""What a training leaves on the disk: whole files only, so that it can stop at any moment and go on."""

import os
from pathlib import Path
from typing import Any

import torch


def save(file: Path, value: Any) -> None:
    """Write one file, whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(f".{os.getpid()}")
    torch.save(value, fresh)
    os.replace(fresh, file)


def load(file: Path, device: torch.device) -> Any:
    """What `save` wrote, or None where there is nothing."""
    return torch.load(file, map_location=device, weights_only=True) if file.is_file() else None
