"""The benchmark's goals and tables, on the screen and in docs/performance.md between its markers, and its picture."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from . import paths
from .bench_cases import HEADS, SCENES, TOKENS, USUAL
from .markdown import renewed, table
from .sheet import DARK, INK, LIGHT, LOOK, PAPER, RED

PAGE = paths.ROOT / "docs" / "performance.md"
FILES = {"cpu": PAGE.with_suffix(".json"), "cuda": PAGE.with_name("performance-cuda.json")}

ABOUT = (
    "{name} ({device}), {cores} cores, {threads} threads, {memory_gb} GB, {system}, Python {python}, torch {torch}, "
    "ComfyUI {ComfyUI}. Measured on the way: copying {copy_gb_s} GB/s (bytes read and written), products of matrices "
    "{matmul_gflop_s} GFLOP/s. Load when it began: {load}."
)
NOTHING = "Not measured."
RUNS = {"cpu": ("bfloat16", "float32"), "cuda": ("cuda",)}
"""What has goals of its own, by device: each type of a CPU, and a GPU."""

Row = dict[str, Any]


def of(run: str, rows: Iterable[Row]) -> list[Row]:
    """Those rows of its device that are of a run."""
    return [row for row in rows if run in (row["dtype"], "cuda")]


def number(name: str, form: str) -> Callable[[Row], str]:
    """A column of numbers; a dash where there is none."""
    return lambda row: "—" if row[name] is None else form.format(row[name])


def size(row: Row) -> str:
    return "×".join(map(str, row["grid"]))


def kernel(row: Row) -> str:
    return ", ".join(filter(None, (row["kernel"].removeprefix("attention_"), row["way"])))


def by_others(row: Row) -> str:
    return "; ".join(f"{kernel(other)} {other['ratio']:.2f}" for other in row["others"])


COLUMNS: dict[str, Callable[[Row], str]] = {
    "type": itemgetter("dtype"),
    "level": lambda row: row["level"] + (f"×{row['layers']}" if row["layers"] else ""),
    "model": itemgetter("model"),
    "grid": size,
    "scenario": itemgetter("scenario"),
    "kernel, way": kernel,
    "un-bent ms": number("unbent_ms", "{:.1f}"),
    "bent ms": number("ms", "{:.1f}"),
    "ratio": number("ratio", "{:.2f}"),
    "dense ms": number("dense_ms", "{:.1f}"),
    "of dense": number("of_dense", "{:.2f}×"),
    "extra MB": number("extra_mb", "{:.1f}"),
    "dense MB": number("dense_extra_mb", "{:.1f}"),
    "warm peak": number("peak", "{:.2f}×"),
    "other kernels": lambda row: by_others(row) or "—",
    "plan ms": number("plan_ms", "{:.1f}"),
    "noise": number("noise", "±{:.0%}"),
    "error": number("error", "{:.0e}"),
    "rounding": number("rounding", "{:.2f}×"),
}
COUNTED = {name: COLUMNS[name] for name in ("model", "grid", "scenario")} | {
    "launches": number("launches", "{}"),
    "bytes over the output's": number("bytes", "{:.1f}×"),
}


FORMS = {"memory": "{:.0%}", "of_step": "{:.1%}", "launches": "{:.0f}"}
"""How goals' values are written; the rest with two digits behind the point. What is written is what is compared."""


class Goal(NamedTuple):
    """The worst value of some scenarios' rows is to be at most (`of_dense`: at least) its limit, by run: see RUNS."""

    says: str
    level: str
    scenarios: Sequence[str]
    value: str
    limits: Mapping[str, float]
    models: Iterable[str] = ("1.3B", "14B")
    grid: tuple[int, int, int] | None = None

    def cells(self, rows: Iterable[Row], run: str) -> list[str]:
        """The limit, the worst value, and whether that meets it, for a run among its device's rows.

        Where nothing may be added, the noise may; that the bits are the same is checked where it is measured.
        """
        if run not in self.limits:
            return ["none", "—", "—"]
        limit, worst = self.limits[run], min if self.value == "of_dense" else max
        form = FORMS.get(self.value, "{:.2f}")
        goal = ("≥ " if worst is min else "≤ ") + (form if "%" in form else "{:g}").format(limit)
        goal += ", same bits" * (limit == 1)
        rows = [row for row in of(run, rows) if row["level"] == self.level and row["scenario"] in self.scenarios]
        rows = [row for row in rows if row["model"] in self.models and self.grid in (None, tuple(row["grid"]))]
        rows = [row for row in rows if row[self.value] is not None]
        if not rows:
            return [goal, "—", "not measured"]
        row = worst(rows, key=itemgetter(self.value))
        limit += row["noise"] if limit == 1 else 0
        digits = int(form[3]) + 2 * ("%" in form)
        meets = worst(round(row[self.value], digits), limit) == limit
        place = f"({row['scenario']} at {row['model']} {size(row)})"
        return [goal, form.format(row[self.value]), f"{'met' if meets else 'not met'} {place}"]


