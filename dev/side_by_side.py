"""Programs side by side: as many at once as are wanted, what each prints kept apart and shown whole at its end."""

import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from . import paths
from .console import say

PROGRESS_SECONDS = 30
STOP_SECONDS = 15
"""How long a program that was asked to stop may take to end its own servers."""


class Job(NamedTuple):
    name: str
    command: Sequence[str]


class Ended(NamedTuple):
    name: str
    code: int
    seconds: float


@dataclass
class _Running:
    job: Job
    process: subprocess.Popen
    output: Path | None
    """None where it prints to our own terminal."""
    begun: float

    def printed(self) -> str:
        return self.output.read_text(encoding="utf-8", errors="replace") if self.output else ""

    def progress(self) -> str:
        """How far it says it is, as pytest does at the end of a line of dots."""
        percents = re.findall(r"\[ *(\d+%)\]", self.printed())
        return f"{self.job.name} {percents[-1] if percents else 'begins'}"


def run(jobs: Sequence[Job], at_once: int, env: dict[str, str]) -> Iterator[Ended]:
    """Run `jobs` in their order, `at_once` of them at a time. One alone prints straight to the terminal.

    If this is interrupted, so are they, and nothing of theirs goes on.
    """
    waiting, running = list(jobs), []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        told = time.monotonic()
        try:
            while waiting or running:
                while waiting and len(running) < at_once:
                    output = Path(folder) / f"{len(waiting)}.txt" if len(jobs) > 1 else None
                    running.append(_start(waiting.pop(0), output, env))
                for one in [one for one in running if one.process.poll() is not None]:
                    running.remove(one)
                    if one.output:
                        print(f"--- {one.job.name}", one.printed(), sep="\n", end="", flush=True)
                    yield Ended(one.job.name, one.process.returncode, time.monotonic() - one.begun)
                if len(jobs) > 1 and time.monotonic() - told > PROGRESS_SECONDS:
                    say(", ".join(one.progress() for one in running))
                    told = time.monotonic()
                time.sleep(0.1)
        finally:
            _stop([one.process for one in running])


def _start(job: Job, output: Path | None, env: dict[str, str]) -> _Running:
    say(job.name)
    # A file and not a pipe: no program waits until what it prints is read.
    file = output.open("wb") if output else None
    streams = {"stdin": subprocess.DEVNULL, "stdout": file, "stderr": file}
    process = subprocess.Popen(job.command, cwd=paths.ROOT, env=env, **streams)
    if file:
        file.close()  # the program has its own
    return _Running(job, process, output, time.monotonic())


def _stop(processes: list[subprocess.Popen]) -> None:
    """As Ctrl+C would, so that they end what they have started; by force where that takes long."""
    for process in processes:
        if process.poll() is None:
            process.terminate() if os.name == "nt" else process.send_signal(signal.SIGINT)
    for process in processes:
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
