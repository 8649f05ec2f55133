"""The engine: a thread a server, wherever that is.

An engine is a function `run(work, servers, template, admit) -> iterator of Outcome`. It hands a task to a server only
after that answered and was admitted; what a lost server had goes back; whoever takes the outcomes says what is done.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from queue import SimpleQueue
from typing import Any

from .client import Comfy
from .errors import Lost
from .graph import Template
from .rendering import FAILED, Outcome, render
from .servers import Server
from .work import Work

Admit = Callable[[Server], str | None]
"""Why a server that answers may not take part; None where it may."""

IN_A_ROW = 3
"""So many different cells, one after the other, that fail on a server are the server's fault."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0
"""Seconds before a server that is gone is asked again; twice as long each time."""


def run(work: Work, servers: Sequence[Server], template: Template, admit: Admit) -> Iterator[Outcome]:
    """The outcomes as they come, until nothing is left or every server is struck."""
    told: SimpleQueue[Any] = SimpleQueue()

    def serve(server: Server) -> None:
        try:
            _serve(work, server, template, admit, told.put)
            told.put(None)
        except BaseException as error:  # told where it can be raised
            told.put(error)
        finally:
            work.leave(server.name)

    for server in servers:
        threading.Thread(target=serve, args=(server,), name=server.name, daemon=True).start()
    running = len(servers)
    while running and work.left:  # a server that still starts is not waited for
        outcome = told.get()
        if isinstance(outcome, BaseException):
            raise outcome
        if outcome is None:
            running -= 1
        else:
            yield outcome


def _serve(work: Work, server: Server, template: Template, admit: Admit, tell: Callable[[Outcome], object]) -> None:
    failed: set[str] = set()
    pause, admitted, task = FIRST_PAUSE, False, None
    while not server.struck:
        try:
            if not admitted:
                server.start()
                if why := admit(server):
                    server.strike(why)
                    return
                work.join(server.name, server.call(Comfy.jobs))
                admitted, pause = True, FIRST_PAUSE
            task = work.take(server.name)
            if task is None:
                return
            outcome = server.call(render, template, task, server.name)
            server.answered()
            failed = failed | {task.key} if outcome.how == FAILED else set()
            task = None
            tell(outcome)
            if len(failed) == IN_A_ROW:
                server.strike(f"{IN_A_ROW} cells in a row failed there, the last by: {outcome.why}")
        except Lost as lost:
            if task:
                work.back(task)
            admitted, task = False, None
            work.leave(server.name)
            if not work.left:
                return
            server.missed(str(lost))
            if not work.wait(pause):
                return
            pause = min(2 * pause, LONGEST_PAUSE)
