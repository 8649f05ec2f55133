"""The benchmark's goals (issue 5) and tables: on the screen, and in docs/performance.md between its markers."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from . import paths
from .bench_cases import HEADS

PAGE = paths.ROOT / "docs" / "performance.md"
FILES = {"cpu": PAGE.with_suffix(".json"), "cuda": PAGE.with_name("performance-cuda.json")}

Row = Mapping[str, Any]


def ratio(row: Row) -> float:
    return row["ms"] / row["unbent_ms"]


def of_dense(row: Row) -> float | None:
    """How many times as long dense takes."""
    return row["dense_ms"] / row["ms"] if row["dense_ms"] else None


def memory(row: Row) -> float | None:
    """The share of the memory that dense takes."""
    return row["extra_mb"] / row["dense_extra_mb"] if row["dense_extra_mb"] else None


def by_other(row: Row) -> float | None:
    """The ratio by the host's other kernels, the worst of them."""
    return max(map(ratio, row["others"]), default=None)


class Goal(NamedTuple):
    """A value of the rows of some scenarios that is to be at most (`of_dense`: at least) its limit, by device."""

    says: str
    level: str
    scenarios: Sequence[str]
    value: Callable[[Row], float | None]
    limits: Mapping[str, float]
    models: Sequence[str] = ("1.3B", "14B")

    def cells(self, rows: Iterable[Row], device: str) -> list[str]:
        """The limit, the worst value, and whether that, to two digits, meets it.

        Where nothing may be added, the noise may; that the bits are the same is checked where it is measured.
        """
        if device not in self.limits:
            return ["none", "—", "—"]
        limit, at_least, percent = self.limits[device], self.value is of_dense, self.value is memory
        goal = f"{'≥' if at_least else '≤'} {limit:{'.0%' if percent else 'g'}}{', same bits' * (limit == 1)}"
        mine = (row for row in rows if (row["level"], row["model"]) in [(self.level, model) for model in self.models])
        values = [(self.value(row), row) for row in mine if row["scenario"] in self.scenarios]
        values = [(value, row) for value, row in values if value is not None]
        if not values:
            return [goal, "—", "not measured"]
        value, row = (min if at_least else max)(values, key=lambda pair: pair[0])
        meets = round(value, 2) >= limit if at_least else round(value, 2) <= limit + (limit == 1) * row["spread"] / 2
        where = f"{row['scenario']} at {row['model']} {'×'.join(map(str, row['grid']))}"
        return [goal, f"{value:{'.0%' if percent else '.2f'}}", f"{'met' if meets else 'not met'} ({where})"]


WORDS = ("words-1", "words-4", "words-16")
MOVED = ("all-translate", "all-rotate", "all-rotate-frames", "all-flip")
FILTERED = ("all-blur", "all-sharpen", "all-frequency")
ANY = (*WORDS, *MOVED, *FILTERED)

GOALS = (
    Goal("1 to 16 words, against un-bent", "call", WORDS, ratio, {"cpu": 1.25, "cuda": 1.5}),
    Goal("ALL, geometric, against un-bent", "call", MOVED, ratio, {"cpu": 1.3, "cuda": 1.5}),
    Goal("ALL, blur, sharpen, frequency, against un-bent", "call", FILTERED, ratio, {"cpu": 1.8, "cuda": 2}),
    Goal("dense against ours, 1 word at 1.3B", "call", ["words-1"], of_dense, {"cpu": 2.8, "cuda": 10}, ["1.3B"]),
    Goal("one step, every layer bent, against un-bent", "step", ["every-layer"], ratio, {"cpu": 1.03, "cuda": 1.01}),
    Goal("recording 4 words, every layer, against the bent step", "step", ["record-4"], ratio, {"cpu": 1.03}, HEADS),
    Goal("extra peak memory, 4 words, of dense's", "call", ["words-4"], memory, {"cpu": 0.1, "cuda": 0.05}),
    Goal("words and ALL by the host's other kernels, against un-bent", "call", ANY, by_other, {"cpu": 2}),
    Goal("no active bend, against un-bent", "call", ["inactive"], ratio, {"cpu": 1, "cuda": 1}),
)


