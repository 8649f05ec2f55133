"""How a chain of bends is carried out without ever building the attention map: the plan.

At a site the map A has T columns, one a token. The plan takes them apart once:

* *blocks* of at most 64 columns that are kept as maps and bent one by one: words and other few columns, and many whose
  operator is not linear or makes signs that a group's mass could not follow. One block is alive at a time.
* *groups* of many columns that every bend of the chain treats alike and linearly: only their share of the output,
  `A_U V_U`, and of the mass is kept. Padding lives here.
* the *others*, which no bend names; beside a group, few of them are kept as maps too.

A linear bend of all columns needs none of these: it acts on the output itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from ..bend import Bend
from ..errors import BendError

BLOCK = 64
"""The most columns that are alive at once."""

FEW = 16
"""Up to this number, columns are kept as maps even where they could be carried as a set: a map for each costs less than
one more call of the kernel, and one more output to add."""


@dataclass(frozen=True)
class Step:
    """One bend of the chain, with what it touches.

    `all_columns` says that it acts on the output, the maps and the mass themselves. Otherwise `blocks` are pairs of a
    block and the positions in it, and `groups` indices of groups. A bend of whole words has in `words` the positions of
    each word's columns in the first block instead.
    """

    bend: Bend
    all_columns: bool = False
    blocks: tuple[tuple[int, tuple[int, ...]], ...] = ()
    groups: tuple[int, ...] = ()
    words: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True)
class Plan:
    """A chain resolved for one conditioning: all its columns in disjoint sets, and the steps in order.

    The first `watched` columns of the first block are there to be seen.
    """

    blocks: tuple[tuple[int, ...], ...]
    groups: tuple[tuple[int, ...], ...]
    others: tuple[int, ...]
    steps: tuple[Step, ...]
    watched: int = 0

    @property
    def sets(self) -> tuple[tuple[int, ...], ...]:
        """The sets that are carried as outputs: the groups, and the others if there are any."""
        return (*self.groups, self.others) if self.others else self.groups

    @cached_property
    def touches(self) -> dict[int, tuple[int, ...]]:
        """Of each block, the numbers of the steps that touch it."""
        return {
            block: tuple(i for i, step in enumerate(self.steps) if any(block == touched for touched, _ in step.blocks))
            for block in range(len(self.blocks))
        }

    @cached_property
    def returning(self) -> frozenset[int]:
        """The blocks between whose first touch and last another is touched, so that they may have to be made again."""
        spans = {block: range(steps[0], steps[-1] + 1) for block, steps in self.touches.items() if steps}
        return frozenset(
            block
            for block, span in spans.items()
            if any(i in span for other, steps in self.touches.items() if other != block for i in steps)
        )

    @cached_property
    def only_multiplies(self) -> bool:
        """Whether all it does is to weigh the words of a place against each other: see bias."""
        bends = [step.bend for step in self.steps]
        multiply = all(bend.operator.diagonal and not bend.signed for bend in bends)
        return multiply and bends[-1].renormalize and not any(step.all_columns for step in self.steps)

    @cached_property
    def alike(self) -> dict[tuple[int, ...], tuple[int, ...]]:
        """The columns in order, by the numbers of the steps that touch them."""
        touching: dict[int, tuple[int, ...]] = dict.fromkeys(range(sum(map(len, (*self.blocks, *self.sets)))), ())
        for i, step in enumerate(self.steps):
            touched = [self.blocks[block][position] for block, positions in step.blocks for position in positions]
            touched += [column for group in step.groups for column in self.groups[group]]
            touching.update({column: (*touching[column], i) for column in touched})
        alike: dict[tuple[int, ...], tuple[int, ...]] = {}
        for column, steps in touching.items():
            alike[steps] = (*alike.get(steps, ()), column)
        return alike

    def of(self, numbers: tuple[int, ...]) -> "Plan":
        """The plan of some of its steps, by their numbers: what none of them touches joins the others."""
        if len(numbers) == len(self.steps):
            return self
        if numbers not in self._of_some:
            self._of_some[numbers] = self._made_of(tuple(self.steps[i] for i in numbers))
        return self._of_some[numbers]

    @cached_property
    def _of_some(self) -> dict[tuple[int, ...], "Plan"]:
        return {}

    def _made_of(self, steps: tuple[Step, ...]) -> "Plan":
        blocks = sorted({0 for _ in range(self.watched)} | {block for step in steps for block, _ in step.blocks})
        groups = sorted({group for step in steps for group in step.groups})
        if len(blocks) == len(self.blocks) and len(groups) == len(self.groups):
            return replace(self, steps=steps)
        untouched = [columns for i, columns in enumerate(self.blocks) if i not in blocks]
        untouched += [columns for i, columns in enumerate(self.groups) if i not in groups]
        renumbered = (
            replace(
                step,
                blocks=tuple((blocks.index(block), positions) for block, positions in step.blocks),
                groups=tuple(groups.index(group) for group in step.groups),
            )
            for step in steps
        )
        return Plan(
            tuple(self.blocks[i] for i in blocks),
            tuple(self.groups[i] for i in groups),
            tuple(sorted((*self.others, *(column for columns in untouched for column in columns)))),
            tuple(renumbered),
            self.watched,
        )


Columns = Sequence[Sequence[int]]
"""What the token fields of a bend mean: the columns of each; two for a swap, else one."""


def plan_chain(bends: Sequence[tuple[Bend, Columns]], width: int, watch: Sequence[int] = ()) -> Plan:
    """The plan for `bends`, each with the columns it acts on, in a context of `width` columns.

    The first block has `watch`, columns to keep as maps besides, and the words whose maps are exchanged; then come
    other words, in chain order. Raises BendError where words to be exchanged do not fit a block, or overlap.
    """
    covers = [frozenset(column for word in columns for column in word) for _, columns in bends]
    remaps = [bend.operator.acts_on == "words" for bend, _ in bends]
    takes_all = [len(cover) == width and bend.operator.linear for (bend, _), cover in zip(bends, covers, strict=True)]
    partial = [i for i, is_all in enumerate(takes_all) if not is_all]
    touched_by = [tuple(i for i in partial if column in covers[i]) for column in range(width)]

    first = list(dict.fromkeys(watch))
    for (bend, columns), cover, remap in zip(bends, covers, remaps, strict=True):
        if remap:
            check_words(bend, columns)
            first += sorted(cover.difference(first))
    blocks, placed = [first] if first else [], set(first)
    # a bend's columns are one by one all or not at all: part of them as maps would save nothing
    for i in partial:
        new = sorted(covers[i] - placed)
        if not new or len(new) > BLOCK:
            continue
        if len(new) > FEW and all(_only_multiplied(bends, takes_all, touched_by[column]) for column in new):
            continue
        if not blocks or len(blocks[-1]) + len(new) > BLOCK:
            blocks.append([])
        blocks[-1] += new
        placed.update(new)

    # columns that the same bends touch stay alike through the chain, and are carried together
    alike: dict[tuple[int, ...], list[int]] = {}
    for column in range(width):
        if touched_by[column] and column not in placed:
            alike.setdefault(touched_by[column], []).append(column)
    groups = [touching for touching in alike if _keeps_sign(bends, takes_all, touching)]
    one_by_one = [column for touching, columns in alike.items() if touching not in groups for column in columns]
    blocks += [one_by_one[start : start + BLOCK] for start in range(0, len(one_by_one), BLOCK)]
    others = [column for column in range(width) if not touched_by[column] and column not in placed]
    head = blocks[0] if blocks else []
    if groups and 0 < len(others) <= FEW and len(head) + len(others) <= BLOCK:  # alone they need a call anyway
        blocks[:1], others = [[*head, *others]], []
    at = {column: (n, position) for n, block in enumerate(blocks) for position, column in enumerate(block)}

    def step(i: int) -> Step:
        bend, columns = bends[i]
        if takes_all[i]:
            return Step(bend, all_columns=True)
        positions: dict[int, list[int]] = {}
        for block, position in sorted(at[column] for column in covers[i] if column in at):
            positions.setdefault(block, []).append(position)
        return Step(
            bend,
            blocks=tuple((block, tuple(places)) for block, places in positions.items()),
            groups=tuple(n for n, touching in enumerate(groups) if i in touching),
            words=tuple(tuple(at[column][1] for column in word) for word in columns) if remaps[i] else (),
        )

    return Plan(
        tuple(map(tuple, blocks)),
        tuple(tuple(alike[touching]) for touching in groups),
        tuple(others),
        tuple(step(i) for i in range(len(bends))),
        len(dict.fromkeys(watch)),
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


def _only_multiplied(bends: Sequence[tuple[Bend, Columns]], takes_all: list[bool], touching: tuple[int, ...]) -> bool:
    """Whether these bends do no more to a column than multiply each place of it by a number that is not negative."""
    operators = (bends[i][0].operator for i in touching)
    return all(o.diagonal and o.acts_on == "map" for o in operators) and _keeps_sign(bends, takes_all, touching)


def _keeps_sign(bends: Sequence[tuple[Bend, Columns]], takes_all: list[bool], touching: tuple[int, ...]) -> bool:
    """Whether the mass of columns touched by these bends follows the operators: Σ |M a| = M Σ |a|.

    It does while every bend up to the last that touches them is linear and makes no negative weights: of a sum of
    columns alone it could not be told what their signs were. A bend of all columns behind that last one needs no mass
    of theirs: it takes M of the rows' whole mass, whoever made it.
    """
    acting = [bends[i][0] for i in range(touching[-1] + 1) if takes_all[i] or i in touching]
    return all(bend.operator.linear and not bend.signed for bend in acting)
