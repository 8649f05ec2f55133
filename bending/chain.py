"""How a chain of bends is carried out without ever building the attention map: the plan.

At a site the map A has T columns, one a token. The plan splits them once:

* *tracked* columns, at most one block: kept as maps, bent one by one. Words live here.
* *groups* of many columns that every bend of the chain treats alike and linearly: only their share of the output,
  `A_U V_U`, and of the mass is kept. Padding lives here.
* *streamed* sets of many columns whose operator is not linear, or makes signs that a group's mass could not follow:
  their columns are made again, a block at a time, whenever a bend needs them.

A linear bend of all columns needs none of these: it acts on the output itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from .bend import Bend

BLOCK = 64
"""The most columns that are alive at once."""


@dataclass(frozen=True)
class Step:
    """One bend of the chain, with what it touches.

    `whole` says that it acts on the output, the maps and the mass themselves. Otherwise `tracked` are positions in the
    plan's tracked columns, `groups` and `streams` indices of its groups and streams.
    """

    bend: Bend
    whole: bool
    tracked: tuple[int, ...] = ()
    groups: tuple[int, ...] = ()
    streams: tuple[int, ...] = ()


@dataclass(frozen=True)
class Plan:
    """A chain resolved for one conditioning: its columns in disjoint sets, and the steps in order.

    `others` are all columns that are neither tracked nor in a group: the untouched, and the streams'.
    """

    tracked: tuple[int, ...]
    groups: tuple[tuple[int, ...], ...]
    streams: tuple[tuple[int, ...], ...]
    others: tuple[int, ...]
    steps: tuple[Step, ...]

    @property
    def renormalizes(self) -> bool:
        return any(step.bend.renormalize for step in self.steps)


def plan_chain(bends: Sequence[tuple[Bend, Sequence[int]]], width: int, watch: Sequence[int] = ()) -> Plan:
    """The plan for `bends`, each with the columns it acts on, in a context of `width` columns.

    `watch` are columns to keep as maps besides. They come first and are always tracked; then words, in chain order, as
    long as one block holds them.
    """
    covers = [frozenset(columns) for _, columns in bends]
    whole = [len(cover) == width and bend.operator.linear for (bend, _), cover in zip(bends, covers, strict=True)]
    tracked = list(dict.fromkeys(watch))
    for cover, is_whole in zip(covers, whole, strict=True):
        new = sorted(cover.difference(tracked))
        if not is_whole and len(tracked) + len(new) <= BLOCK:
            tracked += new
    position = {column: i for i, column in enumerate(tracked)}

    partial = [i for i, is_whole in enumerate(whole) if not is_whole]
    atoms: dict[tuple[int, ...], list[int]] = {}
    for column in range(width):
        touched_by = tuple(i for i in partial if column in covers[i])
        if column not in position and touched_by:
            atoms.setdefault(touched_by, []).append(column)

    groups, streams, group_of, stream_of = [], [], {}, {}
    for touched_by, columns in atoms.items():
        if _keeps_sign(bends, whole, touched_by):
            group_of[touched_by] = len(groups)
            groups.append(tuple(columns))
        else:
            stream_of[touched_by] = len(streams)
            streams.append(tuple(columns))

    steps = tuple(
        Step(bend, True)
        if whole[i]
        else Step(
            bend,
            False,
            tuple(position[column] for column in sorted(covers[i]) if column in position),
            tuple(group for touched_by, group in group_of.items() if i in touched_by),
            tuple(stream for touched_by, stream in stream_of.items() if i in touched_by),
        )
        for i, (bend, _) in enumerate(bends)
    )
    held = position.keys() | {column for columns in groups for column in columns}
    others = tuple(column for column in range(width) if column not in held)
    return Plan(tuple(tracked), tuple(groups), tuple(streams), others, steps)


def _keeps_sign(bends, whole: list[bool], touched_by: tuple[int, ...]) -> bool:
    """Whether the mass of columns touched by these bends follows the operators: |M a| = |M| |a|.

    True as long as every operator up to the last that touches them is linear and keeps one sign.
    """
    acting = [bends[i][0].operator for i in range(touched_by[-1] + 1) if whole[i] or i in touched_by]
    return all(operator.linear and not operator.signed for operator in acting)
