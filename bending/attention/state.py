"""The algebra: a site's attention as parts, maps and mass, and each bend as an exact update of the three."""

from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from ..bend import Bend
from .bias import biased_output
from .chain import Plan, Step
from .device_cache import DeviceCache
from .kernel import Attention
from .part import Part, add_up

MASS_EPS = 1e-5
"""A place whose mass is not above this is left as it is by renormalising: float32 leaves some 1e-6 of a mass of 1 where
none should be. Of a chain that only multiplies, every place with any mass is renormalised."""

MAP_EPS = 1e-30
"""Where a word's map is not above this, it is nowhere, and what it gets is split equally among its pieces."""


@dataclass(frozen=True)
class WatchedMaps:
    """The plan's watched columns `(B, L, H, S)` float32 before the chain and after it; the same where nothing acted."""

    original: Tensor
    bent: Tensor


def bend_output(
    plan: Plan, attention: Attention, cache: DeviceCache, keep_lse: bool = False
) -> tuple[Tensor, Attention]:
    """`A V` `(B, L, H, D)` in the type of V, bent by the plan's steps in order: made of its parts, never un-bent first.

    `attention` is asked for the columns that the plan needs, never for all of A. Maps and mass are float32, and so is
    all arithmetic. With `keep_lse` the attention comes back with its log-sum-exp, for those who want maps besides.
    """
    plan = _acting(plan, cache)
    if not plan.steps:  # nothing acts at this moment: the kernel's own bits
        known, split = attention.split((), (), [tuple(range(attention.k.shape[1]))], cache, keep_lse)
        return split.outputs[0], known
    output = biased_output(plan, attention, cache)
    if output is not None:
        return output, replace(attention, biased=True)
    state = _State(plan, attention, cache, outputs=True, keep_lse=keep_lse)
    state.run()
    return state.output(), state.attention


def bend_maps(plan: Plan, attention: Attention, cache: DeviceCache) -> WatchedMaps:
    """What the plan's steps make of its watched columns. No output is made, and none is changed by who watches."""
    plan = _acting(plan, cache)
    watched = plan.blocks[0][: plan.watched] if plan.watched else ()
    if not plan.steps or not watched:
        maps = attention.columns(watched, cache)
        return WatchedMaps(maps, maps)
    state = _State(plan, attention, cache, outputs=False)
    original = state.maps[0][..., : plan.watched].clone()
    state.run()
    return WatchedMaps(original, state.maps[0][..., : plan.watched])


def _acting(plan: Plan, cache: DeviceCache) -> Plan:
    """The plan of those steps that act at this moment."""
    return plan.of(tuple(i for i, step in enumerate(plan.steps) if cache.action(step.bend) is not None))


