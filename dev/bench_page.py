"""The benchmark's goals and tables, on the screen and in docs/performance.md between its markers, and its picture."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from . import paths
from .bench_cases import HEADS, TOKENS

PAGE = paths.ROOT / "docs" / "performance.md"
FILES = {"cpu": PAGE.with_suffix(".json"), "cuda": PAGE.with_name("performance-cuda.json")}
TITLES = {"cpu": "CPU, float32", "cuda": "GPU, bfloat16"}
BENT, DENSE, GOAL, PAPER, INK = "#2b6cb0", "#ceccc4", "#c03e2d", "#faf9f6", "#202024"

ABOUT = (
    "{name} ({device}), {cores} cores, {threads} threads, {memory_gb} GB, {system}, Python {python}, torch {torch}, "
    "ComfyUI {comfyui}. Measured on the way: copying {copy_gb_s} GB/s (bytes read and written), products of matrices "
    "{matmul_gflop_s} GFLOP/s. Load when it began: {load}."
)
COLUMNS = {  # what of a derived row stands under each head, and how; an em dash where it is None
    "level": ("depth", "{}"),
    "model": ("model", "{}"),
    "grid": ("size", "{}"),
    "scenario": ("scenario", "{}"),
    "kernel": ("by", "{}"),
    "un-bent ms": ("unbent_ms", "{:.1f}"),
    "bent ms": ("ms", "{:.1f}"),
    "ratio": ("ratio", "{:.2f}"),
    "dense ms": ("dense_ms", "{:.1f}"),
    "of dense": ("of_dense", "{:.2f}×"),
    "extra MB": ("extra_mb", "{:.1f}"),
    "dense MB": ("dense_extra_mb", "{:.1f}"),
    "other kernels": ("by_others", "{}"),
    "noise": ("noise", "±{:.0%}"),
    "error": ("error", "{:.0e}"),
}
Row = dict[str, Any]


def derived(row: Row) -> Row:
    """A row of the JSON with what follows from it."""
    ratios = {other["kernel"].removeprefix("attention_"): other["ms"] / other["unbent_ms"] for other in row["others"]}
    return row | {
        "depth": row["level"] + (f"×{row['layers']}" if row["layers"] else ""),
        "size": "×".join(map(str, row["grid"])),
        "by": row["kernel"].removeprefix("attention_") + " + lse" * bool(row["lse"]),
        "ratio": row["ms"] / row["unbent_ms"],
        "of_dense": row["dense_ms"] and row["dense_ms"] / row["ms"],
        "memory": row["extra_mb"] / row["dense_extra_mb"] if row["dense_extra_mb"] else None,
        "ratio_by_others": max(ratios.values(), default=None),
        "by_others": ", ".join(f"{kernel} {ratio:.2f}" for kernel, ratio in ratios.items()) or None,
        "noise": row["spread"] / 2,
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
        place = "({scenario} at {model} {size})".format(**row)
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
    """A derived row's line of the table."""
    return ["—" if row[name] is None else form.format(row[name]) for name, form in COLUMNS.values()]


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """A table for the screen."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def markdown(heads: Sequence[str], *lines: Sequence[str]) -> str:
    return "\n".join(f"| {' | '.join(line)} |" for line in (heads, ["---"] * len(heads), *lines))


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
    """The page with what stands between `<!-- bench: name -->` and `<!-- end -->` made anew. `results` by device."""
    parts, goals = {}, [[goal.says] for goal in GOALS]
    for device in FILES:
        result = results.get(device, {"rows": []})
        rows = [*map(derived, result["rows"])]
        parts[f"machine-{device}"] = ABOUT.format(**result["machine"]) if rows else "Not measured."
        parts[f"rows-{device}"] = markdown([*COLUMNS], *map(cells, rows)) if rows else "Not measured."
        goals = [line + goal.cells(rows, device) for line, goal in zip(goals, GOALS, strict=True)]
    parts["goals"] = markdown(["worst of all rows", "CPU goal", "CPU", "", "GPU goal", "GPU", ""], *goals)
    marked = re.compile(r"(<!-- bench: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
    return marked.sub(lambda match: f"{match[1]}{parts[match[2]]}\n{match[3]}", page)


def draw(results: Mapping[str, dict[str, Any]]) -> Figure:
    """How much longer the first model's calls at the first grid take, and the steps; a panel for each device."""
    of = itemgetter("level", "model", "grid")
    rows = {
        device: [row for row in result["rows"] if of(row) == of(result["rows"][0]) or row["level"] == "step"]
        for device, result in results.items()
    }
    heights = [len(of_device) + 3 for of_device in rows.values()]
    figure = Figure((10, 0.42 * sum(heights)), facecolor=PAPER, layout="constrained")
    for panel, device in zip(figure.subplots(len(rows), squeeze=False, height_ratios=heights).flat, rows, strict=True):
        bars(panel, device, rows[device])
    return figure


def bars(panel, device: str, rows: Sequence[Row]) -> None:
    """Two bars a row: bent over un-bent, and dense over un-bent; a red line at the goal."""
    places = np.arange(len(rows))
    bent, dense = (np.array([(row[key] or np.nan) / row["unbent_ms"] for row in rows]) for key in ("ms", "dense_ms"))
    limits = {(goal.level, name): goal.limits for goal in GOALS if goal.value == "ratio" for name in goal.scenarios}
    goals = [limits.get((row["level"], row["scenario"]), {}).get(device, np.nan) for row in rows]
    panel.vlines(goals, places - 0.42, places + 0.02, color=GOAL, linewidth=2.5, label="goal", zorder=3)
    panel.axvline(1, color=INK)
    for y, ratios, ends, color, label in (
        (places - 0.2, bent, np.fmax(bent, goals), BENT, "bent"),
        (places + 0.2, dense, dense, DENSE, "dense: builds the map"),
    ):
        panel.barh(y, ratios, 0.36, color=color, label=label)
        for end, at, times in zip(ends, y, ratios, strict=True):
            panel.text(end + 0.05, at, "" if np.isnan(times) else f"{times:.2f}", va="center", color=INK, fontsize=9)
    panel.set_yticks(places, [row["scenario"] + " (whole step)" * (row["level"] == "step") for row in rows])
    panel.invert_yaxis()
    panel.set(axisbelow=True, facecolor=PAPER)
    panel.grid(axis="x", color=DENSE)
    panel.tick_params(length=0)
    panel.spines[:].set_visible(False)
    title = f"Time of a bent attention over the un-bent one: {TITLES[device]}"
    subject = f"Wan {rows[0]['model']}, grid {' × '.join(map(str, rows[0]['grid']))}"
    panel.set_title(f"{title}\none call at {subject}, {TOKENS} tokens; 1 is un-bent", loc="left")
    panel.legend(loc="lower right", facecolor=PAPER, edgecolor=DENSE)
