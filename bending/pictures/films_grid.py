"""A contact sheet whose cells play: the films of a sweep on their axes, the un-bent one first, with what changed."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from ..errors import BendError
from ..explore.sweep import Point, Sweep
from . import text_rendering
from .compare import Change, compare, movement
from .text_rendering import FAINT, FOREGROUND, Canvas

LARGEST_STILL = 4000
LARGEST_FILM = 2000
"""The sheet's longer side in pixels, at most."""
FILM_BYTES = 2**30
"""Of a film of sheets in memory, about: a long one has smaller cells."""
_CELL = 480
"""The longer side of a cell, at most; and half of it at least, so that a small film can be read."""
_MARGIN, _GAP = 16, 8
_SIZE = 18


@dataclass(frozen=True, eq=False)
class Sheet:
    """The films `(T, H, W, 3)` of a sweep in its order, each with its number of the film it is compared with."""

    sweep: Sweep | None
    labels: tuple[str, ...]
    films: tuple[Tensor, ...]
    baselines: tuple[int | None, ...]
    changes: tuple[Change | None, ...]

    def as_json(self) -> str:
        """What changed, film by film; null where there is nothing to compare with."""
        cells = []
        for i, (label, change) in enumerate(zip(self.labels, self.changes, strict=True)):
            point = self.sweep.points[i] if self.sweep else None
            entry = {"label": label}
            if point:
                entry |= {"row": point.row, "column": point.column, "seed": point.seed, "bending": str(point.bending)}
            cells.append({**entry, **(change.as_dict() if change else dict.fromkeys(Change.__annotations__))})
        axes = [
            {"parameter": axis.parameter, "values": [value.label for value in axis.values]}
            for axis in (self.sweep.axes if self.sweep else ())
        ]
        same = [point.label for point in self.sweep.same] if self.sweep else []
        return json.dumps({"axes": axes, "cells": cells, "unchanged": same}, ensure_ascii=False, allow_nan=False)


def collect(films: Sequence[Tensor], sweep: Sweep | None = None, labels: Sequence[str] = ()) -> Sheet:
    """Films with their names and changes: against the un-bent film of the same seed, or, without a sweep, the first.

    Raises BendError where the films are of different sizes or lengths, or not as many as the sweep or the labels have.
    """
    films = tuple(films)
    if not films:
        raise BendError("no film came in. Connect the images of VAE Decode.")
    names = tuple(sweep.labels if sweep else labels or (f"film {i}" for i in range(1, len(films) + 1)))
    if len(films) != len(names):
        what = "cells" if sweep else "labels"
        raise BendError(
            f"{len(films)} films came in, but {what} has {len(names)}. Connect the films of this very Bend Sweep, each "
            f"once: between it and here, no node may join or repeat them."
        )
    for name, film in zip(names, films, strict=True):
        if film.dim() != 4 or film.shape[:3] != films[0].shape[:3] or film.shape[3] < 3 or not len(film):
            raise BendError(
                f"the films cannot be laid beside each other: {names[0]!r} is {_size(films[0])}, and {name!r} is "
                f"{_size(film)}. Sample all with one size and length."
            )
    films = tuple(film[..., :3] for film in films)
    baselines = [sweep.baseline_of(point) for point in sweep.points] if sweep else [0] * len(films)
    compared = tuple(None if base == i else base for i, base in enumerate(baselines))
    moved = {base: movement(films[base]) for base in set(compared) - {None}}
    changes = (None if base is None else compare(films[i], films[base], moved[base]) for i, base in enumerate(compared))
    return Sheet(sweep, names, films, compared, tuple(changes))


def _size(film: Tensor) -> str:
    if film.dim() != 4:
        return f"of the shape {tuple(film.shape)}"
    return f"{film.shape[2]} × {film.shape[1]} × {film.shape[0]} frames"


