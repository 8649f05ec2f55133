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

from ..bend import Bend
from ..errors import BendError

BLOCK = 64
"""The most columns that are alive at once."""


@dataclass(frozen=True)
class Step:
    """One bend of the chain, with what it touches.

    `all_columns` says that it acts on the output, the maps and the mass themselves. Otherwise `tracked` are positions
    in the plan's tracked columns, `groups` and `streams` indices of its groups and streams. A bend of whole words has
    in `words` the positions of each word's columns instead.
    """

    bend: Bend
    all_columns: bool = False
    tracked: tuple[int, ...] = ()
    groups: tuple[int, ...] = ()
    streams: tuple[int, ...] = ()
    words: tuple[tuple[int, ...], ...] = ()


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


Columns = Sequence[Sequence[int]]
"""What the token fields of a bend mean: the columns of each; two for a swap, else one."""


def plan_chain(bends: Sequence[tuple[Bend, Columns]], width: int, watch: Sequence[int] = ()) -> Plan:
    """The plan for `bends`, each with the columns it acts on, in a context of `width` columns.

    Always tracked are `watch`, columns to keep as maps besides, which come first, and the words whose maps are
    exchanged; then other words, in chain order, as long as one block holds them. Raises BendError where words to be
    exchanged do not fit a block, or overlap.
    """
    covers = [frozenset(column for word in columns for column in word) for _, columns in bends]
    remaps = [bend.operator.acts_on == "words" for bend, _ in bends]
    takes_all = [len(cover) == width and bend.operator.linear for (bend, _), cover in zip(bends, covers, strict=True)]
    tracked = list(dict.fromkeys(watch))
    for (bend, columns), cover, remap in zip(bends, covers, remaps, strict=True):
        if remap:
            check_words(bend, columns)
            tracked += sorted(cover.difference(tracked))
    # a bend is tracked whole or not at all: part of a word's columns as maps would save nothing
    for cover, is_all in zip(covers, takes_all, strict=True):
        new = sorted(cover.difference(tracked))
        if not is_all and len(tracked) + len(new) <= BLOCK:
            tracked += new
    position = {column: i for i, column in enumerate(tracked)}

    partial = [i for i, is_all in enumerate(takes_all) if not is_all]
    # columns that the same bends touch stay alike through the chain, and are carried together
    atoms: dict[tuple[int, ...], list[int]] = {}
    for column in range(width):
        touched_by = tuple(i for i in partial if column in covers[i])
        if column not in position and touched_by:
            atoms.setdefault(touched_by, []).append(column)
    groups = [touched_by for touched_by in atoms if _keeps_sign(bends, takes_all, touched_by)]
    streams = [touched_by for touched_by in atoms if touched_by not in groups]

    def step(i: int) -> Step:
        bend, columns = bends[i]
        if takes_all[i]:
            return Step(bend, all_columns=True)
        if remaps[i]:
            return Step(bend, words=tuple(tuple(position[column] for column in word) for word in columns))
        return Step(
            bend,
            tracked=tuple(position[column] for column in sorted(covers[i]) if column in position),
            groups=tuple(n for n, touched_by in enumerate(groups) if i in touched_by),
            streams=tuple(n for n, touched_by in enumerate(streams) if i in touched_by),
        )

    held = position.keys() | {column for touched_by in groups for column in atoms[touched_by]}
    return Plan(
        tuple(tracked),
        tuple(tuple(atoms[touched_by]) for touched_by in groups),
        tuple(tuple(atoms[touched_by]) for touched_by in streams),
        tuple(column for column in range(width) if column not in held),
        tuple(step(i) for i in range(len(bends))),
    )


def check_words(bend: Bend, columns: Columns) -> None:
    """Refuse words that a bend cannot exchange: too long for a block, or sharing a token."""
    if bend.operator.acts_on == "words":
        count = len({column for word in columns for column in word})
        if count > BLOCK:
            raise BendError(
                f"{bend.operator.name} takes words of at most {BLOCK} tokens in all, but these are {count}. Name words."
            )
        if count < sum(len(set(word)) for word in columns):
            raise BendError("the two words share a token. Name two words that do not overlap.")


def _keeps_sign(bends: Sequence[tuple[Bend, Columns]], takes_all: list[bool], touched_by: tuple[int, ...]) -> bool:
    """Whether the mass of columns touched by these bends follows the operators: Σ |M a| = M Σ |a|.

    It does while every bend up to the last that touches them is linear and makes no negative weights: of a sum of
    columns alone it could not be told what their signs were. A bend of all columns behind that last one needs no mass
    of theirs: it takes M of the rows' whole mass, whoever made it.
    """
    acting = [bends[i][0] for i in range(touched_by[-1] + 1) if takes_all[i] or i in touched_by]
    return all(bend.operator.linear and not bend.signed for bend in acting)
