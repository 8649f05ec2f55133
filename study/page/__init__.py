"""The page of a study: its films in a grid, to filter, sort and play beside the un-bent ones. Opens from disk.

A page from disk may neither import modules nor fetch files: `index.html` holds its modules as one script and its style,
and `cells.js` the films' table as a script.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ...bending.explore.sweep import NARROWING
from ..graph import FILES, MAPS
from ..results import FIRST, LAST, METRICS, UNBENT, Row
from ..store import Store

PAGE, CELLS = "index.html", "cells.js"
HERE = Path(__file__).parent
MODULES = ("elements", "data", "asked", "virtual", "filters", "player", "grid", "curves", "page")
"""In the order of their imports; no two of them name the same."""

_IMPORT = re.compile(r'^import \{[^}]*\} from "[^"]*"\n', re.MULTILINE)
_EXPORT = re.compile(r"^export ", re.MULTILINE)


def build(store: Store, rows: Iterable[Row]) -> Path:
    """Write the page of these rows into the study's folder; returns its file. Raises StudyError where it cannot."""
    table = json.dumps(_table(store, list(rows)), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    store.write_text(CELLS, f"const STUDY = {table}\n")
    store.write_text(PAGE, whole_page())
    return store.folder / PAGE


def whole_page() -> str:
    """`index.html` with all that it names but the table."""
    script = "\n".join(_EXPORT.sub("", _IMPORT.sub("", _read(f"{name}.js"))) for name in MODULES)
    page = _read("index.html")
    page = page.replace('<link rel="stylesheet" href="page.css" />', f"<style>\n{_read('page.css')}</style>")
    return page.replace('<script type="module" src="page.js"></script>', f'<script type="module">\n{script}</script>')


def _table(store: Store, rows: list[Row]) -> dict[str, Any]:
    """The rows by columns; parameters of modes and what every bend has are told apart."""
    axes = [name for name in dict.fromkeys(name for row in rows for name in row) if name not in {*FIRST, *LAST, "mode"}]
    columns = [*FIRST, "mode", *axes, *METRICS, "why"]
    several = len({(row["prompt"], row["subject"]) for row in rows}) > len({row["prompt"] for row in rows})
    rows = [{**row, "seed": str(row["seed"])} for row in rows]  # a number of JavaScript holds no seed above 2^53
    filmed = {row["key"] for row in rows if row.get("film") and (store.cells / row["key"] / FILES[MAPS]).is_file()}
    return {
        "name": store.folder.resolve().name,
        "unbent": UNBENT,
        "files": FILES,
        "parameters": [name for name in axes if name not in NARROWING],
        "common": [*(["subject"] if several else []), *(name for name in axes if name in NARROWING)],
        "metrics": METRICS,
        "columns": [*columns, "maps"],
        "rows": [[*(row.get(name) for name in columns), row["key"] in filmed] for row in rows],
    }


def _read(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")
