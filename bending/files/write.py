"""Bendings written as text and into files."""

from __future__ import annotations

import json
import os
import textwrap
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from ..atomic_write import atomic_write
from ..bend import Bending
from ..errors import BendError
from ..lazy import safetensors
from .masks import MaskWriter, Packed
from .read import FORMAT, LIMIT, reread
from .schema import MODES, write_bend
from .version import version_of

HEAD = "# A bending: the node Load Bending of Attention Bending reads it. The last line says that it is whole.\n"
_WIDTH = 100


def dump(bending: Bending, about: str = "", kind: str = "yaml", check: bool = True) -> str:
    """The text of a file, masks and all; `kind` is yaml or json. Raises BendError for what could not be read again.

    Without `check` it is not read again to know: thousands of bendings that a sweep made are written in a second so.
    """
    writer = MaskWriter()
    text, _ = _text(bending, about, kind, writer)
    if check:
        _check(text, bending, writer)
    return text


def save(bending: Bending, path: str | os.PathLike, about: str = "") -> str:
    """Write a file, JSON where its name ends so and YAML otherwise, and give its text.

    Large masks go into a file of their own in the same folder. All is written or nothing, and an old file stays until
    then. Raises BendError where it cannot be written, or could not be read again.
    """
    path = Path(path)
    writer = MaskWriter(path.stem)
    text, beside = _text(bending, about, "json" if path.suffix.lower() == ".json" else "yaml", writer)
    _check(text, bending, writer)
    masks = path.with_name(beside) if beside else None
    is_new = masks is not None and not masks.exists()
    try:
        if is_new:
            from safetensors.torch import save_file

            atomic_write(masks, lambda part: save_file(writer.tensors, part))
        atomic_write(path, lambda part: part.write_bytes(text.encode("utf-8")))
    except BaseException as error:
        if is_new:
            with suppress(OSError):
                masks.unlink()
        if not isinstance(error, OSError | safetensors.SafetensorError):
            raise
        raise BendError(
            f'"{path.name}" could not be written: {error}. Make room there, or choose another place.'
        ) from None
    return text


def _text(bending: Bending, about: str, kind: str, writer: MaskWriter) -> tuple[str, str | None]:
    """The text, and the name of the masks' own file where there is one."""
    unknown = [bend.title for bend in bending if MODES.get(bend.operator.key) is not type(bend.operator)]
    if unknown:
        raise BendError(f"{unknown[0]} has a mode that files do not know. Take it out of the bending.")
    bends = [write_bend(bend, writer) for bend in bending]
    beside = writer.name_file()
    described = {"about": about} if about.strip() else {}
    data = {"format": FORMAT, **described, "bends": bends, "version": version_of(bending)}
    return _json(data) if kind == "json" else _yaml(data), beside


def _check(text: str, bending: Bending, writer: MaskWriter) -> None:
    try:
        reloaded = reread(text, writer.tensors)
    except BendError as error:
        raise BendError(f"this bending cannot be saved, as it could not be read again: {error}") from None
    if len(text.encode()) > LIMIT or reloaded.bending != bending:
        raise BendError(
            "this bending cannot be saved: it is too long, or has what a file cannot hold. Save it in parts."
        )


def _json(data: dict) -> str:
    return _escaped(json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False)) + "\n"


def _escaped(text: str) -> str:
    """Characters that an editor may not show, or YAML not take, as escapes; only strings have them."""
    odd = {character for character in set(text) if not character.isprintable() and character != "\n"}
    for character in odd:
        code = ord(character)
        # a pair is JSON's way beyond U+FFFF
        units = character.encode("utf-16-be", "surrogatepass") if code > 0xFFFF else code.to_bytes(2, "big")
        text = text.replace(character, "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2)))
    return text


class _Dumper(yaml.SafeDumper):
    """One key a line, lists of numbers in brackets, and a list's dashes behind its key."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_block(self, data: dict) -> yaml.Node:
        return self.represent_mapping("tag:yaml.org,2002:map", data, flow_style=False)

    def represent_text(self, data: str) -> yaml.Node:
        """With quotes also where only other programs would take a text for something else: 1e3, 0o7, y."""
        style = None if data[:1].isalpha() and data not in "yYnN" else "'"
        return self.represent_scalar("tag:yaml.org,2002:str", data, style if data.isprintable() else '"')

    def represent_packed(self, data: Packed) -> yaml.Node:
        return self.represent_scalar("tag:yaml.org,2002:str", "\n".join(textwrap.wrap(data, _WIDTH)), "|")


_Dumper.add_representer(dict, _Dumper.represent_block)
_Dumper.add_representer(str, _Dumper.represent_text)
_Dumper.add_representer(Packed, _Dumper.represent_packed)


def _yaml(data: dict) -> str:
    return HEAD + _escaped(yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH))
