"""A contact sheet of one word's maps: layers across, steps or heads down, and what each amounts to in numbers."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import BendError
from ..maps.against import PROBES, is_read
from ..maps.record import Record, span
from ..maps.statistics import statistics
from . import drawing, text_rendering
from .text_rendering import FAINT, Canvas

AXES = ("steps × layers", "heads × layers")
FRAMES = ("average", "all")
NORMALIZE = ("sheet", "cell")

_LARGEST = {"average": 4000, "all": 2000}
"""The sheet's longer side in pixels, about: a film of sheets is kept smaller."""
_CELL = 256
_MARGIN = 12
_NARROWEST = 760
"""So that the title has room."""


@dataclass(frozen=True, eq=False)
class Cells:
    """One word's maps on two axes: rows × columns of maps `(F or 1, h, w)`, and their statistics; None if not seen.

    `share` says what those have a share of.
    """

    word: str
    show: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    maps: tuple[tuple[Tensor | None, ...], ...]
    statistics: tuple[tuple[dict | None, ...], ...]
    share: str

    def as_json(self) -> str:
        cells = {"word": self.word, "show": self.show, "rows": self.rows, "columns": self.columns}
        return json.dumps({**cells, "cells": self.statistics}, ensure_ascii=False, allow_nan=False)


def collect(
    record: Record,
    word: str = "",
    axes: str = AXES[0],
    show: str = "original",
    layers: str = "all",
    steps: str = "all",
    frames: str = "average",
    against: str = PROBES,
) -> Cells:
    """The maps of a word, the first where `word` is empty: a cell for each layer and each step, or each head.

    With heads down, a cell is the mean over `steps`. The statistics are always those of all frames; `frames` says
    whether the pictures show it or its mean. Probes are read `against` each other in each cell, or against nothing.
    Raises BendError where heads are asked for and were not kept.
    """
    drawing.one_of("axes", axes, AXES)
    drawing.one_of("show", show, ("original", "bent", "difference"))
    drawing.one_of("frames", frames, FRAMES)
    number = _one_word(record, word)
    down, across = record.chosen_steps(steps), record.chosen_layers(layers)
    if axes == AXES[0]:
        rows = tuple(f"step {span(record.steps[step])}" for step in down)
        places = [[((step,), (layer,)) for layer in across] for step in down]
    else:
        heads = tuple(range(record.heads)) if record.heads > 1 else record.chosen_heads("0")  # which says why not
        rows = tuple(f"head {head}" for head in heads)
        places = [[(down, (layer,), (head,)) for layer in across] for head in heads]
    if not _seen(record, number, down, across):
        record.mean_map(number, False, down, across)  # which says that nothing was recorded there
    whole = frames == "all"
    maps = [[_map(record, show, number, place, against) for place in row] for row in places]
    return Cells(
        record.words[number],
        show,
        rows,
        tuple(f"layer {span(record.layers[layer])}" for layer in across),
        tuple(tuple(values if values is None or whole else values.mean(0, True) for values in row) for row in maps),
        tuple(tuple(None if values is None else statistics(values) for values in row) for row in maps),
        _share(record, number, against),
    )


def _one_word(record: Record, word: str) -> int:
    numbers = record.chosen_words(word)
    if word.strip() and len(numbers) > 1:
        named = ", ".join(record.words[number] for number in numbers)
        raise BendError(f"word is {word!r}, which are {len(numbers)} words ({named}). A sheet shows one: write one.")
    return numbers[0]


def _share(record: Record, word: int, against: str) -> str:
    if word not in record.probes:
        return "share of all attention"
    return "share among the probes" if is_read(record, [word], against) else "share of the attention in its own prompt"


def _seen(record: Record, word: int, steps: Sequence[int], layers: Sequence[int], *_) -> bool:
    return bool(record.seen[word][list(steps)][:, list(layers)].any())


def _map(record: Record, show: str, word: int, places: tuple[Sequence[int], ...], against: str) -> Tensor | None:
    if not _seen(record, word, *places):
        return None
    return drawing.view_of(record, show, (word,), *places, against=against)[0]


# --- the sheet -------------------------------------------------------------------------------------------------------


