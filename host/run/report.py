"""What a run did: counted without waiting for the device, told in words when it ends."""

import logging
from collections.abc import Sequence

from ...bending.attention.schedule import Schedule
from ..display import show_text
from .patch import Patch
from .plan import PlannedBend, RunPlan

log = logging.getLogger(__name__)


class Report:
    """Counts of one run.

    `bent` counts bent sites; `skipped` model calls that another node answered from a cache, so that nothing could be
    bent; `strangers` conditioning rows that did not come from this run's guider.
    """

    def __init__(self, plan: RunPlan, schedule: Schedule, patches: Sequence[Patch]):
        self.plan = plan
        self.schedule = schedule
        self.nodes = [patch.node for patch in patches if patch.node]
        self.bent = 0
        self.skipped = 0
        self.strangers = 0
        self.costs: list[str] = []
        self._layers: dict[int, set[int]] = {entry.number: set() for entry in plan.entries}
        self._steps: dict[int, set[int]] = {entry.number: set() for entry in plan.entries}

    def count(self, entries: Sequence[PlannedBend], layer: int, step: int) -> None:
        """These bends have run at one site."""
        self.bent += bool(entries)
        for entry in entries:
            self._layers[entry.number].add(layer)
            self._steps[entry.number].add(step)

    def sites(self, entry: PlannedBend) -> tuple[int, int]:
        """On how many sites, and in how many steps, a bend has run."""
        return len(self._layers[entry.number]), len(self._steps[entry.number])

    @property
    def warnings(self) -> list[str]:
        """What was asked and did not happen, or not quite."""
        warnings = list(self.plan.warnings)
        for entry in self.plan.entries:
            if entry.applied and not self._layers[entry.number] and self.schedule.window(entry.bend):
                warnings.append(f"{entry.title}: was never reached. The sampler made no bent call in its window.")
        if self.skipped:
            warnings.append(f"{self.skipped} model calls came from a cache (EasyCache or the like) and were not bent.")
        if self.strangers:
            warnings.append(f"{self.strangers} rows came from conditionings of another guider and were left un-bent.")
        return warnings

    @property
    def lines(self) -> list[str]:
        """One line a bend."""
        lines = []
        for entry in self.plan.entries:
            sites, steps = self.sites(entry)
            done = f"{_count(sites, 'layer')} × {_count(steps, 'step')}" if entry.applied else "checked, not applied"
            lines.append(f"{entry.number}. {entry.bend}: {done}")
        return lines or ["no bends"]

    def __str__(self) -> str:
        return "\n".join([*self.lines, *self.costs, *(f"⚠ {warning}" for warning in self.warnings)])

    def blame(self, step: int) -> str:
        """The message for a film that has become infinite or not a number."""
        ran = [entry for entry in self.plan.entries if self._steps[entry.number]]
        worst = max(ran, key=lambda entry: (entry.bend.operator.gain * entry.bend.strength, not entry.bend.renormalize))
        cure = "Lower its strength or its parameters" + ("" if worst.bend.renormalize else ", or turn renormalize on")
        return f"{worst.title}: the film is no longer finite after step {step}, most likely through this bend. {cure}."

    def send(self) -> None:
        """To the log, and as text onto the Patch Model nodes."""
        for line in self.lines:
            log.info("%s", line)
        for warning in self.warnings:
            log.warning("%s", warning)
        for node in self.nodes:
            show_text(node, str(self))


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
