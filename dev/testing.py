"""``python dev test``: the style, then the rooms of tests side by side, each in a process of its own."""

import argparse
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from . import page_style, paths, setup
from .browser import CHROMIUM_CURE, find_chromium
from .console import say
from .host import Host
from .side_by_side import Job, run

TESTS = paths.ROOT / "tests"

SETUP_BUDGET = 300
ROOMS_BUDGET = 480
"""Seconds that the set-up, and all rooms side by side on two cores, may take."""


class Room(NamedTuple):
    """A folder of tests, and the seconds it may take; its paths are told from `root`.

    `tries` is how often a test may be begun until it passes: each further one is told.
    """

    folder: Path
    budget: int
    root: Path = TESTS
    tries: int = 1


ROOMS = {
    "core": Room(TESTS / "core", 150),
    "host": Room(TESTS / "host", 240),
    "families": Room(TESTS / "families", 120),
    "toy": Room(paths.ROOT / "toy" / "tests", 120, paths.ROOT / "toy" / "tests"),
    "study": Room(TESTS / "study", 120),
    "workflows": Room(TESTS / "workflows", 220),
    # A page on a busy machine may answer later than a test waits for it. What is wrong with it is wrong thrice.
    "browser": Room(TESTS / "browser", 400, tries=3),
}

SLOWEST = 10
"""So many tests are named with their times."""

NEEDS_GPU = "needs a GPU"
"""Property of a test in a report: see `for_gpu`."""

NO_TESTS_RAN = 5  # pytest's exit code

STYLE = {True: "clean", False: "FAILED, see above", None: "not checked"}


class Counts(NamedTuple):
    """`for_gpu` are those of the skipped that need a GPU."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    for_gpu: int = 0

    def __str__(self) -> str:
        need = f"need{'s' * (self.for_gpu == 1)} a GPU"
        of_these = f" (of these {self.for_gpu} {need})" if self.for_gpu else ""
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped{of_these}"


class Outcome(NamedTuple):
    """What a room took and left; `tests` are seconds and names."""

    room: str
    seconds: float
    counts: Counts
    tests: list[tuple[float, str]]


def main(arguments: list[str]) -> int:
    """Run everything, or what the pytest `arguments` choose; a room's bare name chooses that room."""
    version, arguments = sort_host(arguments)
    if version:  # its folders are settled when `paths` is imported, so it has a process of its own
        command = [sys.executable, str(paths.DEV), "test", *arguments]
        return subprocess.run(command, env={**os.environ, paths.VERSION_VARIABLE: version}).returncode
    begun = perf_counter()
    host = setup.ensure()
    setup_seconds = perf_counter() - begun
    options, targets, slow = sort_arguments(arguments)
    style = None if host.packed else _check_style(host)  # a GPU pack has no ruff
    page = None if host.packed else page_style.check()
    begun = perf_counter()
    outcomes = _run_rooms(host, options, targets, slow)
    rooms_seconds = perf_counter() - begun

    print()
    slowest = sorted((test for outcome in outcomes for test in outcome.tests), reverse=True)[:SLOWEST]
    for seconds, name in slowest:
        print(f"{seconds:6.1f} s  {name}")
    print()
    _print_row("set-up", setup_seconds, SETUP_BUDGET)
    for outcome in outcomes:
        _print_row(outcome.room, outcome.seconds, ROOMS[outcome.room].budget, str(outcome.counts))
    counts = Counts(*(sum(column) for column in zip(*(outcome.counts for outcome in outcomes), strict=True)))
    _print_row("rooms", rooms_seconds, ROOMS_BUDGET)
    print(f"{'style':<10} {STYLE[style]}")
    print(f"{'page':<10} {page_style.NO_NODE if page is None and not host.packed else STYLE[page]}")
    if "browser" in targets and not find_chromium():
        print(f"The browser tests were skipped: {CHROMIUM_CURE}")
    print(counts)
    if not sum(counts):
        return NO_TESTS_RAN  # a mistyped name or -k must not look like success
    return 1 if counts.failed or False in (style, page) else 0


