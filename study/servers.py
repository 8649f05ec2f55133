"""The ComfyUIs that make a study's films: given by URL, or started here, and then ended here."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .client import PATIENCE, Comfy
from .errors import Lost, StudyError

HERE = Path(__file__).resolve().parent
COMFY = HERE.parent.parent.parent
"""The ComfyUI in whose `custom_nodes` the pack lies, if it does."""
GIVEN_UP = 120
"""Seconds without an answer after which a server given by URL takes part no more."""
START = 300
"""Seconds that a server may take to start."""
STARTS = 3
"""So many starts in a row, without a film between, are enough."""
STRANGE = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP")
"""What is kept from servers: by these another `comfy` could hide ComfyUI's own."""
_COUNT = "import torch; a = torch.accelerator; print(a.device_count() if a.is_available() else 0)"


class Server:
    """A ComfyUI at a URL. `struck` says why it takes part no more."""

    is_given = True
    """Whether it ran before the study did."""

    def __init__(self, url: str, say: Callable[[str], object], given_up: float = GIVEN_UP, patience: float = PATIENCE):
        self._comfy = Comfy(url, patience)
        self.name = self._comfy.url
        self.struck: str | None = None
        self._say, self._given_up = say, given_up
        self._missed_since: float | None = None

    def start(self) -> None:
        """Return once it answers. Raises Lost where it does not."""
        self._comfy.get("/system_stats")
        self._missed_since = None

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """What a function of a Comfy gives, run where the server is. Raises Lost where that is gone."""
        return function(self._comfy, *arguments)

    def answered(self) -> None:
        """It made something."""
        self._missed_since = None

    def missed(self, why: str) -> None:
        """It gave no answer; struck once it has given none for too long."""
        now = time.monotonic()
        if self._missed_since is None:
            self._missed_since = now
            self._say(f"{self.name} is gone, and is asked again: {why}")
        elif now - self._missed_since > self._given_up:
            self.strike(f"no answer for {self._given_up:.0f} s")

    def strike(self, why: str) -> None:
        if not self.struck:
            self.struck = why
            self._say(f"{self.name} takes part no more: {why}")

    def kept(self, key: str) -> None:
        """A cell of this server is kept in the study."""

    def close(self) -> None:
        pass


class Own(Server):
    """A ComfyUI of the study's own, on a free port, with folders of its own for all that it writes."""

    is_given = False

    def __init__(self, command: Sequence[str], folder: Path, environment: dict[str, str], say: Callable[[str], object]):
        self._port = _free_port()
        super().__init__(f"http://127.0.0.1:{self._port}", say, patience=0)
        self._command, self._folder, self._environment = command, folder, environment
        self._process: subprocess.Popen | None = None
        self._starts = 0

    def start(self) -> None:
        """Start it, where it does not run, and return once it answers. Raises Lost where it does not come to that."""
        if self._process is None or self._process.poll() is not None:
            self._stop()
            self._launch()
        deadline = time.monotonic() + START
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                return super().start()
            except Lost:
                time.sleep(0.2)
        self._stop()
        raise Lost(f"it did not start; the end of {self._log}:\n{self._tail()}")

    def answered(self) -> None:
        super().answered()
        self._starts = 0

    def missed(self, why: str) -> None:
        if self._starts >= STARTS:
            self.strike(f"{STARTS} starts came to nothing: {why}")
        else:
            self._say(f"{self.name} ended, and is started again: {why}")

    def kept(self, key: str) -> None:
        shutil.rmtree(self._folder / "output" / "study" / key, ignore_errors=True)

    def close(self) -> None:
        self._stop()

    @property
    def _log(self) -> Path:
        return self._folder / "log.txt"

    def _launch(self) -> None:
        self._starts += 1
        folders = {part: self._folder / part for part in ("output", "temp")}
        folders["user"] = self._folder.parent / "user"  # of all: there the pack keeps the hashes of models
        for folder in folders.values():
            folder.mkdir(parents=True, exist_ok=True)
        own = [f"--{part}-directory={folder}" for part, folder in folders.items()]
        quiet = ["--disable-auto-launch", "--database-url=sqlite:///:memory:", f"--port={self._port}"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._command, *own, *quiet],
                stdin=subprocess.PIPE,  # by which it ends with this process: see `guarded`
                stdout=log,
                stderr=log,
                env=self._environment,
                start_new_session=True,
            )

    def _stop(self) -> None:
        if self._process is not None:
            self._process.stdin.close()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _tail(self) -> str:
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(f"    {line}" for line in lines[-15:])


def own(count: int, comfy: Path, python: str, options: Sequence[str], folder: Path, say: Callable) -> list[Own]:
    """Servers to start, a GPU each where there are some, on the processor where there is none.

    Raises StudyError where there is no ComfyUI, or its Python cannot run it.
    """
    if not (comfy / "main.py").is_file():
        raise StudyError(f"there is no ComfyUI in {comfy}: it has no main.py. Name its folder by --comfyui.")
    for number in range(count):
        shutil.rmtree(folder / str(number), ignore_errors=True)
    clean = {name: value for name, value in os.environ.items() if name not in STRANGE}
    devices = _devices(python, clean)
    on_processor = ["--cpu"] if not devices and "--cpu" not in options else []
    command = [python, str(HERE / "guarded.py"), str(comfy / "main.py"), *options, *on_processor]

    def environment(number: int) -> dict[str, str]:
        return {**clean, "CUDA_VISIBLE_DEVICES": devices[number % len(devices)]} if len(devices) > 1 else clean

    return [Own(command, folder / str(number), environment(number), say) for number in range(count)]


def _devices(python: str, environment: dict[str, str]) -> list[str]:
    """What each server is to see of the machine's GPUs, by name; none where torch finds none."""
    try:
        told = subprocess.run([python, "-c", _COUNT], env=environment, capture_output=True, text=True)
    except OSError as error:
        raise StudyError(f"{python} does not run: {error.strerror}. Name ComfyUI's Python by --python.") from None
    if told.returncode:
        reason = (told.stderr.strip().splitlines() or ["no reason"])[-1]
        raise StudyError(f"{python} has no torch ({reason}). Name ComfyUI's Python by --python.")
    visible = environment.get("CUDA_VISIBLE_DEVICES", "")
    named = [name.strip() for name in visible.split(",") if name.strip()]
    return named or [str(number) for number in range(int(told.stdout))]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
