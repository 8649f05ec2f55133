"""The benchmark's picture: how much longer a call takes bent, and dense, than un-bent, with the goals."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from .bench_cases import TOKENS
from .bench_page import GOALS, ratio

BENT, DENSE, GOAL = "#2b6cb0", "#ceccc4", "#c03e2d"
PAPER, INK = "#faf9f6", "#202024"
TITLES = {"cpu": "CPU, float32", "cuda": "GPU, bfloat16"}


def draw(results: Mapping[str, dict[str, Any]]) -> Figure:
    """One panel for each device, below each other: the calls of the first model and grid, and the steps."""
    rows = {device: shown(result["rows"]) for device, result in results.items()}
    heights = [len(of_device) + 3 for of_device in rows.values()]
    figure = Figure((10, 0.42 * sum(heights)), facecolor=PAPER, layout="constrained")
    for panel, device in zip(figure.subplots(len(rows), squeeze=False, height_ratios=heights).flat, rows, strict=True):
        bars(panel, device, rows[device])
    return figure


def shown(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    first = rows[0]["model"], rows[0]["grid"]
    return [
        row
        for row in rows
        if row["level"] == "step" or (row["level"] == "call" and (row["model"], row["grid"]) == first)
    ]


def bars(panel, device: str, rows: list[dict[str, Any]]) -> None:
    """Two bars a row: bent over un-bent, and dense over un-bent; a red line at the goal."""
    places = np.arange(len(rows))
    bent, dense = (np.array([(row[key] or np.nan) / row["unbent_ms"] for row in rows]) for key in ("ms", "dense_ms"))
    limits = {(goal.level, name): goal.limits for goal in GOALS if goal.value is ratio for name in goal.scenarios}
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
    panel.set_axisbelow(True)
    panel.grid(axis="x", color=DENSE)
    panel.set_facecolor(PAPER)
    panel.tick_params(length=0)
    panel.spines[:].set_visible(False)
    subject = f"Wan {rows[0]['model']}, grid {' × '.join(map(str, rows[0]['grid']))}"
    title = f"Time of a bent attention over the un-bent one: {TITLES[device]}"
    panel.set_title(f"{title}\none call at {subject}, {TOKENS} tokens; 1 is un-bent", loc="left")
    panel.legend(loc="lower right", facecolor=PAPER, edgecolor=DENSE)
