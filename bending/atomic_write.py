"""Files that are written whole or not at all."""

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from uuid import uuid4


def atomic_write(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a file beside `path`, in the same folder, so that it becomes `path` in one stroke.

    An old file stays until then, and nothing else is left where it fails. Raises what `write` and the system raise;
    OSError too for a path that no file can have.
    """
    try:
        named = path.name and b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        named = False
    if not named:
        raise OSError(f"{str(path)!r} names no file")
    part = path.with_name(f".{uuid4().hex}.part")
    try:
        with open(part, "xb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        write(part)
        os.chmod(part, mode)  # newer safetensors keep it from all but its owner, unlike every other output
        with open(part, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        with suppress(OSError):
            part.unlink()
