"""Which ComfyUI, and with which Python: a fetched one with its own; the user's, by COMFYUI_PATH; or a GPU pack's."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from . import paths
from .console import Trouble


@dataclass(frozen=True)
class Host:
    """A ComfyUI and the Python that runs it; `ours` when both were made by the set-up.

    `packed` when all came unpacked from `python dev gpu-pack`, for whatever Python runs this.
    """

    comfy: Path
    python: Path
    ours: bool
    packed: bool = False

    def script(self, file: Path, *arguments: str) -> list[str]:
        """The command that runs a file of ours in ComfyUI's Python."""
        return [str(self.python), str(file), *arguments]

    def module(self, name: str, *arguments: str) -> list[str]:
        """The command that runs a module (pytest, ruff, one of `dev`) there, with the development tools at hand."""
        return self.script(paths.DEV / "launch.py", name, *arguments)


def locate() -> Host:
    """Read COMFYUI_PATH and COMFYUI_PYTHON. Trouble when they name nothing that could be ComfyUI."""
    given = os.environ.get("COMFYUI_PATH")
    if not given and paths.GPU_PACK.is_file():
        return _packed()
    if given and os.environ.get(paths.VERSION_VARIABLE):
        raise Trouble(
            f"ComfyUI {paths.VERSION} is asked for by name, but COMFYUI_PATH is {given!r}.\n"
            "Unset COMFYUI_PATH, or name no version."
        )
    if not given:
        versions = sorted(pin.stem for pin in paths.PINS.glob("*.txt"))
        if paths.VERSION not in versions:
            raise Trouble(f"There is no ComfyUI {paths.VERSION} to fetch. There are {', '.join(versions)}.")
        return Host(paths.COMFY, paths.venv_python(paths.VENV), ours=True)
    comfy = Path(given).expanduser().resolve()
    if not (comfy / "main.py").is_file() or not (comfy / "comfy").is_dir():
        raise Trouble(
            f"COMFYUI_PATH is {given!r}, but there is no ComfyUI ({comfy / 'main.py'} is missing).\n"
            "Give the folder that holds main.py, or unset COMFYUI_PATH to let the set-up fetch a ComfyUI."
        )
    return Host(comfy, _python_of(comfy), ours=False)


def _packed() -> Host:
    asked, here = paths.GPU_PACK.read_text(encoding="utf-8"), ".".join(map(str, sys.version_info[:2]))
    if asked != here:
        raise Trouble(
            f"The GPU pack in {paths.HOST} is for Python {asked}; this is {here} ({sys.executable}).\n"
            f"Run the command with python{asked}, or make a pack with: python dev gpu-pack --python {here}"
        )
    return Host(paths.COMFY, Path(sys.executable), ours=False, packed=True)


def _python_of(comfy: Path) -> Path:
    asked = os.environ.get("COMFYUI_PYTHON")
    if asked:
        # Not resolved: a virtual environment's python is a link, and what it links to knows none of its packages.
        candidates = [Path(asked).expanduser().absolute()]
    else:
        embedded = comfy.parent / "python_embeded" / "python.exe"  # so spelled by ComfyUI's portable build
        candidates = [paths.venv_python(comfy / "venv"), paths.venv_python(comfy / ".venv"), embedded]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise Trouble(
        f"No Python found for the ComfyUI in {comfy}; looked for:\n"
        + "\n".join(f"    {candidate}" for candidate in candidates)
        + "\nSet COMFYUI_PYTHON to the Python that runs it."
    )