def draw(sheet: Sheet, moving: bool = True, numbers: bool = True) -> Tensor:
    """The sheet `(T, H, W, 3)`, all cells at once; or `(1, H, W, 3)`, the middle frames, larger, where not `moving`."""
    count = len(sheet.films[0])
    frames = list(range(count)) if moving else [count // 2]
    layout = _Layout(sheet, frames, numbers, LARGEST_FILM if moving else LARGEST_STILL)
    canvas = layout.lettered().pixels().repeat(len(frames), 1, 1, 1)
    for cell in layout.cells:
        if cell.film is not None:
            x, y = layout.place(cell)
            for i, frame in enumerate(frames):
                picture = _sized(sheet.films[cell.film][frame], layout.height, layout.width)
                canvas[i, y : y + layout.height, x : x + layout.width] = picture
    return canvas


def _sized(frame: Tensor, height: int, width: int) -> Tensor:
    """`(H, W, 3)` at another size: smaller as a mean, larger in smooth steps."""
    picture = frame.to("cpu", torch.float32).movedim(-1, 0)[None]
    if picture.shape[2:] != (height, width):
        picture = interpolate(picture, (height, width), mode="bilinear", antialias=True)
    return picture[0].movedim(0, -1).clamp(0, 1)


# --- where everything stands -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Cell:
    """A place on the sheet: its film, if it has one, its caption, and whether it is the one to compare with."""

    row: int
    column: int
    film: int | None
    caption: str
    change: Change | None = None
    unbent: bool = False


def _on_axes(sheet: Sheet) -> tuple[list[_Cell], tuple[str, ...], tuple[str, ...]]:
    """Two axes as a table, with the un-bent films in a column (or row) of their own in front; its two headings."""
    sweep = sheet.sweep
    unbent = [point for point in sweep.points if not point.bent]
    row = int(any(point.column is not None for point in unbent))  # a seed across: an un-bent film above each column
    column = int(bool(unbent) and not row)
    cells = []
    for points in (sweep.points, sweep.same):
        for i, point in enumerate(points):
            number = i if points is sweep.points else None
            at = (point.row or 0) + row * point.bent, (point.column or 0) + column * point.bent
            cells.append(_cell(sheet, at, number, point, ""))
    across, down = ([value.label for value in axis.values] for axis in sweep.axes)
    return cells, ("un-bent",) * row + tuple(down), ("un-bent",) * column + tuple(across)


def _in_turn(sheet: Sheet, shape: Sequence[int]) -> list[_Cell]:
    """One axis, or none: in reading order, the un-bent film first; as many columns as make a sheet of about 3 : 2."""
    sweep = sheet.sweep
    if sweep is None:
        points = [(i, None, label) for i, label in enumerate(sheet.labels)]
    else:
        bent = [(i, point) for i, point in enumerate(sweep.points) if point.bent]
        bent += [(None, point) for point in sweep.same]
        bent.sort(key=lambda one: one[1].column)
        first = [(i, point) for i, point in enumerate(sweep.points) if not point.bent]
        if len(first) > 1:  # one for each seed: pairs
            bent = sorted([*first, *bent], key=lambda one: (one[1].column, one[1].bent))
            first = []
        points = [(i, point, point.label) for i, point in (*first, *bent)]
    _, height, width = shape
    columns = min(range(1, len(points) + 1), key=lambda n: _spread(n, len(points), height + 40, width))
    return [_cell(sheet, divmod(n, columns), i, point, label) for n, (i, point, label) in enumerate(points)]


def _spread(columns: int, count: int, height: int, width: int) -> tuple[float, int]:
    """How far from 3 : 2 a sheet of so many columns would be."""
    rows = -(-count // columns)
    shape = columns * width / (rows * height)
    return max(shape / 1.5, 1.5 / shape) + (columns * rows - count) / count, columns


def _cell(sheet: Sheet, at: tuple[int, int], number: int | None, point: Point | None, caption: str) -> _Cell:
    if number is None:  # left out, and so the un-bent film once more
        same = sheet.sweep.baseline_of(point)
        return _Cell(*at, same, f"{caption} = un-bent" if caption else "= un-bent")
    return _Cell(*at, number, caption, sheet.changes[number], point is not None and not point.bent)


class _Layout:
    """Where everything stands, in pixels: cells of `width` × `height`, and beneath each its caption and its numbers."""

    def __init__(self, sheet: Sheet, frames: Sequence[int], numbers: bool, largest: int):
        self.sheet = sheet
        shape = sheet.films[0].shape[:3]
        table = sheet.sweep is not None and len(sheet.sweep.axes) == 2
        self.cells, self.rows, self.columns = _on_axes(sheet) if table else (_in_turn(sheet, shape), (), ())
        self.down = 1 + max(cell.row for cell in self.cells)
        self.across = 1 + max(cell.column for cell in self.cells)
        self.numbers = numbers and any(sheet.changes)
        self.left, self.top = _MARGIN, _MARGIN + text_rendering.line_height(28) + text_rendering.line_height(14) + 8
        if table:
            self.left += min(260, max(text_rendering.width_of(name, _SIZE) for name in self.rows) + 12)
            self.top += text_rendering.line_height(_SIZE)
        self.captions = not table
        lines = self.captions + (self.numbers or (table and bool(sheet.sweep.same)))
        self.beneath = lines * text_rendering.line_height(_SIZE)
        _, height, width = shape
        limits = (
            ((largest - self.left - _MARGIN) / self.across - _GAP) / width,
            ((largest - self.top - _MARGIN) / self.down - _GAP - self.beneath) / height,
            (FILM_BYTES / 12 / len(frames) / (self.across * self.down * width * height)) ** 0.5,
        )
        wanted = max(min(1.0, _CELL / max(height, width)), _CELL / 2 / max(height, width))
        scale = min(wanted, *limits)
        self.width, self.height = (max(16, int(side * scale) // 2 * 2) for side in (width, height))
        self.size = max(10, min(_SIZE, self.width // 14)) if self.beneath else _SIZE
        self.beneath = lines * text_rendering.line_height(self.size)

    def place(self, cell: _Cell) -> tuple[int, int]:
        """x and y of a cell's picture."""
        return (
            self.left + cell.column * (self.width + _GAP),
            self.top + cell.row * (self.height + self.beneath + _GAP),
        )

    def lettered(self) -> Canvas:
        """The sheet without its films."""
        right, bottom = self.place(_Cell(self.down, self.across, None, ""))
        canvas = Canvas((right + _MARGIN - _GAP) // 2 * 2, (bottom + _MARGIN - _GAP) // 2 * 2)
        self._head(canvas, right - _GAP)
        for column, name in enumerate(self.columns):
            x, _ = self.place(_Cell(0, column, None, ""))
            canvas.write(x, self.top - text_rendering.line_height(_SIZE), name, _SIZE, self._color(name), self.width)
        for row, name in enumerate(self.rows):
            _, y = self.place(_Cell(row, 0, None, ""))
            y += (self.height - text_rendering.line_height(_SIZE)) // 2
            canvas.write(_MARGIN, y, name, _SIZE, self._color(name), self.left - _MARGIN - 8)
        for cell in self.cells:
            x, y = self.place(cell)
            if cell.unbent:
                canvas.fill(x - 2, y - 2, self.width + 4, self.height + 4, FOREGROUND)
            if cell.film is None:
                canvas.hatch(x, y, self.width, self.height)
            y += self.height
            if cell.caption:
                canvas.write(x, y, cell.caption, self.size, FOREGROUND if cell.change else FAINT, self.width)
                y += text_rendering.line_height(self.size)
            if self.numbers and cell.change:
                small = max(9, self.size * 4 // 5)
                canvas.write(x, y, _numbers_within(cell.change, small, self.width), small, FAINT, self.width)
        return canvas

    def _head(self, canvas: Canvas, right: int) -> None:
        sweep, y = self.sheet.sweep, _MARGIN
        if sweep:
            ways = (" across", " down") if self.rows else ("",)
            title = ", ".join(f"{axis.parameter}{way}" for axis, way in zip(sweep.axes, ways, strict=False))
            end = canvas.write(_MARGIN, y, title, 28, width=right - _MARGIN)
            of = ", ".join(str(bend) for bend in sweep.bending)
            canvas.write(end + 20, y + 6, of, 18, FAINT, max(0, right - end - 20))
        else:
            canvas.write(_MARGIN, y, f"{len(self.sheet.films)} films", 28, width=right - _MARGIN)
        y += text_rendering.line_height(28)
        if self.numbers:
            than = "the un-bent film" if sweep else "the first"
            key = f"against {than}: mean change; similarity (ssim, 1 the same); motion and flicker (1 as much)"
            canvas.write(_MARGIN, y, key, 14, FAINT, right - _MARGIN)

    @staticmethod
    def _color(name: str) -> text_rendering.Color:
        return FAINT if name == "un-bent" else FOREGROUND


def _numbers_within(change: Change, size: int, width: int) -> str:
    """As many of a cell's numbers as it has room for: `change 3.1% · ssim 0.87 · motion 1.2 · flicker 1.1`."""
    percent = 100 * change.change
    named = [("change", f"{percent:.2f}%" if percent < 1 else f"{percent:.1f}%")]
    for name, digits in (("ssim", 3), ("motion", 2), ("flicker", 2)):
        if (number := getattr(change, name)) is not None:
            named.append((name, f"{number:.{digits}f}"))
    lines = [" · ".join(f"{name[:letters]} {number}" for name, number in named) for letters in (None, 1)]
    lines += [" · ".join(number for _, number in named[:count]) for count in range(len(named), 0, -1)]
    return next((line for line in lines if text_rendering.width_of(line, size) <= width), "")
