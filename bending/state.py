"""The algebra: a site's attention as (output, maps, mass), and each bend as an exact update of the three."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .chain import BLOCK, Plan, Step
from .tables import Tables

Attend = Callable[[Tensor], Tensor]
"""Values in, output out, `(B, H, T, D)` → `(B, H, L, D)`: an attention kernel with the site's own queries and keys."""

VANISHED = 1e-6
"""A place whose mass is not above this is left as it is by renormalising."""


@dataclass(frozen=True)
class Bent:
    """What a chain left: `output` `(B, H, L, D)` and `maps` `(B, H, L, S)`, float32, and the maps before it.

    The columns of the maps are the plan's tracked tokens, in its order.
    """

    output: Tensor
    maps: Tensor
    original: Tensor


def run_chain(plan: Plan, attend: Attend, output: Tensor, v: Tensor, tables: Tables) -> Bent:
    """Bend `output = A V` by the plan's steps, in order.

    `output` `(B, H, L, D)` and `v` `(B, H, T, D)` are the kernel's own, of any float type; `attend` is called for the
    columns that the plan needs, never for all of A. All arithmetic is float32.
    """
    state = _State(plan, attend, output, v, tables)
    for step in plan.steps:
        state.apply(step)
    return Bent(state.output, state.maps, state.original)


@dataclass
class _Share:
    """What a set of columns U adds: `A_U V_U` `(B, H, L, D)` to the output, `Σ_U |A|` `(B, H, L, 1)` to the mass."""

    output: Tensor
    mass: Tensor


class _State:
    """One site's attention while its chain runs, as a sum of parts, so that what is taken out leaves no rounding.

    `maps` `(B, H, L, S)` holds the tracked columns, `groups` a share each, `rest` the share of all other columns,
    streamed ones included. The output is the parts' sum; the mass is, less `uncounted`: what bends of all columns added
    to the parts without counting it (a gain on everything is meant to stay, so no renormalise may undo it).
    """

    def __init__(self, plan: Plan, attend: Attend, output: Tensor, v: Tensor, tables: Tables):
        self.plan = plan
        self.attend = attend
        self.raw = v
        self.tables = tables
        self.v_tracked = v.index_select(2, tables.index(plan.tracked)).float()
        held = {column for columns in (plan.tracked, *plan.groups) for column in columns}
        others = tuple(column for column in range(plan.width) if column not in held)
        if held:
            sums = self._columns([*((column,) for column in plan.tracked), *plan.groups, others])
        else:
            sums = torch.ones_like(output[..., :1], dtype=torch.float32)
        self.maps = self.original = sums[..., : len(plan.tracked)]
        masses = sums[..., len(plan.tracked) :].unbind(-1)
        shares = [self._share_of(columns) for columns in (*plan.groups, others)] if plan.groups else []
        rest = shares.pop() if shares else output.float() - self.maps @ self.v_tracked if held else output.float()
        self.rest = _Share(rest, masses[-1][..., None])
        self.groups = [_Share(share, mass[..., None]) for share, mass in zip(shares, masses, strict=False)]
        self.uncounted: Tensor | None = None
        self.done: list[tuple[Step, Tensor | None]] = []

    @property
    def output(self) -> Tensor:
        output = self.rest.output
        for share in self.groups:
            output = output + share.output
        return output + self.maps @ self.v_tracked if self.plan.tracked else output

    @property
    def mass(self) -> Tensor:
        """The sum of |weights| in each row, `(B, H, L, 1)`."""
        mass = sum((share.mass for share in self.groups), self.rest.mass) + self.maps.abs().sum(-1, keepdim=True)
        return mass if self.uncounted is None else mass - self.uncounted

    def apply(self, step: Step) -> None:
        if step.whole:
            self._apply_whole(step)
        else:
            self._apply_tracked(step)
            for group in step.groups:
                self._bend_share(step, self.groups[group])
            self._apply_streams(step)
        divisor = None
        if step.bend.renormalize:
            mass = self.mass
            divisor = torch.where(mass > VANISHED, mass, 1)
            self._divide(divisor)
        self.done.append((step, divisor))

    def _apply_whole(self, step: Step) -> None:
        """A linear operator M acts on rows, V on columns, so they commute: (M A) V = M (A V)."""
        mass = self.mass if step.bend.operator.diagonal else self._bend(step, self.mass)
        for share in (self.rest, *self.groups):
            self._bend_share(step, share)
        self.maps = self._bend(step, self.maps)
        self.uncounted = None
        self.uncounted = self.mass - mass

    def _apply_tracked(self, step: Step) -> None:
        if step.tracked:
            at = self.tables.index(step.tracked)
            self.maps = self.maps.index_copy(-1, at, self._bend(step, self.maps.index_select(-1, at)))

    def _apply_streams(self, step: Step) -> None:
        for stream in step.streams:
            members = self.plan.streams[stream]
            for columns in (members[start : start + BLOCK] for start in range(0, len(members), BLOCK)):
                old = self._replay(stream, columns)
                new = self._bend(step, old)
                v = self.raw.index_select(2, self.tables.index(columns)).float()
                self.rest.output = self.rest.output + (new - old) @ v
                self.rest.mass = self.rest.mass + (new.abs() - old.abs()).sum(-1, keepdim=True)

    def _bend(self, step: Step, rows: Tensor) -> Tensor:
        """`rows + strength · (f(rows) − rows)`"""
        if rows.shape[-1] == 0:
            return rows
        bent = self.tables.bend(step.bend.operator, rows)
        return bent if step.bend.strength == 1 else rows + step.bend.strength * (bent - rows)

    def _bend_share(self, step: Step, share: _Share) -> None:
        share.output = self._bend(step, share.output)
        share.mass = self._bend(step, share.mass).abs()  # its columns have one sign, which a negative gain turns

    def _divide(self, divisor: Tensor) -> None:
        for share in (self.rest, *self.groups):
            share.output = share.output / divisor
            share.mass = share.mass / divisor
        self.maps = self.maps / divisor
        if self.uncounted is not None:
            self.uncounted = self.uncounted / divisor

    def _replay(self, stream: int, columns: tuple[int, ...]) -> Tensor:
        """Columns of a stream as the steps so far have left them."""
        maps = self._columns([(column,) for column in columns])
        for step, divisor in self.done:
            if step.whole or stream in step.streams:
                maps = self._bend(step, maps)
            if divisor is not None:
                maps = maps / divisor
        return maps

    def _columns(self, sets: Sequence[tuple[int, ...]]) -> Tensor:
        """The sums of A over each set of columns, `(B, H, L, len(sets))`: one attention call for as many as fit V."""
        batch, heads, width, depth = self.raw.shape
        parts = []
        for start in range(0, len(sets), depth):
            some = sets[start : start + depth]
            selector = self.tables.selector(some, width, depth, self.raw.dtype).expand(batch, heads, width, depth)
            parts.append(self.attend(selector)[..., : len(some)].float())
        return torch.cat(parts, dim=-1)

    def _share_of(self, columns: tuple[int, ...]) -> Tensor:
        """`A_U V_U`: one attention call with V zero outside the columns."""
        member = self.tables.selector((columns,), self.plan.width, 1, self.raw.dtype)
        return self.attend(self.raw * member).float()
