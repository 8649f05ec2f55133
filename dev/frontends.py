"""Front ends of ComfyUI beside the one that it brings: for the slow tests of the page."""

import subprocess
import sys
from pathlib import Path

from . import paths
from .console import Trouble

NEWEST = "1.58.1"
"""The newest that the pack was tried on."""


def fetched(version: str) -> Path:
    """The folder for ComfyUI's ``--front-end-root``; installed apart from all else when it is asked for first."""
    folder = paths.HOST / "frontends" / version
    files = folder / "comfyui_frontend_package" / "static"
    if not (files / "index.html").is_file():
        package = f"comfyui-frontend-package=={version}"
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), package]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise Trouble(f"The front end {version} could not be installed:\n{done.stderr.strip()}")
    return files
