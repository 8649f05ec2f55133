"""A running ComfyUI over HTTP, for the workflow tests, the browser tests and the demo."""

import json
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from . import paths
from .host import Host, locate


class WorkflowError(Exception):
    """ComfyUI refused a workflow or failed while running it. `details` is its own answer, as JSON."""

    def __init__(self, message: str, details: Any):
        super().__init__(message)
        self.details = details


class Server:
    """A ComfyUI at `url`; `log` is a file, `output` and `input` are its folders, `pid` its process once it runs."""

    def __init__(self, url: str, folder: Path):
        self.url = url
        self.pid: int | None = None
        self.log = folder / "log.txt"
        self.output = folder / "output"
        self.input = folder / "input"

    def get(self, path: str) -> Any:
        """The JSON at that path, for example ``/object_info``."""
        return self._request(path)

    def post(self, path: str, body: Any) -> Any:
        """Send JSON and return the JSON of the answer, None where that is empty."""
        return self._request(path, json.dumps(body).encode())

    def queue(self, prompt: dict[str, Any], timeout: float = 300, **extra: Any) -> dict[str, Any]:
        """Run a workflow in API form to its end and return the outputs by node id.

        Raises WorkflowError with what ComfyUI says of each node, TimeoutError after `timeout` seconds. Anything in
        `extra` goes into the request, for example ``extra_data``.
        """
        return self.wait(self.submit(prompt, **extra), timeout)["outputs"]

    def submit(self, prompt: dict[str, Any], **extra: Any) -> str:
        """Put a workflow into the queue and return its id; WorkflowError where ComfyUI refuses it."""
        try:
            return self.post("/prompt", {"prompt": prompt, **extra})["prompt_id"]
        except urllib.error.HTTPError as error:
            details = json.loads(error.read())
            raise WorkflowError(_refusal(details), details) from None

    def wait(self, prompt_id: str, timeout: float = 300) -> dict[str, Any]:
        """The history entry of a workflow once it has ended; WorkflowError where it failed or was interrupted."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            entry = self.get(f"/history/{prompt_id}").get(prompt_id)
            if entry and entry["status"]["completed"]:
                return entry
            if entry:
                raise WorkflowError(_failure(entry["status"]["messages"]), entry["status"])
            time.sleep(0.05)
        raise TimeoutError(f"The workflow did not end in {timeout:.0f} s. The log's end:\n{self.log_tail()}")

    def log_tail(self, lines: int = 30) -> str:
        """The last lines of the server's log."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    def _request(self, path: str, body: bytes | None = None) -> Any:
        request = urllib.request.Request(self.url + path, body, {"Content-Type": "application/json"} if body else {})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read() or "null")


@contextmanager
def server(*arguments: str, host: Host | None = None, start_seconds: float = 120) -> Iterator[Server]:
    """A ComfyUI on the CPU and a free port, with folders of its own; stopped and removed at the end.

    `arguments` are passed on to its main.py. Only the models and the node packs are shared with other servers.
    """
    host = host or locate()
    with tempfile.TemporaryDirectory(prefix="attention-bending-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        for part in ("input", "output", "user", "temp"):
            (folder / part).mkdir()
        port = _free_port()
        running = Server(f"http://127.0.0.1:{port}", folder)
        own_folders = [f"--{part}-directory={folder / part}" for part in ("input", "output", "user", "temp")]
        quiet = ["--cpu", "--disable-api-nodes", "--database-url=sqlite:///:memory:"]
        command = main_command(host, f"--port={port}", *own_folders, *quiet, *arguments)
        with running.log.open("w") as log:
            process = subprocess.Popen(command, cwd=host.comfy, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        running.pid = process.pid
        try:
            _await_start(running, process, start_seconds)
            yield running
        finally:
            _stop(process)


def main_command(host: Host, *arguments: str) -> list[str]:
    """The command that starts ComfyUI with our base directory."""
    return host.script(host.comfy / "main.py", "--disable-auto-launch", f"--base-directory={paths.BASE}", *arguments)


def _await_start(running: Server, process: subprocess.Popen, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"ComfyUI ended with code {process.returncode} while starting:\n{running.log_tail()}")
        try:
            running.get("/system_stats")
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"ComfyUI did not answer within {seconds:.0f} s:\n{running.log_tail()}")


def _stop(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _refusal(details: dict[str, Any]) -> str:
    lines = [details["error"]["message"] + ": " + str(details["error"].get("details", ""))]
    for node_id, node in details.get("node_errors", {}).items():
        lines += [f"node {node_id} ({node['class_type']}): {e['message']}: {e['details']}" for e in node["errors"]]
    return "\n".join(lines)


def _failure(messages: list) -> str:
    for kind, data in messages:
        if kind == "execution_error":
            error = f"{data['exception_type']}: {data['exception_message']}"
            return f"node {data['node_id']} ({data['node_type']}): {error}"
    return "The workflow was interrupted."
