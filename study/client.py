"""One ComfyUI over HTTP: a graph run to its end, also where it was asked before, and the files that it left.

**Convention.** A job's id is made of a cell's key and the number of its attempt, so that whoever asks again finds the
job that is there. An answer that does not come, comes in half, or speaks of the server and not of the question is
`Lost`.
"""

import http.client
import json
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable
from typing import Any

from .errors import Failed, Invalid, Lost, Refused
from .wires import Graph

NAMESPACE = uuid.UUID("b3a5c1a4-6f0e-5d0b-9a57-a77e0be0d1a6")
POLL = 0.1
"""Seconds between two looks at a job."""
TIMEOUT = 60
"""Seconds that a server may take to answer; one that samples can be slow."""
POSTS = 3
"""So often a server may forget a job: by a new start, or a queue that its user cleared."""
PATIENCE = 20
"""Seconds for which a job's server may be gone before the cell is given back."""
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""No proxy of the web stands before one's own servers."""
_BOUNDARY = "attention-bending-8f6c0a51b7"


def job_id(key: str, attempt: int) -> str:
    return str(uuid.uuid5(NAMESPACE, f"{key}/{attempt}"))


class Comfy:
    """A ComfyUI at `url`. Every method raises Lost where it does not answer."""

    def __init__(self, url: str, patience: float = PATIENCE):
        self.url, self.patience = url.rstrip("/"), patience

    def get(self, path: str) -> Any:
        """The JSON there; None where there is nothing (404)."""
        return self._json(self._ask(path))

    def post(self, path: str, body: Any) -> Any:
        """The JSON of the answer. Raises Invalid with the server's reason, for a 400."""
        return self._json(self._ask(path, json.dumps(body).encode(), "application/json"))

    def view(self, file: dict[str, str]) -> bytes | None:
        """A file that a node saved, as its outputs name it; None where it is gone."""
        asked = {name: file.get(name, "") for name in ("filename", "subfolder", "type")}
        return self._ask(f"/view?{urllib.parse.urlencode(asked)}")

    def upload(self, name: str, data: bytes) -> str:
        """Put a file among the temporary ones; returns the name by which a loader node finds it."""
        fields = "".join(
            f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'
            for field, value in (("type", "temp"), ("overwrite", "true"))
        )
        head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="{name}"\r\n\r\n'
        body = (fields + head).encode() + data + f"\r\n--{_BOUNDARY}--\r\n".encode()
        self._ask("/upload/image", body, f"multipart/form-data; boundary={_BOUNDARY}")
        return f"{name} [temp]"

    def run(self, graph: Graph, job: str, begun: Callable[[], object] = lambda: None) -> dict[str, Any]:
        """The history entry of a graph that succeeded: of the job that is there, or of one that is posted.

        `begun` is called where it is posted. Raises Refused, Failed, and Lost after `patience` seconds.
        """
        gone: float | None = None
        posts = 0
        while True:
            try:
                state = (self.get(f"/api/jobs/{job}") or {}).get("status")
                if state is None:  # never asked, or forgotten by a server that started anew
                    if posts == POSTS:
                        raise Failed(f"the server took it {POSTS} times, and knows nothing of it")
                    self.post("/prompt", {"prompt": graph, "prompt_id": job})
                    posts += 1
                    begun()
                elif state not in ("pending", "in_progress") and (
                    entry := (self.get(f"/history/{job}") or {}).get(job)
                ):
                    return _settled(entry)
                gone = None
                time.sleep(POLL)
            except Lost:
                gone = gone or time.monotonic()
                if time.monotonic() - gone > self.patience:
                    raise
                time.sleep(min(1.0, self.patience / 4))

    def jobs(self) -> set[str]:
        """The ids of all jobs that the server knows."""
        return {job["id"] for job in (self.get("/api/jobs") or {}).get("jobs", ())}

    def _ask(self, path: str, body: bytes | None = None, kind: str = "") -> bytes | None:
        request = urllib.request.Request(self.url + path, body, {"Content-Type": kind} if kind else {})
        try:
            with _DIRECT.open(request, timeout=TIMEOUT) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            told = _reason(error)
            if error.code == 400:
                raise Invalid(told) from None
            raise Lost(f"{self.url} answered {error.code} {told[:200]}") from None
        except (OSError, http.client.HTTPException) as error:
            raise Lost(f"{self.url} gave no answer: {error}") from None

    def _json(self, data: bytes | None) -> Any:
        try:
            return json.loads(data or b"null")
        except ValueError:
            raise Lost(f"{self.url} answered what is no JSON: {data[:80]!r}") from None


def _settled(entry: dict[str, Any]) -> dict[str, Any]:
    """The entry of a job that succeeded. By its messages: ComfyUI's own flag can be an earlier job's."""
    told = dict(map(tuple, entry["status"]["messages"]))
    if error := told.get("execution_error"):
        why = f"{error['exception_type']} in {error['node_type']}: {error['exception_message'].strip()}"
        raise (Refused if error["exception_type"].rpartition(".")[2] == "BendError" else Failed)(why)
    if "execution_success" not in told:
        raise Failed("interrupted")
    return entry


def _reason(error: urllib.error.HTTPError) -> str:
    """What a server says is wrong, node by node where it says so."""
    try:
        text = error.read().decode("utf-8", "replace")
    except (OSError, http.client.HTTPException):
        return error.reason
    try:
        told = json.loads(text)
        whole = told["error"]
        if isinstance(whole, str):
            return whole
        lines = [f"{whole['message']}: {whole.get('details', '')}".strip(": ")]
        for node, at in (told.get("node_errors") or {}).items():
            lines += [f"node {node} ({at['class_type']}): {e['message']}: {e['details']}" for e in at["errors"]]
        return "; ".join(lines)
    except (ValueError, TypeError, KeyError, AttributeError):
        return text.strip() or error.reason
