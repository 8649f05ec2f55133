"""Narrowing and playing a whole bending: what Bend Where, Bend When and Bend Animate do to every bend of a chain."""

from dataclasses import replace

from .bend import Animation, Bend, Bending
from .errors import BendError
from .frames.mask_video import MaskVideo
from .time import ranges
from .time.animation import Track
from .time.windows import TimeWindow


def where(
    bending: Bending,
    layers: str = "all",
    heads: str = "all",
    frames: str = "all",
    passes: str = "positive",
    mask: MaskVideo | None = None,
) -> Bending:
    """Narrow every bend: aims intersect, masks multiply. Raises BendError where two aims have no pass in common."""

    def narrowed(bend: Bend) -> Bend:
        return replace(
            bend,
            layers=ranges.intersect(bend.layers, layers),
            heads=ranges.intersect(bend.heads, heads),
            frames=ranges.intersect(bend.frames, frames),
            passes=_common_pass(bend, passes),
            masks=bend.masks if mask is None else (*bend.masks, mask),
        )

    return Bending(tuple(map(narrowed, bending)))


def when(bending: Bending, window: TimeWindow) -> Bending:
    """Add a window of time to every bend; windows intersect, their weights multiply."""
    return Bending(tuple(replace(bend, windows=(*bend.windows, window)) for bend in bending))


def animate(bending: Bending, parameter: str, over: str, track: Track) -> Bending:
    """Move a parameter of every bend that has it; a later animation of the same parameter wins.

    Raises BendError where no bend has it, with the list of those there are.
    """
    if over not in ("frames", "steps"):
        raise BendError(f"over is {over!r}. Choose frames or steps.")
    has = [parameter in (*bend.operator.numbers, "strength") for bend in bending]
    if not any(has):
        parameters = sorted({number for bend in bending for number in bend.operator.numbers} | {"strength"})
        names = ", ".join(sorted({bend.operator.name for bend in bending})) or "an empty bending"
        raise BendError(f'{names} has no parameter "{parameter}". Choose one of {", ".join(parameters)}.')

    def moved(bend: Bend) -> Bend:
        others = tuple(a for a in bend.animations if a.parameter != parameter)
        return replace(bend, animations=(*others, Animation(parameter, over, track)))

    return Bending(tuple(moved(bend) if it_has else bend for bend, it_has in zip(bending, has, strict=True)))


def _common_pass(bend: Bend, passes: str) -> str:
    if bend.passes in (None, "both") or passes == bend.passes:
        return passes
    if passes == "both":
        return bend.passes
    raise BendError(
        f"{bend.title} is aimed at the {bend.passes} pass, and then at the {passes} one, which leaves none. "
        f"Say {bend.passes} in every Bend Where behind that one."
    )
