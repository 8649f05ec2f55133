"""A cell on a server: its graph run once, its film fetched."""

import hashlib
import json
import time
from dataclasses import dataclass, field
from typing import Any

from .client import Comfy, job_id
from .errors import Failed, Invalid, Refused
from .graph import FILES, FILM, MEASURE, Template
from .work import Task

KEPT, REFUSED, INVALID, FAILED = "kept", "refused", "invalid", "failed"
DIGESTS = ("digest", "unbent_digest")


@dataclass(frozen=True)
class Outcome:
    """What became of a task on a server.

    how      KEPT with `files` by name and its `result`; or, with the reason `why`, REFUSED by a bend, INVALID by this
             server, which may lack what others have, or FAILED
    """

    task: Task
    server: str
    how: str
    why: str = ""
    files: dict[str, bytes] = field(default_factory=dict, repr=False)
    result: dict[str, Any] = field(default_factory=dict)


def render(comfy: Comfy, template: Template, task: Task, server: str) -> Outcome:
    """Make a task's film on a server; one attempt. Raises Lost where the server is gone."""
    begun = time.monotonic()
    names = f"study/{task.key}/{task.attempt}"  # its own for each attempt, or a file that is gone would be named again
    graph = template.graph(task.prompt, task.seed, task.bending, names)
    posted: list[None] = []
    try:
        entry = comfy.run(graph, job_id(task.key, task.attempt), lambda: posted.append(None))
        files = {FILES[node]: _file(comfy, entry, node) for node in FILES if node in graph}
        measured = _measured(entry)
    except Invalid as invalid:
        return Outcome(task, server, INVALID, str(invalid))
    except Refused as refused:
        return Outcome(task, server, REFUSED, str(refused))
    except Failed as failed:
        return Outcome(task, server, FAILED, str(failed))
    digests = {name: measured.pop(name) for name in DIGESTS}
    result = {
        "key": task.key,
        "prompt": task.prompt,
        "seed": task.seed,
        "bending": task.bending,
        "metrics": measured,
        "digest": digests["digest"],
        "unbent": {"key": task.unbent, "digest": digests["unbent_digest"]},
        "server": server,
        "attempt": task.attempt,
        "adopted": not posted,
        "seconds": round(time.monotonic() - begun, 3),
        "server_seconds": _seconds(entry),
        "film_sha256": hashlib.sha256(files[FILES[FILM]]).hexdigest(),
    }
    return Outcome(task, server, KEPT, files=files, result=result)


def _file(comfy: Comfy, entry: dict[str, Any], node: str) -> bytes:
    """Raises Failed where the server's outputs name none, or one that is gone."""
    told = entry["outputs"].get(node, {}).get("images", ())
    data = comfy.view(told[0]) if told else None
    if not data:
        raise Failed(f"the server says that {FILES[node]} is saved, and has no such file")
    return data


def _measured(entry: dict[str, Any]) -> dict[str, Any]:
    told = entry["outputs"].get(MEASURE, {}).get("text", ())
    if not told:
        raise Failed("the server does not tell what it measured")
    return json.loads(told[0])


def _seconds(entry: dict[str, Any]) -> float:
    """From the start of the graph to its end, by the server's own clock."""
    at = {kind: told["timestamp"] for kind, told in entry["status"]["messages"]}
    return round((at["execution_success"] - at["execution_start"]) / 1000, 3)
