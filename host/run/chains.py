"""The chains of a run: for each conditioning, and the bends that act on it at once, how they are carried out."""

from ...bending.attention.chain import Plan, plan_chain
from .plan import CondPlan, PlannedBend


class Chains:
    """Plans of chains, each made once."""

    def __init__(self):
        self._plans: dict[tuple, Plan] = {}

    def plan(self, cond: CondPlan, bends: tuple[PlannedBend, ...], watch: tuple[int, ...] = ()) -> Plan:
        """The plan for those of `bends` that act on maps, with columns to be seen besides."""
        key = (cond.name, bends, watch)
        if key not in self._plans:
            columns = [(planned.bend, cond.columns[planned.number]) for planned in bends]
            on_maps = [pair for pair in columns if pair[0].operator.acts_on != "logits"]
            self._plans[key] = plan_chain(on_maps, cond.width, watch)
        return self._plans[key]

    def most(self, cond: CondPlan, bends: tuple[PlannedBend, ...]) -> Plan:
        """The plan of all bends that are ever applied to a conditioning, as if they acted at once."""
        applied = (planned for planned in bends if planned.applied and planned.number in cond.columns)
        return self.plan(cond, tuple(applied), cond.watched.columns)
