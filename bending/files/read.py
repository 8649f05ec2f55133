"""Bendings read from text and from files: our own, the seed's, the research code's, Model-Bending's."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..bend import Bending
from ..errors import BendError
from ..lazy import torch
from .masks import MaskReader
from .model_bending import read_peer
from .schema import read_bend
from .seed_formats import read_research, read_seed
from .version import VERSION, newer
from .yaml_nodes import FileError, Node, compose, items, keyed, meant, text, whole

FORMAT = "attention-bending"

LIMIT = 4_000_000
"""Bytes of a file, without the masks beside it; more is neither read nor written."""

_HEAD = 65_536
_OURS = re.compile(rb"""\bformat["']?\s*:\s*["']?attention-bending\b(?!-)""")
_OTHERS = re.compile(rb"""(?:^|[{,])\s*["']?attention_(?:bending|bending_settings|bends)["']?\s*:""", re.MULTILINE)
_BARE = re.compile(rb"^configs\s*:(?=.*\bmode\s*:)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Loaded:
    """What a file holds: its bending, what it says about itself, and what of a foreign file was changed or left out."""

    bending: Bending
    about: str = ""
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = [self.about.strip(), str(self.bending), "\n".join(self.notes)]
        return "\n\n".join(part for part in parts if part)


def load(path: str | os.PathLike) -> Loaded:
    """Read a file. Raises BendError, with the line, for one that is not wholly as it should be."""
    path = Path(path)
    if not os.path.isfile(path):  # also a name that no file can have
        raise BendError(f'there is no file "{path.name}". Choose one that is there.')
    try:
        with open(path, "rb") as file:
            content = file.read(LIMIT + 1)
    except OSError as error:
        raise BendError(f'"{path.name}" cannot be read: {error}.') from None
    if len(content) > LIMIT:
        raise BendError(f'"{path.name}", line 1: the file is larger than {LIMIT / 1e6:g} MB. No bending needs that.')
    try:
        decoded = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BendError(f'"{path.name}", line {line}: this is no text in UTF-8. Save it as UTF-8.') from None
    return parse(decoded, path.name, path.parent)


def parse(content: str, name: str = "this text", folder: Path | None = None) -> Loaded:
    """Read a text; masks that are not in it come from `folder`. Raises BendError as `load` does."""
    return _parse(content, name, MaskReader(folder))


def reread(content: str, tensors: Mapping[str, torch.Tensor]) -> Loaded:
    """Read a text whose masks are not yet in their file."""
    return _parse(content, "this bending", _Held(tensors))


def is_bending_file(path: str | os.PathLike) -> bool:
    """Whether a file looks like one of bends; reads no more than its beginning."""
    try:
        if not os.path.isfile(path):
            return False
        with open(path, "rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return False
    return any(pattern.search(head) for pattern in (_OURS, _OTHERS, _BARE))


class _Held(MaskReader):
    def __init__(self, tensors: Mapping[str, torch.Tensor]):
        super().__init__()
        self.tensors = tensors

    def _beside(self, node: Node, digest: str, shape: tuple[int, ...]) -> torch.Tensor:
        return self.tensors[digest]


def _parse(content: str, name: str, reader: MaskReader) -> Loaded:
    try:
        root = compose(content)
        if not isinstance(root.value, dict):
            raise FileError(root.line, f"the file is {root}, and no bending. Begin it with format: {FORMAT}.")
        for key, read in _FORMATS.items():
            if key in root.value:
                return read(root, reader)
        for key, line in root.lines.items():
            if "Did you mean" in (hint := meant(key, tuple(_FORMATS))):
                raise FileError(line, f'a bending has no "{key}". {hint}')
        raise FileError(root.line, f"this is no file of bends. Begin one with format: {FORMAT}.")
    except FileError as fault:
        raise BendError(f'"{name}", line {fault.line}: {fault}') from None


def _read_own(root: Node, reader: MaskReader) -> Loaded:
    if (stated := text(root.value["format"], "format")) != FORMAT:
        raise FileError(
            root.value["format"].line, f'format is "{stated[:40]}", and no bending. Choose a file of bends.'
        )
    if "version" in root.value:  # before all else, as a newer version may look different
        version = whole(root.value["version"], "version")
        if version > VERSION:
            raise FileError(
                root.value["version"].line,
                f"it was made by a newer version of Attention Bending (format {version}; this one reads up to "
                f"{VERSION}). Update the pack.",
            )
        if version < 1:
            raise FileError(root.value["version"].line, f"version is {version}. Write version: 1.")
    entries = keyed(root, "the file", ("format", "about", "bends", "version"), ("version", "bends"))
    bending = Bending(tuple(read_bend(node, reader) for node in items(entries["bends"], "bends")))
    if version == 1 and (new := newer(bending)):
        raise FileError(
            entries["version"].line, f"version is 1, which has no {', '.join(new)}. Write version: {VERSION}."
        )
    about = entries.get("about")
    return Loaded(bending, "" if about is None or about.is_nothing else text(about, "about"))


def _foreign(read):
    def loaded(root: Node, reader: MaskReader) -> Loaded:
        bending, about, notes = read(root)
        return Loaded(bending, about, tuple(notes))

    return loaded


_FORMATS = {
    "format": _read_own,
    "attention_bending_settings": _foreign(read_research),
    "attention_bending": _foreign(read_seed),
    "configs": _foreign(read_seed),
    "attention_bends": _foreign(read_peer),
}
"""By the key that only such files have."""
