"""The house: which room may import which. Read off the imports, without running anything.

`python dev test tests/core/test_rooms.py -s` tells its size; `survey` takes any other tree as well.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]

FLOORS = (
    (
        "bending/errors",
        "bending/digest",
        "bending/atomic_write",
        "bending/file_name",
        "bending/lazy",
        "bending/parameter",
        "bending/uncopied",
    ),
    ("bending/frames", "bending/text"),
    ("bending/time",),
    ("bending/operators",),
    ("bending/bend",),
    ("bending/narrow", "bending/timeline", "bending/attention", "bending/maps", "bending/files", "bending/explore"),
    ("bending/pictures", "bending/api"),
    ("bending/preview",),
    ("host/display", "host/keeping", "host/toy", "host/families", "study"),
    ("host/text", "host/maps", "host/model_file", "host/model_hashes"),
    ("host/run", "host/log"),
    ("nodes",),
)
"""From the ground up: a room imports only from floors below its own. Files beside a room's folders are rooms too."""

FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
ROOMS = ("bending", "host", "nodes", "study", "toy", "dev")


def files(*tops: str, root: Path = ROOT) -> Iterator[Path]:
    return (file for top in tops for file in sorted((root / top).rglob("*.py")))


def module(file: Path, root: Path = ROOT) -> str:
    return file.relative_to(root).with_suffix("").as_posix().removesuffix("/__init__")


def imports(file: Path, root: Path = ROOT) -> Iterator[str]:
    """The modules of the pack that a file imports, wherever in it, as paths from the root."""
    inside = file.relative_to(root).parent.parts
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = (*inside[: len(inside) - node.level + 1], *(node.module or "").split("."))
            for alias in node.names:
                whole = "/".join(filter(None, (*base, alias.name)))
                is_module = (root / f"{whole}.py").is_file() or (root / whole).is_dir()
                yield whole if is_module else whole.rpartition("/")[0]


