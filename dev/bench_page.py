"""The benchmark's goals and tables, on the screen and in docs/performance.md between its markers, and its picture."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from . import paths
from .bench_cases import HEADS, TOKENS
from .markdown import renewed, table
from .sheet import DARK, INK, LIGHT, LOOK, PAPER, RED

PAGE = paths.ROOT / "docs" / "performance.md"
FILES = {"cpu": PAGE.with_suffix(".json"), "cuda": PAGE.with_name("performance-cuda.json")}

ABOUT = (
    "{name} ({device}), {cores} cores, {threads} threads, {memory_gb} GB, {system}, Python {python}, torch {torch}, "
    "ComfyUI {ComfyUI}. Measured on the way: copying {copy_gb_s} GB/s (bytes read and written), products of matrices "
    "{matmul_gflop_s} GFLOP/s. Load when it began: {load}."
)
Row = dict[str, Any]


def number(name: str, form: str) -> Callable[[Row], str]:
    """A column of numbers; a dash where there is none."""
    return lambda row: "—" if row[name] is None else form.format(row[name])


def size(row: Row) -> str:
    return "×".join(map(str, row["grid"]))


def by_others(row: Row) -> str:
    return ", ".join(f"{other['kernel'].removeprefix('attention_')} {other['ratio']:.2f}" for other in row["others"])


COLUMNS: dict[str, Callable[[Row], str]] = {
    "level": lambda row: row["level"] + (f"×{row['layers']}" if row["layers"] else ""),
    "model": itemgetter("model"),
    "grid": size,
    "scenario": itemgetter("scenario"),
    "kernel": lambda row: row["kernel"].removeprefix("attention_"),
    "un-bent ms": number("unbent_ms", "{:.1f}"),
    "bent ms": number("ms", "{:.1f}"),
    "ratio": number("ratio", "{:.2f}"),
    "dense ms": number("dense_ms", "{:.1f}"),
    "of dense": number("of_dense", "{:.2f}×"),
    "extra MB": number("extra_mb", "{:.1f}"),
    "dense MB": number("dense_extra_mb", "{:.1f}"),
    "other kernels": lambda row: by_others(row) or "—",
    "noise": number("noise", "±{:.0%}"),
    "error": number("error", "{:.0e}"),
}


class Goal(NamedTuple):
    """The worst value of some scenarios' rows is to be at most (`of_dense`: at least) its limit, by device."""

    says: str
    level: str
    scenarios: Sequence[str]
    value: str
    limits: Mapping[str, float]
    models: Iterable[str] = ("1.3B", "14B")

    def cells(self, rows: Iterable[Row], device: str) -> list[str]:
        """The limit, the worst value, and whether that, to two digits, meets it.

        Where nothing may be added, the noise may; that the bits are the same is checked where it is measured.
        """
        if device not in self.limits:
            return ["none", "—", "—"]
        limit, worst = self.limits[device], min if self.value == "of_dense" else max
        told, form = ("{:.0%}", "{:.0%}") if self.value == "memory" else ("{:g}", "{:.2f}")
        goal = ("≥ " if worst is min else "≤ ") + told.format(limit) + ", same bits" * (limit == 1)
        rows = [row for row in rows if row["level"] == self.level and row["model"] in self.models]
        rows = [row for row in rows if row["scenario"] in self.scenarios and row[self.value] is not None]
        if not rows:
            return [goal, "—", "not measured"]
        row = worst(rows, key=itemgetter(self.value))
        limit += row["noise"] if limit == 1 else 0
        meets = worst(round(row[self.value], 2), limit) == limit
        place = f"({row['scenario']} at {row['model']} {size(row)})"
        return [goal, form.format(row[self.value]), f"{'met' if meets else 'not met'} {place}"]


WORDS = ("words-1", "words-4", "words-16")
MOVED = ("all-translate", "all-rotate", "all-rotate-frames", "all-flip")
FILTERED = ("all-blur", "all-sharpen", "all-frequency")
ANY = (*WORDS, *MOVED, *FILTERED)
GOALS = (
    Goal("1 to 16 words, against un-bent", "call", WORDS, "ratio", {"cpu": 1.25, "cuda": 1.5}),
    Goal("ALL, geometric, against un-bent", "call", MOVED, "ratio", {"cpu": 1.3, "cuda": 1.5}),
    Goal("ALL, blur, sharpen, frequency, against un-bent", "call", FILTERED, "ratio", {"cpu": 1.8, "cuda": 2}),
    Goal("dense against ours, 1 word at 1.3B", "call", ["words-1"], "of_dense", {"cpu": 2.8, "cuda": 10}, ["1.3B"]),
    Goal("one step, every layer bent, against un-bent", "step", ["every-layer"], "ratio", {"cpu": 1.03, "cuda": 1.01}),
    Goal("recording 4 words, every layer, against the bent step", "step", ["record-4"], "ratio", {"cpu": 1.03}, HEADS),
    Goal("extra peak memory, 4 words, of dense's", "call", ["words-4"], "memory", {"cpu": 0.1, "cuda": 0.05}),
    Goal("words and ALL by the host's other kernels, against un-bent", "call", ANY, "ratio_by_others", {"cpu": 2}),
    Goal("no active bend, against un-bent", "call", ["inactive"], "ratio", {"cpu": 1, "cuda": 1}),
)


