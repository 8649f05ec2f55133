"""The pictures of docs/what-bends-do.md: what changes by layers, steps and strength, and how much is enough."""

import math
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageDraw

from ..dev.contact_sheet import FAINT, INK, PAPER, text
from . import cases
from .evaluate_page import Results, changed, main_films, rows_of, title, whole

LEFT, TOP, CELL = 170, 130, (78, 34)
PANEL, ROOM = (440, 300), (70, 70, 20, 50)
"""A curve's panel, and the space left in it: left, top, right, bottom."""

DOT, LINE, OTHER = (150, 170, 205), (43, 60, 130), (192, 62, 45)


def parts(results: Results) -> Image.Image:
    """For each mode's main setting, the share of films that visibly changed: by layers, steps and strength."""
    half = TOP + len(cases.MAIN) * CELL[1] + 20
    sheet = Image.new("RGB", (LEFT + len(cases.PARTS) * CELL[0] + 20, 2 * half), PAPER)
    pen = ImageDraw.Draw(sheet)
    for number, target in enumerate((cases.WORDS, cases.ALL)):
        y = number * half
        text(pen, (20, y + 16), f"Films that visibly changed, bent in {target}", 20)
        text(pen, (20, y + 44), "each mode's main setting; Swap of its colour word with the other's", 15, FAINT)
        for column, name in enumerate(cases.PARTS):
            text(pen, (LEFT + column * CELL[0] + 4, y + TOP - 42), name.replace(" ", "\n", 1), 13, FAINT)
        for line, mode in enumerate(cases.MAIN):
            top = y + TOP + line * CELL[1]
            text(pen, (20, top + 8), title(mode), 15)
            for column, part in enumerate(cases.PARTS.values()):
                rows = rows_of(main_films(results, mode, target, part))
                if rows:
                    _cell(pen, LEFT + column * CELL[0], top, sum(map(changed, rows)) / len(rows))
    return sheet


def _cell(pen: ImageDraw.ImageDraw, left: int, top: int, part: float) -> None:
    ink = tuple(round(paper + part * (dark - paper)) for paper, dark in zip((240, 238, 232), LINE, strict=True))
    pen.rectangle((left, top, left + CELL[0] - 4, top + CELL[1] - 4), fill=ink)
    text(pen, (left + 22, top + 7), f"{part:.0%}", 14, PAPER if part > 0.5 else INK)


class Panel:
    """A small diagram: `across` and `up` are the axes' ends, `scale` maps a value on the axis across."""

    def __init__(self, says: str, below: str, across: tuple, up: tuple, scale: Callable[[float], float] = float):
        self.image = Image.new("RGB", PANEL, PAPER)
        self.pen = ImageDraw.Draw(self.image)
        self.across, self.up, self.scale = tuple(map(scale, across)), up, scale
        text(self.pen, (20, 14), says, 17)
        text(self.pen, (ROOM[0], PANEL[1] - 24), below, 14, FAINT)

    def at(self, x: float, y: float) -> tuple[float, float]:
        left, top, right, bottom = ROOM
        (low, high), (down, up) = self.across, self.up
        return (
            left + (self.scale(x) - low) / (high - low) * (PANEL[0] - left - right),
            PANEL[1] - bottom - (y - down) / (up - down) * (PANEL[1] - top - bottom),
        )

    def axes(self, across: list[float], up: list[float], form: str) -> None:
        low, high = self.up
        for x in across:
            self.pen.line((*self.at(x, low), *self.at(x, high)), fill=(226, 223, 216))
            left, bottom = self.at(x, low)
            text(self.pen, (left - 10, bottom + 5), f"{x:g}", 13, FAINT)
        for y in up:
            left, top = self.at(across[0], y)
            right, _ = self.at(across[-1], y)
            self.pen.line((left, top, right, top), fill=(226, 223, 216))
            text(self.pen, (left - 50, top - 8), form.format(y), 13, FAINT)

    def dots(self, points: list[tuple[float, float]]) -> None:
        for point in points:
            x, y = self.at(*point)
            self.pen.ellipse((x - 3, y - 3, x + 3, y + 3), fill=DOT)

    def curve(self, points: list[tuple[float, float]], color: tuple, says: str, row: int) -> None:
        places = [self.at(*point) for point in sorted(points)]
        self.pen.line(places, fill=color, width=3)
        for x, y in places:
            self.pen.ellipse((x - 5, y - 5, x + 5, y + 5), fill=color)
        text(self.pen, (ROOM[0] + row * 160, 42), says, 14, color)


