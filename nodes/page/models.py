"""Which model files a graph loads, and what is in them: what a study asks, so that its servers are alike."""

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import folder_paths

import nodes

from ...bending.errors import BendError
from ...host.model_hashes import Hasher
from . import NonsenseError, asked

_hasher = Hasher()
_MOST = 10_000
_ROOT = Path(__file__).resolve().parents[2]


def models(question: dict) -> dict:
    """The files that the loaders of a `prompt` in API form name: `models`, each by its folder and name.

    Each has its `size` in bytes and its `sha256`; those whose hash is not made yet are `pending` instead, and are asked
    for again. With `trust` each has its size and the time of its last change, in seconds since 1970, and none is read.
    `pack` is this pack's version.
    """
    prompt, trust = asked(question, "prompt", dict, _MOST), asked(question, "trust", bool)
    told, pending = {}, []
    for name, path in dict(_loaded(prompt)).items():
        try:
            status = os.stat(path)
            if trust:
                told[name] = {"size": status.st_size, "modified": int(status.st_mtime)}
            elif digest := _hasher.hash_of(path):
                told[name] = {"size": status.st_size, "sha256": digest}
            else:
                pending.append(name)
        except OSError as error:
            raise BendError(f"the model {name} cannot be read: {error}. Look at it on that server.") from None
    return {"pack": _pack(), "models": told, "pending": pending}


@cache
def _pack() -> str:
    """The version, and a digest of the code, by which one that was changed by hand is another."""
    version = re.search(r'^version = "(.+)"', (_ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)[1]
    digest = hashlib.sha256()
    for file in sorted(file for room in ("bending", "host", "nodes") for file in (_ROOT / room).rglob("*.py")):
        digest.update(file.read_text(encoding="utf-8").encode())  # whatever its ends of lines
    return f"{version} {digest.hexdigest()[:12]}"


def _loaded(prompt: Mapping) -> Iterator[tuple[str, Path]]:
    """Files by folder and name. Raises NonsenseError where a loader is given what its folder does not have."""
    folders = {name: {*folder_paths.get_filename_list(name)} for name in _model_folders()}
    for node in prompt.values():
        if not isinstance(node, dict):
            raise NonsenseError("a node is an object")
        kind, inputs = asked(node, "class_type", str), asked(node, "inputs", dict)
        for name, options in _choices(kind):
            looked_into = [folder for folder, files in folders.items() if files and files <= options]
            value = inputs.get(name, [])
            if not looked_into or isinstance(value, list):  # no loader's, left out, or it comes by a wire
                continue
            if not isinstance(value, str) or value not in options:
                raise NonsenseError(f"{kind} has no {name} {value!r:.60}: no such file is in its folder")
            for folder in (folder for folder in looked_into if value in folders[folder]):
                yield f"{folder}/{value}", Path(folder_paths.get_full_path_or_raise(folder, value))


def _model_folders() -> list[str]:
    return [name for name, (_, kinds) in folder_paths.folder_names_and_paths.items() if ".safetensors" in kinds]


def _choices(kind: str) -> Iterator[tuple[str, set[str]]]:
    """A node's inputs of a choice, and what is offered."""
    node = nodes.NODE_CLASS_MAPPINGS.get(kind)
    inputs = node.INPUT_TYPES() if node else {}
    for part in ("required", "optional"):
        for name, (what, *more) in inputs.get(part, {}).items():
            options = more[0].get("options", ()) if what == "COMBO" and more else what
            if isinstance(options, list | tuple):
                yield name, {option for option in options if isinstance(option, str)}
