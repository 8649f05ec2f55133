"""ComfyUI's modules in this process, without its server and nodes: for the benchmark and the toy."""

import sys
from unittest import mock

from .host import locate


def start(device: str) -> None:
    """Let ComfyUI read its arguments, which it does once, when it is first imported."""
    sys.path.insert(0, str(locate().comfy))
    import comfy.options

    comfy.options.enable_args_parsing()
    arguments = ["main.py", "--use-pytorch-cross-attention", *(["--cpu"] if device == "cpu" else [])]
    with mock.patch.object(sys, "argv", arguments):
        import comfy.cli_args
