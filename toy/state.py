"""What a training leaves on the disk: whole files only, so that it can stop at any moment and go on."""

from pathlib import Path
from typing import Any

import torch

from ..bending.atomic_write import atomic_write


def save(file: Path, value: Any) -> None:
    """Write one file, whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(file, lambda part: torch.save(value, part))


def load(file: Path, device: torch.device) -> Any:
    """What `save` wrote, or None where there is nothing."""
    return torch.load(file, map_location=device, weights_only=True) if file.is_file() else None
