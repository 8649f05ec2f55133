"""``python dev test``: the style, then each room of tests in a process of its own."""

import os
import subprocess
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import NamedTuple

from . import paths, setup
from .browser import CHROMIUM_CURE, find_chromium
from .console import say
from .host import Host

TESTS = paths.ROOT / "tests"

SETUP_BUDGET = 300
ROOMS = {"core": 90, "host": 300, "workflows": 180, "browser": 180}
"""Each room and the seconds it may take."""

NO_TESTS_RAN = 5  # pytest's exit code


class Outcome(NamedTuple):
    room: str
    seconds: float
    passed: int
    failed: int
    skipped: int


def main(arguments: list[str]) -> int:
    """Run everything, or what the pytest `arguments` choose; a room's bare name chooses that room."""
    begun = time.perf_counter()
    host = setup.ensure()
    setup_seconds = time.perf_counter() - begun
    options, targets, slow = sort_arguments(arguments)
    style_failed = _check_style(host)
    outcomes = [_run_room(host, room, options, chosen, slow) for room, chosen in targets.items()]

    print()
    _print_row("set-up", setup_seconds, SETUP_BUDGET)
    for outcome in outcomes:
        _print_row(outcome.room, outcome.seconds, ROOMS[outcome.room], _counts(*outcome[2:]))
    passed, failed, skipped = (sum(column) for column in zip(*(outcome[2:] for outcome in outcomes), strict=True))
    print(f"{'style':<10} {'FAILED, see above' if style_failed else 'clean'}")
    print(_counts(passed, failed, skipped))
    if "browser" in targets and not find_chromium():
        print(f"The browser tests were skipped: {CHROMIUM_CURE}")
    if not passed + failed + skipped:
        return NO_TESTS_RAN  # a mistyped name or -k must not look like success
    return 1 if failed or style_failed else 0


def sort_arguments(arguments: list[str]) -> tuple[list[str], dict[str, list[str]], bool]:
    """Split the command line into pytest's options, the paths to run by room (all rooms if none), and --slow."""
    options, chosen = [], {}
    for argument in arguments:
        file, _, test = argument.partition("::")
        path = next((p for p in (Path(file), paths.ROOT / file, TESTS / file) if _room_of(p)), None)
        if path is None:
            options.append(argument)
        else:
            target = str(path.resolve()) + (f"::{test}" if test else "")
            chosen.setdefault(_room_of(path), []).append(target)
    slow = "--slow" in options
    targets = {room: chosen[room] for room in ROOMS if room in chosen} or {room: [str(TESTS / room)] for room in ROOMS}
    return [option for option in options if option != "--slow"], targets, slow


def _room_of(path: Path) -> str | None:
    path = path.resolve()
    if not path.exists() or TESTS not in path.parents:
        return None
    room = path.relative_to(TESTS).parts[0]
    return room if room in ROOMS else None


def _check_style(host: Host) -> bool:
    """True where ruff finds something."""
    say("style")
    checks = (["check", "."], ["format", "--check", "."])
    codes = [subprocess.run(host.module("ruff", *check), cwd=paths.ROOT).returncode for check in checks]
    return any(codes)


def _run_room(host: Host, room: str, options: list[str], targets: list[str], slow: bool) -> Outcome:
    say(f"tests/{room}")
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        fixed = ["-q", f"--rootdir={TESTS}", f"-c={TESTS / 'pytest.ini'}", f"--junit-xml={report}"]
        if not slow and "-m" not in options:
            fixed += ["-m", "not slow"]
        command = host.module("pytest", *fixed, *options, *targets)
        code = subprocess.run(command, cwd=paths.ROOT, env=_environment(), stdin=subprocess.DEVNULL).returncode
        counts = _read_report(report)
    if code not in (0, NO_TESTS_RAN) and not counts[1]:
        counts = (counts[0], 1, counts[2])  # it broke before or after its tests
    return Outcome(room, time.perf_counter() - begun, *counts)


def _environment() -> dict[str, str]:
    # Tiny tensors gain nothing from many threads, and lose much where several programs share the cores.
    return {"OMP_NUM_THREADS": "1", "PYTHONUTF8": "1", **os.environ}


def _read_report(report: Path) -> tuple[int, int, int]:
    """Passed, failed and skipped of a JUnit file; zeros where pytest did not get as far as writing it."""
    if not report.is_file():
        return 0, 0, 0
    suite = ElementTree.parse(report).getroot().find("testsuite")
    total, failures, errors, skipped = (int(suite.get(key)) for key in ("tests", "failures", "errors", "skipped"))
    return total - failures - errors - skipped, failures + errors, skipped


def _counts(passed: int, failed: int, skipped: int) -> str:
    return f"{passed} passed, {failed} failed, {skipped} skipped"


def _print_row(name: str, seconds: float, budget: int, counts: str = "") -> None:
    over = "OVER ITS BUDGET " if seconds > budget else ""
    print(f"{name:<10} {seconds:6.1f} s of {budget:3d} s  {over}{counts}".rstrip())
