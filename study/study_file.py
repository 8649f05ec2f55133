"""The file of a study, read as strictly as files of bends: a fault is told with its line and cure, and all at once.

**Format**, version 1: YAML in UTF-8, or JSON. `format: attention-bending-study`; `workflow`, a file in API form beside
it; `prompts`, each a `text` and, where one likes, a `subject` in it; `seeds`; `bends`; and `version` at the end, so
that a file that was cut short lacks it. A bend has its `mode`, and the values of its parameters as Bend Sweep reads
them, or a list of these. `each` holds values of what every bend has (`token`, `layers`, `steps` …), for all bends that
have no `each` of their own; what a bend says itself goes before. What is left out is at its default. `set` says where
the workflow leaves it open what a study changes: `prompt` and `seed` name inputs, as `6.text`, `model` the Patch Models
and `film` the VAE Decode; each may be a list. `record` is what Patch Model records: `words` and `limit_mb`.
"""

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ..bending.errors import BendError
from ..bending.explore.sweep import NARROWING, sweepable
from ..bending.explore.sweep_values import LARGEST_SEED, Value, whole_numbers
from ..bending.files.schema import MODES, needed
from ..bending.files.yaml_nodes import (
    FileError,
    Node,
    choice,
    compose,
    items,
    keyed,
    mapping,
    text,
    whole,
)
from .cells import Cell, Prompt, Sweep, cells, check_words

FORMAT = "attention-bending-study"
VERSION = 1

KEYS = ("format", "about", "workflow", "set", "prompts", "seeds", "each", "bends", "record", "version")
_NEEDED = ("format", "workflow", "prompts", "seeds", "bends", "version")
SETTABLE = ("prompt", "seed", "model", "film")
WORDS = ("bent words", "marked words", "prompt words")
"""Whose maps can be kept: what Patch Model records without being told which."""


def _megabytes(node: Node, name: str) -> int:
    if not 1 <= (size := whole(node, name)) <= 65536:
        raise FileError(node.line, f"{name} is {size}. Give it a whole number from 1 to 65536.")
    return size


RECORD: dict[str, Callable[[Node, str], str | int]] = {
    "words": lambda node, name: choice(node, name, WORDS),
    "limit_mb": _megabytes,
}


@dataclass(frozen=True)
class Study:
    """What a file asks for.

    workflow   the file's path, from the study's folder
    prompts    each with each of the `seeds` is one un-bent film
    cells      the bent ones
    set        by `prompt`, `seed`, `model` and `film`, inputs and nodes of the workflow, with commas between
    record     Patch Model's `words` and `limit_mb`; nothing where no maps are to be kept
    """

    workflow: str
    prompts: tuple[Prompt, ...]
    seeds: tuple[int, ...]
    cells: tuple[Cell, ...]
    set: Mapping[str, str] = field(default_factory=dict)
    record: Mapping[str, str | int] = field(default_factory=dict)
    about: str = ""


def load(path: str | os.PathLike) -> Study:
    """Read a file. Raises BendError, with a line for each fault, for one that is not wholly as it should be."""
    path = Path(path)
    try:
        content = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise BendError(f'"{path.name}" cannot be read: {error}. Choose a study\'s file, in UTF-8.') from None
    return parse(content, path.name)


def parse(content: str, name: str = "this text") -> Study:
    """Read a text; raises BendError as `load` does."""
    faults = _Faults(name)
    with faults.told():
        root = compose(content)
        top = _top(root)
    faults.tell()
    with faults.told():
        workflow, about = (text(top[key], key) if key in top else "" for key in ("workflow", "about"))
    with faults.told():
        chosen = {key: _typed(node, ", ") for key, node in _entries(top, "set", SETTABLE)}
    with faults.told():
        record = {key: RECORD[key](node, key) for key, node in _entries(top, "record", RECORD, RECORD)}
    with faults.told(top["seeds"].line):
        seeds = tuple(value.sets[0][1] for value in whole_numbers("seeds", _typed(top["seeds"]), 0, LARGEST_SEED))
    sweeps = _sweeps(top, faults)
    prompts = _prompts(top["prompts"], sweeps, faults)
    faults.tell()
    return Study(workflow, tuple(prompts), seeds, tuple(cells(prompts, seeds, sweeps)), chosen, record, about)


