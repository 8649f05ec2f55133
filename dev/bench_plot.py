"""The benchmark's picture: how much longer a call takes bent, and dense, than un-bent, with the goals."""

from typing import Any

from PIL import Image, ImageDraw

from .bench_goals import GOALS, against_unbent
from .bench_page import largest_group
from .contact_sheet import FAINT, INK, PAPER, text

LEFT, RIGHT, TOP, HEIGHT = 190, 70, 96, 44
WIDTH = 1000
BENT, DENSE, GOAL = (43, 108, 176), (206, 203, 196), (192, 62, 45)
TITLES = {"cpu": "CPU, float32", "cuda": "GPU, bfloat16"}


def draw(results: dict[str, dict[str, Any]]) -> Image.Image:
    """One panel for each device, below each other. `results` as in the JSON files, by device."""
    panels = [panel(device, result["rows"]) for device, result in results.items()]
    sheet = Image.new("RGB", (WIDTH, sum(p.height for p in panels) or 1), PAPER)
    y = 0
    for each in panels:
        sheet.paste(each, (0, y))
        y += each.height
    return sheet


def panel(device: str, rows: list[dict[str, Any]]) -> Image.Image:
    """Two bars a scenario: bent over un-bent, and dense over un-bent; a red line at the goal."""
    rows = largest_group(rows) + [row for row in rows if row["level"] == "step"]
    image = Image.new("RGB", (WIDTH, TOP + HEIGHT * len(rows) + 40), PAPER)
    pen = ImageDraw.Draw(image)
    longest = max([2.0, *(max(row["ms"], row["dense_ms"] or 0) / row["unbent_ms"] for row in rows)])

    def x(ratio: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * ratio / longest

    bottom = TOP + HEIGHT * len(rows)
    for tick in range(int(longest) + 1):
        pen.line((x(tick), TOP, x(tick), bottom), fill=INK if tick == 1 else DENSE, width=2 if tick == 1 else 1)
        text(pen, (x(tick) - 4, bottom + 8), str(tick), 14, FAINT)
    first = rows[0]
    text(pen, (20, 16), f"Time of a bent attention over the un-bent one: {TITLES[device]}", 22)
    where = f"one call at Wan {first['model']}, grid {' x '.join(map(str, first['grid']))}, 512 tokens; 1 is un-bent"
    text(pen, (20, 46), where, 15, FAINT)
    for at, color, says in ((600, BENT, "bent"), (680, DENSE, "dense: builds the map"), (880, GOAL, "goal")):
        pen.rectangle((at, 70, at + 12, 82), fill=color)
        text(pen, (at + 18, 67), says, 15)
    for i, row in enumerate(rows):
        y = TOP + HEIGHT * i
        step = " (whole step)" if row["level"] == "step" else ""
        text(pen, (20, y + 12), row["scenario"] + step, 15)
        goals = [
            goal.limits[device]
            for goal in GOALS
            if goal.value is against_unbent and row["scenario"] in goal.scenarios and row["level"] == goal.level
        ]
        bars = [(row["ms"], BENT, 5)] + ([(row["dense_ms"], DENSE, 23)] if row["dense_ms"] else [])
        for ms, color, down in bars:
            ratio = ms / row["unbent_ms"]
            pen.rectangle((LEFT, y + down, x(ratio), y + down + 15), fill=color)
            beside = max([ratio, *goals]) if color == BENT else ratio  # not on the goal's line
            text(pen, (x(beside) + 6, y + down - 1), f"{ratio:.2f}", 14, INK if color == BENT else FAINT)
        for limit in goals:
            pen.line((x(limit), y + 2, x(limit), y + 23), fill=GOAL, width=3)
    return image