def sort_host(arguments: list[str]) -> tuple[str | None, list[str]]:
    """Split the command line into the ComfyUI that is asked for, if one is, and the rest."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--host")
    known, rest = parser.parse_known_args(arguments)
    return known.host, rest


def sort_arguments(arguments: list[str]) -> tuple[list[str], dict[str, list[str]], bool]:
    """Split the command line into pytest's options, the paths to run by room (all rooms if none), and --slow."""
    options, chosen = [], {}
    for argument in arguments:
        file, _, test = argument.partition("::")
        places = [Path(file), paths.ROOT / file, TESTS / file]
        places += [ROOMS[file].folder] if file in ROOMS else []
        path = next((place for place in places if _room_of(place)), None)
        if path is None:
            options.append(argument)
        else:
            target = str(path.resolve()) + (f"::{test}" if test else "")
            chosen.setdefault(_room_of(path), []).append(target)
    slow = "--slow" in options
    whole = {name: [str(room.folder)] for name, room in ROOMS.items() if room.folder.is_dir()}
    targets = {name: chosen[name] for name in ROOMS if name in chosen} or whole
    return [option for option in options if option != "--slow"], targets, slow


def _room_of(path: Path) -> str | None:
    path = path.resolve()
    inside = (name for name, room in ROOMS.items() if room.folder == path or room.folder in path.parents)
    return next(inside, None) if path.exists() else None


def _check_style(host: Host) -> bool:
    """Whether ruff finds nothing."""
    say("style")
    checks = (["check", "."], ["format", "--check", "."])
    codes = [subprocess.run(host.module("ruff", *check), cwd=paths.ROOT).returncode for check in checks]
    return not any(codes)


def _run_rooms(host: Host, options: list[str], targets: dict[str, list[str]], slow: bool) -> list[Outcome]:
    """The longest first, so that none is left alone at the end; what they made, in the order of ROOMS."""
    outcomes = {}
    with tempfile.TemporaryDirectory() as folder:
        reports = {name: Path(folder) / f"{name}.xml" for name in targets}
        jobs = [
            Job(name, _command(host, ROOMS[name], reports[name], options, targets[name], slow))
            for name in sorted(targets, key=lambda name: -ROOMS[name].budget)
        ]
        # One core each: besides its tests a room has a server or a browser at most, which it waits for.
        for ended in run(jobs, os.cpu_count() or 1, _environment()):
            counts, tests = _read_report(reports[ended.name], ROOMS[ended.name])
            if ended.code not in (0, NO_TESTS_RAN) and not counts.failed:
                counts = counts._replace(failed=1)  # it broke before or after its tests
            say(f"{ended.name}: {counts}")
            outcomes[ended.name] = Outcome(ended.name, ended.seconds, counts, tests)
    return [outcomes[name] for name in targets]


def _command(host: Host, room: Room, report: Path, options: list[str], targets: list[str], slow: bool) -> list[str]:
    # Nothing above a room's root is collected: there our packages lie, which pytest would import by names of its own.
    fixed = ["-q", f"--rootdir={room.root}", f"--confcutdir={room.root}", f"-c={TESTS / 'pytest.ini'}"]
    fixed += [f"--junit-xml={report}", "-o", "junit_family=xunit1"]  # the family that names files
    fixed += ["-p", "attention_bending.dev.loaded_once"]
    if room.tries > 1:
        fixed += [f"--reruns={room.tries - 1}", "-raR"]
    if sys.stdout.isatty():
        fixed += ["--color=yes"]
    if not slow and "-m" not in options:
        fixed += ["-m", "not slow"]
    return host.module("pytest", *fixed, *options, *targets)


def _environment() -> dict[str, str]:
    # Tiny tensors gain nothing from many threads, and lose much where several programs share the cores.
    return {"OMP_NUM_THREADS": "1", "PYTHONUTF8": "1", **os.environ}


def _read_report(report: Path, room: Room) -> tuple[Counts, list[tuple[float, str]]]:
    """A JUnit file; zeros where pytest did not get as far as writing it."""
    if not report.is_file():
        return Counts(), []
    suite = ElementTree.parse(report).getroot().find("testsuite")
    total, failures, errors, skipped = (int(suite.get(key)) for key in ("tests", "failures", "errors", "skipped"))
    for_gpu = sum(
        case.find("skipped") is not None and case.find(f"properties/property[@name='{NEEDS_GPU}']") is not None
        for case in suite.iter("testcase")
    )
    tests = [
        (float(case.get("time")), f"{(room.root / case.get('file')).relative_to(paths.ROOT)}::{case.get('name')}")
        for case in suite.iter("testcase")
        if case.get("file")
    ]
    return Counts(total - failures - errors - skipped, failures + errors, skipped, for_gpu), tests


def _print_row(name: str, seconds: float, budget: int, counts: str = "") -> None:
    over = "OVER ITS BUDGET " if seconds > budget else ""
    print(f"{name:<10} {seconds:6.1f} s of {budget:3d} s  {over}{counts}".rstrip())
