"""The algebra: a site's attention as (output, maps, mass), and each bend as an exact update of the three."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .chain import BLOCK, Plan, Step
from .device_cache import DeviceCache
from .kernel import Attention

MASS_EPS = 1e-6
"""A place whose mass is not above this is left as it is by renormalising."""

UNIT_TOLERANCE = 1e-6
"""A mass this near to 1 is 1, so that places which a bend leaves alone keep their bits."""

HALF = (torch.float16, torch.bfloat16)
"""In these the rest of an output is computed by a call of its own: a strong word taken away leaves its rounding."""

MAP_EPS = 1e-30
"""Where a word's map is not above this, it is nowhere, and what it gets is split equally among its pieces."""


@dataclass(frozen=True)
class ChainResult:
    """What a chain left: `output` `(B, L, H, D)`, and `maps` `(B, L, H, S)` float32 with the maps before it.

    The columns of the maps are the plan's tracked tokens, in its order. `maps is original` where nothing acted.
    """

    output: Tensor | None
    maps: Tensor
    original: Tensor


def run_chain(plan: Plan, attention: Attention, output: Tensor | None, tables: DeviceCache) -> ChainResult:
    """Bend `output = A V` `(B, L, H, D)`, in place, by the plan's steps in order; without one, only the maps.

    `attention` is asked for the columns that the plan needs, never for all of A. Maps and mass are float32, and so is
    all arithmetic; the output keeps its type.
    """
    steps = tuple(step for step in plan.steps if tables.action(step.bend) is not None)
    if not steps:  # nothing acts at this moment: the output keeps its bits
        maps = attention.sums([(column,) for column in plan.tracked], tables)
        return ChainResult(output, maps, maps)
    state = _State(replace(plan, steps=steps), attention, output, tables)
    for step in steps:
        state.apply(step)
    state.settle(finally_=True)
    return ChainResult(output, state.maps, state.original)


@dataclass
class _Group:
    """What a set of columns U adds: `A_U V_U` `(B, L, H, D)` to the output, `Σ_U |A|` `(B, L, H, 1)` to the mass."""

    output: Tensor | None
    mass: Tensor