def outside(file: Path) -> Iterator[str]:
    """The packages that a file imports from elsewhere."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module


def room(path: str) -> str | None:
    """The room that a module is in; None for the root of `bending` or `host` itself."""
    return next((name for name in FLOOR if path == name or path.startswith(f"{name}/")), None)


class House(NamedTuple):
    rooms: int
    floors: int
    arrows: int
    circles: int


def survey(root: Path, *tops: str) -> House:
    """The size of the folders `tops`: what lies in them is a room, whether file or folder.

    An arrow is a room's import of another. A room, or a circle of rooms that reach each other, stands a floor above
    the highest that it imports.
    """
    arrows: dict[str, set[str]] = {}
    for file in files(*tops, root=root):
        own = "/".join(module(file, root).split("/")[:2])
        others = {"/".join(path.split("/")[:2]) for path in imports(file, root)} - {own}
        if others or own not in tops:  # an empty __init__ is no room
            arrows.setdefault(own, set()).update(others)
    arrows = {own: {other for other in others if other in arrows} for own, others in arrows.items()}
    reached = {own: _reached(own, arrows) for own in arrows}
    circle = {own: frozenset({own} | {other for other in reached[own] if own in reached[other]}) for own in arrows}
    floors: dict[frozenset[str], int] = {}
    for own in sorted(arrows, key=lambda own: len(reached[own] | circle[own])):  # what it imports reaches less
        below = {circle[other] for member in circle[own] for other in arrows[member]} - {circle[own]}
        floors[circle[own]] = 1 + max((floors[other] for other in below), default=0)
    count = sum(map(len, arrows.values()))
    return House(len(arrows), max(floors.values()), count, sum(len(members) > 1 for members in floors))


def _reached(own: str, arrows: dict[str, set[str]]) -> set[str]:
    reached: set[str] = set()
    ahead = [own]
    while ahead:
        ahead += (fresh := arrows[ahead.pop()] - reached)
        reached |= fresh
    return reached


def test_a_house_is_surveyed(tmp_path):
    """Two rooms that import each other above one that both need, one beside, and the root above them."""
    written = {
        "core/ground.py": "import os",
        "core/left/__init__.py": "",
        "core/left/in_it.py": "from ..ground import a\nfrom .. import right",
        "core/right.py": "from .left.in_it import b\nfrom .ground import c",
        "core/beside.py": "from . import ground",
        "core/__init__.py": "from . import right",
    }
    for name, text in written.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert survey(tmp_path, "core") == House(rooms=5, floors=3, arrows=6, circles=1)


def test_no_room_is_in_a_circle():
    for tops in (("bending",), ("bending", "host")):
        house = survey(ROOT, *tops)
        sys.stdout.write(f"{' and '.join(tops)}: {house}\n")
        assert not house.circles


@pytest.mark.parametrize("file", files("bending", "host", "nodes", "study"), ids=module)
def test_a_room_imports_only_from_lower_floors(file):
    own = room(module(file))
    assert own or file.name == "__init__.py", f"{module(file)} is in no room: give it a floor"
    for path in imports(file):
        other = room(path)
        if own is None:
            assert path.startswith("bending/")  # what the root of bending/ re-exports
        else:
            assert other, f"{module(file)} imports {path}, which is in no room"
            assert other == own or FLOOR[other] < FLOOR[own], f"{module(file)} imports {path}, on a higher floor"


def test_no_file_imports_itself_by_way_of_others():
    wanted = {module(file): set(imports(file)) - {module(file)} for file in files(*ROOMS)}
    wanted = {name: {path for path in paths if path in wanted} for name, paths in wanted.items()}
    while ground := {name for name, paths in wanted.items() if not paths}:
        wanted = {name: paths - ground for name, paths in wanted.items() if name not in ground}
    assert not wanted, f"in a circle, or above one: {', '.join(sorted(wanted))}"


@pytest.mark.parametrize("file", files("bending", "study"), ids=module)
def test_the_core_and_the_study_know_no_host(file):
    known = ("comfy", "folder_paths", "nodes", "execution", "server", "protocol")
    assert not [name for name in outside(file) if name.partition(".")[0].startswith(known)]


def test_what_the_development_needs_is_not_in_the_pack():
    for file in files("bending", "host", "nodes", "study"):
        assert not [path for path in imports(file) if path.partition("/")[0] in ("dev", "toy", "tests")]


def names_wan(text: str) -> bool:
    return re.search("wan(?!t)", text.lower()) is not None


ONE_FAMILY = {"host/families/wan", "host/toy"}
"""All that may name Wan's classes."""


@pytest.mark.parametrize("file", files("bending", "host", "nodes"), ids=module)
def test_only_its_family_knows_a_model(file):
    """Docstrings and texts name Wan as an example; code neither imports its modules nor asks for its names."""
    if module(file) in ONE_FAMILY:
        return
    assert not [
        name
        for name in outside(file)
        if name.startswith(("comfy.ldm.", "comfy.text_encoders.")) and name != "comfy.ldm.modules.attention"
    ]
    listed = module(file) == "host/families"
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        name = getattr(node, "id", getattr(node, "attr", "")) if isinstance(node, ast.Name | ast.Attribute) else ""
        assert listed or not names_wan(name) or name == "AttnBendToyWan", f"{name} in line {node.lineno}"
        if isinstance(node, ast.Compare):
            texts = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant)]
            assert not [text for text in texts if names_wan(str(text))], f"line {node.lineno}"


def test_the_page_about_the_house_names_what_is_there():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for path in re.findall(r"`((?:bending|host|nodes|dev|web|tests|toy|example_workflows)/[\w/.]*)`", page):
        assert (ROOT / path).exists(), path
    drawing = page.split("```")[1]
    assert not [room for room in FLOOR if room.rpartition("/")[2] not in drawing]
