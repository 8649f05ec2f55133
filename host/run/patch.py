"""What Patch Model puts on a model: values only."""

from collections.abc import Callable
from dataclasses import dataclass, field

from torch import Tensor

from ...bending.bend import Bending
from ...bending.errors import BendError
from ...bending.text.token_field import parse_token
from ..maps.record_store import Handle

KEY = "attention_bending"


@dataclass(frozen=True)
class Sighting:
    """A word's map at one site of one model call, before and after the chain: `(B, H, F, h, w)` float32."""

    layer: int
    step: int
    original: Tensor
    bent: Tensor


@dataclass(frozen=True)
class Watch:
    """A look at a word's maps: `see` is called at every site of every call that the chain could act in."""

    token: str
    see: Callable[[Sighting], None] = field(compare=False)


RECORDED = ("bent words", "marked words", "listed words")


@dataclass(frozen=True)
class Recording:
    """What a run keeps of words' maps, under `handle`.

    words    `bent words` of the whole chain (the prompt's first eight where there are none), `marked words` of the
             prompts, or `listed words`: those of the comma list `tokens`
    heads    whether the heads are kept apart; else their mean
    """

    handle: Handle
    words: str = "bent words"
    tokens: str = ""
    heads: bool = False

    def __post_init__(self):
        if self.words not in RECORDED:
            raise BendError(f"record is {self.words!r}. Choose one of {', '.join(RECORDED)}.")
        if self.words == "listed words":
            try:
                parse_token(self.tokens)
            except BendError as error:
                raise BendError(f"record_tokens: {error}") from None


@dataclass(frozen=True)
class Patch:
    """One Patch Model node: its chain, whether the film follows it, the node's id, and what it keeps of the run."""

    bending: Bending
    apply_to_output: bool = True
    node: str | None = None
    watch: Watch | None = None
    recording: Recording | None = None
