"""A study made: the plan's films, by an engine and its servers, into the store."""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from .agreement import Facts, differences, facts, joined, versions
from .client import Comfy
from .errors import Failed, Lost, Refused, StudyError
from .graph import FILES, FILM
from .plan import TRIES, Plan, settled
from .progress import Progress
from .rendering import FAILED, INVALID, KEPT, REFUSED, Outcome
from .servers import Server
from .store import Store
from .unbent import ANOTHER_MODEL, apart
from .wires import Graph
from .work import Task, Work

Engine = Callable[..., Iterator[Outcome]]


class Making:
    """One run over a plan. `mixed` lets servers differ, `trust` takes models by size and time.

    Use it `with` the store's writing.
    """

    def __init__(
        self,
        plan: Plan,
        store: Store,
        servers: Sequence[Server],
        progress: Progress,
        mixed: bool = False,
        trust: bool = False,
    ):
        self._plan, self._store, self._progress = plan, store, progress
        self._mixed, self._trust = mixed, trust
        self._servers = {server.name: server for server in servers}
        self._cells = {key: cell for cell, key in zip(plan.cells[::-1], plan.keys[::-1], strict=True)}
        self._asked = loaders(plan)
        self._facts: dict[str, Facts] = {}
        self._tries = {key: state.tries for key, state in settled(store.journal()).items()}
        self._digests: dict[str, str] = {}
        self._told_apart: set[str] = set()
        self._jobs: dict[str, set[str]] = {}
        self._admitting = threading.Lock()

    def check(self) -> None:
        """Ask the given servers that answer, before the first cell. Raises StudyError with all that is wrong."""
        given = [server for server in self._servers.values() if server.is_given]

        def ask(server: Server) -> str | None:
            try:
                server.start()
                why = self.admit(server)
                self._jobs[server.name] = server.call(Comfy.jobs) if why is None else set()
                return why
            except Lost:
                return None  # asked again, until it answers

        with ThreadPoolExecutor(max(1, len(given))) as pool:
            answers = zip(given, pool.map(ask, given), strict=True)
            if faults := [f"{server.name}: {why}" for server, why in answers if why]:
                raise StudyError(*faults)

    def admit(self, server: Server) -> str | None:
        """Why a server that answers may not take part; None where it may. Raises Lost. For many threads."""
        try:
            found = server.call(facts, self._asked, self._trust)
        except Refused as refused:
            return str(refused)
        with self._admitting:
            file = self._store.lock_file
            lock = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
            if (told := differences(lock, found)) and not self._mixed:
                return f"{'; '.join(told)}. Make them alike, or say --mixed."
            if (merged := joined(lock, found)) != lock:
                self._store.write_text(file.name, json.dumps(merged, ensure_ascii=False, indent=1) + "\n")
            self._facts[server.name] = found
        return None

    def run(self, engine: Engine, tasks: Sequence[Task]) -> int:
        """Make films; returns how many of them are still to be made, as no server is left that could."""
        work = Work(tasks)
        for name, jobs in self._jobs.items():  # before any takes what another has
            work.join(name, jobs)
        held: list[Outcome] = []
        try:
            for outcome in engine(work, [*self._servers.values()], self._plan.template, self.admit) if tasks else ():
                held = [one for one in [outcome, *held] if not self._settle(one, work)]  # who is waited for comes first
            return work.left
        finally:
            work.end()

    def _settle(self, outcome: Outcome, work: Work) -> bool:
        """Keep, refuse or give back; False where that hangs on an un-bent film that is still being made."""
        task, server = outcome.task, self._servers[outcome.server]
        if outcome.how == KEPT and not task.is_unbent and work.holds(task.unbent):
            return False
        if self._is_servers_fault(outcome, server, work):
            work.back(task)
        elif outcome.how == KEPT:
            self._keep(outcome)
            work.prove(server.name)
            server.kept(task.key)
            self._end(task, KEPT, work)
        elif outcome.how == FAILED:
            tries = self._tries[task.key] = self._tries.get(task.key, 0) + 1
            self._tell(outcome, FAILED, f" ({tries} of {TRIES})")
            if tries < TRIES:
                work.back(task.failed_on(server.name))
            else:
                self._end(task, FAILED, work)
        else:
            self._tell(outcome, REFUSED)
            self._end(task, REFUSED, work)
        return True

    def _is_servers_fault(self, outcome: Outcome, server: Server, work: Work) -> bool:
        """Whether another server would do otherwise: this one is struck then."""
        if outcome.how == KEPT:
            return self._is_another_model(outcome, server)
        if outcome.how != INVALID or work.is_proven(server.name):
            return False
        server.strike(outcome.why)
        return True

    def _end(self, task: Task, how: str, work: Work) -> None:
        self._progress.step(how)
        work.done(task)

    def _tell(self, outcome: Outcome, how: str, more: str = "") -> None:
        task = outcome.task
        self._store.note(how, key=task.key, attempt=task.attempt, server=outcome.server, why=outcome.why)
        self._progress.say(f"{how}{more}: {self._name(task)}: {outcome.why}")

    def _keep(self, outcome: Outcome) -> None:
        task, result = outcome.task, outcome.result
        cell = None if task.is_unbent else self._cells[task.key]
        about = {"axes": dict(cell.axes), "subject": cell.subject} if cell else {"axes": {}, "subject": ""}
        about["versions"] = versions(self._facts[outcome.server])
        if self._store.keep(task.key, outcome.files, {**result, **about}):
            self._store.note(KEPT, key=task.key, server=outcome.server, seconds=result["seconds"])

    # --- un-bent films of different servers ---------------------------------------------------------------------------

    def _is_another_model(self, outcome: Outcome, server: Server) -> bool:
        """Whether the server's own un-bent film is another than the study's; a small difference is told once."""
        task, kept = outcome.task, self._unbent(outcome.task.unbent)
        if kept is None or outcome.result["unbent"]["digest"] == kept or server.name in self._told_apart:
            return False
        if server.struck:  # it had begun this one when its first was judged
            return True
        film = (self._store.cells / task.unbent / FILES[FILM]).read_bytes()
        try:
            mean, largest = server.call(apart, self._plan.template, task, film)
        except Lost as lost:
            server.missed(str(lost))
            return True  # it goes back, and is judged when it is made again
        except (Refused, Failed) as error:
            self._progress.say(f"{server.name} makes another un-bent film, which it could not compare: {error}")
            self._told_apart.add(server.name)
            return False
        by = self._store.result(task.unbent)["server"]
        self._store.note("differs", server=server.name, of=by, unbent=task.unbent, mean=mean, largest=largest)
        what = (
            f"{server.name} and {by} differ in the same un-bent film: by {mean:.2g} on average, {largest:.2g} at most"
        )
        if mean > ANOTHER_MODEL:
            server.strike(f"{what}, which is another model")
            return True
        self._progress.say(f"{what}. Each film is measured against its own server's.")
        self._told_apart.add(server.name)
        return False

    def _unbent(self, key: str) -> str | None:
        """The digest of a group's un-bent film, where that is kept."""
        if key not in self._digests and (self._store.cells / key).is_dir():
            self._digests[key] = self._store.result(key)["digest"]
        return self._digests.get(key)

    def _name(self, task: Task) -> str:
        cell = self._cells.get(task.key)
        axes = " ".join(f"{name} {value}" for name, value in cell.axes.items()) if cell else "un-bent"
        return f"{task.key} ({axes}, {task.prompt!r}, seed {task.seed})"


def loaders(plan: Plan) -> Graph:
    """A graph with all that any film of the plan asks a server for."""
    task = plan.tasks[0]
    return plan.template.graph(task.prompt, task.seed, "")
