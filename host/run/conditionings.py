"""A guider's conditionings, and the columns that the words of a bend are in each."""

from collections.abc import Sequence

from torch import Tensor

from ...bending.digest import fingerprint
from ...bending.errors import BendError
from ...bending.text.token_field import TokenField
from ...bending.text.tokens import TokenMap, resolve_each
from ..text.prompt_encoding import KEY as TOKENS_KEY

ROLES = ("positive", "negative")

Selected = dict[str, tuple[tuple[int, ...], ...]]
"""By the name of a conditioning, the columns of each token field."""


class Conditioning:
    """One conditioning, as the guider holds it before it is prepared."""

    def __init__(self, role: str, number: int, cond: dict):
        self.role = role
        self.embedding: Tensor | None = cond.get("cross_attn")
        self.tokens: TokenMap | None = cond.get(TOKENS_KEY)
        of = "" if role == "positive" else f"{role} "
        self.name = f"{of}conditioning {number}" + (f' ("{_short(self.tokens.text)}")' if self.tokens else "")

    @property
    def width(self) -> int:
        return self.embedding.shape[1]

    @property
    def has_changed(self) -> bool:
        """Whether the embedding is no longer the one that the token map describes."""
        return self.tokens is not None and fingerprint(self.embedding) != self.tokens.fingerprint


def select(
    tokens: Sequence[TokenField], passes: str, conditionings: Sequence[Conditioning], title: str, warnings: list[str]
) -> Selected:
    """The columns of each token field, by name of the conditioning; one that lacks a word is left alone, and listed."""
    roles = ROLES if passes == "both" else (passes,)
    conds = [cond for cond in conditionings if cond.role in roles]
    if not conds:
        raise BendError(
            f"the guider has no {passes if passes != 'both' else 'positive'} conditioning to bend. Use a guider with "
            f"one, such as CFGGuider, or aim the bend at another pass."
        )
    selections = [resolve_each(token, [(cond.tokens, cond.width) for cond in conds]) for token in tokens]
    notes = (note for by_cond in selections for selection in by_cond for note in selection.notes)
    warnings += [f"{title}: {note}" for note in dict.fromkeys(notes)]
    selected = {}
    for cond, *in_cond in zip(conds, *selections, strict=True):
        missing = dict.fromkeys(word for selection in in_cond for word in selection.missing)
        if missing:
            warnings.append(f"{title}: {cond.name} has no {quoted(list(missing))} and is left alone there.")
        if all(selection.columns for selection in in_cond):
            selected[cond.name] = tuple(selection.columns for selection in in_cond)
    if not selected:
        raise BendError(
            f"no conditioning has all of {quoted([token.text for token in tokens])}. Put the words into one prompt."
        )
    return selected


def quoted(words: Sequence[str]) -> str:
    return ", ".join(f'"{word}"' for word in words)


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"
