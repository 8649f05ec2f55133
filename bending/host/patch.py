"""What Patch Model puts on a model: values only."""

from collections.abc import Callable
from dataclasses import dataclass, field

from torch import Tensor

from ..bend import Bending

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


@dataclass(frozen=True)
class Patch:
    """One Patch Model node: its chain, whether the film follows it, and the node's id."""

    bending: Bending
    apply_to_output: bool = True
    node: str | None = None
    watch: Watch | None = None