both = partial(dict.fromkeys, RUNS["cpu"])  # the same limit in both types of a CPU
WORDS = ("words-1", "words-4", "words-16")
MOVED = ("all-translate", "all-rotate", "all-rotate-frames", "all-flip")
FILTERED = ("all-blur", "all-sharpen", "all-frequency")
MIXED = ("all-blur, words-4", "words-4, all-blur")
ANY = (*WORDS, *MOVED, *FILTERED)
ROUNDING, RECORDED = "error over the un-bent call's own, 1 to 16 words", "4 words bent and recorded, against bent"
GOALS = (
    Goal("1 to 16 words, against un-bent", "call", WORDS, "ratio", {"bfloat16": 1.25, "float32": 1.2}),
    Goal("64 words", "call", ["words-64"], "ratio", {"bfloat16": 1.65}),
    Goal("ALL, geometric", "call", MOVED, "ratio", both(1.1)),
    Goal("ALL, blur, sharpen, frequency", "call", FILTERED, "ratio", both(1.25)),
    Goal("ALL and 4 words", "call", MIXED, "ratio", both(1.4)),
    Goal("PADDING, blurred", "call", ["padding-blur"], "ratio", both(1.4)),
    Goal("PADDING, multiplied", "call", ["padding-amplify"], "ratio", both(1.25)),
    Goal("scenes, each in its own pictures", "segments", [*SCENES], "ratio", both(1.15)),
    Goal("error over the un-bent call's own, scenes", "segments", [*SCENES], "rounding", both(1.1)),
    Goal("temperature, swap, paint", "call", ["temperature", "swap", "paint"], "ratio", {"bfloat16": 1.4}),
    Goal(RECORDED, "call", ["words-4, recorded"], "ratio", both(1.1)),
    Goal("words and ALL by the host's other kernels", "call", ANY, "ratio_by_others", both(2)),
    Goal("no active bend", "call", ["inactive"], "ratio", both(1) | {"cuda": 1}),
    Goal("dense against ours, 1 word at 1.3B", "call", ["words-1"], "of_dense", {"float32": 2.8}, ["1.3B"]),
    Goal("warm peak, 1 to 16 words, at 1.3B 5×30×52", "call", WORDS, "peak", {"bfloat16": 2.4}, ["1.3B"], USUAL),
    Goal("extra peak memory, 4 words, of dense's", "call", ["words-4"], "memory", {"float32": 0.1, "cuda": 0.05}),
    Goal(ROUNDING, "call", WORDS, "rounding", {"bfloat16": 1.2, "cuda": 1.4}),
    Goal("one step, every layer bent, against un-bent", "step", ["words-4"], "ratio", {"float32": 1.03}),
    Goal("the same recorded, against the bent step", "step", ["record-4"], "ratio", {"float32": 1.03}, HEADS),
    Goal("launches of a call, 1 word", "counted", ["words-1"], "launches", {"bfloat16": 25}),
    Goal("launches of a call, 4 words", "counted", ["words-4"], "launches", {"bfloat16": 60}),
    Goal("bytes over the output's, 1 word", "counted", ["words-1"], "bytes", {"bfloat16": 7}),
    Goal("bytes over the output's, 4 words", "counted", ["words-4"], "bytes", {"bfloat16": 11}),
    Goal("added to a step, 1 word, 1.3B", "step", WORDS[:1], "of_step", {"cuda": 0.015}, ["1.3B"]),
    Goal("added to a step, 1 word, 14B", "step", WORDS[:1], "of_step", {"cuda": 0.005}, ["14B"]),
    Goal("added to a step, up to 16 words, 1.3B", "step", WORDS, "of_step", {"cuda": 0.05}, ["1.3B"]),
    Goal("added to a step, up to 16 words, 14B", "step", WORDS, "of_step", {"cuda": 0.015}, ["14B"]),
)


def goal_lines(rows: Sequence[Row], device: str) -> list[list[str]]:
    """A line for each goal that a device's rows have."""
    return [
        [goal.says, *(cell for run in RUNS[device] for cell in goal.cells(rows, run))]
        for goal in GOALS
        if goal.limits.keys() & {*RUNS[device]}
    ]


