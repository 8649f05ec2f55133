"""Put one folder inside another without copying it."""

import os
import subprocess
from pathlib import Path

from .console import Trouble


def link_folder(link: Path, target: Path) -> None:
    """Make `link` lead to the folder `target`, replacing a link that leads elsewhere."""
    if link.exists() and link.resolve() == target.resolve():
        return
    if link.is_symlink():
        link.unlink()
    elif link.exists():
        if os.name != "nt":
            raise Trouble(f"{link} is a real folder where the set-up puts a link to {target}. Move it away.")
        link.rmdir()  # removes a junction, and refuses a folder with something in it
    if os.name != "nt":
        link.symlink_to(target, target_is_directory=True)
        return
    # A symbolic link needs a privilege on Windows, a junction does not.
    mklink = subprocess.run(["cmd", "/c", "mklink", "/J", str(link), str(target)], capture_output=True, text=True)
    if mklink.returncode:
        raise Trouble(f"Could not link {link} to {target}: {mklink.stderr.strip()}\nKeep both on one local NTFS disk.")
