"""What a run did: counted without waiting for the device, told in words when it ends."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from uuid import uuid4

from comfy.model_management import InterruptProcessingException

from ...bending.attention.schedule import Schedule
from ...bending.errors import BendError
from ...bending.time.position import Conflict
from ..display import Badge, show_fault, show_text
from ..families.foreign import name_of
from .patch import Patch
from .plan import PlannedBend, RunPlan

log = logging.getLogger(__name__)


class Report:
    """Counts of one run.

    `bent` counts bent sites, and `ways` how each was made (see Attention.way). Of model calls in which nothing could be
    bent, `skipped` counts those that another node answered from a cache, or had another network make, a `replica`,
    `stripped` those that lacked what tells whose their rows are, and `unlike` has the numbers of those that were not
    laid out as the run's, by what was found; `foreign_rows` are conditioning rows that did not come from this run's
    guider. `override` is another node's attention, if there is one, or its name; `conflict` a call whose noise level
    and the sampler's callback tell different steps. `passes` are those that the sampler made.
    """

    def __init__(self, plan: RunPlan, schedule: Schedule):
        self.plan = plan
        self.schedule = schedule
        self.bent = 0
        self.ways: Counter[str] = Counter()
        self.override: Callable | str | None = None
        self.skipped = 0
        self.replica: str | None = None
        self.stripped = 0
        self.foreign_rows = 0
        self.unlike: dict[str, set[int]] = {}
        self.conflict: Conflict | None = None
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
            warnings += [f"{planned.title}: {missed}" for missed in self._missed(planned)]
        if self.skipped:
            source = (
                "came from a cache (EasyCache or the like)"
                if self.replica is None
                else f"ran on another network ({self.replica}) than that of the model which Patch Model was put on, "
                f"such as a copy of it on a second GPU,"
            )
            warnings.append(f"{self.skipped} model calls {source} and were not bent.")
        if self.stripped:
            warnings.append(
                f"{self.stripped} model calls came with transformer_options that another node had rebuilt without the "
                f"model's wrappers, so that nobody knows whose their rows are, and were not bent. Bend a branch "
                f"without that node."
            )
        if self.foreign_rows:
            warnings.append(
                f"{self.foreign_rows} rows came from conditionings of another guider and were left un-bent, as are "
                f"rows that another node adds."
            )
        for reason, calls in self.unlike.items():
            calls = _count(len(calls), "model call")
            warnings.append(f"{calls} left un-bent, where no bend was to act: {reason} Nothing was recorded there.")
        if self.conflict is not None:
            warnings.append(
                f"the sampler stood in its step {self.conflict.step} when it called the model at the noise level "
                f"{self.conflict.sigma:.4g}, which is that of step {self.conflict.by_level}: it repeats steps, or a "
                f"node between it and the model changes the level. Steps were counted as the sampler names them; "
                f"percents are those of the levels."
            )
        return warnings

    def _missed(self, planned: PlannedBend) -> Iterator[str]:
        """Why a bend that was to act has not run, or not in all passes that it is aimed at."""
        if not (planned.applied and self.schedule.window(planned.bend)):
            return
        conds = [cond for cond in self.plan.conds.values() if planned.number in cond.columns]
        has_run = bool(self._layers[planned.number])
        missing = {cond.role for cond in conds if not cond.span} - self.passes
        if "negative" in missing:
            yield (
                f"there is no negative pass{', so that only the positive one is bent' * has_run}. At "
                "cfg 1 a sampler leaves it out: raise cfg, or aim the bend at the positive pass."
            )
        elif not has_run and all(cond.span for cond in conds):
            spans = ", ".join(dict.fromkeys(f"{start:.1%} to {end:.1%}" for start, end in (c.span for c in conds)))
            yield (
                f"was never reached. Its conditioning is limited to {spans} of the sampling: widen "
                "that, or the bend's window."
            )
        elif not has_run:
            yield "was never reached. The sampler made no bent call in its window."

    @property
    def lines(self) -> list[str]:
        """One line a bend."""
        lines = []
        for planned in self.plan.bends:
            sites, steps = self.sites(planned)
            done = f"{_count(sites, 'layer')} × {_count(steps, 'step')}" if planned.applied else "checked, not applied"
            lines.append(f"{planned.number}. {planned.bend}: {', '.join(filter(None, (done, planned.heard)))}")
        return lines or ["no bends"]

    def badges(self, patch: Patch) -> list[Badge]:
        """What to say on the nodes that made a patch's bends, one for each node."""
        planned = {bend.number: bend for bend in self.plan.bends}
        by_node: dict[str, list[tuple[str, str, bool]]] = {}
        for number, (bend, of) in enumerate(self.plan.chain, 1):
            if of is patch and bend.origin:
                told = self._badge(number, planned.get(number))
                by_node.setdefault(bend.origin, []).append((bend.token, *told))
        return [
            Badge(
                node,
                "\n".join(f"{token}: {text}" if len(said) > 1 else text for token, text, _ in said),
                all(ok for *_, ok in said),
            )
            for node, said in by_node.items()
        ]

    def _badge(self, number: int, planned: PlannedBend | None) -> tuple[str, bool]:
        """What became of a bend, and whether that is all right."""
        missed, notes = list(self._missed(planned)) if planned else [], self.plan.notes[number]
        if planned and not planned.applied:
            return "checked, not applied: apply_to_output is off on Patch Model", False
        if planned and self._layers[number]:
            ran = "ran in {} × {}".format(*map(_count, self.sites(planned), ("layer", "step")))
            return "\n".join([ran, *missed, *notes]), not missed
        return f"did not run: {' '.join([*missed, *notes])}", False

    @property
    def plan_lines(self) -> list[str]:
        """One line a bend, before the run."""
        return [f"{planned.number}. {planned.bend}" for planned in self.plan.bends]

    @property
    def slow_ways(self) -> list[str]:
        """What kept bends from the way that costs next to nothing."""
        lines = []
        if self.ways["masked"] and self.override is not None:
            name = self.override if isinstance(self.override, str) else name_of(self.override)
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

    def overflow(self, step: int) -> BendError:
        """The error for a film that has become infinite or not a number."""
        ran = [planned for planned in self.plan.bends if self._steps[planned.number]]
        worst = max(ran, key=_risk)
        cure = "Lower its strength or its parameters" + ("" if worst.bend.renormalize else ", or turn renormalize on")
        error = BendError(f"the film is no longer finite after step {step}, most likely through this bend. {cure}.")
        return error.within(worst.title, worst.bend.origin)

    def send(self, tell: Callable[[object], None]) -> None:
        """To the log, and to the nodes by `tell`, when the run has ended."""
        for line in self.lines:
            log.info("%s", line)
        for warning in self.warnings:
            log.warning("%s", warning)
        tell(self)


@contextmanager
def telling(patches: Sequence[Patch]) -> Iterator[Callable[[object], None]]:
    """Around a run: what shows a text of it on its Patch Model nodes. A run that fails or is stopped says so there."""
    run = uuid4().hex

    def tell(text: object) -> None:
        for patch in patches:
            show_text(patch.node, str(text), run, text.badges(patch) if isinstance(text, Report) else ())

    try:
        yield tell
    except InterruptProcessingException:
        tell("⚠ This run was stopped before its end.")
        raise
    except Exception as error:
        tell(f"⚠ This run failed: {_reason(error)}")
        if isinstance(error, BendError):
            show_fault(error, patches[-1].node)
        raise


def _reason(error: Exception) -> str:
    """An error in one line; what is not ours by its kind, too."""
    text = str(error).strip()
    return text if isinstance(error, BendError) else ": ".join([type(error).__name__, *text.splitlines()[:1]])


def _risk(planned: PlannedBend) -> tuple[float, bool]:
    """How likely a bend is to make a film infinite: by its gain, and worse where nothing renormalises it."""
    bend = planned.bend
    return bend.operator.gain * bend.strength, not bend.renormalize


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
