"""A run's plan, made and checked before the first step: which bends, on which columns, at which sites, when."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from torch import Tensor

from ..bend import Bend
from ..errors import BendError
from ..layers import resolve_layers
from ..schedule import Schedule
from ..tokens import TokenMap, resolve_each
from .clip import KEY as TOKENS_KEY
from .clip import fingerprint
from .patch import Patch, Watch


@dataclass(frozen=True)
class Entry:
    """A bend of the run, in its place in the chain."""

    number: int
    of: int
    bend: Bend
    applied: bool
    layers: frozenset[int]

    @property
    def title(self) -> str:
        return _title(self.number, self.of, self.bend)


@dataclass(frozen=True)
class CondPlan:
    """One positive conditioning: its `width` columns, and what each bend and each watch means in it.

    `columns` holds the columns of each entry by number; an entry whose word is not in this conditioning has none.
    """

    name: str
    width: int
    columns: dict[int, tuple[int, ...]]
    watched: tuple[tuple[int, ...], ...]

    @property
    def watched_columns(self) -> tuple[int, ...]:
        return tuple(dict.fromkeys(column for columns in self.watched for column in columns))


@dataclass
class RunPlan:
    """All that is decided before the first step. `entries` are the bends that can change something in this run."""

    entries: tuple[Entry, ...]
    watches: tuple[Watch, ...]
    conds: dict[int, CondPlan]
    warnings: list[str] = field(default_factory=list)

    def acts_in(self, layer: int) -> bool:
        return bool(self.watches) or any(entry.applied and layer in entry.layers for entry in self.entries)


def make_plan(patches: Sequence[Patch], conds: dict[str, list[dict]], layers: int, schedule: Schedule) -> RunPlan:
    """Resolve the chains of all patches, in order, against a guider's conditionings.

    `conds` are the guider's lists by role; `layers` is the model's count of sites. Raises BendError, naming the bend,
    for all that cannot work; what is merely doubtful becomes a warning of the plan.
    """
    chain = [(bend, patch.apply_to_output) for patch in patches for bend in patch.bending]
    watches = tuple(patch.watch for patch in patches if patch.watch)
    warnings: list[str] = []
    if any("area" in cond for some in conds.values() for cond in some):
        raise BendError(
            "a conditioning is limited to an area, which cannot be bent yet. Remove Conditioning (Set Area) from this "
            "sampler's conditionings; a mask (Conditioning (Set Mask)) works."
        )
    if not conds.get("positive"):
        raise BendError("the guider has no positive conditioning to bend. Use a guider with one, such as CFGGuider.")
    positive = [_Cond(i, cond) for i, cond in enumerate(conds["positive"], 1) if cond.get("cross_attn") is not None]
    warnings += [
        f"{cond.name} is no longer the embedding that Bend Prompt made (Conditioning (Average) or the like changed "
        f"it): a word's columns may hold other words too."
        for cond in positive
        if cond.has_changed
    ]
    entries, selected = [], {}
    for number, (bend, applied) in enumerate(chain, 1):
        title = _title(number, len(chain), bend)
        try:
            selected[number] = _select(bend.token, positive, title, warnings)
            entry = Entry(number, len(chain), bend, applied, resolve_layers(bend.layers, layers))
        except BendError as error:
            raise BendError(f"{title}: {error}") from None
        if bend.is_identity:
            warnings.append(f"{title}: changes nothing with these settings, and is left out.")
            continue
        if schedule.reaches(bend):
            entries.append(entry)
        if not schedule.window(bend):
            at = ", ".join(f"{schedule.percent(sigma):.1%}" for sigma in schedule.sigmas[: schedule.steps])
            warnings.append(
                f"{title}: no step of this sampler lies in {bend.start:.1%} to {bend.end:.1%}; its steps are at {at}."
            )
    watched = [_select(watch.token, positive, "Watch", warnings) for watch in watches]
    plans = {
        id(cond.embedding): CondPlan(
            cond.name,
            cond.width,
            {number: selections[i] for number, selections in selected.items() if selections[i]},
            tuple(selections[i] for selections in watched),
        )
        for i, cond in enumerate(positive)
    }
    return RunPlan(tuple(entries), watches, plans, warnings)


class _Cond:
    """One positive conditioning, as the guider holds it before it is prepared."""

    def __init__(self, number: int, cond: dict):
        self.embedding: Tensor = cond["cross_attn"]
        self.width = self.embedding.shape[1]
        self.tokens: TokenMap | None = cond.get(TOKENS_KEY)
        self.name = f'conditioning {number} ("{_short(self.tokens.text)}")' if self.tokens else f"conditioning {number}"

    @property
    def has_changed(self) -> bool:
        """Whether the embedding is no longer the one that the token map describes."""
        return self.tokens is not None and fingerprint(self.embedding) != self.tokens.fingerprint


def _select(token: str, conds: list[_Cond], title: str, warnings: list[str]) -> list[tuple[int, ...]]:
    """The columns that `token` means in each conditioning; one that lacks a word is left alone, and listed."""
    selections = resolve_each(token, [(cond.tokens, cond.width) for cond in conds])
    warnings += [f"{title}: {note}" for note in dict.fromkeys(n for selection in selections for n in selection.notes)]
    for cond, selection in zip(conds, selections, strict=True):
        if selection.missing:
            warnings.append(f"{title}: {cond.name} has no {_quoted(selection.missing)} and is left alone there.")
    return [selection.columns for selection in selections]


def _quoted(words: Sequence[str]) -> str:
    return ", ".join(f'"{word}"' for word in words)


def _title(number: int, of: int, bend: Bend) -> str:
    return f"Bend {number} of {of}, {bend.title}"


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"
