"""Where things are. All that the commands make lies in two ignored folders, `.venv` and `.host`.

A host other than the default has its environment and all else in a folder of its own, `.host/<version>`.
"""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEV = ROOT / "dev"
EXAMPLES = ROOT / "example_workflows"
EXPORTS = ROOT / "tests" / "workflows"
"""The same in API form, and beside them `object_info.json`."""

PINS = DEV / "comfyui"
"""A file for each ComfyUI that can be fetched, named by its version: where it comes from, with the hash."""

DEFAULT_VERSION = "0.30.0"
VERSION_VARIABLE = "ATTENTION_BENDING_HOST"
VERSION = os.environ.get(VERSION_VARIABLE) or DEFAULT_VERSION
"""Which of them; read from the environment, so that what a command starts sees the same."""

HOST = ROOT / ".host"
_HOME = HOST if VERSION == DEFAULT_VERSION else HOST / VERSION
VENV = ROOT / ".venv" if VERSION == DEFAULT_VERSION else _HOME / ".venv"

COMFY = _HOME / "ComfyUI"
"""The fetched ComfyUI, unmodified."""

BASE = _HOME / "base"
"""ComfyUI's ``--base-directory``: models, custom_nodes, input, output, user, temp."""

STAMPS = _HOME / "stamps"
TOOLS = HOST / "tools"
"""Development tools for a ComfyUI that is not ours: installed here, never into its Python."""

GPU_PACK = HOST / "gpu-pack"
"""There where the archive of `python dev gpu-pack` was unpacked: names the Python that its packages are for."""


def venv_python(venv: Path) -> Path:
    """The interpreter of a virtual environment, whose place depends on the platform."""
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
