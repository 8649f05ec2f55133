"""Where things are. All that the commands make lies in two ignored folders, `.venv` and `.host`."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEV = ROOT / "dev"
EXAMPLES = ROOT / "example_workflows"
EXPORTS = ROOT / "tests" / "workflows"
"""The same in API form, and beside them `object_info.json`."""

VENV = ROOT / ".venv"
HOST = ROOT / ".host"

COMFY = HOST / "ComfyUI"
"""The fetched ComfyUI, unmodified."""

BASE = HOST / "base"
"""ComfyUI's ``--base-directory``: models, custom_nodes, input, output, user, temp."""

STAMPS = HOST / "stamps"
TOOLS = HOST / "tools"
"""Development tools for a ComfyUI that is not ours: installed here, never into its Python."""

GPU_PACK = HOST / "gpu-pack"
"""There where the archive of `python dev gpu-pack` was unpacked: names the Python that its packages are for."""


def venv_python(venv: Path) -> Path:
    """The interpreter of a virtual environment, whose place depends on the platform."""
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
