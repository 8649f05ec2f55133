"""The chains of a run, how they are carried out, and what they keep on the device: each made once."""

import torch

from ...bending.attention.chain import Plan, plan_chain
from ...bending.attention.device_cache import DeviceCache
from ...bending.attention.kernel_cache import KernelCache
from ...bending.frames.layout import FrameLayout
from ...bending.time.windows import SamplingMoment
from ..keeping import keeping
from .cond_plan import CondPlan
from .plan import PlannedBend


class Caches:
    """What the algebra keeps on devices, for each layout of frames; kernels do not depend on these."""

    def __init__(self, heads: int):
        self._heads = heads
        self._caches: dict[tuple[FrameLayout, torch.device], DeviceCache] = {}
        self._kernels: dict[torch.device, KernelCache] = {}

    def at(self, moment: SamplingMoment, frames: FrameLayout, device: torch.device) -> DeviceCache:
        if (frames, device) not in self._caches:
            kernels = self._kernels.setdefault(device, KernelCache(device, keeping))
            self._caches[frames, device] = DeviceCache(frames, self._heads, device, kernels)
        self._caches[frames, device].go_to(moment)
        return self._caches[frames, device]


class Chains:
    """For each conditioning, and the bends that act on it at once, the plan."""

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