def curves(results: Results) -> Image.Image:
    """Four diagrams of how much: Translate, Amplify, Spatial Scale, Temperature."""
    panels = [moved(results), *(shares(results, *each) for each in SHARES)]
    sheet = Image.new("RGB", (2 * PANEL[0], PANEL[1] * math.ceil(len(panels) / 2)), PAPER)
    for number, panel in enumerate(panels):
        sheet.paste(panel.image, (number % 2 * PANEL[0], number // 2 * PANEL[1]))
    return sheet


def moved(results: Results) -> Panel:
    """How far things went under Translate of ALL, for how far they were sent."""
    panel = Panel("Translate of ALL, captions that tell no place", "sent, of the frame", (-0.3, 0.3), (-0.6, 0.6))
    panel.axes([-0.25, -0.1, 0, 0.1, 0.25], [-0.5, -0.25, 0, 0.25, 0.5], "{:+g}")
    points = []
    for setting in cases.SETTINGS["translate"]:
        case = cases.Case("translate", tuple(setting.items()), cases.ALL)
        name = "y" if "y" in setting else "x"
        judged = results.judged(case, lambda subject: not subject.thing.place)
        points += [(setting[name], row["d" + name]) for row in rows_of(judged) if row["present"]]
    panel.dots(points)
    sent = sorted({x for x, _ in points})
    means = [(x, sum(y for at, y in points if at == x) / sum(at == x for at, _ in points)) for x in sent]
    if means:
        panel.curve(means, LINE, "mean of the films", 0)
    panel.pen.line((*panel.at(-0.3, -0.3), *panel.at(0.3, 0.3)), fill=OTHER)
    text(panel.pen, (ROOM[0] + 160, 42), "as sent", 14, OTHER)
    return panel


SHARES = (
    ("amplify", "factor", cases.COLOUR, "Amplify of the colour word", [0, 0.5, 1, 2, 5, 20], lambda x: math.log1p(x)),
    ("spatial_scale", "factor", cases.ALL, "Spatial Scale of ALL", [0.5, 1, 1.5, 2], math.log),
    ("temperature", "temperature", cases.ALL, "Temperature", [0.5, 0.8, 1, 1.25, 2], math.log),
)


def shares(results: Results, mode: str, name: str, target: str, says: str, ticks: list, scale: Callable) -> Panel:
    """Films that visibly changed, and those in which thing, colour and shape are kept, by one parameter."""
    panel = Panel(says, name, (ticks[0], ticks[-1]), (0.0, 1.0), scale)
    panel.axes(ticks, [0, 0.5, 1], "{:.0%}")
    points = {}
    for setting in cases.SETTINGS[mode]:
        case = cases.Case(mode, tuple(setting.items()), target)
        if rows := results.of(case):
            points[setting[name]] = rows
    for row, (label, color, holds) in enumerate(
        (("visibly changed", LINE, changed), ("colour and shape kept", OTHER, whole))
    ):
        if points:
            panel.curve([(x, sum(map(holds, rows)) / len(rows)) for x, rows in points.items()], color, label, row)
    return panel


def write(results: Results, folder: Path) -> None:
    """Both pictures, by the page's name."""
    parts(results).save(folder / "what-bends-do.png", optimize=True)
    curves(results).save(folder / "what-bends-do-curves.png", optimize=True)
