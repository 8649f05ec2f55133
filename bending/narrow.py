"""Narrowing and playing a whole bending: what Bend Where, Bend When and Bend Animate do to every bend of a chain."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

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


@dataclass(frozen=True)
class Moving:
    """A bending, and what `animate` is to do to it; to one without bends, nothing."""

    bending: Bending
    parameter: str = ""
    over: str = "frames"
    track: Track | None = None


def animate_each(movings: Sequence[Moving]) -> list[Bending]:
    """`animate` for each of several bendings, such as a sweep's.

    Raises BendError where bendings that differ would become alike, since the animation moves what they differ in.
    """
    bendings = [animate(*vars(each).values()) if len(each.bending) else each.bending for each in movings]
    given = {each for each in movings if len(each.bending)}
    made = {_beside(bending, each.parameter) for bending, each in zip(bendings, movings, strict=True) if len(bending)}
    if len(made) < len(given):
        (parameter, *_) = (each.parameter for each in movings if len(each.bending))
        raise BendError(
            f"{len(given)} different bendings came in, of which {parameter}, moving in all of them alike, leaves "
            f"{len(made)}. Sweep another parameter than {parameter}, or take this animation out."
        )
    return bendings


def _beside(bending: Bending, parameter: str) -> tuple:
    """What makes a bending another, but for the parameter that an animation moves."""
    apart = ("operator", parameter)
    return tuple(
        (
            owner.key,
            *(getattr(owner, field.name) for field in fields(owner) if field.compare and field.name not in apart),
        )
        for bend in bending
        for owner in (bend, bend.operator)
    )


def _common_pass(bend: Bend, passes: str) -> str:
    if bend.passes in (None, "both") or passes == bend.passes:
        return passes
    if passes == "both":
        return bend.passes
    raise BendError(
        f"{bend.title} is aimed at the {bend.passes} pass, and then at the {passes} one, which leaves none. "
        f"Say {bend.passes} in every Bend Where behind that one."
    )
