"""One writer at a time: a lock on an open file, which the system lets go of however its process ends."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import StudyError

if os.name == "nt":
    import msvcrt

    def _take(file) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _take(file) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold a lock file. Raises StudyError where another process holds it."""
    with path.open("a+b") as file:
        try:
            _take(file)
        except OSError:
            raise StudyError(
                f"another run is at {path.parent}. Wait for it, or end it; it can be begun again."
            ) from None
        yield
