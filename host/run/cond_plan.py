"""What a run has planned for one conditioning: the columns that each bend and each watched word means in it."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from ..maps.recording import WatchedWords
from .conditionings import Conditioning, Selected


@dataclass(frozen=True)
class CondPlan:
    """One conditioning of the pass `role`: its `keys` in the network, and what each bend and watched word means in it.

    `span` is the part of the sampling that it is limited to, in fractions, if it is. `open` are the keys that its own
    mask leaves, the others being left out; all columns are numbered within them, or within all where it is None. It is
    `masked` where that mask lies over all of them instead, since one that it shuts out is watched or may get weight.

    `columns` holds, by a bend's number in the chain, the columns of each of its token fields; one that is not meant for
    this conditioning, or whose word is not in it, is not there. `watched` has the columns of the plan's words.
    """

    name: str
    role: str
    span: tuple[float, float] | None
    keys: int
    open: tuple[int, ...] | None
    masked: bool
    columns: dict[int, tuple[tuple[int, ...], ...]]
    watched: WatchedWords

    @property
    def width(self) -> int:
        """How many columns there are."""
        return self.keys if self.open is None else len(self.open)


def cond_plan(
    cond: Conditioning,
    selected: Mapping[int, Selected],
    recorded: Sequence[Selected],
    titles: Mapping[int, str],
    remapped: Container[int],
    probes: int,
    warnings: list[str],
) -> CondPlan:
    """What bends, by their numbers and `titles`, and watched words mean in one conditioning.

    So many `probes` are numbered behind the watched words, and are seen in the positive ones.

    Keys that its own mask shuts out are left out, unless one is watched, or a bend of those in `remapped` may give it
    weight: one that acts on each map by itself leaves an empty one empty, which is told.
    """
    columns = {number: selections[cond.name] for number, selections in selected.items() if cond.name in selections}
    words = tuple(selections.get(cond.name, ((),))[0] for selections in recorded)
    left = cond.open
    if left is not None:
        needed = [key for number in columns if number in remapped for keys in columns[number] for key in keys]
        left = None if {*needed, *chain.from_iterable(words)}.difference(left) else left
    if left is not None:
        place = {key: i for i, key in enumerate(left)}

        def placed(keys: tuple[int, ...]) -> tuple[int, ...]:
            return tuple(place[key] for key in keys if key in place)

        columns = {number: tuple(map(placed, fields)) for number, fields in columns.items()}
        words = tuple(map(placed, words))
        for number in [number for number, fields in columns.items() if not all(fields)]:
            del columns[number]
            warnings.append(
                f"{titles[number]}: the model masks all of these tokens in {cond.name}. No place attends to them, so "
                f"that bending them changes nothing."
            )
    masked = left is None and cond.open is not None
    seen = range(len(words), len(words) + probes) if cond.role == "positive" else range(0)
    watching = WatchedWords(cond.name, words + ((),) * probes, seen)
    return CondPlan(cond.name, cond.role, cond.span, cond.columns.count, left, masked, columns, watching)
