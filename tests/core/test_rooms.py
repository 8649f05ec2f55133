"""The house: which room may import which. Read off the imports, without running anything."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

FLOORS = (
    ("bending/errors", "bending/digest", "bending/atomic_write", "bending/parameter"),
    ("bending/frames", "bending/text"),
    ("bending/time",),
    ("bending/operators",),
    ("bending/bend",),
    ("bending/narrow", "bending/attention", "bending/maps", "bending/files", "bending/explore"),
    ("bending/pictures", "bending/api"),
    ("host/display", "host/toy", "host/families"),
    ("host/text", "host/maps"),
    ("host/run", "host/log"),
    ("nodes",),
)
"""From the ground up: a room imports only from floors below its own. Files beside a room's folders are rooms too."""

FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
ROOMS = ("bending", "host", "nodes", "toy", "dev")


def files(*rooms: str) -> Iterator[Path]:
    return (file for room in rooms for file in sorted((ROOT / room).rglob("*.py")))


def module(file: Path) -> str:
    return file.relative_to(ROOT).with_suffix("").as_posix().removesuffix("/__init__")


def imports(file: Path) -> Iterator[str]:
    """The modules of the pack that a file imports, wherever in it, as paths from the root."""
    inside = file.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = (*inside[: len(inside) - node.level + 1], *(node.module or "").split("."))
            for alias in node.names:
                whole = "/".join(filter(None, (*base, alias.name)))
                is_module = (ROOT / f"{whole}.py").is_file() or (ROOT / whole).is_dir()
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


@pytest.mark.parametrize("file", files("bending", "host", "nodes"), ids=module)
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


@pytest.mark.parametrize("file", files("bending"), ids=module)
def test_the_core_knows_no_host(file):
    known = ("comfy", "folder_paths", "nodes", "execution", "server", "protocol")
    assert not [name for name in outside(file) if name.partition(".")[0].startswith(known)]


def test_what_the_development_needs_is_not_in_the_pack():
    for file in files("bending", "host", "nodes"):
        assert not [path for path in imports(file) if path.partition("/")[0] in ("dev", "toy", "tests")]
