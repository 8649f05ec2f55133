"""A run's plan, made and checked before the first step: which bends, on which columns, at which sites, when."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from uuid import UUID

from ...bending.attention.action import operators_at
from ...bending.attention.chain import BLOCK, check_words
from ...bending.attention.schedule import Schedule
from ...bending.bend import Bend
from ...bending.errors import BendError
from ...bending.frames.grid import Grid
from ...bending.frames.latent_time import is_stretched
from ...bending.frames.layout import FrameLayout
from ...bending.text.token_field import TokenTerm
from ...bending.time import ranges
from ...bending.time.animation import SampledCurve
from ...bending.time.stretch import Stretch
from ...bending.time.windows import TimeWindow
from ..families.family import Columns, given_columns
from ..maps.recording import Recording
from . import one_frame
from .cond_plan import CondPlan, cond_plan
from .conditionings import ROLES, Conditioning, Selected, check_encoders, doubts, names_words, quoted, select
from .patch import Patch
from .probing import PlannedProbe, plan_probes
from .unconnected import unconnected
from .watching import watched_words


@dataclass(frozen=True)
class PlannedBend:
    """A bend of the run, in its place in the chain; of one with a stretch, in which pictures that is `heard`."""

    number: int
    of: int
    bend: Bend
    applied: bool
    layers: frozenset[int]
    heard: str = ""

    @property
    def title(self) -> str:
        return _title(self.number, self.of, self.bend)


@dataclass(frozen=True)
class ModelSpec:
    """What is bent: the model's counts of layers and heads, the film's latent frames and how many frames of the video
    each stands for, the sampling's schedule, where a conditioning's columns stand in what the network attends to, the
    text encoders that it takes, as token maps tell them, and why it cannot be probed, if it cannot.
    """

    layers: int
    heads: int
    frames: int
    stride: int
    schedule: Schedule
    columns: Callable[[dict], Columns] = given_columns
    encoders: tuple[str, ...] = ()
    unprobed: str = ""


@dataclass
class RunPlan:
    """All that is decided before the first step.

    `chain` has every bend with its patch, `bends` those that can change something in this run, and `notes` what is to
    be said of each, by its number in the chain. `conds` are the plans by role and identity of embedding, `words` those
    whose maps are watched, by their labels, the `probes` last; `recordings` have theirs by number. `prompts` are the
    positive texts. `warnings` hold the notes, too.
    """

    chain: tuple[tuple[Bend, Patch], ...]
    bends: tuple[PlannedBend, ...]
    words: tuple[str, ...]
    recordings: tuple[tuple[Recording, tuple[int, ...]], ...]
    conds: dict[tuple[str, int], CondPlan]
    prompts: tuple[str, ...]
    notes: dict[int, list[str]]
    warnings: list[str] = field(default_factory=list)
    probes: tuple[PlannedProbe, ...] = ()

    @property
    def probed(self) -> Mapping[int, tuple[int, ...]]:
        """By its number among the words, the columns of each probe in its own sentence."""
        first = len(self.words) - len(self.probes)
        return {first + i: planned.probe.columns for i, planned in enumerate(self.probes)}

    def check_texts(self, conds: Mapping[str, Sequence[dict]], plans: Mapping[UUID, CondPlan | None]) -> None:
        """Look at what a guider's prepared conditionings by role have become; `plans` are those found, by their uuid.

        Raises BendError where one that is to be bent or watched is not there any more; what has come in addition is
        told. A copy that is of an area alone has no plan.
        """
        found = {id(plan) for plan in plans.values()}
        for plan in self.conds.values():
            texts = [cond for cond in conds.get(plan.role) or () if "area" not in cond and _columns(cond)]
            if id(plan) not in found and (plan.columns or plan.watched.columns):
                widths = ", ".join(map(str, sorted(set(map(_columns, texts))))) or "none"
                raise BendError(
                    f"{plan.name} had {plan.keys} tokens when it was given to the sampler, and another node has "
                    f"changed its text since (now there are {widths}). Take that node out, or bend a branch without it."
                )
            added = [cond for cond in texts if plans.get(cond["uuid"]) is None]
            if added:
                told = f"another node has added {len(added)} to the {plan.role} conditionings: not bent."
                self.warnings += [told] * (told not in self.warnings)

    def acts_in(self, layer: int) -> bool:
        return bool(self.words) or any(planned.applied and layer in planned.layers for planned in self.bends)


def make_plan(patches: Sequence[Patch], conds: dict[str, list[dict]], subject: ModelSpec) -> RunPlan:
    """Resolve the chains of all patches, in order, against a guider's conditionings.

    `conds` are the guider's lists by role. Raises BendError, naming the bend, for all that cannot work; what is merely
    doubtful becomes a warning of the plan.
    """
    chain = tuple((bend, patch) for patch in patches for bend in patch.bending)
    listed = [(role, i, cond) for role in ROLES for i, cond in enumerate(conds.get(role) or (), 1)]
    conditionings = [Conditioning(*each, subject.columns) for each in listed]
    conditionings = [cond for cond in conditionings if cond.embedding is not None]
    check_encoders(conditionings, subject.encoders)
    warnings: list[str] = []
    planned, selected, notes = [], {}, {}
    for number, (bend, patch) in enumerate(chain, 1):
        title = _title(number, len(chain), bend)
        said = notes[number] = []
        try:
            selected[number] = select(bend.token_fields, bend.passes or "positive", conditionings, said)
            layers = ranges.resolve(bend.layers, ranges.LAYERS, subject.layers)
            for columns in selected[number].values():
                check_words(bend, columns)
            said += _check(bend, subject)
        except BendError as error:
            raise error.within(title, bend.origin) from None
        if bend.is_identity:
            said.append("changes nothing with these settings, and is left out.")
        elif subject.schedule.reaches(bend):
            heard = _heard(bend, subject)
            planned.append(PlannedBend(number, len(chain), bend, patch.apply_to_output, layers, heard))
        warnings += [f"{title}: {note}" for note in said]
    words: dict[TokenTerm, Selected] = {}  # those that are watched, numbered by their order
    recording, own, asked = [patch for patch in patches if patch.recording], [], []
    for patch in recording:
        try:
            found = watched_words(patch.recording, [bend for bend, _ in chain], conditionings, words, warnings)
        except BendError as error:
            raise error.within("Recording", patch.recording.handle.node) from None
        words |= found
        own.append(tuple(list(words).index(term) for term in found))
        model = subject.columns, subject.encoders, subject.unprobed
        asked.append(plan_probes(patch.probes, conditionings, *model, warnings) if patch.probes else ())
    firsts = accumulate(map(len, asked), initial=len(words))
    recordings = [
        (patch.recording, (*numbers, *range(first, first + len(probes))))
        for patch, numbers, first, probes in zip(recording, own, firsts, asked, strict=False)
    ]
    probes = sum(asked, ())
    watched = list(words.values())
    by_words = {
        name for number, (bend, _) in enumerate(chain, 1) if names_words(bend.tokens) for name in selected[number]
    }
    by_words.update(name for selections in watched for name in selections)
    warnings += unconnected(conditionings, [bend for bend, _ in chain], selected)
    warnings += doubts(conditionings, {name for selections in selected.values() for name in selections}, by_words)
    titles = {number: _title(number, len(chain), bend) for number, (bend, _) in enumerate(chain, 1)}
    remapped = {number for number, (bend, _) in enumerate(chain, 1) if bend.operator.acts_on == "words"}
    plans = {
        (cond.role, id(cond.embedding)): cond_plan(cond, selected, watched, titles, remapped, len(probes), warnings)
        for cond in conditionings
    }
    for plan in plans.values():
        for one in planned:
            if plan.masked and one.number in plan.columns and one.bend.operator.acts_on == "logits":
                raise BendError(
                    f"it cannot act where tokens that the model masks, such as PADDING, are recorded, swapped or "
                    f"painted, as in {plan.name}. Leave those out, or use another bend."
                ).within(one.title, one.bend.origin)
        if len(plan.watched.columns) > BLOCK:
            raise BendError(
                f"Recording: {quoted([str(term) for term in words])} are {len(plan.watched.columns)} tokens in "
                f"{plan.name}, but at most {BLOCK} are recorded at once. List fewer words in record_tokens.",
                "record_tokens",
                node=recordings[-1][0].handle.node,
            )
    prompts = tuple(
        dict.fromkeys(cond.tokens.text for cond in conditionings if cond.role == "positive" and cond.tokens)
    )
    labels = (*map(str, words), *(planned.probe.label for planned in probes))
    return RunPlan(chain, tuple(planned), labels, tuple(recordings), plans, prompts, notes, warnings, probes)


def _columns(cond: dict) -> int:
    """Of a prepared conditioning's text; 0 where it has none."""
    text = cond["model_conds"].get("c_crossattn")
    return 0 if text is None else text.cond.shape[1]


