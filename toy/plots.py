"""The pictures of docs/what-bends-do.md: what changes by layers, steps and strength, and how much is enough."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from . import cases
from .results import Results, changed, main_films, rows_of, title, whole

PAPER, FAINT = "#faf9f6", "#787880"
DOT, LINE, OTHER = "#96aacd", "#2b3c82", "#c03e2d"


def parts(results: Results) -> Figure:
    """For each mode's main setting, the share of films that visibly changed: by layers, steps and strength."""
    figure = Figure((8.9, 11.8), facecolor=PAPER, layout="constrained")
    for panel, target in zip(figure.subplots(2), (cases.WORDS, cases.ALL), strict=True):
        films = [[rows_of(main_films(results, mode, target, p)) for p in cases.PARTS.values()] for mode in cases.MAIN]
        shares = np.array(
            [[sum(map(changed, rows)) / len(rows) if rows else np.nan for rows in line] for line in films]
        )
        panel.pcolormesh(shares, cmap="Blues", vmin=0, vmax=1, edgecolor=PAPER, linewidth=3)
        for (line, column), share in np.ndenumerate(shares):
            if share == share:
                color = PAPER if share > 0.5 else "black"
                panel.text(column + 0.5, line + 0.5, f"{share:.0%}", ha="center", va="center", color=color)
        names = [name.replace(" ", "\n", 1) for name in cases.PARTS]
        panel.set_xticks(np.arange(len(names)) + 0.5, names, color=FAINT)
        panel.set_yticks(np.arange(len(cases.MAIN)) + 0.5, map(title, cases.MAIN))
        panel.xaxis.tick_top()
        panel.invert_yaxis()
        says = f"Films that visibly changed, bent in {target}\n"
        panel.set_title(f"{says}each mode's main setting; Swap of its colour word with the other's", loc="left")
        _bare(panel)
        panel.grid(False)
    return figure


def curves(results: Results) -> Figure:
    """Four diagrams of how much: Translate, Amplify, Spatial Scale, Temperature."""
    figure = Figure((8.8, 6), facecolor=PAPER, layout="constrained")
    first, *others = figure.subplots(2, 2).flat
    moved(first, results)
    for panel, (mode, name, target, says, ticks, scale) in zip(others, SHARES, strict=True):
        shares(panel, results, mode, name, target)
        panel.set_xscale(**scale)
        panel.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        panel.set_xticks([], minor=True)
        panel.set_xlim(ticks[0] - 0.04, ticks[-1] * 1.04)
        panel.set_title(says, loc="left", pad=24)
        panel.set_xlabel(name, loc="left", color=FAINT)
        _bare(panel)
    return figure


def moved(panel, results: Results) -> None:
    """How far things went under Translate of ALL, for how far they were sent."""
    went: dict[float, list[float]] = {}
    for setting in cases.SETTINGS["translate"]:
        case = cases.Case("translate", tuple(setting.items()), cases.ALL)
        name = "y" if "y" in setting else "x"
        judged = results.judged(case, lambda subject: not subject.thing.place)
        went.setdefault(setting[name], []).extend(row["d" + name] for row in rows_of(judged) if row["present"])
    means = sorted((sent, sum(ways) / len(ways)) for sent, ways in went.items() if ways)
    panel.plot(*np.array([(sent, way) for sent, ways in went.items() for way in ways]).reshape(-1, 2).T, ".", color=DOT)
    panel.plot(*np.array(means).reshape(-1, 2).T, "o-", color=LINE, label="mean of the films")
    panel.plot([-0.3, 0.3], [-0.3, 0.3], color=OTHER, linewidth=1, label="as sent")
    panel.set_title("Translate of ALL, captions that tell no place", loc="left", pad=24)
    panel.set_xlabel("sent, of the frame", loc="left", color=FAINT)
    _key(panel)
    _bare(panel)


LOGARITHMIC = {"value": "log"}
SHARES = (
    (
        *("amplify", "factor", cases.COLOUR, "Amplify of the colour word", [0, 0.5, 1, 2, 5, 20]),
        {"value": "function", "functions": (lambda x: np.log1p(np.maximum(x, -0.9)), np.expm1)},
    ),
    ("spatial_scale", "factor", cases.ALL, "Spatial Scale of ALL", [0.5, 1, 1.5, 2], LOGARITHMIC),
    ("temperature", "temperature", cases.ALL, "Temperature", [0.5, 0.8, 1, 1.25, 2], LOGARITHMIC),
)
"""Mode, parameter, what is bent, title, ticks and scale of each diagram."""


def shares(panel, results: Results, mode: str, name: str, target: str) -> None:
    """Films that visibly changed, and those in which thing, colour and shape are kept, by one parameter."""
    films = {
        setting[name]: rows
        for setting in cases.SETTINGS[mode]
        if (rows := results.of(cases.Case(mode, tuple(setting.items()), target)))
    }
    for label, color, holds in (("visibly changed", LINE, changed), ("colour and shape kept", OTHER, whole)):
        points = sorted((value, sum(map(holds, rows)) / len(rows)) for value, rows in films.items())
        panel.plot(*np.array(points).reshape(-1, 2).T, "o-", color=color, label=label)
    panel.set_ylim(-0.04, 1.04)
    panel.set_yticks([0, 0.5, 1], ["0%", "50%", "100%"])
    _key(panel)


def _key(panel) -> None:
    """Which line is which, between the title and the diagram."""
    panel.legend(
        frameon=False,
        labelcolor="linecolor",
        loc="lower left",
        bbox_to_anchor=(0, 0.97),
        ncols=2,
        handlelength=1.2,
        columnspacing=1,
    )


def _bare(panel) -> None:
    panel.set_facecolor(PAPER)
    panel.tick_params(length=0, colors=FAINT)
    panel.spines[:].set_visible(False)
    panel.set_axisbelow(True)
    panel.grid(color="#e2dfd8")


def write(results: Results, folder: Path) -> None:
    """Both pictures, by the page's name."""
    parts(results).savefig(folder / "what-bends-do.png", dpi=100)
    curves(results).savefig(folder / "what-bends-do-curves.png", dpi=100)
