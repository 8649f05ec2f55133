"""``python dev serve``: ComfyUI in the browser, with the pack and the tiny models."""

import subprocess

from . import paths, setup
from .console import say
from .host import Host
from .server import main_command

DEVICE_OPTIONS = ("--cpu", "--directml", "--cuda-device", "--default-device", "--oneapi-device-selector")
DEFAULT_PORT = "8188"


def main(arguments: list[str]) -> int:
    """Start ComfyUI in the foreground; `arguments` are its own, for example ``--use-pytorch-cross-attention``."""
    host = setup.ensure()
    options = list(arguments)
    if not any(option.startswith(DEVICE_OPTIONS) for option in options) and not _has_accelerator(host):
        say("No GPU found: running on the CPU.")
        options.append("--cpu")
    if not any(option.startswith("--database-url") for option in options):
        # ComfyUI's default lies in its own folder, which may be the user's.
        options.append(f"--database-url=sqlite:///{paths.BASE / 'user' / 'comfyui.db'}")
    say(f"Starting ComfyUI: {_url(options)} (Ctrl+C stops it)")
    return subprocess.run(main_command(host, *options), cwd=host.comfy).returncode


def _has_accelerator(host: Host) -> bool:
    asked = "import torch, sys; sys.exit(not torch.accelerator.is_available())"
    return subprocess.run([host.python, "-c", asked], stderr=subprocess.DEVNULL).returncode == 0


def _url(options: list[str]) -> str:
    """Where the page will be, as far as the options tell."""
    port = DEFAULT_PORT
    for option, following in zip(options, [*options[1:], ""], strict=True):
        name, equals, value = option.partition("=")
        if name == "--port":
            port = value if equals else following
    return f"http://127.0.0.1:{port}"
