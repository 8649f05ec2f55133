"""The benchmark's goals (issue 5), and the least that any exact method must spend."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

Row = dict[str, Any]

TOKENS = 512
BILINEAR = 2 * 4
OPERATIONS = {"all-flip": 0, "all-blur": 2 * 2 * 17, "all-sharpen": 2 * 2 * 9 + 3, "all-frequency": 50}
"""For each element of the output, by the direct formula: a separable gaussian of 17 or 9 taps, there and back by FFT;
every other bend of ALL reads four cells."""


def against_unbent(row: Row) -> float | None:
    return row["ms"] / row["unbent_ms"]


def against_dense(row: Row) -> float | None:
    return row["dense_ms"] / row["ms"] if row["dense_ms"] else None


def memory_of_dense(row: Row) -> float | None:
    return row["extra_mb"] / row["dense_extra_mb"] if row["dense_extra_mb"] else None


def by_other_kernel(row: Row) -> float | None:
    """By the host's other kernels, the worst of them."""
    return max((other["ms"] / other["unbent_ms"] for other in row["others"]), default=None)


WORDS = ("words-1", "words-4", "words-16")
GEOMETRIC = ("all-translate", "all-rotate", "all-rotate-frames", "all-flip")
FILTERS = ("all-blur", "all-sharpen", "all-frequency")


class Goal(NamedTuple):
    """A value of the rows of some scenarios that is to be at most (or at least) its limit, by device."""

    says: str
    level: str
    scenarios: tuple[str, ...]
    value: Callable[[Row], float | None]
    limits: dict[str, float]
    at_least: bool = False
    percent: bool = False
    note: str = ""
    models: tuple[str, ...] = ("1.3B", "14B")

    def worst(self, rows: list[Row]) -> tuple[float, Row] | None:
        """The worst value there is and its row; None where it was not measured."""
        values = [
            (value, row)
            for row in rows
            if row["level"] == self.level and row["scenario"] in self.scenarios and row["model"] in self.models
            if (value := self.value(row)) is not None
        ]
        return (min if self.at_least else max)(values, key=lambda pair: pair[0]) if values else None

    def met(self, value: float, row: Row, device: str) -> bool:
        """To two digits; where nothing may be added at all, to the noise of the row.

        (That an inactive bend leaves the bits alone is checked where it is measured.)
        """
        limit = self.limits[device] + (row["spread"] / 2 if self.limits[device] == 1 else 0)
        return round(value, 2) >= limit if self.at_least else round(value, 2) <= limit

    def show(self, value: float) -> str:
        return f"{value:.0%}" if self.percent else f"{value:.2f}"

    def limit(self, device: str) -> str:
        if device not in self.limits:
            return "none"
        shown = f"{self.limits[device]:.0%}" if self.percent else f"{self.limits[device]:g}"
        return f"{'≥' if self.at_least else '≤'} {shown}{self.note}"


GOALS = (
    Goal("1 to 16 words, against un-bent", "call", WORDS, against_unbent, {"cpu": 1.25, "cuda": 1.5}),
    Goal("ALL, geometric, against un-bent", "call", GEOMETRIC, against_unbent, {"cpu": 1.3, "cuda": 1.5}),
    Goal("ALL, blur, sharpen, frequency, against un-bent", "call", FILTERS, against_unbent, {"cpu": 1.8, "cuda": 2}),
    Goal(
        "dense against ours, 1 word at 1.3B",
        "call",
        ("words-1",),
        against_dense,
        {"cpu": 2.8, "cuda": 10},
        at_least=True,
        models=("1.3B",),
    ),
    Goal(
        "one step, every layer bent, against un-bent",
        "step",
        ("every-layer",),
        against_unbent,
        {"cpu": 1.03, "cuda": 1.01},
    ),
    Goal(
        "recording 4 words, every layer, against the bent step",
        "step",
        ("record-4",),
        against_unbent,
        {"cpu": 1.03},
        models=("small", "1.3B", "14B"),
    ),
    Goal(
        "extra peak memory, 4 words, of dense's",
        "call",
        ("words-4",),
        memory_of_dense,
        {"cpu": 0.1, "cuda": 0.05},
        percent=True,
    ),
    Goal(
        "words and ALL by the host's other kernels, against un-bent",
        "call",
        (*WORDS, *GEOMETRIC, *FILTERS),
        by_other_kernel,
        {"cpu": 2.0},
    ),
    Goal(
        "no active bend, against un-bent",
        "call",
        ("inactive",),
        against_unbent,
        {"cpu": 1.0, "cuda": 1.0},
        note=", same bits",
    ),
)


def largest_group(rows: Sequence[Row]) -> list[Row]:
    """The calls of the model and grid of which there are most."""
    calls = [row for row in rows if row["level"] == "call"]
    subjects = [(row["model"], tuple(row["grid"])) for row in calls]
    most = max(subjects, key=subjects.count, default=None)
    return [row for row, subject in zip(calls, subjects, strict=True) if subject == most]


class Spending(NamedTuple):
    """Bytes read and written, and floating-point operations."""

    bytes: float
    flops: float

    def milliseconds(self, machine: dict[str, Any]) -> float:
        """At the speeds of that machine; the slower of the two counts, as they may overlap."""
        return max(self.bytes / machine["copy_gb_s"], self.flops / machine["matmul_gflop_s"]) / 1e6


def width_of(row: Row) -> int:
    """L · H · D: the elements of q, and of the output."""
    frames, height, width = row["grid"]
    return frames * height * width * row["heads"] * 128


def unbent_spending(row: Row) -> Spending:
    """The attention itself: q, k and v read, the output written; two products with T columns."""
    elements, size = width_of(row), _size(row)
    texts = 2 * TOKENS * row["heads"] * 128
    return Spending(size * (2 * elements + texts), 4 * elements * TOKENS)


def floor(row: Row) -> Spending | None:
    """The least that a bend adds to a finished attention call, whose output and log-sum-exp are there.

    Words: q is read once for their columns; a column is written and read again, since operators move values between
    places; the output is read and written once; one product with the S keys and one with the S values. ALL: the output
    is read and written once, and each element is a sum of some others. None where nothing is bent.
    """
    elements, size, scenario = width_of(row), _size(row), row["scenario"]
    places = elements / 128  # in float32, one number for each place and head
    if scenario.startswith(("words-", "record-")):
        count = int(scenario.partition("-")[2])
        columns = Spending(size * elements + 4 * places * (1 + count), 2 * elements * count)
        if scenario.startswith("record-"):
            return columns
        return Spending(columns.bytes + 4 * places * count + 2 * size * elements, 2 * columns.flops)
    if not scenario.startswith("all-"):
        return None
    return Spending(2 * size * elements, OPERATIONS.get(scenario, BILINEAR) * elements)


def _size(row: Row) -> int:
    return {"float32": 4, "bfloat16": 2}[row["dtype"]]
