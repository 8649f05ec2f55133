"""A process that is killed while it writes: a file is whole or absent, the old one stays, and the next write works."""

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from attention_bending.bending import atomic_write as atomic
from attention_bending.bending import narrow
from attention_bending.bending.bend import Bending
from attention_bending.bending.errors import BendError
from attention_bending.bending.explore import experiment_log
from attention_bending.bending.files import load, save, write
from attention_bending.bending.maps import files as map_files
from core.bendings import large_mask, turn
from core.map_files import made
from safetensors import safe_open

resource = pytest.importorskip("resource", reason="only POSIX kills at a byte, and forks")

WRITERS = tuple(module.__file__ for module in (atomic, write, map_files, experiment_log))
NAMES = ("atomic_write", "save", "append", "_write", "<lambda>")
"""Modules and functions at whose every line a process is killed."""

OLD, NEW = (narrow.where(Bending((turn(layers=str(i)),)), mask=large_mask(i)) for i in range(2))
OLD_MAPS, NEW_MAPS = (made(seed=i) for i in range(2))


def ends(act: Callable[[], object]) -> str:
    """How a process of its own ends as it acts."""
    child = os.fork()
    if not child:
        code = 1
        try:
            torch.set_num_threads(1)  # those of the parent are not there
            act()
            code = 0
        except BendError:
            code = 2
        finally:
            os._exit(code)
    status = os.waitpid(child, 0)[1]
    return "killed" if os.WIFSIGNALED(status) else ("done", "failed", "refused")[os.waitstatus_to_exitcode(status)]


def killed_at_line(number: int, act: Callable[[], object]) -> str:
    """How it ends where it is killed before the line of that number, counted from 0 over all that the writers do."""
    lines = iter(range(number))

    def trace(frame, event, _):
        if frame.f_code.co_filename not in WRITERS or frame.f_code.co_name not in NAMES:
            return None
        if event == "line" and next(lines, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace

    def traced():
        sys.settrace(trace)
        act()

    return ends(traced)


def killed_at_byte(number: int, act: Callable[[], object]) -> str:
    """How it ends where the system kills it as a file grows longer than that, also within a library."""

    def limited():
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (number, number))
        act()

    return ends(limited)


def seen(folder: Path) -> set[Path]:
    """The files that are no hidden rest."""
    return {file for file in folder.iterdir() if not (file.name[0] == "." and file.suffix == ".part")}


def bending(folder: Path):
    """What is written, and what is there."""
    file = folder / "mine.yaml"
    for mask in folder.glob("*.masks.safetensors"):
        with safe_open(mask, framework="pt") as whole:
            assert all(whole.get_tensor(name).any() for name in whole.keys())  # noqa: SIM118
    return load(file).bending if file in seen(folder) else None


def maps(folder: Path):
    file = folder / "mine.safetensors"
    return map_files.load(file).original.values.tolist() if file in seen(folder) else None


def log(folder: Path):
    """A file without a line is a log without an experiment."""
    file = folder / "mine.jsonl"
    return [entry["it"] for entry in experiment_log.read(file)] if file in seen(folder) else []


def writes_bending(folder: Path, it: str):
    save({"old": OLD, "new": NEW}[it], folder / "mine.yaml")


def writes_maps(folder: Path, it: str):
    map_files.save({"old": OLD_MAPS, "new": NEW_MAPS}[it], folder / "mine.safetensors")


def writes_log(folder: Path, it: str):
    experiment_log.append(folder / "mine.jsonl", {"it": it})


KINDS = {"bending": (writes_bending, bending), "maps": (writes_maps, maps), "log": (writes_log, log)}


@pytest.mark.parametrize("had", ["an old file", "no file"])
@pytest.mark.parametrize("kind", KINDS)
def test_killed_at_any_line_and_byte(kind, had, tmp_path):
    writes, reads = KINDS[kind]
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    if had == "an old file":
        writes(before, "old")
    shutil.copytree(before, after)
    writes(after, "new")
    old, new = reads(before), reads(after)
    largest = max(file.stat().st_size for file in seen(after))
    kills, states = 0, set()
    for kill, numbers in ((killed_at_line, range(200)), (killed_at_byte, range(0, largest, largest // 12 + 1))):
        for number in numbers:
            folder = shutil.copytree(before, tmp_path / f"{kill.__name__} {number}")
            ended = kill(number, lambda folder=folder: writes(folder, "new"))
            if ended == "done":
                break
            assert ended != "failed"
            kills += ended == "killed"
            left = reads(folder)
            assert left in (old, new), folder
            states.add(left == new)
            if number % 4 == 0:
                writes(folder, "new")
                assert reads(folder)[-1:] == new[-1:] if kind == "log" else reads(folder) == new
    assert kills > 12 and states == {False, True}
