"""The cells that are to do, and which server gets which.

**Convention.** Cells of one prompt and seed are a group, and share an un-bent film, which a server that goes on in the
same group has in its cache. So a server stays in its group, then takes one that nobody is in, then helps where most is
left. Before a film of it was kept, it takes one whose un-bent film others have made, by which it can be known.
A cell that failed goes to another server, where there is one.
"""

import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from .client import job_id

WAIT = 0.5
"""Seconds between two looks by who waits for the cells of others."""


@dataclass(frozen=True)
class Task:
    """A film that is to be made.

    key       what it is kept under
    prompt, seed
    bending   the text of a bending file; None for the un-bent film
    unbent    the key of the un-bent film of the same prompt and seed
    attempt   the number of the next attempt, from 0
    tried     the servers on which it failed
    """

    key: str
    prompt: str
    seed: int
    bending: str | None
    unbent: str
    attempt: int = 0
    tried: frozenset[str] = frozenset()

    @property
    def is_unbent(self) -> bool:
        return self.bending is None

    @property
    def group(self) -> tuple[str, int]:
        return self.prompt, self.seed

    def failed_on(self, server: str) -> "Task":
        return replace(self, attempt=self.attempt + 1, tried=self.tried | {server})


@dataclass
class _Group:
    tasks: deque[Task] = field(default_factory=deque)
    servers: set[str] = field(default_factory=set)


class Work:
    """What is to do. `take`, and then `done` or `back`; for many threads."""

    def __init__(self, tasks: Iterable[Task]):
        self._groups: dict[tuple[str, int], _Group] = {}
        for task in tasks:
            self._groups.setdefault(task.group, _Group()).tasks.append(task)
        self._flying: set[str] = set()
        self._servers: set[str] = set()
        self._proven: set[str] = set()
        self._at: dict[str, str] = {}
        self._changed = threading.Condition()

    def join(self, server: str, jobs: set[str] = frozenset()) -> None:
        """A server takes part. The cells of `jobs`, which it had before, are its own, and come first."""
        with self._changed:
            self._servers.add(server)
            for group in self._groups.values() if jobs else ():
                held = [job_id(task.key, task.attempt) in jobs for task in group.tasks]
                self._at |= {task.key: server for has, task in zip(held, group.tasks, strict=True) if has}
                if any(held):
                    group.servers.add(server)
                    tasks = sorted(zip(held, group.tasks, strict=True), key=lambda pair: not pair[0])
                    group.tasks = deque(task for _, task in tasks)

    def leave(self, server: str) -> None:
        """A server takes part no more, for now or for ever."""
        with self._changed:
            self._servers.discard(server)
            for group in self._groups.values():
                group.servers.discard(server)
            self._changed.notify_all()

    def take(self, server: str) -> Task | None:
        """A cell for a server; waits while all that is left is with others. None once nothing is left."""
        with self._changed:
            while self._remains():
                if task := self._choose(server):
                    self._flying.add(task.key)
                    return task
                self._changed.wait(WAIT)
            return None

    def prove(self, server: str) -> None:
        """A film of this server is kept."""
        self._proven.add(server)

    def is_proven(self, server: str) -> bool:
        return server in self._proven

    def holds(self, key: str) -> bool:
        """Whether a film is still to be made."""
        with self._changed:
            return key in self._flying or any(
                task.key == key for group in self._groups.values() for task in group.tasks
            )

    def back(self, task: Task) -> None:
        """A cell was not made, and is to do still."""
        with self._changed:
            self._flying.discard(task.key)
            self._groups[task.group].tasks.appendleft(task)
            self._changed.notify_all()

    def done(self, task: Task) -> None:
        """A cell is kept, or will never be."""
        with self._changed:
            self._flying.discard(task.key)
            self._changed.notify_all()

    def end(self) -> None:
        """Nothing more is handed out."""
        with self._changed:
            for group in self._groups.values():
                group.tasks.clear()
            self._flying.clear()
            self._changed.notify_all()

    @property
    def left(self) -> int:
        """How many are not done."""
        with self._changed:
            return len(self._flying) + sum(len(group.tasks) for group in self._groups.values())

    def wait(self, seconds: float) -> bool:
        """Wait, but not past the end; whether something is left."""
        with self._changed:
            self._changed.wait_for(lambda: not self._remains(), seconds)
            return self._remains()

    def _remains(self) -> bool:
        return bool(self._flying) or any(group.tasks for group in self._groups.values())

    def _choose(self, server: str) -> Task | None:
        def fits(task: Task) -> bool:
            is_anothers = self._at.get(task.key, server) in self._servers - {server}
            return not is_anothers and (server not in task.tried or self._servers <= task.tried)

        groups = [group for group in self._groups.values() if any(map(fits, group.tasks))]
        if not groups:
            return None
        if server in self._proven:
            group = min(groups, key=lambda g: (server not in g.servers, bool(g.servers), -len(g.tasks)))
        else:
            group = min(groups, key=lambda g: g.tasks[0].is_unbent)
        for other in self._groups.values():
            other.servers.discard(server)
        group.servers.add(server)
        task = next(filter(fits, group.tasks))
        group.tasks.remove(task)
        return task