def _check(bend: Bend, subject: ModelSpec) -> list[str]:
    """Refuse what the run would meet only later; return what is to be said about the rest."""
    schedule = subject.schedule
    counts = [(ranges.LAYERS, subject.layers), (ranges.HEADS, subject.heads)]
    if subject.frames > 1:
        counts.append((ranges.FRAMES, subject.frames))
    notes = [
        f"its {kind.field} ({getattr(bend, kind.field)}) have nothing in common, so that it acts nowhere."
        for kind, count in counts
        if not ranges.resolve(getattr(bend, kind.field), kind, count)
    ]
    layout = FrameLayout.whole(Grid(subject.frames, 1, 1), subject.stride)
    if subject.frames == 1:  # says all that is of frames
        notes += one_frame.notes(bend, subject.stride)
    for moment in schedule.moments:
        operators_at(bend, moment, layout)
    for animation in bend.animations:
        count = subject.frames if animation.over == "frames" else max(schedule.steps, 1)
        animation.track.values(count, subject.stride if animation.over == "frames" else None)
        if isinstance(animation.track, Stretch):
            notes += _stretch_notes(animation.track, subject)
        if subject.frames == 1 and animation.over == "frames":
            continue
        given = animation.track.samples if isinstance(animation.track, SampledCurve) else ()
        if given and animation.track.name == "list" and is_stretched(len(given), count, subject.stride):
            notes.append(f"{len(given)} values of {animation.parameter} are stretched to {count} {animation.over}.")
    for mask in (*bend.masks, *bend.operator.masks):
        if is_stretched(len(mask.values), subject.frames, subject.stride):
            notes.append(
                f"a mask of {len(mask.values)} frames is stretched to the {subject.frames} of the latent film."
            )
        if not mask.values.any():
            notes.append(
                "its mask is empty, so that it acts nowhere. A picture without transparency gives such a mask."
            )
    inside = [moment for moment in schedule.moments if all(window.holds(moment) for window in bend.all_windows)]
    if len(inside) == 1 and any(window.curve and schedule.is_whole_for(window) for window in bend.windows):
        raise BendError("a curve needs more than one step, but its window holds one. Widen it, or use strength.")
    if schedule.steps and not schedule.window(bend) and not bend.is_identity:
        at = ", ".join(f"{moment.percent:.1%}" for moment in schedule.moments)
        shown = ", ".join(str(window) for window in bend.all_windows if window != TimeWindow())
        notes.append(f"no step of this sampler lies in {shown}; its steps are at {at}.")
    return notes


def _stretch_notes(stretch: Stretch, subject: ModelSpec) -> list[str]:
    """What is to be said of a stretch in this film. Raises BendError for a picture, which has no time."""
    if subject.frames == 1:
        raise BendError("it moves over a film, but this run makes one picture. Make a film, or use Bend Prompt.")
    if stretch.heard(subject.frames, subject.stride):
        return []
    return [
        f"its stretch, {stretch.end - stretch.start:.1%} of the film, fills less than half of any latent frame: it is "
        f"at most {max(stretch.values(subject.frames, subject.stride)):.2g}, in a film of {subject.frames} latent "
        "frames."
    ]


def _heard(bend: Bend, subject: ModelSpec) -> str:
    """In which pictures a bend's stretch is heard by half at least; empty for a bend without."""
    for stretch in (animation.track for animation in bend.animations if isinstance(animation.track, Stretch)):
        if frames := stretch.heard(subject.frames, subject.stride):
            first, last = max(0, subject.stride * (frames[0] - 1) + 1), subject.stride * frames[-1]
            return f"heard in pictures {first}–{last} (latent frames {frames[0]}–{frames[-1]})"
    return ""


def _title(number: int, of: int, bend: Bend) -> str:
    return f"Bend {number} of {of}, {bend.title}"
