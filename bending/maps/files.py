"""Files of recorded maps: a Record for another day, another machine, a notebook.

**Format**, version 1: a safetensors file. Its metadata holds `format`, `version`, and `record`, which is JSON of the
record's plain fields (`probes` only where there are any) and of `bent`, whether bends made a difference; notes of
others, such as ComfyUI's workflow, may stand beside them. Its tensors are `original.values`, `original.peaks`, `seen`,
and where `bent` is true `bent.values` and `bent.peaks`, with the shapes and types that `Record` and `PackedMaps` give
them. Nothing in it is code or a path.
"""

import json
import math
import os
import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ..atomic_write import atomic_write
from ..errors import BendError
from ..frames.grid import Grid
from .record import PackedMaps, Record

FORMAT, VERSION = "attention-bending-maps", 1

LIMIT = 70_000_000_000
"""Bytes of tensors; more is neither read nor written."""

COUNT = 65_536
"""More than any model or film has of anything that is counted here."""

_MARK = re.compile(rb'"format"\s*:\s*"%s"' % FORMAT.encode())
_HEADER = 16_000_000
_TYPES = {torch.float16: "F16", torch.float32: "F32", torch.bool: "BOOL"}
_SIZES = {name: dtype.itemsize for dtype, name in _TYPES.items()}

Layout = dict[str, tuple[str, tuple[int, ...]]]
"""Of each tensor of a file, by name: its type, as safetensors calls it, and its shape."""

_DAMAGED = "The file is damaged or was changed: take another copy of it, or save the maps again."


class _Fault(Exception):
    """What is wrong with a file or a record, in a few words, and what to do about it where that is a file."""

    def __init__(self, what: str, cure: str = _DAMAGED):
        super().__init__(what)
        self.cure = cure


def save(record: Record, path: str | os.PathLike, notes: Mapping[str, str] | None = None) -> None:
    """Write a record, with the `notes` of others beside it: all of it, or nothing where that fails.

    Raises BendError where it cannot be written, or could not be read again.
    """
    path = Path(path)
    tensors = {name: tensor.contiguous() for name, tensor in _tensors(record).items()}
    try:
        metadata = {**(notes or {}), "format": FORMAT, "version": str(VERSION), "record": _written(record)}
        _planned(metadata, {name: (_TYPES.get(tensor.dtype), tuple(tensor.shape)) for name, tensor in tensors.items()})
        _check_numbers(tensors)
    except _Fault as fault:
        raise BendError(f'these maps cannot be saved as "{path.name}": {fault}. Sample again.') from None
    try:
        atomic_write(path, lambda part: save_file(tensors, part, metadata))
    except (OSError, SafetensorError) as error:
        raise BendError(
            f'"{path.name}" could not be written: {error}. Make room there, or choose another place.'
        ) from None


def load(path: str | os.PathLike) -> Record:
    """Read a record, on the CPU and apart from the file.

    Raises BendError for a file that is missing, damaged, too large, of another kind or of a newer version.
    """
    path = Path(path)
    if not os.path.isfile(path):  # also a name that no file can have
        raise BendError(f'there is no file "{path.name}". Choose one that is there.')
    try:
        with safe_open(path, framework="pt") as file:
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118, as it is no mapping
            layout = {name: (one.get_dtype(), tuple(one.get_shape())) for name, one in slices.items()}
            fields = _planned(file.metadata() or {}, layout)
            # clones, as these would be the file itself, which may change or be replaced
            tensors = {name: file.get_tensor(name).clone() for name in layout}
        _check_numbers(tensors)
    except (OSError, SafetensorError):
        raise BendError(
            f'"{path.name}" is no safetensors file, or was cut short. Take another copy of it, or save the maps again.'
        ) from None
    except _Fault as fault:
        raise BendError(f'"{path.name}" cannot be read: {fault}. {fault.cure}') from None
    return _record(fields, tensors)


def is_map_file(path: str | os.PathLike) -> bool:
    """Whether a file calls itself one of maps, of any version; reads no more than its header."""
    try:
        if not os.path.isfile(path):
            return False
        with open(path, "rb") as file:
            size = int.from_bytes(file.read(8), "little")
            return size <= _HEADER and bool(_MARK.search(file.read(size)))
    except OSError:
        return False


def _tensors(record: Record) -> dict[str, Tensor]:
    maps = {"original": record.original}
    if record.bent is not record.original:
        maps["bent"] = record.bent
    parts = {f"{name}.{part}": getattr(packed, part) for name, packed in maps.items() for part in ("values", "peaks")}
    return {**parts, "seen": record.seen}


def _written(record: Record) -> str:
    """JSON of the plain fields."""
    fields = {
        "words": record.words,
        "columns": record.columns,
        "grid": record.grid.shape,
        "steps": record.steps,
        "layers": record.layers,
        "heads": record.heads,
        "cell": record.cell,
        "stride": record.stride,
        "bent": record.bent is not record.original,
        "facts": dict(record.facts),
    }
    if record.probes:
        fields["probes"] = record.probes
    try:
        return json.dumps(fields, allow_nan=False)
    except (TypeError, ValueError):
        raise _Fault("facts hold more than plain values") from None


