"""The style of the page's modules: types, against the front end's, and a linter. Both need Node; neither is shipped."""

import hashlib
import shutil
import subprocess
import sys

from . import paths
from .console import run, say

FOLDER = paths.DEV / "page"
NO_NODE = "NOT CHECKED: no Node was found. Install Node 20 or newer, with npm."


def check() -> bool | None:
    """Whether the page's modules are clean; None without Node."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not (node and npm):
        return None
    _install(npm)
    modules = FOLDER / "node_modules"
    colors = "force" if sys.stdout.isatty() else "off"
    checks = (
        [modules / "typescript" / "bin" / "tsc", "--project", FOLDER],
        [modules / "@biomejs" / "biome" / "bin" / "biome", "ci", f"--colors={colors}", "--error-on-warnings", "."],
    )
    codes = [subprocess.run([node, *map(str, command)], cwd=paths.ROOT).returncode for command in checks]
    return not any(codes)


def _install(npm: str) -> None:
    """What the lock file names, once for each of its states."""
    stamp = FOLDER / "node_modules" / "attention-bending.stamp"
    state = hashlib.sha256((FOLDER / "package-lock.json").read_bytes()).hexdigest()
    if stamp.is_file() and stamp.read_text() == state:
        return
    say("Setting up: what checks the page")
    run(
        [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", FOLDER],
        cure=lambda _: f"npm could not install what {FOLDER / 'package-lock.json'} names. It needs a network.",
    )
    stamp.write_text(state)
