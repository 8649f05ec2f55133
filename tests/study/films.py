"""A study of many cells as if servers had made it: the rows of its table, and a folder with drawn posters and films."""

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import av
import numpy as np
from attention_bending.study import study_file
from attention_bending.study.cells import Cell
from attention_bending.study.graph import FILES, FILM, MAPS, POSTER
from attention_bending.study.results import UNBENT, Row
from attention_bending.study.store import Store
from PIL import Image, ImageDraw

SIZE = 208, 120
FRAMES = 24
WHY = 'Bend 1, Spatial Scale of "red": it is refused for the test.'


def pretended(study: study_file.Study, store: Store, refused: int = 0) -> Iterator[Row]:
    """The table of a study, its first `refused` cells refused; cells that look alike share their files."""
    shown = {}
    store.cells.mkdir(parents=True)
    for number, cell in enumerate(study.cells):
        where = {"prompt": cell.prompt, "subject": cell.subject, "seed": cell.seed}
        group = cell.prompt, cell.seed
        if group not in shown:
            first = shown[group] = f"unbent{len(shown)}"
            yield {"key": first, "status": "kept", **where, "mode": UNBENT, **_kept(store, first, cell, is_bent=False)}
        if number < refused:
            yield {"key": f"cell{number}", "status": "refused", **where, **cell.axes, "why": WHY}
            continue
        key, status = (shown[group], UNBENT) if cell.no_op else (f"cell{number}", "kept")
        yield {"key": key, "status": status, **where, **cell.axes, **_kept(store, key, cell, is_bent=True)}


def _kept(store: Store, key: str, cell: Cell, is_bent: bool) -> Row:
    """What is told of a film that is kept, with its folder."""
    mode, value, strength = "", 1.0, 0.0
    if is_bent and not cell.no_op:
        mode = cell.axes["mode"]
        value = next((round(v, 1) for v in cell.axes.values() if isinstance(v, float) and v), 1.0)
        strength = abs(value - (mode == "amplify")) * (0.4 if cell.axes["steps"] == "7-9" else 1)
        strength *= {"all": 1.0, "0-5": 0.6, "13-18": 0.9}.get(cell.axes["layers"], 0.3) * (1 + cell.seed % 3) / 30
    if not cell.no_op or not is_bent:
        looks = _look(store.folder.absolute() / "looks", mode, value, cell.seed % 2)
        os.symlink(looks, store.cells / key, target_is_directory=True)
    numbers = {"change": strength, "ssim": 1 - strength, "motion": 1 + strength, "flicker": None}
    return {**numbers, "largest": 3 * strength, "film": f"cells/{key}/{FILES[FILM]}"}


@cache
def _look(looks: Path, mode: str, value: float, seed: int) -> Path:
    """A folder with the files of such a film, drawn once."""
    folder, films = looks / f"{mode} {value} {seed}", looks / "films"
    folder.mkdir(parents=True)
    _frame(mode, value, seed, 0.5).save(folder / FILES[POSTER])
    if not films.exists():
        films.mkdir()
        for name, colour in ((FILES[FILM], 1), (FILES[MAPS], 5)):
            _write(films / name, [_frame("", 0, colour, t / FRAMES) for t in range(FRAMES)])
    for name in (FILES[FILM], FILES[MAPS]):
        os.link(films / name, folder / name)
    return folder


def _frame(mode: str, value: float, seed: int, time: float) -> Image.Image:
    """A circle on its way over a coloured ground; its place, size or colour is another where it is bent."""
    ground = Image.new("HSV", SIZE, ((seed * 50 + 140) % 256, 90, 70))
    x, y, size = SIZE[0] * (0.2 + 0.6 * time), SIZE[1] / 2, 22
    if mode == "translate":
        x += value * SIZE[0]
    if mode == "spatial_scale":
        size *= value**0.5
    drawing = ImageDraw.Draw(ground)
    drawing.ellipse((x - size, y - size, x + size, y + size), (int(seed * 50 + 20 * value) % 256, 180, 230))
    return ground.convert("RGB")


def _write(file: Path, frames: list[Image.Image]) -> None:
    with av.open(str(file), "w") as out:
        stream = out.add_stream("libx264", rate=16)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for frame in frames:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(np.asarray(frame))))
        out.mux(stream.encode())
