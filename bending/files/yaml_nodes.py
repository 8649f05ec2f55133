"""YAML as a tree of nodes that know their lines, and no more than this: mappings, lists and scalars.

Nothing is constructed from a file: no tags, no anchors, no aliases, no implicit types; a reader says what it expects of
a node, and gets that or a FileError. Sizes and depths are bounded, so that no file takes long.
"""

import math
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

import yaml
from yaml.composer import Composer

DEPTH = 10
"""Levels of mappings and lists in each other; a window's curve is the fourth."""

COUNT = 200_000
"""Parts of a file: its nodes, and the ends of lists and mappings."""

_ODD = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PAIR = re.compile(r"(?<!\\)((?:\\\\)*)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_WHOLE = re.compile(r"[-+]?\d{1,15}")
_FLAGS = {"true": True, "false": False, "yes": True, "no": False, "on": True, "off": False}
_NOTHING = ("", "~", "null", "Null", "NULL")


class FileError(Exception):
    """What is wrong in a file, and in which line, from 1."""

    def __init__(self, line: int, what: str):
        super().__init__(what)
        self.line = line


@dataclass(frozen=True)
class Node:
    """A scalar (`value` is text), a list (a tuple of nodes) or a mapping (a dict of nodes), and its first line.

    plain   a scalar without quotes
    lines   of a mapping, the line of each key
    """

    line: int
    value: "str | tuple[Node, ...] | dict[str, Node]"
    plain: bool = False
    lines: dict[str, int] = field(default_factory=dict)

    @property
    def is_nothing(self) -> bool:
        return self.plain and self.value in _NOTHING

    def __str__(self) -> str:
        """As messages show it."""
        if isinstance(self.value, str):
            shown = self.value if len(self.value) <= 40 else f"{self.value[:37]}…"
            return "empty" if self.is_nothing else repr(shown)
        return "a list" if isinstance(self.value, tuple) else "a mapping"


def compose(text: str) -> Node:
    """The one document of a text. Raises FileError for what is no YAML, or more of it than a file of bends needs."""
    if odd := _ODD.search(text):
        line = text.count("\n", 0, odd.start()) + 1
        raise FileError(line, f"the character {odd[0]!a} cannot stand in a text file. Take it out.")
    try:
        root = yaml.compose(_from_json(text) if text.lstrip()[:1] == "{" else text, _LOADER)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        problem = getattr(error, "problem", None) or "it cannot be read"
        raise FileError(
            mark.line + 1 if mark else 1,
            f"this is no YAML: {problem}. Look at indents, quotes and brackets here and just before, or take another "
            "copy if the file was cut short.",
        ) from None
    if root is None or root.is_nothing:
        raise FileError(1, "the file is empty. Take another copy of it.")
    return root


class _Composer(Composer):
    """PyYAML's own composer, which makes a Node of each of its nodes, and refuses what no file of bends needs."""

    def __init__(self):
        Composer.__init__(self)
        self._documents = self._depth = self._count = 0

    def get_event(self) -> yaml.Event:
        """The next event, before a node is made of it: nothing that is refused is ever followed or held."""
        event = super().get_event()
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise FileError(
                line, "anchors (&) and aliases (*) are not read. Write the value itself, or put it in quotes."
            )
        if getattr(event, "tag", None):
            raise FileError(
                line, f"tags such as {event.tag[:40]} are not read. Take it out, or put the value in quotes."
            )
        self._documents += isinstance(event, yaml.DocumentStartEvent)
        if self._documents > 1:
            raise FileError(line, "a second document begins here. Make it a file of its own.")
        self._depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if self._depth > DEPTH:
            raise FileError(line, f"lists and mappings lie more than {DEPTH} deep in each other. No bend needs that.")
        self._count += 1
        if self._count > COUNT:
            raise FileError(line, f"the file has more than {COUNT:,} parts. No bending needs that many.")
        return event

    def compose_node(self, parent: yaml.Node | None, index: object) -> Node:
        """A Node, of which the composer makes the lists and mappings around it."""
        node = super().compose_node(parent, index)
        line = node.start_mark.line + 1
        if isinstance(node, yaml.ScalarNode):
            return Node(line, node.value, plain=not node.style)
        if isinstance(node, yaml.SequenceNode):
            return Node(line, tuple(node.value))
        return _mapping(line, node.value)


def _mapping(line: int, pairs: Iterable[tuple[Node, Node]]) -> Node:
    entries, lines = {}, {}
    for key, entry in pairs:
        if not isinstance(key.value, str):
            raise FileError(key.line, "a key is a list or a mapping. Give it a name.")
        if key.value in entries:
            raise FileError(
                key.line, f'"{key.value}" is here twice, first in line {lines[key.value]}. Keep one of the two.'
            )
        entries[key.value], lines[key.value] = entry, key.line
    return Node(line, entries, lines=lines)


def _loader(parser: type) -> type:
    """The composer above a loader of PyYAML: libyaml's own cannot be told what to refuse."""

    class Loader(_Composer, parser):
        def __init__(self, stream: str):
            parser.__init__(self, stream)
            _Composer.__init__(self)

    return Loader


_LOADER = _loader(getattr(yaml, "CBaseLoader", yaml.BaseLoader))


def _from_json(text: str) -> str:
    """JSON that YAML would refuse: tabs between its parts, and a character beyond U+FFFF as a pair of escapes."""

    def character(pair: re.Match) -> str:
        return pair[1] + bytes.fromhex(pair[2] + pair[3]).decode("utf-16-be")

    return _PAIR.sub(character, text.replace("\t", " "))


def meant(name: str, names: Collection[str]) -> str:
    """A question that names what was probably meant, or the names that there are."""
    if close := get_close_matches(name, names, 1, 0.6):
        return f'Did you mean "{close[0]}"?'
    return f"Choose one of {', '.join(names)}."


def mapping(node: Node, what: str) -> dict[str, Node]:
    if not isinstance(node.value, dict):
        raise FileError(node.line, f"{what} is {node}. Give it keys, as in mode: blur.")
    return node.value


def items(node: Node, what: str) -> tuple[Node, ...]:
    if not isinstance(node.value, tuple):
        raise FileError(node.line, f"{what} is {node}. Give it a list: a line with a dash for each, or [1, 2].")
    return node.value


def keyed(node: Node, what: str, known: Collection[str], needed: Iterable[str] = ()) -> dict[str, Node]:
    """The entries of a mapping that has no other keys than `known`, and all that are `needed`."""
    entries = mapping(node, what)
    for key in entries:
        if key not in known:
            raise FileError(node.lines[key], f'{what} has no "{key}". {meant(key, known)}')
    for key in needed:
        if key not in entries:
            raise FileError(node.line, f'{what} lacks "{key}". Add it; if the file was cut short, take another copy.')
    return entries


def without_strangers(node: Node, what: str, known: Collection[str], notes: list[str]) -> Node:
    """A mapping of a format that bids to ignore what is not `known`, without it; each such key is told in `notes`."""
    strangers = [key for key in mapping(node, what) if key not in known]
    for key in strangers:
        parts = (name for name in known if min(len(key), len(name)) > 2 and (key in name or name in key))
        hint = next((f'Did you mean "{name}"?' for name in parts), meant(key, known))
        told = f'line {node.lines[key]}: {what} has no "{key}" here; the key is left out, and the rest is read.'
        notes.append(f"{told} {hint}" if hint.startswith("Did") else told)
    kept = {key: value for key, value in node.value.items() if key not in strangers}
    return replace(node, value=kept)


def text(node: Node, name: str) -> str:
    """Any scalar as it is written, but not nothing."""
    if not isinstance(node.value, str) or node.is_nothing:
        raise FileError(node.line, f"{name} is {node}. Give it a text.")
    return node.value


def number(node: Node, name: str) -> float:
    if not isinstance(node.value, str) or not node.plain or not _NUMBER.fullmatch(node.value):
        raise FileError(node.line, f"{name} is {node}. Give it a finite number, without quotes, such as 0.5.")
    value = float(node.value)
    if not math.isfinite(value):
        raise FileError(node.line, f"{name} is {node}. Give it a finite number.")
    return value


def whole(node: Node, name: str) -> int:
    if not isinstance(node.value, str) or not node.plain or not _WHOLE.fullmatch(node.value):
        raise FileError(node.line, f"{name} is {node}. Give it a whole number, without quotes.")
    return int(node.value)


def flag(node: Node, name: str) -> bool:
    if not isinstance(node.value, str) or not node.plain or node.value.lower() not in _FLAGS:
        raise FileError(node.line, f"{name} is {node}. Write true or false.")
    return _FLAGS[node.value.lower()]


def choice(node: Node, name: str, choices: Collection[str]) -> str:
    chosen = text(node, name)
    if chosen not in choices:
        raise FileError(node.line, f'{name} is "{chosen[:40]}", which there is not. {meant(chosen, choices)}')
    return chosen