def _record(fields: dict[str, Any], tensors: dict[str, Tensor]) -> Record:
    original = PackedMaps(tensors["original.values"], tensors["original.peaks"])
    bent = PackedMaps(tensors["bent.values"], tensors["bent.peaks"]) if fields["bent"] else original
    return Record(
        words=tuple(fields["words"]),
        columns=tuple(map(tuple, fields["columns"])),
        grid=Grid(*fields["grid"]),
        steps=tuple(map(tuple, fields["steps"])),
        layers=tuple(map(tuple, fields["layers"])),
        heads=fields["heads"],
        original=original,
        bent=bent,
        seen=tensors["seen"],
        cell=fields["cell"],
        stride=fields["stride"],
        facts=fields["facts"],
        probes=tuple(fields.get("probes", ())),
    )


def _planned(metadata: Mapping[str, str], layout: Layout) -> dict[str, Any]:
    """The fields of a record, once all that can be known before its tensors are read is right."""
    if metadata.get("format") != FORMAT:
        raise _Fault("it holds no attention maps", "Choose a file of Save Attention Maps.")
    version = metadata.get("version", "")
    if not re.fullmatch(r"[1-9][0-9]{0,5}", version):
        raise _Fault("its version is no number")
    if int(version) > VERSION:
        raise _Fault(
            f"it was made by a newer version of Attention Bending (format {version}; this one reads up to {VERSION})",
            "Update the pack.",
        )
    fields = _fields(metadata.get("record", ""))
    expected = _layout(fields)
    if sum(_SIZES[kind] * math.prod(shape) for kind, shape in expected.values()) > LIMIT:
        raise _Fault(f"it would take more than {LIMIT / 1e9:g} GB")
    if layout != expected:
        odd = sorted(name for name in {*expected, *layout} if layout.get(name) != expected.get(name))
        raise _Fault(f"{', '.join(odd[:5])} should not be there, is missing, or is not as its words and grid ask")
    return fields


def _fields(text: str) -> dict[str, Any]:
    """The plain fields, each of its type and within its bounds."""
    try:
        fields = json.loads(text, parse_constant=_number, parse_float=_number)
    except (ValueError, RecursionError):
        raise _Fault("its description is no JSON") from None
    if not isinstance(fields, dict):
        raise _Fault("its description has no fields")
    for name, check in _CHECKS.items():
        if name not in fields or not check(fields[name]):
            raise _Fault(f"{name} is {'missing' if name not in fields else 'not what it should be'}")
    if len(fields["columns"]) != len(fields["words"]):
        raise _Fault("it has other columns than words")
    words = range(len(fields["words"]))
    if not _is_list(fields.get("probes", []), lambda number: type(number) is int and number in words, least=0):
        raise _Fault("its probes are none of its words")
    return fields


def _layout(fields: dict[str, Any]) -> Layout:
    axes = tuple(len(fields[axis]) for axis in ("words", "steps", "layers"))
    values, peaks = ((*axes, fields["heads"], *places) for places in (fields["grid"], (1, 1, 1)))
    layout: Layout = {"seen": ("BOOL", axes)}
    for name in ("original", "bent") if fields["bent"] else ("original",):
        layout |= {f"{name}.values": ("F16", values), f"{name}.peaks": ("F32", peaks)}
    return layout


def _check_numbers(tensors: dict[str, Tensor]) -> None:
    for name in tensors.keys() - {"seen"}:
        low, high = tensors[name].aminmax()
        least, most = (-1, 1) if name.endswith("values") else (0, torch.finfo(torch.float32).max)
        if not (least <= low and high <= most):  # NaN is never in order
            raise _Fault(f"{name} holds numbers that are not finite, or larger than they can be")


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _is_count(it: Any, least: int = 1) -> bool:
    return type(it) is int and least <= it <= COUNT  # True is an int to isinstance


def _is_list(it: Any, check: Callable[[Any], bool], least: int = 1) -> bool:
    return isinstance(it, list) and len(it) >= least and all(map(check, it))


def _are_bins(it: Any) -> bool:
    """(first, last) pairs, one after the other."""
    if not _is_list(it, lambda ends: _is_list(ends, lambda number: _is_count(number, 0)) and len(ends) == 2):
        return False
    flat = [number for first, last in it for number in (2 * first, 2 * last + 1)]
    return all(one < other for one, other in pairwise(flat))


def _are_facts(it: Any) -> bool:
    return isinstance(it, dict) and all(type(it[name]) in types for name, types in _FACTS.items() if name in it)


_FACTS = {
    "prompt": (str,),
    "bending": (str,),
    "model": (str,),
    "report": (str,),
    "steps": (int,),
    "seed": (int, type(None)),
}

_CHECKS: dict[str, Callable[[Any], bool]] = {
    "words": lambda it: _is_list(it, lambda word: isinstance(word, str)),
    "columns": lambda it: _is_list(it, lambda word: _is_list(word, lambda column: _is_count(column, 0), least=0)),
    "grid": lambda it: _is_list(it, _is_count) and len(it) == 3,
    "steps": _are_bins,
    "layers": _are_bins,
    "heads": _is_count,
    "cell": _is_count,
    "stride": _is_count,
    "bent": lambda it: isinstance(it, bool),
    "facts": _are_facts,
}
"""What is there in the JSON of every file, and what it may be."""
