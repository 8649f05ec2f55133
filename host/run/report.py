"""What a run did: counted without waiting for the device, told in words when it ends."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from ...bending.attention.schedule import Schedule
from ..display import show_text
from .patch import Patch
from .plan import PlannedBend, RunPlan

log = logging.getLogger(__name__)


class Report:
    """Counts of one run.

    `bent` counts bent sites, and `ways` how each was made (see Attention.way); `skipped` model calls that another node
    answered from a cache, so that nothing could be bent; `foreign_rows` conditioning rows that did not come from this
    run's guider. `passes` are those that the sampler made. `override` is another node's attention, if there is one.
    """

    def __init__(self, plan: RunPlan, schedule: Schedule, patches: Sequence[Patch]):
        self.plan = plan
        self.schedule = schedule
        self.nodes = [patch.node for patch in patches if patch.node]
        self.bent = 0
        self.ways: Counter[str] = Counter()
        self.override: Callable | None = None
        self.skipped = 0
        self.foreign_rows = 0
        self.passes: set[str] = set()
        self.costs: list[str] = []
        self._layers: dict[int, set[int]] = {planned.number: set() for planned in plan.bends}
        self._steps: dict[int, set[int]] = {planned.number: set() for planned in plan.bends}

    def count(self, bends: Sequence[PlannedBend], layer: int, step: int, way: str) -> None:
        """These bends have run at one site."""
        self.bent += bool(bends)
        self.ways[way] += bool(bends)
        for planned in bends:
            self._layers[planned.number].add(layer)
            self._steps[planned.number].add(step)

    def sites(self, planned: PlannedBend) -> tuple[int, int]:
        """On how many sites, and in how many steps, a bend has run."""
        return len(self._layers[planned.number]), len(self._steps[planned.number])

    @property
    def warnings(self) -> list[str]:
        """What was asked and did not happen, or not quite."""
        warnings = list(self.plan.warnings)
        for planned in self.plan.bends:
            if planned.applied and self.schedule.window(planned.bend):
                warnings += self._missed(planned)
        if self.skipped:
            warnings.append(f"{self.skipped} model calls came from a cache (EasyCache or the like) and were not bent.")
        if self.foreign_rows:
            warnings.append(
                f"{self.foreign_rows} rows came from conditionings of another guider and were left un-bent."
            )
        return warnings

    def _missed(self, planned: PlannedBend) -> Iterator[str]:
        """Why a bend has not run, or not in all passes that it is aimed at."""
        conds = [cond for cond in self.plan.conds.values() if planned.number in cond.columns]
        has_run = bool(self._layers[planned.number])
        missing = {cond.role for cond in conds if not cond.span} - self.passes
        if "negative" in missing:
            yield (
                f"{planned.title}: there is no negative pass{', so that only the positive one is bent' * has_run}. At "
                "cfg 1 a sampler leaves it out: raise cfg, or aim the bend at the positive pass."
            )
        elif not has_run and all(cond.span for cond in conds):
            spans = ", ".join(dict.fromkeys(f"{start:.1%} to {end:.1%}" for start, end in (c.span for c in conds)))
            yield (
                f"{planned.title}: was never reached. Its conditioning is limited to {spans} of the sampling: widen "
                "that, or the bend's window."
            )
        elif not has_run:
            yield f"{planned.title}: was never reached. The sampler made no bent call in its window."

    @property
    def lines(self) -> list[str]:
        """One line a bend."""
        lines = []
        for planned in self.plan.bends:
            sites, steps = self.sites(planned)
            done = f"{_count(sites, 'layer')} × {_count(steps, 'step')}" if planned.applied else "checked, not applied"
            lines.append(f"{planned.number}. {planned.bend}: {done}")
        return lines or ["no bends"]

    @property
    def slow_ways(self) -> list[str]:
        """What kept bends from the way that costs next to nothing."""
        lines = []
        if self.ways["masked"] and self.override is not None:
            function = getattr(self.override, "__func__", self.override)
            name = f"{function.__module__}.{getattr(function, '__qualname__', type(function).__qualname__)}"
            lines.append(
                f"another node's attention ({name}) runs the text's too. Bends stay exact under it, but each part is a "
                f"call of it with all keys: expect two to three times the time of the bent attentions."
            )
        if self.ways["selectors"]:
            lines.append(
                "this attention kernel does not tell how much each word weighs, so it was asked twice: expect "
                "twice the time of the bent attentions."
            )
        return lines

    def __str__(self) -> str:
        return "\n".join([*self.lines, *self.costs, *self.slow_ways, *(f"⚠ {warning}" for warning in self.warnings)])

    def overflow_message(self, step: int) -> str:
        """The message for a film that has become infinite or not a number."""
        ran = [planned for planned in self.plan.bends if self._steps[planned.number]]
        worst = max(ran, key=_risk)
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


def _risk(planned: PlannedBend) -> tuple[float, bool]:
    """How likely a bend is to make a film infinite: by its gain, and worse where nothing renormalises it."""
    bend = planned.bend
    return bend.operator.gain * bend.strength, not bend.renormalize


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
