"""What the commands say, and how they run other programs."""

import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

_START = time.perf_counter()


class Trouble(Exception):
    """Something that the person at the keyboard can cure; the message says how."""


def say(text: str) -> None:
    """Print a line headed by the seconds since the command began."""
    print(f"[{time.perf_counter() - _START:6.1f} s] {text}", flush=True)


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """A table for the screen."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def run(
    command: Sequence[str | Path],
    *,
    cure: Callable[[str], str],
    show: Callable[[str], str] = str.strip,
    env: dict[str, str] | None = None,
) -> None:
    """Run a program to its end, saying what `show` makes of each of its lines ("" for nothing).

    A failure raises Trouble with the last lines and with ``cure(output)``, output being its last 200 lines.
    """
    process = subprocess.Popen(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        env=env,
    )
    tail: deque[str] = deque(maxlen=200)
    try:
        for line in process.stdout:
            tail.append(line.rstrip())
            if shown := show(tail[-1]):
                say("  " + shown[:150])
    except BaseException:
        process.kill()
        raise
    finally:
        process.stdout.close()
        code = process.wait()
    if code:
        last = "\n".join("    " + line for line in list(tail)[-15:])
        raise Trouble(f"{Path(command[0]).name} ended with code {code}:\n{last}\n{cure(chr(10).join(tail))}")


def fail(trouble: Trouble) -> int:
    """Print a Trouble and return the exit code for it."""
    sys.stdout.flush()
    print(f"\nStopped: {trouble}", file=sys.stderr, flush=True)
    return 2
