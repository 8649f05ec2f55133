"""``python dev setup``: from an empty clone to a ComfyUI with the pack and tiny models in it.

Each step has a key made of what goes into it. A step is done when its stamp, written last, holds that key; so a step
that was interrupted, or whose inputs have changed, runs again, and the others cost one small file read.
"""

import hashlib
import shutil
from pathlib import Path

from . import environment, fetch, paths
from .console import Trouble, run, say
from .host import Host, locate
from .link import link_folder

FREE_BYTES_NEEDED = 4 * 2**30
"""The finished set-up takes 2.2 GB where torch's CPU build is used; pip holds each package twice while it installs."""


def main(arguments: list[str]) -> int:
    """The command: set everything up and say what there is."""
    host = ensure()
    say(f"Ready: ComfyUI in {host.comfy}, Python {host.python}, models in {paths.BASE / 'models'}.")
    return 0


def ensure() -> Host:
    """Do the steps that are not done yet and return the host they lead to."""
    host = locate()
    if host.ours:
        _step("venv", environment.key(), _with_room(environment.make), paths.VENV / "attention-bending.stamp")
        _step("ComfyUI", fetch.key(), _with_room(fetch.fetch), paths.STAMPS / "comfyui")
        _step("packages", environment.packages_key(), _with_room(environment.install), paths.VENV / "packages.stamp")
        _step("bytecode", fetch.key(), fetch.compile_files, paths.STAMPS / "bytecode")
    elif not host.packed:
        tools_key = f"{environment.tools_key()} {host.python}"
        _step("tools", tools_key, lambda: environment.install_tools(host.python), paths.STAMPS / "tools")
    for folder in ("models", "custom_nodes", "input", "output", "user", "temp"):
        (paths.BASE / folder).mkdir(parents=True, exist_ok=True)
    link_folder(paths.BASE / "custom_nodes" / "attention-bending", paths.ROOT)
    link_folder(paths.BASE / "custom_nodes" / "attention-bending-dev", paths.DEV / "nodes_tiny")
    _step("tiny models", _models_key(host), lambda: _make_models(host), paths.STAMPS / "models")
    return host


def _step(name: str, key: str, make, stamp: Path) -> None:
    digest = hashlib.sha256(key.encode()).hexdigest()
    if stamp.is_file() and stamp.read_text() == digest:
        return
    stamp.unlink(missing_ok=True)
    say(f"Setting up: {name}")
    make()
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(digest)


def _with_room(make):
    """Look for room on the disk before a step that needs much, instead of failing in the middle of it."""

    def checked() -> None:
        free = shutil.disk_usage(paths.ROOT).free
        if free < FREE_BYTES_NEEDED:
            raise Trouble(
                f"The set-up needs {FREE_BYTES_NEEDED / 2**30:.0f} GB of free disk at {paths.ROOT}, "
                f"but there are {free / 2**30:.1f} GB.\nMake room, or clone to another disk, and run the command again."
            )
        make()

    return checked


def _models_key(host: Host) -> str:
    names = ("tiny.py", "tiny_ltx.py", "tiny_text.py", "vocabulary.py")
    sources = [*(paths.DEV / name for name in names), *sorted((paths.DEV / "nodes_tiny").glob("*.py"))]
    version = host.comfy / "comfyui_version.py"
    return "\n".join(file.read_text(encoding="utf-8") for file in [*sources, version] if file.is_file())


def _make_models(host: Host) -> None:
    def cure(output: str) -> str:
        if "No module named" in output:
            return f"A package that ComfyUI needs is missing from {host.python}. Install ComfyUI's requirements there."
        return "The tiny models could not be made. Run `python dev setup` again to see the whole error."

    run(host.module("attention_bending.dev.tiny"), cure=cure)