def cells(row: Row) -> list[str]:
    """A row's line of the table."""
    return [column(row) for column in COLUMNS.values()]


def write_json(file: Path, result: dict[str, Any]) -> None:
    """One row a line."""
    machine, *rows = (json.dumps(part, ensure_ascii=False) for part in (result["machine"], *result["rows"]))
    rows = ",\n  ".join(rows)
    file.write_text(f'{{"machine": {machine},\n "rows": [\n  {rows}\n]}}\n', encoding="utf-8")


def write() -> None:
    """The page's tables and its picture, from the JSON files that are there."""
    results = {device: json.loads(file.read_text(encoding="utf-8")) for device, file in FILES.items() if file.is_file()}
    PAGE.write_text(fill(PAGE.read_text(encoding="utf-8"), results), encoding="utf-8")
    draw(results).savefig(PAGE.with_suffix(".png"), dpi=100)


def fill(page: str, results: Mapping[str, dict[str, Any]]) -> str:
    """The page with its marked blocks made anew. `results` by device."""
    blocks, goals = {}, [[goal.says] for goal in GOALS]
    for device in FILES:
        result = results.get(device, {"rows": []})
        rows = result["rows"]
        blocks[f"machine-{device}"] = ABOUT.format(**result["machine"]) if rows else "Not measured."
        blocks[f"rows-{device}"] = table([*COLUMNS], [*map(cells, rows)], len(COLUMNS)) if rows else "Not measured."
        goals = [line + goal.cells(rows, device) for line, goal in zip(goals, GOALS, strict=True)]
    blocks["goals"] = table(["worst of all rows", "CPU goal", "CPU", "", "GPU goal", "GPU", ""], goals, 7)
    for name, block in blocks.items():
        page = renewed(page, f"<!-- bench: {name} -->", "<!-- end -->", block + "\n")
    return page


@rc_context(LOOK)
def draw(results: Mapping[str, dict[str, Any]]) -> Figure:
    """A panel for each device: how much longer the first model's calls at the first grid take, and the steps."""
    figure = Figure((10, 8.4 * len(results)), layout="constrained")
    series = itemgetter("level", "model", "grid")
    for panel, (device, result) in zip(figure.subplots(len(results), squeeze=False).flat, results.items(), strict=True):
        first, *_ = result["rows"]
        bars(panel, [row for row in result["rows"] if series(row) == series(first) or row["level"] == "step"], device)
        title = f"Time of a bent attention over the un-bent one: {device.upper()}, {first['dtype']}"
        panel.set_title(f"{title}\none call at Wan {first['model']}, grid {size(first)}, {TOKENS} tokens; 1 is un-bent")
    return figure


def bars(panel, rows: Sequence[Row], device: str) -> None:
    """Two bars a row: bent over un-bent, and dense over un-bent; a red line at the goal."""
    places = np.arange(len(rows))
    limits = {(goal.level, name): goal.limits for goal in GOALS if goal.value == "ratio" for name in goal.scenarios}
    goals = [limits.get((row["level"], row["scenario"]), {}).get(device, np.nan) for row in rows]
    panel.vlines(goals, places - 0.4, places, color=RED, linewidth=2.5, label="goal", zorder=3)
    panel.axvline(1, color=INK, zorder=1)  # beneath the bars
    for key, y, label, color, ink in (
        ("ms", places - 0.2, "bent", DARK, PAPER),
        ("dense_ms", places + 0.2, "dense: builds the map", LIGHT, INK),
    ):
        ratios = [(row[key] or np.nan) / row["unbent_ms"] for row in rows]
        drawn = panel.barh(y, ratios, 0.36, color=color, label=label)
        panel.bar_label(drawn, fmt="%.2f", label_type="center", color=ink)
    panel.set_yticks(places, [row["scenario"] + " (whole step)" * (row["level"] == "step") for row in rows])
    panel.invert_yaxis()
    panel.grid(axis="x")
    panel.legend(loc="lower right")
