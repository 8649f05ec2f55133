"""``python study film``: a bending from a file on a workflow's film, or a few values of one of its parameters."""

import os
from collections.abc import Iterator, Sequence

from ..bending.errors import BendError
from ..bending.explore import sweep
from ..bending.files import dump, load
from .cells import Cell, setting

MOST = 64
"""Films of one call: more are a study."""


def cells(bending: str | os.PathLike, prompt: str, seed: int, values: Sequence[str]) -> Iterator[Cell]:
    """The cells of a file's bending, at every combination of `values` such as `factor=0.25:4:8`.

    Raises BendError for a file that cannot be read, and for values that its bends have not.
    """
    loaded = load(bending).bending
    axes = [sweep.axis(*_split(text), loaded) for text in values]
    if not axes:
        unbent = all(bend.is_identity for bend in loaded)
        yield Cell(prompt, "", seed, {"mode": _modes(loaded)}, dump(loaded), unbent)
        return
    swept = sweep.expand(loaded, axes, baseline=False, seed=seed, limit=MOST)
    for point in sorted((*swept.points, *swept.same), key=lambda point: point.place[::-1]):
        placed = zip(axes, point.place, strict=True)
        chosen = {axis.parameter: setting(axis.values[n]) for axis, n in placed if axis.parameter != sweep.SEED}
        no_op = all(bend.is_identity for bend in point.bending)
        yield Cell(prompt, "", point.seed, {"mode": _modes(loaded), **chosen}, dump(point.bending), no_op)


def _modes(bending) -> str:
    return " + ".join(bend.operator.key for bend in bending)


def _split(text: str) -> tuple[str, str]:
    name, equals, values = text.partition("=")
    if not equals:
        raise BendError(f"--set has {text!r}. Write a parameter, = and its values, as factor=0.25:4:8.")
    return name, values
