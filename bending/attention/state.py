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


def run_chain(plan: Plan, attention: Attention, output: Tensor | None, cache: DeviceCache) -> ChainResult:
    """Bend `output = A V` `(B, L, H, D)`, in place, by the plan's steps in order; without one, only the maps.

    `attention` is asked for the columns that the plan needs, never for all of A. Maps and mass are float32, and so is
    all arithmetic; the output keeps its type.
    """
    steps = tuple(step for step in plan.steps if cache.action(step.bend) is not None)
    if not steps:  # nothing acts at this moment: the output keeps its bits
        maps = attention.sums([(column,) for column in plan.tracked], cache)
        return ChainResult(output, maps, maps)
    state = _State(replace(plan, steps=steps), attention, output, cache)
    for step in steps:
        state.apply(step)
    state.finish()
    return ChainResult(output, state.maps, state.original)


@dataclass
class _Group:
    """What a set of columns U adds: `A_U V_U` `(B, L, H, D)` to the output, `Σ_U |A|` `(B, L, H, 1)` to the mass."""

    output: Tensor | None
    mass: Tensor


class _State:
    """One site's attention while its chain runs: its output, kept as a sum of parts, and the mass of its rows.

        A V = R + Σ_g A_g V_g + maps V_S        R = scale · output − owed V_S
        mass = Σ_rest |A| + Σ_g Σ |A_g| + Σ |maps| − uncounted

    S are the plan's tracked columns: `maps` `(B, L, H, S)` holds each, `v` their rows of V. g are its groups, each with
    its share of the output and of the mass. R, the rest, is written into `output` lazily, so that a chain of words goes
    over the large output once: `scale` is what is to be multiplied in, `owed` the tracked columns still in it (None
    where they were never in it: then R is made without them, and what a bend takes out leaves no rounding behind).

    `uncounted` is what bends of all columns added without counting it: a gain on everything is meant to stay, so no
    renormalise may undo it.

    Where there is no output, maps and mass are the same, and all that would be written to it is left out.
    """

    def __init__(self, plan: Plan, attention: Attention, output: Tensor | None, cache: DeviceCache):
        self.plan = plan
        self.attention = attention
        self.cache = cache
        self.output = output
        self.v = attention.v.index_select(1, cache.index(plan.tracked)).float()
        self.scale: Tensor | None = None
        self.owed: Tensor | None = None
        self.uncounted: Tensor | None = None
        self.done: list[tuple[Step, Tensor | None]] = []
        self.groups: list[_Group] = []
        # groups must not be in R, since they are bent apart from it; nor words in half precision, see HALF
        self.apart = bool(plan.groups) or (plan.renormalizes and bool(plan.tracked) and attention.v.dtype in HALF)
        singles = [(column,) for column in plan.tracked]
        if self.apart:
            # exact columns add up to 1 with the rest's; sums read off a kernel in half precision do not, nor do groups'
            rest = [] if attention.tells and not plan.groups else [plan.others]
            sums = attention.sums([*singles, *plan.groups, *rest], cache)
            self.maps = sums[..., : len(singles)]
            masses = sums[..., len(singles) :].split(1, dim=-1)
            self.mass_of_rest = masses[-1] if rest else (1 - self.maps.sum(-1, keepdim=True)).clamp_(0)
            outputs = [None if output is None else attention.output_of(columns, cache) for columns in plan.groups]
            self.groups = [_Group(*group) for group in zip(outputs, masses[: len(outputs)], strict=True)]
            if output is not None:
                output.copy_(attention.output_of(plan.others, cache))
        else:
            self.maps = attention.sums(singles, cache)
            self.owed = self.maps if singles else None
            self.mass_of_rest = 1 - self.maps.sum(-1, keepdim=True)
        self.original = self.maps

    @property
    def mass(self) -> Tensor:
        """The sum of |weights| in each row, `(B, L, H, 1)`."""
        mass = sum((group.mass for group in self.groups), self.mass_of_rest) + self.maps.abs().sum(-1, keepdim=True)
        return mass if self.uncounted is None else mass - self.uncounted

    def apply(self, step: Step) -> None:
        if step.all_columns:
            self._apply_to_all(step)
        elif step.words:
            self._remap_words(step)
        else:
            self._apply_tracked(step)
            for group in step.groups:
                self._bend_group(step, self.groups[group])
            self._apply_streams(step)
        divisor = None
        if step.bend.renormalize:
            mass = self.mass
            # to divide by |w| keeps signs, and leaves no pole where weights of both signs cancel
            divisor = torch.where((mass > MASS_EPS) & ((mass - 1).abs() > UNIT_TOLERANCE), mass, 1)
            self._divide(divisor)
        self.done.append((step, divisor))

    def flush(self) -> None:
        """Write what is pending into the output, so that it holds R, and the tracked columns where they are owed."""
        if self.output is None:
            return
        if self.owed is not None:
            _add(self.cache, self.output, self.maps - self.owed, self.v, self.scale)
            self.owed = self.maps
        elif self.scale is not None:
            self.output.mul_(self.scale)
        self.scale = None

    def finish(self) -> None:
        """At the very end: the parts that were kept apart join the output."""
        self.flush()
        if self.output is not None and self.apart:
            for group in self.groups:
                self.output.add_(group.output)
            _add(self.cache, self.output, self.maps, self.v)

    def _apply_to_all(self, step: Step) -> None:
        """A linear operator M acts on rows, V on columns, so they commute: (M A) V = M (A V).

        The mass moves along with M. Where M only multiplies, what it changes of the total is left uncounted.
        """
        self.flush()
        counted = self.mass if step.bend.operator.diagonal else self._bend(step, self.mass)
        if self.output is not None:
            self.cache.bend_(step.bend, self.output)
        self.mass_of_rest = self._bend(step, self.mass_of_rest).abs()
        for group in self.groups:
            self._bend_group(step, group)
        self.maps = self._bend(step, self.maps)
        # all was written, and is bent in the output as it is here: the columns are in it as they were
        self.owed = None if self.owed is None else self.maps
        self.uncounted = None  # `mass` is now the whole sum, of which `counted` stays
        self.uncounted = self.mass - counted

    def _apply_tracked(self, step: Step) -> None:
        if step.tracked:
            at = self.cache.index(step.tracked)
            self.maps = self.maps.index_copy(-1, at, self._bend(step, self.maps.index_select(-1, at)))

    def _remap_words(self, step: Step) -> None:
        """Words get new maps: each new sum is split among the word's columns as the old one was, else equally."""
        words = [self.cache.index(word) for word in step.words]
        maps = [self.maps.index_select(-1, word) for word in words]
        totals = [pieces.sum(-1, keepdim=True) for pieces in maps]
        remapped = step.bend.operator.remap_words(totals, [self.cache.mask(mask) for mask in step.bend.operator.masks])
        # one after the other: words of one bend share no column, see chain.check_words
        for word, old, total, new in zip(words, maps, totals, remapped, strict=True):
            new = self.cache.blend(step.bend, total, new)
            split = torch.where(total.abs() > MAP_EPS, old / total.where(total.abs() > MAP_EPS, 1), 1 / old.shape[-1])
            self.maps = self.maps.index_copy(-1, word, split * new)

    def _apply_streams(self, step: Step) -> None:
        if step.streams:  # they are part of R, which must be in the output before it is added to
            self.flush()
        for stream in step.streams:
            members = self.plan.streams[stream]
            for columns in (members[start : start + BLOCK] for start in range(0, len(members), BLOCK)):
                old = self._replay(stream, columns)
                new = self._bend(step, old)
                if self.output is not None:
                    v = self.attention.v.index_select(1, self.cache.index(columns)).float()
                    _add(self.cache, self.output, new - old, v)
                # what they were counts in the rest's mass, as those of all columns that are not apart
                self.mass_of_rest = self.mass_of_rest + (new.abs() - old.abs()).sum(-1, keepdim=True)

    def _replay(self, stream: int, columns: tuple[int, ...]) -> Tensor:
        """Columns of a stream as the steps so far have left them."""
        maps = self.attention.sums([(column,) for column in columns], self.cache)
        for step, divisor in self.done:
            if step.all_columns or stream in step.streams:
                maps = self._bend(step, maps)
            if divisor is not None:
                maps = maps / divisor
        return maps

    def _bend(self, step: Step, rows: Tensor) -> Tensor:
        return self.cache.bend(step.bend, rows)

    def _bend_group(self, step: Step, group: _Group) -> None:
        if group.output is not None:
            self.cache.bend_(step.bend, group.output)
        # a sum of columns of one sign: Σ|M a| = |M Σ|a||, see chain._keeps_sign
        group.mass = self._bend(step, group.mass).abs()

    def _divide(self, divisor: Tensor) -> None:
        # every term of both equations, the output's by way of `scale`
        gain = 1 / divisor
        self.scale = gain if self.scale is None else self.scale * gain
        self.maps = self.maps * gain
        self.owed = None if self.owed is None else self.owed * gain
        self.mass_of_rest = self.mass_of_rest * gain
        for group in self.groups:
            if group.output is not None:
                group.output *= gain
            group.mass = group.mass * gain
        if self.uncounted is not None:
            self.uncounted = self.uncounted * gain


def _add(cache: DeviceCache, output: Tensor, maps: Tensor, v: Tensor, scale: Tensor | None = None) -> None:
    """`output = scale · output + maps · V`, in place: `(B, L, H, D)`, `(B, L, H, S)`, `(B, S, H, D)`, `(B, L, H, 1)`.

    All heads of some rows at a time, where they lie: one pass over the output, and no copy of it.
    """
    v = v.transpose(1, 2)
    for b, rows in cache.blocks(output):
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
