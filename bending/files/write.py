"""Bendings written as text and into files."""

import json
import os
import re
import textwrap
from contextlib import suppress
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import save_file

from ..atomic_write import atomic_write
from ..bend import Bending
from ..errors import BendError
from .masks import MaskWriter, Packed
from .read import FORMAT, LIMIT, VERSION, reread
from .schema import MODES, write_bend

HEAD = "# A bending: the node Load Bending of Attention Bending reads it. The last line says that it is whole.\n"
_PLAIN = re.compile(r"[A-Za-z][A-Za-z_-]*( [A-Za-z][A-Za-z_-]*)*")
_RESERVED = ("true", "false", "yes", "no", "on", "off", "null", "y", "n")


def dump(bending: Bending, about: str = "", kind: str = "yaml") -> str:
    """The text of a file, masks and all; `kind` is yaml or json. Raises BendError for what could not be read again."""
    return _text(bending, about, kind, MaskWriter())[0]


def save(bending: Bending, path: str | os.PathLike, about: str = "") -> str:
    """Write a file, JSON where its name ends so and YAML otherwise, and give its text.

    Large masks go into a file of their own in the same folder. All is written or nothing, and an old file stays until
    then. Raises BendError where it cannot be written, or could not be read again.
    """
    path = Path(path)
    gathered = MaskWriter(path.stem)
    text, beside = _text(bending, about, "json" if path.suffix.lower() == ".json" else "yaml", gathered)
    masks = path.with_name(beside) if beside else None
    made = masks is not None and not masks.exists()
    try:
        if made:
            atomic_write(masks, lambda part: save_file(gathered.tensors, part))
        atomic_write(path, lambda part: part.write_bytes(text.encode("utf-8")))
    except BaseException as error:
        if made:
            with suppress(OSError):
                masks.unlink()
        if not isinstance(error, OSError | SafetensorError):
            raise
        raise BendError(
            f'"{path.name}" could not be written: {error}. Make room there, or choose another place.'
        ) from None
    return text


def _text(bending: Bending, about: str, kind: str, gathered: MaskWriter) -> tuple[str, str | None]:
    """The text, and the name of the masks' own file where there is one."""
    unknown = [bend.title for bend in bending if MODES.get(bend.operator.key) is not type(bend.operator)]
    if unknown:
        raise BendError(f"{unknown[0]} has a mode that files do not know. Take it out of the bending.")
    bends = [write_bend(bend, gathered) for bend in bending]
    beside = gathered.settle()
    data = {"format": FORMAT, **({"about": about} if about.strip() else {}), "bends": bends, "version": VERSION}
    text = _json(data) if kind == "json" else HEAD + "\n".join(_lines(data)) + "\n"
    try:
        again = reread(text, gathered.tensors)
    except BendError as error:
        raise BendError(f"this bending cannot be saved, as it could not be read again: {error}") from None
    if len(text.encode()) > LIMIT or again.bending != bending:
        raise BendError(
            "this bending cannot be saved: it is too long, or has what a file cannot hold. Save it in parts."
        )
    return text, beside


def _json(data: dict) -> str:
    return _escaped(json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False)) + "\n"


def _escaped(text: str) -> str:
    """Characters that an editor may not show, or YAML not take, as escapes; only strings have them."""
    odd = {character for character in text if not character.isprintable() and character != "\n"}
    for character in odd:
        code = ord(character)
        # a pair is JSON's way beyond U+FFFF
        units = character.encode("utf-16-be", "surrogatepass") if code > 0xFFFF else code.to_bytes(2, "big")
        text = text.replace(character, "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2)))
    return text


def _lines(data: dict, indent: str = "") -> list[str]:
    """A mapping as lines of YAML."""
    lines = []
    for key, value in data.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            lines.append(f"{indent}{key}:")
            for item in value:
                first, *rest = _lines(item, f"{indent}    ")
                lines += [f"{indent}  - {first.lstrip()}", *rest]
        elif isinstance(value, dict):
            lines += [f"{indent}{key}:", *_lines(value, f"{indent}  ")]
        elif isinstance(value, Packed):
            lines += [
                f"{indent}{key}: |-",
                *textwrap.wrap(value, 100, initial_indent=f"{indent}  ", subsequent_indent=f"{indent}  "),
            ]
        elif isinstance(value, list):
            numbers = textwrap.wrap(", ".join(map(_scalar, value)), 100, break_on_hyphens=False)
            lines.append(f"{indent}{key}: [" + f"\n{indent}  ".join(numbers) + "]")
        else:
            lines.append(f"{indent}{key}: {_scalar(value)}")
    return lines


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        mantissa, e, exponent = repr(value).partition("e")
        return f"{mantissa}{'' if '.' in mantissa or not e else '.0'}{e}{exponent}"  # YAML asks for the point
    if isinstance(value, str):
        if _PLAIN.fullmatch(value) and value.lower() not in _RESERVED:
            return value
        return _escaped_yaml(json.dumps(value, ensure_ascii=False))
    return str(value)


def _escaped_yaml(text: str) -> str:
    return "".join(character if character.isprintable() else f"\\U{ord(character):08x}" for character in text)