def sheet(cells: Cells, color_map: str = "viridis", normalize: str = "sheet") -> Tensor:
    """`(F or 1, H, W, 3)`: the cells with their names and numbers; hatched where no call was seen.

    `normalize` divides by the largest magnitude of all cells, so that they compare, or of each, so that all can be
    seen. Large sheets have small cells, and those too narrow for their numbers have none.
    """
    drawing.one_of("color_map", color_map, drawing.COLOR_MAPS)
    drawing.one_of("normalize", normalize, NORMALIZE)
    shown = [values for row in cells.maps for values in row if values is not None]
    largest = torch.stack([values.abs().max() for values in shown]).max()
    lowest = torch.stack([values.min() for values in shown]).min()
    colors = drawing.colors_for(torch.stack((lowest, largest)), cells.show, color_map)
    layout = _Layout(cells, shown[0].shape)
    frame = layout.lettered(cells, float(largest) if normalize == "sheet" else None, colors).pixels()
    canvas = frame.repeat(len(shown[0]), 1, 1, 1)
    for r, row in enumerate(cells.maps):
        for c, unscaled in enumerate(row):
            if unscaled is None:
                continue
            peak = largest if normalize == "sheet" else unscaled.abs().max()
            values = drawing.normalised(unscaled, peak.expand(len(unscaled)))
            x, y = layout.place(r, c)
            picture = drawing.heat(drawing.enlarge(values, layout.height, layout.width), colors)
            canvas[:, y : y + layout.height, x : x + layout.width] = picture
    return canvas


def _numbers(numbers: dict) -> str:
    """What stands beneath a cell: `1.3% · 0.87`."""
    percent, entropy = 100 * numbers["share"], numbers["entropy"]
    share = f"{percent:.2g}%" if abs(percent) >= 0.01 or percent == 0 else "~0%"
    return f"{share} · {'-' if entropy is None else f'{entropy:.2f}'}"


class _Layout:
    """Where everything stands: `width` × `height` pixels a cell, `size` of the letters, in pixels."""

    def __init__(self, cells: Cells, shape: Sequence[int]):
        frames, h, w = shape
        self.down, self.across = len(cells.rows), len(cells.columns)
        limit = _LARGEST["all" if frames > 1 else "average"]
        self.size = 18 if self.across <= 12 else 14
        self.left = _MARGIN + max(text_rendering.width_of(row, self.size) for row in cells.rows) + self.size // 2
        self.top = _MARGIN + sum(map(text_rendering.line_height, (28, 14, self.size))) + _MARGIN // 2
        across = (limit - self.left - _MARGIN) // self.across - drawing.GAP
        down = (limit - self.top - _MARGIN) // self.down - drawing.GAP - text_rendering.line_height(self.size)
        scale = min(_CELL / max(h, w), across / w, down / h)
        self.width, self.height = (max(8, int(side * scale) // 2 * 2) for side in (w, h))
        self.small = min(self.size, max(11, self.width // 14))
        texts = [_numbers(cell) for row in cells.statistics for cell in row if cell]
        fits = max(text_rendering.width_of(text, self.small) for text in texts) <= self.width - 6
        self.beneath = text_rendering.line_height(self.small) if fits else 0

    def place(self, row: int, column: int) -> tuple[int, int]:
        """x and y of a cell's picture."""
        return (
            self.left + column * (self.width + drawing.GAP),
            self.top + row * (self.height + self.beneath + drawing.GAP),
        )

    def lettered(self, cells: Cells, peak: float | None, colors: str) -> Canvas:
        """The sheet without its maps; `peak` is the scale of all, None where each has its own."""
        right, bottom = self.place(self.down, self.across)
        canvas = Canvas(max(right + _MARGIN, _NARROWEST) // 2 * 2, (bottom + _MARGIN) // 2 * 2)
        x, y = self.left, _MARGIN
        end = canvas.write(x, y, cells.word, 28, width=400)
        canvas.write(end + 12, y, cells.show, 28, FAINT)
        y += text_rendering.line_height(28)
        if peak is None:
            end = canvas.write(x, y, "each map in its own scale", 14, FAINT)
        else:
            end = drawing.write_scale(canvas, x, y, 300, 14, peak, colors)
        if self.beneath:
            canvas.write(end + 28, y, f"beneath: {cells.share}, entropy (0 one place, 1 everywhere)", 14, FAINT)
        y += text_rendering.line_height(14) + _MARGIN // 2
        for column, name in enumerate(cells.columns):
            short = name if text_rendering.width_of(name, self.size) <= self.width else name.split()[1]
            canvas.write(self.place(0, column)[0], y, short, self.size)
        for r, name in enumerate(cells.rows):
            canvas.write(
                _MARGIN,
                self.place(r, 0)[1] + (self.height - text_rendering.line_height(self.size)) // 2,
                name,
                self.size,
            )
            for c, numbers in enumerate(cells.statistics[r]):
                x, y = self.place(r, c)
                if numbers is None:
                    canvas.hatch(x, y, self.width, self.height)
                elif self.beneath:
                    canvas.write(x, y + self.height, _numbers(numbers), self.small, FAINT)
        return canvas