def goals_as_text(rows: Sequence[Row], device: str) -> str:
    """Each goal with the worst row, for the screen."""
    lines = ((goal.says, *goal.cells(rows, device)) for goal in GOALS)
    return "\n".join(f"  {says:<60}{limit:<18}{value:<6}{verdict}" for says, limit, value, verdict in lines)


def cells(row: Row) -> dict[str, str]:
    """A row as the table shows it, by column; an em dash where nothing was measured."""

    def shown(value: float | None, form: str) -> str:
        return "—" if value is None else format(value, form)

    others = (f"{other['kernel'].removeprefix('attention_')} {ratio(other):.2f}" for other in row["others"])
    return {
        "level": row["level"] + (f"×{row['layers']}" if row["layers"] else ""),
        "model": row["model"],
        "grid": "×".join(map(str, row["grid"])),
        "scenario": row["scenario"],
        "kernel": row["kernel"].removeprefix("attention_") + " + lse" * bool(row["lse"]),
        "un-bent ms": shown(row["unbent_ms"], ".1f"),
        "bent ms": shown(row["ms"], ".1f"),
        "ratio": shown(ratio(row), ".2f"),
        "dense ms": shown(row["dense_ms"], ".1f"),
        "of dense": shown(of_dense(row), ".2f") + "×" * bool(row["dense_ms"]),
        "extra MB": shown(row["extra_mb"], ".1f"),
        "dense MB": shown(row["dense_extra_mb"], ".1f"),
        "other kernels": ", ".join(others) or "—",
        "noise": f"±{row['spread'] / 2:.0%}",
        "error": shown(row["error"], ".0e"),
    }


WIDTHS = {"grid": 8, "scenario": 28, "kernel": 22}
"""On the screen; the other columns are as wide as their names."""


def line(cells: Mapping[str, str]) -> str:
    """A row for the screen."""
    return "  ".join(f"{cell:>{WIDTHS.get(name, max(len(name), 6))}}" for name, cell in cells.items())


def about(machine: Mapping[str, Any]) -> str:
    """The machine in a sentence."""
    load = "" if machine["load"] is None else f" Load when it began: {machine['load']}."
    return (
        "{name} ({device}), {cores} cores, {threads} threads, {memory_gb} GB, {system}, Python {python}, "
        "torch {torch}, ComfyUI {comfyui}. Measured on the way: copying {copy_gb_s} GB/s (bytes read and written), "
        "products of matrices {matmul_gflop_s} GFLOP/s."
    ).format(**machine) + load


def write_json(file: Path, result: dict[str, Any]) -> None:
    """One row a line."""
    machine, *rows = (json.dumps(part, ensure_ascii=False) for part in (result["machine"], *result["rows"]))
    rows = ",\n  ".join(rows)
    file.write_text(f'{{"machine": {machine},\n "rows": [\n  {rows}\n]}}\n', encoding="utf-8")


def fill(page: str, results: dict[str, dict[str, Any]]) -> str:
    """The page with what stands between `<!-- bench: name -->` and `<!-- end -->` made anew. `results` by device."""
    rows = {device: results[device]["rows"] if device in results else [] for device in FILES}
    goals = [[goal.says, *(cell for device in FILES for cell in goal.cells(rows[device], device))] for goal in GOALS]
    parts = {"goals": markdown(["worst of all rows", "CPU goal", "CPU", "", "GPU goal", "GPU", ""], goals)}
    for device in FILES:
        lines = [cells(row) for row in rows[device]]
        parts[f"machine-{device}"] = about(results[device]["machine"]) if lines else "Not measured."
        parts[f"rows-{device}"] = markdown(lines[0], map(dict.values, lines)) if lines else "Not measured."
    marked = re.compile(r"(<!-- bench: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
    return marked.sub(lambda match: f"{match[1]}{parts[match[2]]}\n{match[3]}", page)


def markdown(heads: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    table = [list(heads), ["---"] * len(list(heads)), *lines]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in table)
