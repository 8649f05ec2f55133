"""Bends that a prompt's own text asks for, and that are not in the chain which meets it: a forgotten wire."""

from collections.abc import Iterator, Mapping, Sequence

from ...bending.bend import Bend
from ...bending.time.stretch import Stretch
from ...bending.timeline import asked_as
from .conditionings import Conditioning, Selected


def unconnected(
    conditionings: Sequence[Conditioning], chain: Sequence[Bend], selected: Mapping[int, Selected]
) -> Iterator[str]:
    """A sentence for each conditioning whose own bends, or some, are not among those that are `selected` for it.

    `selected` is by a bend's number in the chain.
    """
    for cond in conditionings:
        if not cond.own_bends or cond.is_zero:
            continue
        there = [bend for number, bend in enumerate(chain, 1) if cond.name in selected[number]]
        lacking = [own for own in cond.own_bends if not any(_is_that(own, bend) for bend in there)]
        if lacking:
            of_scenes = any(isinstance(a.track, Stretch) for own in cond.own_bends for a in own.animations)
            node = "Bend Timeline" if of_scenes else "Bend Prompt"
            origin = f" (node {lacking[0].origin})" if lacking[0].origin else ""
            by = ", by a Bend Where with pass negative" if cond.role == "negative" else ""
            asked = ", ".join(map(asked_as, lacking))
            yield (
                f"{cond.name}: {asked} {'has' if len(lacking) == 1 else 'have'} no bend. Connect the bending output of "
                f"{node}{origin} to Patch Model{by}."
            )


def _is_that(own: Bend, bend: Bend) -> bool:
    """Whether a bend of a chain is a prompt's own: by its node, whatever a sweep has made of it, or out of a file."""
    by_node = own.origin is not None and own.origin == bend.origin
    return own.token == bend.token and (by_node or own.operator == bend.operator)
