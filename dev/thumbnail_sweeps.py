"""Those of the example workflows' pictures that show sweeps, as Bend Grid draws them, and files of bends."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..bending import files
from ..bending import operators as ops
from ..bending.bend import Bend, Bending
from ..bending.explore import sweep
from ..bending.pictures import films_grid, text_rendering
from . import scenes
from .scenes import PANEL
from .thumbnail_maps import Part, Shown, bend, image

CELL = (240, 124)
"""A film's width and height on a sheet."""

ANGLES = (3, 6, 12, 24, 48)


def pixels(scene: Image.Image, size: tuple[int, int] = PANEL) -> np.ndarray:
    """A scene `(h, w, 3)` in 0 … 1."""
    return np.asarray(scene.resize(size, Image.Resampling.LANCZOS), np.float32) / 255


def film(picture: np.ndarray, steps: Sequence[float]) -> Tensor:
    """A picture that is moved sideways from frame to frame, `(T, h, w, 3)`."""
    return torch.stack([torch.from_numpy(bend([ops.Translate(step)], picture)) for step in steps])


def swept(bending: Bending, *axes: tuple[str, str], films: Callable[[Bending], Tensor]) -> films_grid.Sheet:
    """The sheet of a sweep, with a film for the bending of each of its cells."""
    cells = sweep.expand(bending, sweep.axes(bending, *axes))
    return films_grid.collect([films(point.bending) for point in cells.points], cells)


def cells_of(sheet: films_grid.Sheet, numbers: bool = True) -> Image.Image:
    """The sheet's cells, without its headline, as wide as a panel."""
    drawn = image(films_grid.draw(sheet, moving=False, numbers=numbers)[0])
    drawn = drawn.crop((10, 88, drawn.width - 10, drawn.height - 10))
    return drawn.resize((PANEL[0], round(drawn.height * PANEL[0] / drawn.width)), Image.Resampling.LANCZOS)


def on_paper(picture: Image.Image) -> Image.Image:
    """In the middle of a panel."""
    panel = Image.new("RGB", PANEL, text_rendering.BACKGROUND)
    panel.paste(picture, (0, (PANEL[1] - picture.height) // 2))
    return panel


def page(lines: Sequence[str], size: int) -> Image.Image:
    """Lines of text on a panel; a name and its colon are faint."""
    slate = text_rendering.Canvas(*PANEL)
    height = text_rendering.line_height(size)
    for row, line in enumerate(lines):
        x, y = 20, (PANEL[1] - len(lines) * height) // 2 + row * height
        name, colon, value = line.partition(":")
        x += (len(name) - len(name.lstrip())) * size // 2
        slate.write(x, y, name.strip() + colon, size, text_rendering.FAINT)
        x += text_rendering.width_of(name.strip() + colon, size) + size // 2
        slate.write(x, y, value.strip(), size)
    return image(slate.pixels())


def _turned() -> Shown:
    """Sweep a bend: the sheet, and one of its films."""
    flight = scenes.balloon_over_hills()
    small, large = pixels(flight, CELL), pixels(flight)
    bending = Bending((Bend(ops.Rotate(12.0), token="ALL"),))
    sheet = swept(
        bending,
        ("angle", ", ".join(map(str, ANGLES))),
        films=lambda bent: torch.from_numpy(bend([one.operator for one in bent], small))[None],
    )
    turned = image(torch.from_numpy(bend([ops.Rotate(24.0)], large)))
    return Shown(
        ([Part(on_paper(cells_of(sheet)), "")], [Part(turned, "ALL rotated by 24°, of five angles")]), arrow=False
    )


def _compared() -> Shown:
    """Compare to the baseline: two films with their numbers, and the line of the log."""
    street = scenes.umbrella_in_the_rain().crop((160, 0, 848, 496))
    plain = pixels(street, (240, 173))
    i, j = np.mgrid[0 : plain.shape[0], 0 : plain.shape[1]]
    x, y = (j + 0.5) / plain.shape[1] - 0.555, (i + 0.5) / plain.shape[0] - 0.26
    near = 1 / (1 + np.exp(14 * (np.hypot(x / 0.3, y / 0.32) - 1)))[..., None].astype(np.float32)
    larger = bend([ops.SpatialScale(1.45, center_x=0.555, center_y=0.36)], plain)
    stronger = (plain + near.astype(np.float32) * (larger - plain)).clip(0, 1)
    sheet = swept(
        Bending((Bend(ops.Amplify(3.0), token="umbrella"),)),
        ("factor", "3"),
        films=lambda bent: (
            film(stronger, (0.0, 0.012, 0.022, 0.036)) if len(bent) else film(plain, (0.0, 0.01, 0.02, 0.03))
        ),
    )
    change = sheet.changes[1]
    told = [
        f"label: {sheet.labels[1]}",
        'bending: Amplify(factor=3) of "umbrella"',
        f"change: {100 * change.change:.1f}%",
        f"ssim: {change.ssim:.3f}",
        f"motion: {change.motion:.2f}",
        f"flicker: {change.flicker:.2f}",
        "observations: larger, the rain stays",
        "success: yes",
    ]
    return Shown(([Part(on_paper(cells_of(sheet)), "")], [Part(page(told, 17), "")]))


def _read() -> Shown:
    """A recipe from a file: the preset with the workflow's words, and what it makes of them."""
    file = files.presets()["depth of field"]
    recipe = files.replace_words(files.load(file).bending, "kiss=deer, background=trees")
    text = file.read_text(encoding="utf-8").replace("kiss", "deer").replace("background", "trees")
    lines = [line for line in text.splitlines() if line.startswith(("bends", " "))]
    sharpen, blur = (one.operator for one in recipe)
    picture = pixels(scenes.deer_in_a_clearing())
    deer = ((picture[..., :1] - picture[..., 1:2]) / 0.08).clip(0, 1)  # nothing else is brown
    far = bend([blur] * 4, picture)
    made = far + deer * (bend([sharpen], picture).clip(0, 1) - far)
    deep = Part(image(torch.from_numpy(made)), "deer sharpened, trees blurred", ("deer", "trees"))
    return Shown(([Part(page(lines, 15), "")], [deep]))


def pictures() -> dict[str, Shown]:
    """A thumbnail for each of these workflows, with the operators and parameters that stand in it."""
    return {"A recipe from a file": _read(), "Compare to the baseline": _compared(), "Sweep a bend": _turned()}
