"""What of a bend has no meaning where the latent has one frame, as a picture's has."""

from collections.abc import Iterator

from ...bending.bend import Bend
from ...bending.time import ranges

_ONE = "a picture has one frame"


def notes(bend: Bend, stride: int) -> Iterator[str]:
    """Sentences about a bend of a picture."""
    if bend.operator.temporal:
        yield f"{_ONE}, so that nothing moves in time."
    if bend.frames != "all":
        has = ranges.resolve(bend.frames, ranges.FRAMES, 1)
        yield f"{_ONE}, the first, and its frames ({bend.frames}) {'hold' if has else 'do not hold'} it."
    for animation in bend.animations:
        if animation.over == "frames":
            (value,) = animation.track.values(1, stride)
            yield f"{_ONE}, so that {animation.parameter} stays at {value:g}."
