"""A guider's conditionings, and the columns that the words of a bend are in each."""

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from functools import cached_property

from torch import Tensor

from ...bending.bend import Bending
from ...bending.digest import fingerprint
from ...bending.errors import BendError
from ...bending.text.token_field import ALL, TokenField
from ...bending.text.tokens import Selection, TokenMap, resolve_each
from ..families.family import Columns
from ..text.own_bends import KEY as OWN_KEY
from ..text.prompt_encoding import KEY as TOKENS_KEY

ROLES = ("positive", "negative")

Selected = dict[str, tuple[tuple[int, ...], ...]]
"""By the name of a conditioning, the columns of each token field, as keys of the attention."""


class Conditioning:
    """One conditioning, as the guider holds it before it is prepared."""

    def __init__(self, role: str, number: int, cond: dict, columns: Callable[[dict], Columns]):
        """`columns` says where its columns stand in what the network attends to."""
        self.role = role
        self.embedding: Tensor | None = cond.get("cross_attn")
        self.columns = None if self.embedding is None else columns(cond)
        self.tokens: TokenMap | None = cond.get(TOKENS_KEY)
        self.own_bends: Bending = cond.get(OWN_KEY) or Bending()
        # a mask may stand for the area around it; ComfyUI samples either way only what lies inside
        self.has_area = "area" in cond or ("mask" in cond and bool(cond.get("set_area_to_bounds")))
        limited = "start_percent" in cond or "end_percent" in cond
        self.span = (cond.get("start_percent", 0.0), cond.get("end_percent", 1.0)) if limited else None
        of = "" if role == "positive" else f"{role} "
        self.name = f"{of}conditioning {number}" + (f' ("{_short(self.tokens.text)}")' if self.tokens else "")

    @property
    def width(self) -> int:
        return self.embedding.shape[1]

    def keys(self, selection: Selection) -> tuple[int, ...]:
        """The keys of the attention that a selection of its columns means."""
        if selection.is_all:
            return tuple(range(self.columns.count))
        return tuple(column + self.columns.shift for column in selection.columns)

    @property
    def open(self) -> tuple[int, ...] | None:
        """The keys that its own mask leaves open; None where it has none, or one that shuts out all of them."""
        shut = None if self.columns.shut is None else frozenset(self.columns.shut)
        if shut is None or len(shut) == self.columns.count:
            return None
        return tuple(key for key in range(self.columns.count) if key not in shut)

    @cached_property
    def has_changed(self) -> bool:
        """Whether the embedding is no longer the one that the token map describes."""
        return self.tokens is not None and fingerprint(self.embedding) != self.tokens.fingerprint

    @cached_property
    def is_zero(self) -> bool:
        """Whether nothing is left of the prompt: all its columns are alike then, and none is a word's."""
        return not self.embedding.any()


def select(
    fields: Mapping[str, TokenField], passes: str, conditionings: Sequence[Conditioning], notes: list[str]
) -> Selected:
    """The columns of each token field, by name of the conditioning; one that lacks a word is left alone, and noted."""
    tokens = tuple(fields.values())
    roles = ROLES if passes == "both" else (passes,)
    conds = [cond for cond in conditionings if cond.role in roles]
    if not conds:
        raise BendError(
            f"the guider has no {passes if passes != 'both' else 'positive'} conditioning to bend. Use a guider with "
            f"one, such as CFGGuider, or aim the bend at another pass."
        )
    if names_words(tokens):
        zeroed = [cond for cond in conds if cond.is_zero]
        conds = [cond for cond in conds if not cond.is_zero]
        if not conds:
            raise BendError(
                f"{zeroed[0].name} is all zeros (Conditioning Zero Out), so that no word is in it. Encode a prompt in "
                f"its place, aim the bend at another pass, or bend ALL."
            )
        notes += [f"{cond.name} is all zeros, and is left alone." for cond in zeroed]
    selections = [_resolved(name, token, conds) for name, token in fields.items()]
    notes += dict.fromkeys(note for by_cond in selections for selection in by_cond for note in selection.notes)
    selected = {}
    for cond, *in_cond in zip(conds, *selections, strict=True):
        missing = dict.fromkeys(word for selection in in_cond for word in selection.missing)
        if missing:
            notes.append(f"{cond.name} has no {quoted(list(missing))} and is left alone there.")
        if all(selection.columns for selection in in_cond):
            selected[cond.name] = tuple(map(cond.keys, in_cond))
            if cond.has_area:
                raise BendError(
                    f"{cond.name} is limited to an area, which cannot be bent yet. Remove Conditioning (Set Area) from "
                    "it; a mask works (Conditioning (Set Mask), set_cond_area default)."
                )
    if not selected:
        raise BendError(
            f"no conditioning has all of {quoted([token.text for token in tokens])}. Put the words into one prompt."
        )
    return selected


def check_encoders(conditionings: Sequence[Conditioning], encoders: Sequence[str]) -> None:
    """Refuse a prompt that was read by none of the text `encoders` that a model takes, as token maps tell them.

    Without any, each is taken.
    """
    for cond in conditionings:
        source = cond.tokens.source if cond.tokens else ""
        if encoders and source and source not in encoders:
            raise BendError(
                f"{cond.name} was encoded by {source}, but this model takes {' or '.join(encoders)}. Encode the prompt "
                "with that."
            )


def _resolved(name: str, token: TokenField, conds: Sequence[Conditioning]) -> tuple[Selection, ...]:
    try:
        return resolve_each(token, [(cond.tokens, cond.width) for cond in conds])
    except BendError as error:
        raise BendError(str(error), name, error.offers) from None


def names_words(tokens: Sequence[TokenField]) -> bool:
    """Whether anything but ALL is named, so that it matters which column is whose."""
    return any(term.text != ALL or not term.selector for token in tokens for term in token.terms)


def doubts(conditionings: Sequence[Conditioning], bent: Container[str], by_words: Container[str]) -> Iterator[str]:
    """What is to be said of the conditionings that are `bent`, of which some are bent `by_words`; both are names."""
    for cond in conditionings:
        if cond.name in by_words and cond.has_changed:
            yield (
                f"{cond.name} is no longer the embedding that Bend Prompt made (Conditioning (Average) or the like "
                f"changed it): a word's columns may hold other words too."
            )
        opposite = [other for other in conditionings if other.role != cond.role and other.name in bent]
        if cond.has_area and opposite:
            yield (
                f"{cond.name} is limited to an area, where ComfyUI samples {opposite[0].name} once more: there that is "
                f"not bent. A mask (Conditioning (Set Mask), set_cond_area default) has no such second part."
            )


def quoted(words: Sequence[str]) -> str:
    return ", ".join(f'"{word}"' for word in words)


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"
