"""The experiment log: one JSON object a line, only ever added to.

**Convention.** UTF-8, one experiment a line, each with `format`, `version` and `time` (ISO 8601, UTC) first. A line
that was cut short, by a crash or by hand, is left as it is: the next begins on a line of its own, and readers skip what
is no JSON. A line is written whole, in one stroke and under a lock, or not at all. The lock is an empty file beside the
log, `.log.jsonl.lock`, for all who write to it, from other machines too; it may be deleted while nobody writes.
"""

import json
import math
import os
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import fields, is_dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from filelock import FileLock
from torch import Tensor

from ..bend import Bending
from ..errors import BendError
from ..file_name import fault_of_name, shown
from ..frames.mask_video import MaskVideo

FORMAT = "attention bending experiment"
VERSION = 1
SUCCESS = ("not judged", "yes", "partial", "no", "unexpected")

_PATIENCE = 30
"""Seconds that a writer waits for the others; a line takes milliseconds."""


def place(folder: str | os.PathLike, name: str) -> Path:
    """Where a log of that name lies in a folder, or below it; `.jsonl` is added where it has no ending.

    Raises BendError for a name that leaves the folder, also by a link, that no system allows, or of another kind.
    """
    name = name.strip().replace("\\", "/")
    how = "Write one such as attention_bending/log.jsonl, below ComfyUI's output folder."
    parts = name.split("/")
    for part in (*parts, f"{parts[-1]}.jsonl.lock"):  # the longest that may be made
        if fault := fault_of_name(part):
            raise BendError(f"file is {shown(name)}, which {fault}. {how}")
    path = Path(folder, *parts)
    path = path if path.suffix else path.with_name(f"{path.name}.jsonl")
    if path.suffix.lower() != ".jsonl" or path.is_dir():
        raise BendError(f"file is {shown(name)}, which is no .jsonl file. {how}")
    whole, inside = os.path.realpath(path), os.path.realpath(folder)
    if not Path(whole).is_relative_to(inside):
        raise BendError(f"file is {shown(name)}, which leaves the folder. {how}")
    return Path(whole)


def append(path: str | os.PathLike, entry: Mapping[str, Any], now: datetime | None = None) -> dict[str, Any]:
    """Add an experiment to a log, which is made where there is none; returns what was written.

    Raises BendError where it cannot be written, with the system's reason; the log is then as it was.
    """
    path = Path(path)
    stamp = (now or datetime.now(timezone.utc)).astimezone(timezone.utc)
    head = {"format": FORMAT, "version": VERSION, "time": stamp.isoformat(timespec="milliseconds")}
    line = (
        json.dumps(written := {**head, **json_safe(entry)}, ensure_ascii=False, allow_nan=False).encode(
            "utf-8", "replace"
        )
        + b"\n"
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o666)
        try:
            with ExitStack() as alone:
                # without a lock where there can be none, as on many network drives: the system appends lines whole
                with suppress(OSError, NotImplementedError):
                    alone.enter_context(FileLock(path.with_name(f".{path.name}.lock"), _PATIENCE))
                _write(file, line)
        finally:
            os.close(file)
    except (OSError, ValueError) as error:  # a ValueError for a character that no path has
        raise BendError(
            f'"{path.name}" could not be written: {error}. Nothing was added. Make room there, or choose another file.'
        ) from None
    return written


def read(path: str | os.PathLike) -> list[dict[str, Any]]:
    """The experiments of a log, oldest first; lines that are none, such as one that was cut short, are left out."""
    entries = []
    for line in Path(path).read_bytes().split(b"\n"):
        with suppress(ValueError):  # also half a character
            entry = json.loads(line)
            if isinstance(entry, dict) and entry.get("format") == FORMAT:
                entries.append(entry)
    return entries


def _write(file: int, line: bytes) -> None:
    """The whole line behind what is there, or nothing."""
    end = os.lseek(file, 0, os.SEEK_END)
    if end:
        os.lseek(file, -1, os.SEEK_END)
        if os.read(file, 1) != b"\n":
            line = b"\n" + line
    written = 0
    try:
        written = os.write(file, line)
        if written < len(line):
            raise OSError(f"only {written} of {len(line)} bytes found room")
        os.fsync(file)
    except OSError:
        with suppress(OSError):
            if os.fstat(file).st_size == end + written:  # where there is no lock, another may have come behind it
                os.ftruncate(file, end)
        raise


def json_safe(value: Any) -> Any:
    """A value as JSON can hold it: numbers that are not finite as None, masks by digest and size, the rest by name."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Bending):
        return [json_safe(bend) for bend in value]
    if isinstance(value, MaskVideo):
        return {"mask": value.digest, "shape": list(value.values.shape), "feather": value.feather}
    if isinstance(value, Tensor):
        return {"tensor": list(value.shape)}
    if is_dataclass(value) and not isinstance(value, type):
        kind = {"kind": value.key}
        return kind | {field.name: json_safe(getattr(value, field.name)) for field in fields(value) if field.compare}
    if isinstance(value, Mapping):
        return {str(key): json_safe(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [json_safe(item) for item in value]
    return str(value)


def as_text(entry: Mapping[str, Any]) -> str:
    """An experiment for a person to read: its JSON, indented."""
    return json.dumps(entry, ensure_ascii=False, indent=1)
