"""docs/what-bends-do.md and its picture, from the rows of the evaluation."""

from collections.abc import Callable
from typing import Any

from PIL import Image, ImageDraw

from .. import paths
from ..contact_sheet import FAINT, INK, PAPER, text
from . import cases

PAGE = paths.ROOT / "docs" / "what-bends-do.md"
PICTURE = paths.ROOT / "docs" / "what-bends-do.png"
BEGIN, END = "<!-- made by `python dev evaluate-toy` -->", "<!-- end -->"

Row = dict[str, Any]

MOVED, RESIZED = 0.08, 1.3
"""From here a change is seen at once: a fraction of the frame; a ratio of areas."""


def changed(row: Row) -> bool:
    """Whether somebody who sees both films side by side says that they differ."""
    if not row["present"]:
        return True
    moved = (row["dx"] ** 2 + row["dy"] ** 2) ** 0.5 > MOVED
    resized = not 1 / RESIZED < row["area"] < RESIZED
    return moved or resized or not row["colour"] or not row["shape"]


def share(rows: list[Row], holds: Callable[[Row], bool]) -> str:
    return f"{sum(map(holds, rows)) / len(rows):.0%}" if rows else "—"


def mean(rows: list[Row], name: str, form: str) -> str:
    """The mean of a number over the rows in which the thing is still there."""
    seen = [row[name] for row in rows if row["present"]]
    return form.format(sum(seen) / len(seen)) if seen else "—"


def grouped(results: list[Row]) -> dict[str, list[Row]]:
    """By the case's name the rows that count: those whose un-bent film is right."""
    groups: dict[str, list[Row]] = {}
    for row in results:
        if row["drawn"]:
            groups.setdefault(row["name"].rsplit(" | ", 2)[0], []).append(row)
    return groups


COLUMNS: dict[str, Callable[[list[Row]], str]] = {
    "films": lambda rows: str(len(rows)),
    "changed": lambda rows: share(rows, changed),
    "gone": lambda rows: share(rows, lambda row: not row["present"]),
    "moved x": lambda rows: mean(rows, "dx", "{:+.2f}"),
    "moved y": lambda rows: mean(rows, "dy", "{:+.2f}"),
    "area ×": lambda rows: mean(rows, "area", "{:.2f}"),
    "colour kept": lambda rows: share([r for r in rows if r["present"]], lambda row: row["colour"]),
    "shape kept": lambda rows: share([r for r in rows if r["present"]], lambda row: row["shape"]),
    "the other changed": lambda rows: share([r["other"] for r in rows if "other" in r], changed),
}


def tables(results: list[Row]) -> str:
    """A table for each mode: its settings by target, with all layers in all steps at full strength."""
    by_case = grouped(results)
    parts = []
    for mode in cases.SETTINGS:
        lines = [f"| setting | bent | {' | '.join(COLUMNS)} |", "|---|---|" + "--:|" * len(COLUMNS)]
        for case in cases.cases():
            plain = case.mode == mode and case.layers == "all" and case.window == (0.0, 1.0) and case.strength == 1.0
            if plain and case.name in by_case:
                setting = ", ".join(f"{name} {value}" for name, value in case.setting)
                numbers = " | ".join(column(by_case[case.name]) for column in COLUMNS.values())
                lines.append(f"| {setting} | {case.target} | {numbers} |")
        if len(lines) > 2:
            parts.append(f"### {mode.replace('_', ' ').title()}\n\n" + "\n".join(lines))
    return "\n\n".join(parts)


PARTS: dict[str, Callable[[cases.Case], bool]] = {
    "full": lambda c: c.layers == "all" and c.window == (0.0, 1.0) and c.strength == 1.0,
    **{f"{band}\nlayers": lambda c, band=band: c.layers == band for band in cases.BANDS},
    **{f"{s:.0%} to\n{e:.0%}": lambda c, w=(s, e): c.window == w for s, e in cases.WINDOWS},
    **{f"strength\n{s}": lambda c, s=s: c.strength == s for s in cases.STRENGTHS},
}
LEFT, TOP, CELL = 170, 130, (74, 34)


def picture(results: list[Row]) -> Image.Image:
    """For each mode's main setting, the share of films that visibly changed: by layers, steps and strength."""
    rows = grouped(results)
    size = (LEFT + len(PARTS) * CELL[0] + 20, 2 * (TOP + len(cases.MAIN) * CELL[1] + 20))
    sheet = Image.new("RGB", size, PAPER)
    pen = ImageDraw.Draw(sheet)
    for number, target in enumerate((cases.WORDS, cases.ALL)):
        y = number * size[1] // 2
        text(pen, (20, y + 16), f"Films that visibly changed, bent in {target}", 20)
        text(pen, (20, y + 44), "each mode's main setting; Swap of its colour word with the other's", 15, FAINT)
        for column, name in enumerate(PARTS):
            text(pen, (LEFT + column * CELL[0] + 4, y + TOP - 42), name, 13, FAINT)
        for line, (mode, setting) in enumerate(cases.MAIN.items()):
            top = y + TOP + line * CELL[1]
            text(pen, (20, top + 8), mode.replace("_", " "), 15)
            wanted = (mode, tuple(cases.SETTINGS[mode][setting].items()))
            bent = cases.COLOUR if (mode, target) == ("swap", cases.WORDS) else target
            for column, belongs in enumerate(PARTS.values()):
                among = [
                    row
                    for case in cases.cases()
                    if (case.mode, case.setting) == wanted and case.target == bent and belongs(case)
                    for row in rows.get(case.name, ())
                ]
                if among:
                    _cell(pen, LEFT + column * CELL[0], top, sum(map(changed, among)) / len(among))
    return sheet


def _cell(pen: ImageDraw.ImageDraw, left: int, top: int, part: float) -> None:
    ink = tuple(
        round(paper + part * (dark - paper)) for paper, dark in zip((240, 238, 232), (43, 60, 130), strict=True)
    )
    pen.rectangle((left, top, left + CELL[0] - 4, top + CELL[1] - 4), fill=ink)
    text(pen, (left + 20, top + 7), f"{part:.0%}", 14, PAPER if part > 0.5 else INK)


def write(results: list[Row]) -> None:
    """Put the tables between the page's markers, and draw the picture beside it."""
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n\n{tables(results)}\n\n{END}{rest.split(END)[1]}", encoding="utf-8")
    picture(results).save(PICTURE)
