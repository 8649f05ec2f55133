"""The benchmark's picture: how much longer a call takes bent, and dense, than un-bent, with the goals."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from .bench_goals import GOALS, against_unbent, largest_group

BENT, DENSE, GOAL = "#2b6cb0", "#ceccc4", "#c03e2d"
PAPER, INK = "#faf9f6", "#202024"
TITLES = {"cpu": "CPU, float32", "cuda": "GPU, bfloat16"}


def draw(results: dict[str, dict[str, Any]]) -> Figure:
    """One panel for each device, below each other. `results` as in the JSON files, by device."""
    rows = {
        device: largest_group(result["rows"]) + [row for row in result["rows"] if row["level"] == "step"]
        for device, result in results.items()
    }
    heights = [len(of_device) + 3 for of_device in rows.values()]
    figure = Figure((10, 0.42 * sum(heights)), facecolor=PAPER, layout="constrained")
    panels = figure.subplots(len(rows), squeeze=False, height_ratios=heights)[:, 0]
    for panel, (device, of_device) in zip(panels, rows.items(), strict=True):
        _panel(panel, device, of_device)
    return figure


def _panel(panel, device: str, rows: list[dict[str, Any]]) -> None:
    """Two bars a scenario: bent over un-bent, and dense over un-bent; a red line at the goal."""
    places = np.arange(len(rows))
    bent, dense = (np.array([(row[key] or np.nan) / row["unbent_ms"] for row in rows]) for key in ("ms", "dense_ms"))
    goals = [
        (place, goal.limits[device])
        for place, row in enumerate(rows)
        for goal in GOALS
        if goal.value is against_unbent and row["scenario"] in goal.scenarios and row["level"] == goal.level
    ]
    labels = np.array(
        [max([ratio, *(limit for at, limit in goals if at == place)]) for place, ratio in enumerate(bent)]
    )
    panel.set_axisbelow(True)
    panel.grid(axis="x", color=DENSE)
    panel.axvline(1, color=INK)
    for shift, ratios, beside, color, label in (
        (-0.2, bent, labels, BENT, "bent"),
        (0.2, dense, dense, DENSE, "dense: builds the map"),
    ):
        panel.barh(places + shift, ratios, 0.36, color=color, label=label)
        for place, ratio, x in zip(places, ratios, beside, strict=True):
            if ratio == ratio:
                panel.text(x + 0.05, place + shift, f"{ratio:.2f}", va="center", color=INK, fontsize=9)
    if goals:
        at, limits = zip(*goals, strict=True)
        panel.vlines(limits, np.array(at) - 0.42, np.array(at) + 0.02, color=GOAL, linewidth=2.5, label="goal")
    panel.set_yticks(places, [row["scenario"] + " (whole step)" * (row["level"] == "step") for row in rows])
    panel.invert_yaxis()
    panel.set_facecolor(PAPER)
    panel.tick_params(length=0)
    panel.spines[:].set_visible(False)
    grid = " × ".join(map(str, rows[0]["grid"]))
    panel.set_title(
        f"Time of a bent attention over the un-bent one: {TITLES[device]}\n"
        f"one call at Wan {rows[0]['model']}, grid {grid}, 512 tokens; 1 is un-bent",
        loc="left",
    )
    panel.legend(loc="lower right", facecolor=PAPER, edgecolor=DENSE)
