"""The benchmark's tables: on the screen, and in docs/performance.md between its markers."""

import json
import re
from collections.abc import Sequence
from typing import Any

from . import paths
from .bench_goals import GOALS, Row, floor, largest_group, unbent_spending

PAGE = paths.ROOT / "docs" / "performance.md"
PICTURE = paths.ROOT / "docs" / "performance.png"
FILES = {
    "cpu": paths.ROOT / "docs" / "performance.json",
    "cuda": paths.ROOT / "docs" / "performance-cuda.json",
}

COLUMNS = {
    "level": 5,
    "model": 5,
    "grid": 11,
    "scenario": 17,
    "kernel": 21,
    "un-bent ms": 10,
    "bent ms": 9,
    "ratio": 6,
    "dense ms": 9,
    "of dense": 8,
    "extra MB": 8,
    "dense MB": 8,
    "other kernels": 22,
    "noise": 6,
    "error": 7,
}
"""The columns of the table and how wide they are on the screen."""

HEADER = "  ".join(f"{name:>{width}}" for name, width in COLUMNS.items())


def cells(row: Row) -> list[str]:
    """A row as the table shows it; an em dash where nothing was measured."""
    layers = f"×{row['layers']}" if row["layers"] else ""
    others = (f"{other['kernel'].removeprefix('attention_')} {_ratio(other):.2f}" for other in row["others"])
    return [
        row["level"] + layers,
        row["model"],
        "×".join(map(str, row["grid"])),
        row["scenario"],
        row["kernel"].removeprefix("attention_") + (" + lse" if row["lse"] else ""),
        f"{row['unbent_ms']:.1f}",
        f"{row['ms']:.1f}",
        f"{_ratio(row):.2f}",
        _shown(row["dense_ms"], "{:.1f}"),
        _shown(row["dense_ms"] and row["dense_ms"] / row["ms"], "{:.2f}×"),
        _shown(row["extra_mb"], "{:.1f}"),
        _shown(row["dense_extra_mb"], "{:.1f}"),
        ", ".join(others) or "—",
        f"±{row['spread'] / 2:.0%}",
        _shown(row["error"], "{:.0e}"),
    ]


def line(row: Row) -> str:
    """A row for the screen."""
    return "  ".join(f"{cell:>{width}}" for cell, width in zip(cells(row), COLUMNS.values(), strict=True))


def about(machine: dict[str, Any]) -> str:
    """The machine in a sentence."""
    load = "" if machine["load"] is None else f" Load when it began: {machine['load']}."
    return (
        f"{machine['name']} ({machine['device']}), {machine['cores']} cores, {machine['threads']} threads, "
        f"{machine['memory_gb']} GB, {machine['system']}, Python {machine['python']}, torch {machine['torch']}, "
        f"ComfyUI {machine['comfyui']}. Measured on the way: copying {machine['copy_gb_s']} GB/s (bytes read and "
        f"written), products of matrices {machine['matmul_gflop_s']} GFLOP/s.{load}"
    )


def is_busy(machine: dict[str, Any]) -> bool:
    """Whether other programs were running too much for a ratio to be trusted."""
    return machine["threads"] > 1 and (machine["load"] or 0) > 0.5 * machine["cores"]


def goals_as_text(rows: Sequence[Row], device: str) -> str:
    """Each goal with the worst row, for the screen."""
    lines = []
    for goal in GOALS:
        if device in goal.limits:
            found = goal.worst(rows)
            verdict = "not measured" if found is None else f"{goal.show(found[0])}  {_verdict(goal, found, device)}"
            lines.append(f"  {goal.says:<60} {goal.limit(device):<18} {verdict}")
    return "\n".join(lines)


def write() -> None:
    """The page's tables and the picture, from the JSON files that are there."""
    from .bench_plot import draw

    results = {device: json.loads(file.read_text(encoding="utf-8")) for device, file in FILES.items() if file.is_file()}
    PAGE.write_text(fill(PAGE.read_text(encoding="utf-8"), results), encoding="utf-8")
    draw(results).savefig(PICTURE, dpi=100)


def fill(page: str, results: dict[str, dict[str, Any]]) -> str:
    """The page with what stands between `<!-- bench: name -->` and `<!-- end -->` made anew. `results` by device."""
    parts = {"goals": goals_table(results)}
    for device in FILES:
        result = results.get(device)
        parts[f"machine-{device}"] = about(result["machine"]) if result else "Not measured."
        parts[f"rows-{device}"] = rows_table(result["rows"]) if result else "Not measured."
        parts[f"floor-{device}"] = floor_table(result) if result else "Not measured."
    return re.sub(
        r"(<!-- bench: ([\w-]+) -->\n).*?(<!-- end -->)",
        lambda match: f"{match[1]}{parts[match[2]]}\n{match[3]}",
        page,
        flags=re.DOTALL,
    )


def goals_table(results: dict[str, dict[str, Any]]) -> str:
    """Goals down, devices across; the worst row counts."""
    lines = []
    for goal in GOALS:
        row = [goal.says]
        for device in FILES:
            found = goal.worst(results[device]["rows"]) if device in results else None
            met = "not measured" if found is None else _verdict(goal, found, device)
            row += [goal.limit(device), "—" if found is None else goal.show(found[0]), met]
        lines.append(row if "cuda" in goal.limits else [*row[:4], "none", "—", "—"])
    heads = ["worst of all rows", "CPU goal", "CPU", "", "GPU goal", "GPU", ""]
    return markdown(heads, lines)


def rows_table(rows: Sequence[Row]) -> str:
    return markdown(list(COLUMNS), map(cells, rows))


def floor_table(result: dict[str, Any]) -> str:
    """What any exact bend must spend on top of the un-bent call, next to what it did, for the grid with most rows."""
    lines = []
    machine = result["machine"]
    for row in largest_group(result["rows"]):
        spending = floor(row)
        if spending is None:
            continue
        attention = unbent_spending(row)
        least = 1 + spending.milliseconds(machine) / row["unbent_ms"]
        lines.append(
            [
                row["scenario"],
                f"{attention.bytes / 1e6:.0f} MB, {attention.flops / 1e9:.1f} GFLOP",
                f"{spending.bytes / 1e6:.0f} MB, {spending.flops / 1e9:.2f} GFLOP",
                f"{spending.milliseconds(machine):.1f}",
                f"{least:.2f}",
                f"{_ratio(row):.2f}",
            ]
        )
    return markdown(["scenario", "the attention", "the bend, at least", "floor ms", "floor ratio", "measured"], lines)


def markdown(heads: Sequence[str], lines) -> str:
    table = [heads, ["---"] * len(heads), *lines]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in table)


def _ratio(row: Row) -> float:
    return row["ms"] / row["unbent_ms"]


def _shown(value: float | None, pattern: str) -> str:
    return "—" if value is None else pattern.format(value)


def _verdict(goal, found: tuple[float, Row], device: str) -> str:
    value, row = found
    where = f"{row['scenario']} at {row['model']} {'×'.join(map(str, row['grid']))}"
    return f"{'met' if goal.met(value, row, device) else 'not met'} ({where})"
