"""The virtual environment and what is installed into it."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from . import paths
from .console import run

STANDINS = paths.DEV / "standins"

LEFT_OUT = {
    # Builds for CUDA, which do not import beside a CPU torch: dev/standins answers ComfyUI's imports instead.
    "torchvision",
    "torchaudio",
    # Requires torchvision, and with it a torch of several GB: installed afterwards, without its requirements.
    "spandrel",
    # 400 MB of sample videos and pictures. Without it ComfyUI logs an error at start and has no template gallery.
    "comfyui-workflow-templates",
}


def key() -> str:
    """What the bare environment depends on: its own place."""
    return str(paths.VENV)


def make() -> None:
    """Make `.venv`, keeping one that works, so that an interrupted installation goes on where it stopped."""
    python = paths.venv_python(paths.VENV)
    works = python.exists() and not subprocess.run([python, "-m", "pip", "--version"], capture_output=True).returncode
    if works:
        return

    def cure(output: str) -> str:
        if "ensurepip" in output:
            return "This Python has no ensurepip. On Debian and Ubuntu: apt-get install python3-venv"
        return f"Delete {paths.VENV} and run the command again, perhaps with another Python."

    run([sys.executable, "-m", "venv", "--clear", paths.VENV], cure=cure)


def packages_key() -> str:
    """What the packages depend on: all pins, ComfyUI's list, and the place of the stand-ins."""
    files = (paths.DEV / "requirements.txt", paths.DEV / "constraints.txt", paths.COMFY / "requirements.txt")
    return "\n".join([*(file.read_text(encoding="utf-8") for file in files), *sorted(LEFT_OUT), str(STANDINS)])


def install() -> None:
    """Install ComfyUI's requirements, but for `LEFT_OUT`, and the development tools."""
    python = paths.venv_python(paths.VENV)
    lines = (paths.COMFY / "requirements.txt").read_text(encoding="utf-8").splitlines()
    wanted = paths.COMFY.parent / "requirements.txt"
    wanted.write_text("\n".join(line for line in lines if _project(line) not in LEFT_OUT), encoding="utf-8")
    constraints = ("-c", paths.DEV / "constraints.txt")
    pip(python, "install", "-r", wanted, "-r", paths.DEV / "requirements.txt", *constraints)
    pip(python, "install", "--no-deps", *(line for line in lines if _project(line) == "spandrel"))
    _path_file(python).write_text(str(STANDINS) + "\n", encoding="utf-8")


def tools_key() -> str:
    """What the development tools for a user's own ComfyUI depend on."""
    return (paths.DEV / "requirements.txt").read_text(encoding="utf-8")


def install_tools(python: Path) -> None:
    """Install the development tools into `.host/tools`, for a Python that we must not change."""
    paths.HOST.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=paths.HOST) as folder:
        fresh = Path(folder) / "tools"
        pip(python, "install", "--target", fresh, "-r", paths.DEV / "requirements.txt")
        shutil.rmtree(paths.TOOLS, ignore_errors=True)
        fresh.rename(paths.TOOLS)


def pip(python: Path, command: str, *arguments: str | Path) -> None:
    """Run pip, showing a line for each package."""
    options = ("--disable-pip-version-check", "--no-input", "--progress-bar", "off")
    run([python, "-m", "pip", command, *options, *arguments], show=_pip_line, cure=_pip_cure)


def _pip_line(line: str) -> str:
    """What is worth showing of a line that pip prints: the package, without the chain of what asked for it."""
    shown = line.strip().startswith(("Collecting", "Downloading", "Building wheel", "Installing collected"))
    return line.partition(" (from")[0].strip() if shown else ""


def _project(line: str) -> str:
    """The project name in a line of a requirements file, lower case; "" for a comment."""
    name = line.split("#")[0].strip()
    return name[: next((i for i, c in enumerate(name) if c in "=<>~!; ["), len(name))].lower()


def _path_file(python: Path) -> Path:
    # A .pth file adds to the end of the path: a torchvision that somebody installs here wins over the stand-in.
    asked = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    return Path(subprocess.check_output(asked, text=True).strip()) / "attention-bending-standins.pth"


CURES = {
    "DO NOT MATCH THE HASHES": "The package index sent other bytes than those that were checked. A proxy may have "
    "changed them: try another network or index; do not go on with that file.",
    "No space left": "The disk is full. Make room and run the command again: it goes on where it stopped.",
    "No module named pip": "This Python has no pip: run `python -m ensurepip` with it, then this command again.",
    "No matching distribution": "The package index cannot be reached, or has no such version for this Python. Check "
    "the network and pip's settings (`pip config list`), or try Python 3.11 to 3.13.",
    "Could not install": "Check the network, the rights on this folder and the disk, then run the command again.",
}


def _pip_cure(output: str) -> str:
    again = "Check the network, then run the command again: it goes on where it stopped."
    return next((cure for symptom, cure in CURES.items() if symptom in output), again)
