"""The SHA-256 of model files: made in a thread of its own, one file at a time, and kept while a file stays as it is."""

import hashlib
import json
import logging
import os
import threading
from pathlib import Path
from queue import SimpleQueue

import folder_paths

from ..bending.atomic_write import atomic_write

log = logging.getLogger(__name__)

_CHUNK = 2**24


def kept_in() -> Path:
    """The file of what was hashed before, in the part of ComfyUI's user folder that no page can reach."""
    return Path(folder_paths.get_user_directory(), "__attention_bending", "model_hashes.json")


class Hasher:
    """`hash_of` gives what is known and has the rest made meanwhile."""

    def __init__(self):
        self._lock = threading.Lock()
        self._todo: SimpleQueue[Path] = SimpleQueue()
        self._waiting: set[Path] = set()
        self._failed: dict[Path, OSError] = {}
        self._thread: threading.Thread | None = None

    def hash_of(self, path: Path) -> str | None:
        """The file's SHA-256 in hexadecimal digits, None while it is not yet made: ask again.

        Raises OSError for a file that cannot be read.
        """
        if digest := _known(path):
            return digest
        with self._lock:
            if path in self._failed:
                raise self._failed.pop(path)
            if path not in self._waiting:
                self._waiting.add(path)
                self._todo.put(path)
            if self._thread is None or not self._thread.is_alive():
                # a daemon, so that no server waits with its end for a large file
                self._thread = threading.Thread(target=self._work, name="attention bending hashes", daemon=True)
                self._thread.start()
        return None

    def _work(self) -> None:
        while True:
            path = self._todo.get()
            try:
                if not _known(path):  # who asked may have looked just before it was
                    _make(path)
            except OSError as error:
                self._failed[path] = error
            finally:
                with self._lock:
                    self._waiting.discard(path)


def _state(path: Path) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_size, status.st_mtime_ns


def _known(path: Path) -> str | None:
    *state, digest = _kept().get(str(path), (None,))
    return digest if tuple(state) == _state(path) else None


def _make(path: Path) -> None:
    digest, before = hashlib.sha256(), _state(path)
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    if _state(path) == before:  # else it was written meanwhile, and whoever asks again has it hashed again
        _keep(path, before, digest.hexdigest())


def _kept() -> dict[str, list]:
    """By path: size, time of the last change in nanoseconds, and SHA-256."""
    try:
        return json.loads(kept_in().read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        log.warning("%s cannot be read, and begins anew: %s", kept_in(), error)
        return {}


def _keep(path: Path, state: tuple[int, int], digest: str) -> None:
    text = json.dumps({**_kept(), str(path): [*state, digest]}, indent=1)
    kept_in().parent.mkdir(parents=True, exist_ok=True)
    atomic_write(kept_in(), lambda part: part.write_text(text, encoding="utf-8"))