class _Faults:
    """What is wrong in a file, gathered line by line."""

    def __init__(self, name: str):
        self.name, self.found = name, []

    @contextmanager
    def told(self, line: int = 1, lines: Mapping[str, int] | None = None) -> Iterator[None]:
        """Note what is raised inside: a BendError in the line of the key that it is about, or else in `line`."""
        try:
            yield
        except FileError as fault:
            self.found.append((fault.line, str(fault)))
        except BendError as error:
            key = {"passes": "pass"}.get(error.field, error.field)
            self.found.append(((lines or {}).get(key, line), str(error)))

    def tell(self) -> None:
        """Raise BendError with all that was found, if anything was."""
        if self.found:
            raise BendError("\n".join(f'"{self.name}", line {line}: {what}' for line, what in sorted(self.found)))


def _top(root: Node) -> dict[str, Node]:
    entries = mapping(root, "the file")
    if "format" not in entries or text(entries["format"], "format") != FORMAT:
        raise FileError(root.line, f"this is no study. Begin one with format: {FORMAT}.")
    if "version" in entries and (version := whole(entries["version"], "version")) != VERSION:
        cure = f"Write version: {VERSION}." if version < 1 else "Update the pack."
        raise FileError(entries["version"].line, f"version is {version}, and this pack reads {VERSION}. {cure}")
    return keyed(root, "the study", KEYS, _NEEDED)


def _entries(
    top: dict[str, Node], key: str, known: Collection[str], needed: Iterable[str] = ()
) -> Iterable[tuple[str, Node]]:
    return keyed(top[key], key, known, needed).items() if key in top else ()


def _some(node: Node, what: str) -> tuple[Node, ...]:
    if not items(node, what):
        raise FileError(node.line, f"{what} is an empty list. Give it one entry at least.")
    return node.value


def _typed(node: Node, between: str = "; ") -> str:
    """A text as it is typed, or a list of them, with `between` them; by default as Bend Sweep has its values."""
    if not isinstance(node.value, tuple):
        return text(node, "a value")
    return between.join(text(item, "a value") for item in node.value)


def _sweeps(top: dict[str, Node], faults: _Faults) -> list[Sweep]:
    """Those of the bends that can be read and made."""
    sweeps = []
    with faults.told():
        each = top.get("each")
        if each is not None:
            keyed(each, "each", NARROWING)
        for node in _some(top["bends"], "bends"):
            with faults.told(node.line):
                sweep, lines = _sweep(node, each)
                with faults.told(node.line, lines):
                    sweep.points("subject")
                    sweeps.append(sweep)
    return sweeps


def _sweep(node: Node, each: Node | None) -> tuple[Sweep, dict[str, int]]:
    """What a bend sweeps, and the lines in which its keys stand."""
    entries = mapping(node, "a bend")
    if "mode" not in entries:
        raise FileError(node.line, 'a bend lacks "mode". Add it: mode: blur.')
    mode = MODES[choice(entries["mode"], "mode", MODES)]
    readers = sweepable(mode)
    if lacking := [name for name in needed(mode) if name not in readers]:
        raise FileError(node.line, f"{mode.name} needs a {lacking[0]}, which no study has. Take this bend out.")
    keyed(node, f"a bend of mode {mode.key}", ("mode", "each", *readers))
    each = entries.get("each", each)
    shared = {} if each is None else keyed(each, "each", NARROWING)
    if twice := [key for key in shared if key in entries and "each" in entries]:
        raise FileError(node.lines[twice[0]], f'"{twice[0]}" stands beside each and in it. Keep one of the two.')
    own = {key: node for key, node in entries.items() if key not in ("mode", "each")}
    given = own | {key: node for key, node in shared.items() if key in readers and key not in own}
    if "token" in readers and "token" not in given:
        raise FileError(node.line, f'a bend of mode {mode.key} lacks "token". Add it, here or in each: token: ALL.')
    values: dict[str, tuple[Value, ...]] = {}
    for key, typed in given.items():
        try:
            values[key] = readers[key](key, _typed(typed))
        except BendError as error:
            raise FileError(typed.line, str(error)) from None
    return Sweep(mode, values), {key: typed.line for key, typed in given.items()}


def _prompts(node: Node, sweeps: list[Sweep], faults: _Faults) -> list[Prompt]:
    prompts = []
    with faults.told():
        for entry in _some(node, "prompts"):
            with faults.told(entry.line):
                entries = keyed(entry, "a prompt", ("text", "subject"), ("text",))
                prompt = Prompt(*(text(entries[key], key) for key in ("text", "subject") if key in entries))
                if prompt in prompts:
                    raise FileError(entry.line, "this prompt is here twice. Take one of them out.")
                prompts.append(prompt)
                try:
                    check_words(prompt, sweeps)
                except BendError as error:
                    shown = prompt.text if len(prompt.text) <= 40 else f"{prompt.text[:37]}…"
                    raise error.within(f"the prompt {shown!r}") from None
    return prompts
