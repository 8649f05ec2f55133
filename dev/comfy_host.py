"""ComfyUI's modules in this process; it reads its arguments once, when it is first imported."""

import platform
import sys
from unittest import mock

from .host import locate


def start(*arguments: str) -> None:
    """Put ComfyUI first on the path, or its ``import nodes`` would find another, and let it read these arguments."""
    sys.path.insert(0, str(locate().comfy))
    import comfy.options

    comfy.options.enable_args_parsing()
    with mock.patch.object(sys, "argv", ["main.py", *arguments]):
        import comfy.cli_args


def start_on(device: str) -> None:
    """With torch's own attention, for the benchmark and the toy."""
    start("--use-pytorch-cross-attention", *(["--cpu"] if device == "cpu" else []))


def versions() -> dict[str, str]:
    import comfyui_version
    import torch

    return {"ComfyUI": comfyui_version.__version__, "torch": torch.__version__, "python": platform.python_version()}
