"""The pictures of docs/what-bends-do.md: what changes by layers, steps and strength, and how much is enough."""

from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from ..dev.sheet import DARK, LIGHT, LOOK, PAPER, RED
from . import cases
from .results import Results, changed, title, whole


def parts(results: Results) -> Figure:
    """For each mode's main setting, the share of films that visibly changed: by layers, steps and strength."""
    figure = Figure((8.9, 11.8), layout="constrained")
    names = [name.replace(" ", "\n", 1) for name in cases.PARTS]
    for panel, target in zip(figure.subplots(2), (cases.WORDS, cases.ALL), strict=True):
        films = [[results.of_main(mode, target, part) for part in cases.PARTS.values()] for mode in cases.MAIN]
        shares = np.array([[np.mean(list(map(changed, rows))) if rows else np.nan for rows in of] for of in films])
        panel.pcolormesh(shares, cmap="Blues", vmin=0, vmax=1, edgecolor=PAPER, linewidth=3)
        for (line, column), share in np.ndenumerate(shares):
            if share == share:
                color = PAPER if share > 0.5 else "black"
                panel.text(column + 0.5, line + 0.5, f"{share:.0%}", ha="center", va="center", color=color)
        panel.set_xticks(np.arange(len(names)) + 0.5, names)
        panel.set_yticks(np.arange(len(cases.MAIN)) + 0.5, map(title, cases.MAIN))
        panel.xaxis.tick_top()
        panel.invert_yaxis()
        says = "each mode's main setting; Swap of its colour word with the other's"
        panel.set_title(f"Films that visibly changed, bent in {target}\n{says}")
    return figure


SHARES = (
    ("amplify", "factor", cases.COLOUR, "Amplify of the colour word", "symlog", (0, 0.5, 1, 2, 5, 20)),
    ("spatial_scale", "factor", cases.ALL, "Spatial Scale of ALL", "log", (0.5, 1, 1.5, 2)),
    ("temperature", "temperature", cases.ALL, "Temperature", "log", (0.5, 0.8, 1, 1.25, 2)),
)
"""Mode, parameter, what is bent, title, scale and ticks of the diagrams of what changed and what is kept."""


def curves(results: Results) -> Figure:
    """Four diagrams of how much: how far things went under Translate, and what changed and what is kept."""
    figure = Figure((8.8, 6), layout="constrained")
    first, *others = figure.subplots(2, 2).flat
    bends = [cases.Case("translate", setting, cases.ALL) for setting in cases.settings("translate")]
    films = {case.setting[-1]: results.of(case, lambda subject: not subject.thing.place) for case in bends}
    went = np.array([(sent, row["d" + way]) for (way, sent), rows in films.items() for row in rows if row["present"]])
    sent, ways = went.reshape(-1, 2).T
    first.plot(sent, ways, ".", color=LIGHT)
    means = [ways[sent == x].mean() for x in np.unique(sent)]
    first.plot(np.unique(sent), means, "o-", color=DARK, label="mean of the films")
    first.plot([-0.3, 0.3], [-0.3, 0.3], color=RED, linewidth=1, label="as sent")
    first.set_title("Translate of ALL, captions that tell no place", pad=24)
    first.set_xlabel("sent, of the frame")
    for panel, (mode, name, target, says, scale, ticks) in zip(others, SHARES, strict=True):
        films = {dict(of)[name]: results.of(cases.Case(mode, of, target)) for of in sorted(cases.settings(mode))}
        values = [value for value, rows in films.items() if rows]
        for label, color, holds in (("visibly changed", DARK, changed), ("colour and shape kept", RED, whole)):
            shares = [np.mean(list(map(holds, films[value]))) for value in values]
            panel.plot(values, shares, "o-", color=color, label=label)
        panel.set_title(says, pad=24)
        panel.set(xlabel=name, xscale=scale, ylim=(-0.04, 1.04))
        panel.set_xticks([], minor=True)
        panel.set_xticks(ticks, map("{:g}".format, ticks))
        panel.set_yticks([0, 0.5, 1], ["0%", "50%", "100%"])
    for panel in figure.axes:
        panel.legend(loc="lower left", bbox_to_anchor=(0, 0.97), ncols=2)  # between the title and the diagram
        panel.grid()
    return figure


@rc_context(LOOK)
def write(results: Results, folder: Path) -> None:
    """Both pictures, by the page's name."""
    parts(results).savefig(folder / "what-bends-do.png", dpi=100)
    curves(results).savefig(folder / "what-bends-do-curves.png", dpi=100)
