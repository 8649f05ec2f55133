"""What a run's bends do at one site of the model call under way, and what is recorded of it."""

import torch
from torch import Tensor

from ...bending.attention.action import strength_at
from ...bending.attention.kernel import Attention
from ...bending.attention.state import bend_maps, bend_output
from ...bending.errors import BendError
from ...bending.time.windows import SamplingMoment
from ..families.family import Site
from ..maps.records import RunRecords
from .chains import Chains
from .cond_plan import CondPlan
from .layout import CondSlice, ModelCall
from .plan import PlannedBend, RunPlan
from .probing import Probing
from .report import Report


class Acting:
    """The bends of a run at the moment that `go_to` was told last.

    `masker` names the foreign forward that lays a mask over the text's attention, if there is one.
    """

    def __init__(self, plan: RunPlan, probing: Probing, records: RunRecords, report: Report, masker: str | None):
        self.plan, self.probing, self.records, self.report, self.masker = plan, probing, records, report, masker
        self.chains = Chains()
        self.moment = SamplingMoment(0.0, 0, 1)
        self.active: tuple[PlannedBend, ...] = ()

    def go_to(self, moment: SamplingMoment) -> None:
        if moment is not self.moment:
            self.moment = moment
            self.active = tuple(planned for planned in self.plan.bends if strength_at(planned.bend, moment))

    def applied(self, layer: int, cond: CondPlan) -> tuple[PlannedBend, ...]:
        """The bends that act on the output of a layer for a conditioning."""
        return tuple(planned for planned in self.watched(layer, cond) if planned.applied)

    def watched(self, layer: int, cond: CondPlan) -> tuple[PlannedBend, ...]:
        """The bends that a record shows: also those that are not applied to the output."""
        return tuple(planned for planned in self.active if layer in planned.layers and planned.number in cond.columns)

    def slices(self, call: ModelCall, layer: int) -> list[CondSlice]:
        """The rows of a call that something happens to, or is watched, in this layer."""
        return [part for part in call.slices if part.cond.watched or self.applied(layer, part.cond)]

    def bends(self, layer: int, part: CondSlice) -> bool:
        """Whether one slice's output is bent now, so that nobody needs the un-bent one."""
        bends = self.applied(layer, part.cond)
        return any(part.cache.action(planned.bend) is not None for planned in bends)

    def bend(self, site: Site, part: CondSlice, attention: Attention) -> Tensor | None:
        """One slice's bent output `(B, L, H, D)`; None where it stays as it is."""
        layer, bends = site.layer, self.applied(site.layer, part.cond)
        is_seen = part.is_first and bool(part.cond.watched)
        watched = self.watched(layer, part.cond) if is_seen and part.cond.watched.columns else ()
        with self.records.timed(attention.q.device):
            bent, known = None, None
            if self.bends(layer, part):
                tempered = self._at_temperature(bends, part, attention)
                # who watches has no part in it: the same bits with a record and without
                bent, known = bend_output(
                    self.chains.plan(part.cond, bends), tempered, part.cache, keep_lse=watched == bends
                )
                if self.records:
                    self.records.changes.add(layer, attention, bent)
            if is_seen:
                self._record(site, part, attention, watched, known if watched == bends else None)
        if part.is_first:
            self.report.count(bends, layer, self.moment.step, (known or attention).way)
        return bent

    def _at_temperature(self, bends: tuple[PlannedBend, ...], part: CondSlice, attention: Attention) -> Attention:
        """The attention as those of `bends` make it that act on logits."""
        on_logits = tuple(planned for planned in bends if planned.bend.operator.acts_on == "logits")
        # a conditioning's own leaves the logits of its open keys as they are
        if on_logits and attention.kernel.mask is not None and part.keys is None:
            who = f" ({self.masker})" if self.masker else ""
            raise BendError(
                f"{on_logits[0].title}: another node{who} lays a mask over the text's attention, whose logits are then "
                f"not the words' alone. Remove that node from this model's branch, or use another bend."
            )
        return attention.at_temperature(tuple(planned.bend for planned in on_logits), part.cache)

    def _record(
        self,
        site: Site,
        part: CondSlice,
        attention: Attention,
        bends: tuple[PlannedBend, ...],
        known: Attention | None,
    ) -> None:
        """Hand on the maps before all bends and after those of `bends`, and those of the probes, which no bend touches.

        `known` is their attention with what the chain of the output has learned of it, where that has run.
        """
        watched, frames = part.cond.watched, part.cache.layout.frames
        original = bent = None
        if watched.columns:
            original, bent = self._maps(part, attention, bends, known)
        if watched.probes:
            probed = self.probing.shares(site, attention, part.cache)
            is_bent = bent is not original
            original = probed if original is None else torch.cat((original[:1], probed), -1)
            bent = torch.cat((bent[:1], probed), -1) if is_bent else original
        self.records.add(site.layer, self.moment.step, watched, frames, original, bent)

    def _maps(
        self, part: CondSlice, attention: Attention, bends: tuple[PlannedBend, ...], known: Attention | None
    ) -> tuple[Tensor, Tensor]:
        """The maps `(B, L, H, C)` of the watched columns, before and after; the very same where nothing bends them."""
        columns = part.cond.watched.columns
        tempered = known or self._at_temperature(bends, part, attention)
        maps = bend_maps(self.chains.plan(part.cond, bends, columns), tempered, part.cache)
        if any(planned.bend.operator.acts_on == "logits" for planned in bends):
            return attention.columns(columns, part.cache), maps.bent
        return maps.original, maps.bent