class _State:
    """One site's attention while its chain runs.

    The output is a sum of parts, so that what is taken out leaves no rounding behind: `maps` `(B, L, H, S)` times V for
    the tracked columns, a share for each group, and the rest. The rest is written lazily, so that a chain of words goes
    over the large output once: it is `scale · output − owed · V`, `owed` being the tracked columns still in it.

    The mass is the sum of the parts' own, less `uncounted`: what bends of all columns added without counting it (a gain
    on everything is meant to stay, so no renormalise may undo it).

    Where there is no output, maps and mass are the same, and all that would be written to it is left out.
    """

    def __init__(self, plan: Plan, attention: Attention, output: Tensor | None, tables: DeviceCache):
        self.plan = plan
        self.attention = attention
        self.tables = tables
        self.output = output
        self.v = attention.v.index_select(1, tables.index(plan.tracked)).float()
        self.scale: Tensor | None = None
        self.owed: Tensor | None = None
        self.uncounted: Tensor | None = None
        self.done: list[tuple[Step, Tensor | None]] = []
        self.groups: list[_Group] = []
        self.apart = bool(plan.groups) or (plan.renormalizes and bool(plan.tracked) and attention.v.dtype in HALF)
        singles = [(column,) for column in plan.tracked]
        if self.apart:
            rest = [] if attention.tells and not plan.groups else [plan.others]
            sums = attention.sums([*singles, *plan.groups, *rest], tables)
            self.maps = sums[..., : len(singles)]
            masses = sums[..., len(singles) :].split(1, dim=-1)
            self.mass_of_rest = masses[-1] if rest else (1 - self.maps.sum(-1, keepdim=True)).clamp_(0)
            shares = [None if output is None else attention.share(columns, tables) for columns in plan.groups]
            self.groups = [_Group(share, mass) for share, mass in zip(shares, masses, strict=False)]
            if output is not None:
                output.copy_(attention.share(plan.others, tables))
        else:
            self.maps = attention.sums(singles, tables)
            self.owed = self.maps if singles else None
            self.mass_of_rest = 1 - self.maps.sum(-1, keepdim=True)
        self.original = self.maps

    @property
    def mass(self) -> Tensor:
        """The sum of |weights| in each row, `(B, L, H, 1)`."""
        mass = sum((share.mass for share in self.groups), self.mass_of_rest) + self.maps.abs().sum(-1, keepdim=True)
        return mass if self.uncounted is None else mass - self.uncounted

    def apply(self, step: Step) -> None:
        if step.whole:
            self._apply_whole(step)
        elif step.words:
            self._exchange(step)
        else:
            self._apply_tracked(step)
            for group in step.groups:
                self._bend_share(step, self.groups[group])
            self._apply_streams(step)
        divisor = None
        if step.bend.renormalize:
            mass = self.mass
            divisor = torch.where((mass > MASS_EPS) & ((mass - 1).abs() > UNIT_TOLERANCE), mass, 1)
            self._divide(divisor)
        self.done.append((step, divisor))

    def settle(self, finally_: bool = False) -> None:
        """Write what is pending into the output; at the very end also the parts that are kept apart."""
        if self.output is None:
            return
        if self.owed is not None:
            _add(self.tables, self.output, self.maps - self.owed, self.v, self.scale)
            self.owed = self.maps
        elif self.scale is not None:
            self.output.mul_(self.scale)
        self.scale = None
        if finally_ and self.apart:
            for share in self.groups:
                self.output.add_(share.output)
            _add(self.tables, self.output, self.maps, self.v)

    def _apply_whole(self, step: Step) -> None:
        """A linear operator M acts on rows, V on columns, so they commute: (M A) V = M (A V)."""
        self.settle()
        mass = self.mass if step.bend.operator.diagonal else self._bend(step, self.mass)
        if self.output is not None:
            self.tables.bend_(step.bend, self.output)
        self.mass_of_rest = self._bend(step, self.mass_of_rest).abs()
        for share in self.groups:
            self._bend_share(step, share)
        self.maps = self._bend(step, self.maps)
        self.owed = None if self.owed is None else self.maps
        self.uncounted = None
        self.uncounted = self.mass - mass

    def _apply_tracked(self, step: Step) -> None:
        if step.tracked:
            at = self.tables.index(step.tracked)
            self.maps = self.maps.index_copy(-1, at, self._bend(step, self.maps.index_select(-1, at)))

    def _exchange(self, step: Step) -> None:
        """Words get new maps: each new sum is split among the word's columns as the old one was, else equally."""
        words = [self.tables.index(word) for word in step.words]
        maps = [self.maps.index_select(-1, word) for word in words]
        sums = [each.sum(-1, keepdim=True) for each in maps]
        news = step.bend.operator.remap_words(sums, [self.tables.mask(mask) for mask in step.bend.operator.masks])
        for word, old, total, new in zip(words, maps, sums, news, strict=True):
            new = self.tables.blend(step.bend, total, new)
            split = torch.where(total.abs() > MAP_EPS, old / total.where(total.abs() > MAP_EPS, 1), 1 / old.shape[-1])
            self.maps = self.maps.index_copy(-1, word, split * new)

    def _apply_streams(self, step: Step) -> None:
        if step.streams:
            self.settle()
        for stream in step.streams:
            members = self.plan.streams[stream]
            for columns in (members[start : start + BLOCK] for start in range(0, len(members), BLOCK)):
                old = self._replay(stream, columns)
                new = self._bend(step, old)
                if self.output is not None:
                    v = self.attention.v.index_select(1, self.tables.index(columns)).float()
                    _add(self.tables, self.output, new - old, v)
                self.mass_of_rest = self.mass_of_rest + (new.abs() - old.abs()).sum(-1, keepdim=True)

    def _replay(self, stream: int, columns: tuple[int, ...]) -> Tensor:
        """Columns of a stream as the steps so far have left them."""
        maps = self.attention.sums([(column,) for column in columns], self.tables)
        for step, divisor in self.done:
            if step.whole or stream in step.streams:
                maps = self._bend(step, maps)
            if divisor is not None:
                maps = maps / divisor
        return maps

    def _bend(self, step: Step, rows: Tensor) -> Tensor:
        return self.tables.bend(step.bend, rows)

    def _bend_share(self, step: Step, share: _Group) -> None:
        if share.output is not None:
            self.tables.bend_(step.bend, share.output)
        share.mass = self._bend(step, share.mass).abs()

    def _divide(self, divisor: Tensor) -> None:
        gain = 1 / divisor
        self.scale = gain if self.scale is None else self.scale * gain
        self.maps = self.maps * gain
        self.owed = None if self.owed is None else self.owed * gain
        self.mass_of_rest = self.mass_of_rest * gain
        for share in self.groups:
            if share.output is not None:
                share.output *= gain
            share.mass = share.mass * gain
        if self.uncounted is not None:
            self.uncounted = self.uncounted * gain


def _add(tables: DeviceCache, output: Tensor, maps: Tensor, v: Tensor, scale: Tensor | None = None) -> None:
    """`output = scale · output + maps · V`, in place: `(B, L, H, D)`, `(B, L, H, S)`, `(B, S, H, D)`, `(B, L, H, 1)`.

    All heads of some rows at a time, where they lie: one pass over the output, and no copy of it.
    """
    v = v.transpose(1, 2)
    for b, rows in tables.blocks(output):
        part = output[b, rows]
        wide = part.float()
        if scale is not None:
            wide.mul_(scale[b, rows])
        if maps.shape[3] == 1:  # libraries are slow at products with one column
            wide.addcmul_(maps[b, rows], v[b, :, 0])
        else:
            wide.transpose(0, 1).baddbmm_(maps[b, rows].transpose(0, 1), v[b])
        if wide is not part:  # float32 is updated where it lies
            part.copy_(wide)