def cells(row: Row) -> list[str]:
    """A row's line of the table."""
    return [column(row) for column in (COUNTED if row["level"] == "counted" else COLUMNS).values()]


def lines(rows: Iterable[Row], counted: bool = False) -> list[list[str]]:
    """The table of what was measured, or of what was counted, its head first; nothing if there is none."""
    body = [cells(row) for row in rows if (row["level"] == "counted") == counted]
    return [[*(COUNTED if counted else COLUMNS)], *body] if body else []


def name(row: Mapping[str, Any]) -> tuple:
    """What a row is of: it, or its case."""
    return (*itemgetter("level", "model", "scenario", "dtype")(row), tuple(row["grid"]))


def read_json(file: Path) -> dict[str, Any]:
    """The `machines`, one a sitting, and the `rows`, each with its machine's number; empty if there is no file."""
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {"machines": [], "rows": []}


def write_json(file: Path, result: dict[str, Any]) -> None:
    """One machine a line, and one row."""
    lists = (
        f'"{key}": [\n  ' + ",\n  ".join(json.dumps(part, ensure_ascii=False) for part in result[key]) + "\n]"
        for key in ("machines", "rows")
    )
    file.write_text("{" + ",\n ".join(lists) + "}\n", encoding="utf-8")


def sittings(result: Mapping[str, Any]) -> str:
    """What it was measured on; of later sittings, which rows they added."""
    told = []
    for number, machine in enumerate(result["machines"]):
        added = [row for row in result["rows"] if row["machine"] == number]
        of_what = dict.fromkeys(f"{row['level']} at {row['model']}" for row in added)
        told.append((f"Later, {', '.join(of_what)}: " if number else "") + ABOUT.format(**machine))
    return "\n\n".join(told) or NOTHING


def write() -> None:
    """The page's tables and its picture, from the JSON files that are there."""
    results = {device: read_json(file) for device, file in FILES.items() if file.is_file()}
    PAGE.write_text(fill(PAGE.read_text(encoding="utf-8"), results), encoding="utf-8")
    draw(results).savefig(PAGE.with_suffix(".png"), dpi=100)


def fill(page: str, results: Mapping[str, dict[str, Any]]) -> str:
    """The page with its marked blocks made anew. `results` by device."""
    blocks = {}
    for device, runs in RUNS.items():
        result = results.get(device, {"machines": [], "rows": []})
        blocks[f"machine-{device}"] = sittings(result)
        blocks[f"rows-{device}"] = listed(lines(result["rows"]))
        head = [cell for run in runs for cell in (f"{run} goal", run, "")]
        blocks[f"goals-{device}"] = listed([["worst of all rows", *head], *goal_lines(result["rows"], device)])
    blocks["counted"] = listed(lines(results.get("cpu", {"rows": []})["rows"], counted=True))
    for name, block in blocks.items():
        page = renewed(page, f"<!-- bench: {name} -->", "<!-- end -->", block + "\n")
    return page


def listed(lines: Sequence[Sequence[str]]) -> str:
    return table(lines[0], lines[1:], len(lines[0])) if lines else NOTHING


@rc_context(LOOK)
def draw(results: Mapping[str, dict[str, Any]]) -> Figure:
    """A panel for each run: how much longer the first model's calls at the first grid take, and the steps."""
    series, parts = itemgetter("level", "model", "grid"), {}
    for device, result in results.items():
        first, *_ = result["rows"]
        steps = ("step", first["model"])
        drawn = [row for row in result["rows"] if series(row) == series(first) or series(row)[:2] == steps]
        parts |= {run: (first, of(run, drawn)) for run in RUNS[device] if of(run, drawn)}
    heights = [len(rows) for _, rows in parts.values()]
    figure = Figure((10, len(parts) + 0.48 * sum(heights)), layout="constrained")
    panels = figure.subplots(len(parts), squeeze=False, height_ratios=heights).flat
    for panel, (run, (first, rows)) in zip(panels, parts.items(), strict=True):
        bars(panel, rows, run)
        title = f"Time of a bent attention over the un-bent one: {'GPU' if run == 'cuda' else f'CPU, {run}'}"
        panel.set_title(f"{title}\none call at Wan {first['model']}, grid {size(first)}, {TOKENS} tokens; 1 is un-bent")
    return figure


def bars(panel, rows: Sequence[Row], run: str) -> None:
    """Two bars a row: bent over un-bent, and dense over un-bent; a red line at the goal."""
    places = np.arange(len(rows))
    limits = {(goal.level, name): goal.limits for goal in GOALS if goal.value == "ratio" for name in goal.scenarios}
    goals = [limits.get((row["level"], row["scenario"]), {}).get(run, np.nan) for row in rows]
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
