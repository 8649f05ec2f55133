"""What a run says: lines that stay, and below them a bar with the time that is left."""

import sys
import threading
import time

WIDTH = 24


class Progress:
    """Of `total` films, `whole` of them made before. On a terminal the bar is drawn anew; elsewhere lines alone."""

    def __init__(self, total: int, whole: int = 0):
        self.total, self.count = total, whole
        self.refused = self.failed = 0
        self._whole, self._begun = whole, time.monotonic()
        self._moves = sys.stderr.isatty()
        self._writing = threading.Lock()

    def say(self, line: str) -> None:
        """A line that stays; from any thread."""
        with self._writing:
            self._clear()
            print(line, file=sys.stderr, flush=True)
            self._draw()

    def step(self, how: str) -> None:
        """One film more is kept, refused or failed."""
        with self._writing:
            self.count += how == "kept"
            self.refused += how == "refused"
            self.failed += how == "failed"
            self._clear()
            self._draw()

    def close(self) -> None:
        with self._writing:
            self._clear()
            print(self.line(), file=sys.stderr, flush=True)

    def line(self) -> str:
        done = self.count + self.refused + self.failed
        filled = WIDTH * done // max(1, self.total)
        told = [f"[{'#' * filled}{'.' * (WIDTH - filled)}] {self.count} of {self.total} films"]
        told += [f"{n} {what}" for n, what in ((self.refused, "refused"), (self.failed, "failed")) if n]
        made = done - self._whole
        if made > 0 and done < self.total:
            told.append(f"{duration((time.monotonic() - self._begun) / made * (self.total - done))} left")
        return " · ".join(told)

    def _clear(self) -> None:
        if self._moves:
            sys.stderr.write("\r\x1b[K")

    def _draw(self) -> None:
        if self._moves:
            sys.stderr.write(self.line())
            sys.stderr.flush()


def duration(seconds: float) -> str:
    """A time as one says it."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


def size(count: float) -> str:
    """Bytes as one says them."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count:.0f} bytes"