class _State:
    """One site's attention while its chain runs, its keys taken apart, each set with the softmax over it alone.

        A V = Σ_g w_g O_g + Σ_b maps_b V_b        mass = Σ_g |A_g| + Σ_b |maps_b| − uncounted

    g are the plan's groups and the others, b its blocks. Nothing is ever subtracted, so what is taken out leaves no
    rounding, and all parts together cost one attention's arithmetic. The large outputs are added up once, at the end.

    One block is alive at a time, in `maps`: the next is made when a step needs it, by going through the steps so far,
    and what no later step touches is added to the part `finished`. Watched columns stay alive besides.

    `uncounted` is what bends of all columns added without counting it: a gain on everything is meant to stay, so no
    renormalise may undo it.
    """

    def __init__(self, plan: Plan, attention: Attention, cache: DeviceCache, outputs: bool, keep_lse: bool = False):
        self.plan = plan
        self.cache = cache
        self.has_output = outputs
        # what is only multiplied leaves nothing where none should be, but in the output of a kernel that sees all keys
        self.least_mass = 0.0 if plan.only_multiplies and attention.divisible else MASS_EPS
        first, *later = plan.blocks or ((),)
        keep_lse = keep_lse or bool(later)  # for the columns of later blocks
        if outputs:
            self.attention, shares = attention.split(first, later, plan.sets, cache, keep_lse)
        else:
            self.attention, shares = attention.split_maps(first, (*later, *plan.sets), cache, keep_lse)
        masses = [shares.masses[..., i : i + 1] for i in range(shares.masses.shape[3])]
        self.maps: dict[int, Tensor] = {0: shares.columns} if first else {}
        self.waiting = {block: Part(None, mass) for block, mass in enumerate(masses[: len(later)], start=1)}
        pairs = zip(shares.outputs or [None] * len(plan.sets), masses[len(later) :], strict=True)
        typed = partial(Part, dtype=attention.v.dtype)
        sets = [typed(output, None, mass) if shares.weighed else typed(output, mass) for output, mass in pairs]
        self.groups, self.others = sets[: len(plan.groups)], sets[len(plan.groups) :]
        self.finished: list[Part] = []
        self.uncounted: Tensor | None = None
        self.done: list[tuple[Step | None, Tensor | None]] = []

    def run(self) -> None:
        for i, step in enumerate(self.plan.steps):
            rest_is_all = all(later.all_columns for later in self.plan.steps[i:])
            if self.has_output and rest_is_all and not step.bend.operator.diagonal:
                self._merge()  # nobody asks for a part any more: M is applied to their sum, once
            self._apply(i, step)

    def output(self) -> Tensor:
        """The parts and maps, added up."""
        parts = [part for part in self.parts if part.output is not None]
        maps = [*self.maps.values()] or [self.attention.columns((), self.cache)]
        columns = tuple(column for block in self.maps for column in self.plan.blocks[block])
        return add_up(self.cache, parts, maps[0] if len(maps) == 1 else torch.cat(maps, -1), self._values(columns))

    @property
    def parts(self) -> list[Part]:
        return [*self.others, *self.groups, *self.finished, *self.waiting.values()]

    @property
    def mass(self) -> Tensor:
        """The sum of |weights| in each row, `(B, L, H, 1)`."""
        masses = [part.mass for part in self.parts]
        masses += [_mass_of(self.cache, maps) for maps in self.maps.values()]
        mass = sum(masses[1:], masses[0])
        return mass if self.uncounted is None else mass - self.uncounted

    def _apply(self, i: int, step: Step) -> None:
        counted = self._bend_all(step.bend) if step.all_columns else None
        for block, _ in sorted(step.blocks, key=lambda pair: pair[0] not in self.maps):  # the block that is alive first
            self._act(step, block, self._alive(block, i))
        for group in step.groups:
            self.groups[group].bend(self.cache, step.bend)
        divisor = None
        if step.bend.renormalize:
            mass = self.mass if counted is None else counted
            # to divide by |w| keeps signs, and leaves no pole where weights of both signs cancel
            divisor = torch.where(mass > self.least_mass, mass, 1)
            self._divide(divisor)
        self._note(i, step, divisor)

    def _bend_all(self, bend: Bend) -> Tensor:
        """A linear operator M acts on rows, V on columns, so they commute: (M A) V = M (A V).

        The mass moves along with M. Where M only multiplies, what it changes of the total is left uncounted. Returns
        the mass that counts from now on.
        """
        counted = self.mass if bend.operator.diagonal else self.cache.bend(bend, self.mass)
        if len(self.parts) == 1 and not self.maps and self.has_output:
            (part,) = self.parts
            part.bend_output(self.cache, bend, counted)
            part.own_mass = counted
            return counted
        for part in self.parts:
            part.bend(self.cache, bend)
        for maps in self.maps.values():
            self.cache.bend_(bend, maps)
        self.uncounted = None  # `mass` is now the whole sum, of which `counted` stays
        self.uncounted = self.mass - counted
        return counted

    def _act(self, step: Step, block: int, maps: Tensor) -> None:
        """What a step does to the maps of a block, in place."""
        positions = dict(step.blocks).get(block, ())
        if step.words and positions:
            self._remap_words(step, maps)
        elif step.all_columns:
            self.cache.bend_(step.bend, maps)
        elif positions and len(positions) == positions[-1] - positions[0] + 1:
            self.cache.bend_(step.bend, maps[..., positions[0] : positions[-1] + 1])
        elif positions:
            index = self.cache.index(positions)
            maps.index_copy_(-1, index, self.cache.bend_(step.bend, maps.index_select(-1, index)))

    def _remap_words(self, step: Step, maps: Tensor) -> None:
        """Words get new maps: each new sum is split among the word's columns as the old one was, else equally."""
        words = [self.cache.index(word) for word in step.words]
        columns = [maps.index_select(-1, word) for word in words]
        totals = [pieces.sum(-1, keepdim=True) for pieces in columns]
        remapped = self.cache.remap_words(step.bend, totals)
        # one after the other: words of one bend share no column, see chain.check_words
        for word, old, total, new in zip(words, columns, totals, remapped, strict=True):
            split = torch.where(total.abs() > MAP_EPS, old / total.where(total.abs() > MAP_EPS, 1), 1 / old.shape[-1])
            maps.index_copy_(-1, word, split * new)

    def _divide(self, divisor: Tensor) -> None:
        # every term of both equations
        for part in self.parts:
            part.divide(divisor)
        for maps in self.maps.values():
            maps.div_(divisor)
        if self.uncounted is not None:
            self.uncounted = self.uncounted / divisor

    def _merge(self) -> None:
        """From here on the output is one part; its mass is what counts."""
        mass = self.mass
        self.others = [Part(self.output(), None, mass)]
        self.groups, self.finished, self.maps, self.uncounted = [], [], {}, None

    # --- the life of a block ------------------------------------------------------------------------------------------

    def _alive(self, block: int, i: int) -> Tensor:
        """The maps of a block as step i finds them; others make room, but for those that are watched."""
        if block not in self.maps:
            for other in [other for other in self.maps if other or not self.plan.watched]:
                self._put_away(other, i)
            mass = self.mass if any(step is not None and step.all_columns for step, _ in self.done) else None
            del self.waiting[block]
            self.maps[block] = self._replay(block)
            if mass is not None:  # a waiting block's mass is a bound only, where bends of all columns made signs
                self.uncounted = None
                self.uncounted = self.mass - mass
        return self.maps[block]

    def _put_away(self, block: int, i: int) -> None:
        """What no step after i touches becomes a part; else the mass alone is kept until the block is made again."""
        maps = self.maps.pop(block)
        mass = _mass_of(self.cache, maps)
        if self.plan.touches[block][-1] > i:
            self.waiting[block] = Part(None, mass)
        else:
            finished, mass = self.finished, sum((part.mass for part in self.finished), mass)
            self.finished = [Part(None, mass)]
            if self.has_output:
                values = self._values(self.plan.blocks[block])
                self.finished = [Part(add_up(self.cache, finished, maps, values), None, mass)]

    def _replay(self, block: int) -> Tensor:
        """The maps of a block, as the steps so far have left them."""
        maps = self.attention.columns(self.plan.blocks[block], self.cache)
        for step, divisor in self.done:
            if step is not None:
                self._act(step, block, maps)
            if divisor is not None:
                maps.div_(divisor)
        return maps

    def _note(self, i: int, step: Step, divisor: Tensor | None) -> None:
        """Keep what a later block must go through; of steps that no block is taken through again, their divisors."""
        if len(self.plan.blocks) < 2:
            return
        if step.all_columns or any(block in self.plan.returning for block, _ in step.blocks):
            self.done.append((step, divisor))
        elif divisor is not None and self.done and self.done[-1][0] is None:
            self.done[-1] = (None, self.done[-1][1] * divisor)
        elif divisor is not None:
            self.done.append((None, divisor))

    def _values(self, columns: tuple[int, ...]) -> Tensor:
        """The rows of V `(B, S, H, D)` of some columns."""
        return self.attention.v.index_select(1, self.cache.index(columns))


def _mass_of(cache: DeviceCache, maps: Tensor) -> Tensor:
    """`Σ |maps|` over the columns, `(B, L, H, 1)`."""
    if maps.shape[3] == 1:
        return maps.abs()
    if maps.device.type != "cpu":
        return torch.linalg.vector_norm(maps, 1, -1, keepdim=True)
    mass = torch.empty_like(maps[..., :1])  # on a processor a norm is ten times as slow
    for b, rows in cache.blocks(maps):
        torch.sum(maps[b, rows].abs(), -1, keepdim=True, out=mass[b, rows])
    return mass
