"""What a study has made: a folder a cell, laid aside and renamed, and a journal that is only added to.

cells/KEY/      film.mp4  poster.webp  [maps.mp4]  result.json    whole, or not there
journal.jsonl   what happened, a JSON object a line
lock.json       what all servers of the study have in common
study.yaml  workflow.json   copies of what was asked last
"""

import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..bending.atomic_write import atomic_write
from .errors import StudyError
from .locking import alone

RESULT = "result.json"
PART = ".part"


class Store:
    """The folder of a study, for reading; what writes does so `with store.writing()`."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.cells = folder / "cells"
        self.lock_file = folder / "lock.json"
        self._journal = folder / "journal.jsonl"

    @contextmanager
    def writing(self) -> Iterator["Store"]:
        """Be the one writer; what an ended one left unfinished is swept. Raises StudyError where there is another."""
        try:
            self.cells.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StudyError(f"{self.cells} could not be made: {error.strerror}. Name a folder by --store.") from None
        with alone(self.folder / "lock"):
            for part in self.cells.glob(f"*{PART}"):
                shutil.rmtree(part)
            yield self

    def whole(self) -> set[str]:
        """The keys of the cells that are kept."""
        if not self.cells.is_dir():
            return set()
        return {name for name in os.listdir(self.cells) if not name.endswith(PART)}

    def result(self, key: str) -> dict[str, Any]:
        return json.loads((self.cells / key / RESULT).read_text(encoding="utf-8"))

    def keep(self, key: str, files: Mapping[str, bytes], result: Mapping[str, Any]) -> bool:
        """Keep a cell, all of it or nothing; False where it is kept already.

        Raises StudyError where it cannot be written, as on a full disk.
        """
        whole, part = self.cells / key, self.cells / f"{key}{PART}"
        if whole.exists():
            return False
        try:
            part.mkdir()
            for name, data in [*files.items(), (RESULT, json.dumps(result, ensure_ascii=False, indent=1).encode())]:
                with (part / name).open("wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
            part.rename(whole)
            _sync(self.cells)
        except OSError as error:
            shutil.rmtree(part, ignore_errors=True)
            raise StudyError(
                f"cell {key} could not be kept in {self.cells}: {error.strerror}. Nothing that was kept is lost. Make "
                "room, and begin the study again: what the servers have made by then is taken from them."
            ) from None
        return True

    def note(self, what: str, **told: Any) -> None:
        """Add to the journal. Raises StudyError where it cannot be written."""
        line = json.dumps({"time": round(time.time(), 3), "what": what, **told}, ensure_ascii=False).encode() + b"\n"
        try:
            with self._journal.open("a+b") as file:
                if end := file.tell():
                    file.seek(end - 1)
                    if file.read(1) != b"\n":  # the last writer was cut short
                        line = b"\n" + line
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StudyError(f"{self._journal} could not be written: {error.strerror}. Make room there.") from None

    def journal(self) -> list[dict[str, Any]]:
        """What happened, oldest first; a line that was cut short is left out."""
        lines = self._journal.read_bytes().split(b"\n") if self._journal.is_file() else []
        return [entry for entry in map(_entry, lines) if entry]

    def write_text(self, name: str, text: str) -> None:
        """A file of the study's folder, whole or as it was."""
        try:
            atomic_write(self.folder / name, lambda part: part.write_text(text, encoding="utf-8", newline=""))
        except OSError as error:
            raise StudyError(f"{self.folder / name} could not be written: {error.strerror}. Make room there.") from None


def _entry(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) and "what" in entry else None


def _sync(folder: Path) -> None:
    """Make a rename last; Windows has no such call, and needs none."""
    if os.name != "nt":
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
