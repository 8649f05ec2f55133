"""The table of a study, a row a film: its place on the axes, how it differs from the un-bent one, what became of it."""

import csv
import io
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from .errors import StudyError
from .graph import FILES, FILM
from .plan import Plan, Settled, settled
from .store import PART, Store

TABLE = "results.csv"
UNBENT = "un-bent"
FIRST = ("key", "status", "prompt", "subject", "seed")
METRICS = ("change", "ssim", "motion", "flicker", "largest")
LAST = (*METRICS, "digest", "unbent", "unbent_digest", "server", "attempt", "seconds", "server_seconds", "film", "why")

Row = dict[str, Any]


def rows(plan: Plan, store: Store) -> Iterator[Row]:
    """A row for each un-bent film and each cell, group by group.

    `status` is kept, refused, failed or missing; a cell in which nothing bends is `un-bent`, with that film's numbers.
    """
    whole, told = store.whole(), settled(store.journal())
    shown: set[str] = set()

    def row(key: str, status: str | None = None, **about: Any) -> Row:
        state = told.get(key, Settled())
        if key not in whole:
            lost = ("refused" if state.refused else "failed") if state.is_final else "missing"
            return {"key": key, "status": lost, **about, "why": state.why}
        result = store.result(key)
        unbent = {"unbent": result["unbent"]["key"], "unbent_digest": result["unbent"]["digest"]}
        made = {name: result[name] for name in ("digest", "server", "attempt", "seconds", "server_seconds")}
        film = {"film": f"{store.cells.name}/{key}/{FILES[FILM]}"}
        return {"key": key, "status": status or "kept", **about, **result["metrics"], **made, **unbent, **film}

    unbent = {task.group: task.key for task in plan.tasks if task.is_unbent}
    for cell, key in zip(plan.cells, plan.keys, strict=True):
        group = cell.prompt, cell.seed
        where = {"prompt": cell.prompt, "subject": cell.subject, "seed": cell.seed}
        if (first := unbent[group]) not in shown:
            shown.add(first)
            yield row(first, **where, mode=UNBENT)
        yield row(key, UNBENT if cell.no_op else None, **where, **cell.axes)


def table(rows: Iterable[Row]) -> str:
    """Rows as CSV: every axis has its column, empty where a film has none."""
    rows = list(rows)
    names = dict.fromkeys(name for row in rows for name in row)
    columns = [*FIRST, *(name for name in names if name not in (*FIRST, *LAST)), *LAST]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def export(plan: Plan, store: Store, to: Path) -> int:
    """Put the films that are kept, their table and what was asked into a folder, for a card to be laid beside.

    Every row of `metadata.csv` has its film as `file_name`, by which readers of such folders find it. Returns how many
    films there are. Raises StudyError where the folder holds something else, or cannot be written.
    """
    if to.exists() and any(to.iterdir()):
        raise StudyError(f"{to} is not empty. Name a folder that is not there yet.")
    kept = [row for row in rows(plan, store) if row.get("film")]
    try:
        (to / "films").mkdir(parents=True, exist_ok=True)
        for key in {row["key"] for row in kept}:
            _link(store.cells / key / FILES[FILM], to / "films" / f"{key}.mp4")
        named = [
            {"file_name": f"films/{row['key']}.mp4", **{k: v for k, v in row.items() if k != "film"}} for row in kept
        ]
        (to / "metadata.csv").write_text(table(named), encoding="utf-8", newline="")
        for name in ("study.yaml", "workflow.json", "lock.json"):
            if (store.folder / name).is_file():
                shutil.copyfile(store.folder / name, to / name)
    except OSError as error:
        raise StudyError(f"{to} could not be written: {error.strerror}. Make room there, or name another.") from None
    return len({row["key"] for row in kept})


def merge(store: Store, others: Iterable[Store]) -> int:
    """Take the whole cells of other stores, and what their journals say; returns how many cells are new.

    With the store's writing. Raises StudyError where a folder is no store.
    """
    count = 0
    for other in others:
        if not other.cells.is_dir():
            raise StudyError(f"{other.folder} is no study's folder: it has no cells. Name one that a run has made.")
        for key in sorted(other.whole() - store.whole()):
            part = store.cells / f"{key}{PART}"
            shutil.copytree(other.cells / key, part)
            part.rename(store.cells / key)
            count += 1
        known = {_untimed(entry) for entry in store.journal()}
        for entry in other.journal():
            told = {"store": other.folder.name, **entry}
            if _untimed(told) not in known:  # said again, a merge adds nothing
                store.note(**{name: value for name, value in told.items() if name != "time"})
    return count


def _untimed(entry: Row) -> str:
    """What a line of a journal says, whenever it was written."""
    return json.dumps({name: value for name, value in entry.items() if name != "time"}, sort_keys=True)


def _link(file: Path, to: Path) -> None:
    """One more name of a file, or a copy of it where a folder takes no names of another's files."""
    try:
        os.link(file, to)
    except OSError:
        shutil.copyfile(file, to)
