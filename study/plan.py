"""All films of a study: its cells, the key of each, and what is still to be made."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .cells import Cell
from .errors import StudyError
from .graph import Template, key
from .store import Store
from .work import Task

TRIES = 3
"""Attempts of a cell that fails."""


@dataclass(frozen=True)
class Plan:
    """A study, ready to be made.

    cells   as the file expands, and the `keys` of their films: of one in which nothing bends, that of the un-bent film
    tasks   each film once, group by group, its un-bent film first
    copies  of what was asked, by the names of the files that are kept beside the films
    """

    template: Template
    cells: tuple[Cell, ...]
    keys: tuple[str, ...]
    tasks: tuple[Task, ...]
    copies: Mapping[str, str] = field(default_factory=dict)

    def shard(self, number: int, of: int) -> "Plan":
        """A part of the films, `number` from 1, each with its un-bent film; two parts share nothing else."""
        count = len(self.tasks)
        part = self.tasks[count * (number - 1) // of : count * number // of]
        needed = {task.key for task in part} | {task.unbent for task in part}
        made = [(cell, key) for cell, key in zip(self.cells, self.keys, strict=True) if key in needed]
        return replace(
            self,
            cells=tuple(cell for cell, _ in made),
            keys=tuple(key for _, key in made),
            tasks=tuple(task for task in self.tasks if task.key in needed),
        )


@dataclass(frozen=True)
class Settled:
    """What the journal says of a film that is not kept: attempts in all, those that count, and the last reason."""

    attempts: int = 0
    tries: int = 0
    refused: bool = False
    why: str = ""

    @property
    def is_final(self) -> bool:
        return self.refused or self.tries >= TRIES


def plan(template: Template, cells: Iterable[Cell], copies: Mapping[str, str] | None = None) -> Plan:
    """All films of these cells."""
    unbent: dict[tuple[str, int], str] = {}
    groups: dict[tuple[str, int], dict[str, Task]] = {}
    cells, keys = tuple(cells), []
    for cell in cells:
        group = cell.prompt, cell.seed
        if group not in unbent:
            unbent[group] = key(template.graph(*group, None))
            groups[group] = {unbent[group]: Task(unbent[group], *group, None, unbent[group])}
        own = unbent[group] if cell.no_op else key(template.graph(*group, cell.bending))
        keys.append(own)
        groups[group].setdefault(own, Task(own, *group, cell.bending, unbent[group]))
    tasks = tuple(task for group in groups.values() for task in group.values())
    return Plan(template, cells, tuple(keys), tasks, copies or {})


def settled(journal: Iterable[Mapping[str, Any]]) -> dict[str, Settled]:
    """By key, of every film that was refused or failed."""
    found: dict[str, Settled] = {}
    for entry in journal:
        was = found.get(entry.get("key"), Settled())
        if entry["what"] == "refused":
            found[entry["key"]] = replace(was, refused=True, why=entry["why"])
        elif entry["what"] == "failed":
            found[entry["key"]] = replace(was, attempts=was.attempts + 1, tries=was.tries + 1, why=entry["why"])
        elif entry["what"] == "again":
            found = {name: Settled(each.attempts) for name, each in found.items()}
    return found


def todo(plan: Plan, store: Store) -> list[Task]:
    """What is not kept, nor refused, nor failed too often."""
    whole, told = store.whole(), settled(store.journal())
    states = [(task, told.get(task.key, Settled())) for task in plan.tasks if task.key not in whole]
    return [replace(task, attempt=state.attempts) for task, state in states if not state.is_final]


def read_workflow(path: Path) -> Any:
    """A workflow's file. Raises StudyError where there is none, or no JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StudyError(f"the workflow {path} could not be read: {error.strerror}.") from None
    except ValueError as error:
        raise StudyError(f"the workflow {path} is no JSON: {error}. Export it again by File → Export (API).") from None
