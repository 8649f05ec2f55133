"""What Patch Model puts on a model: values only."""

from dataclasses import dataclass

from ...bending.bend import Bending
from ..maps.recording import Recording

KEY = "attention_bending"


@dataclass(frozen=True)
class Patch:
    """One Patch Model node: its chain, whether the film follows it, the node's id, and what it keeps of the run."""

    bending: Bending
    apply_to_output: bool = True
    node: str | None = None
    recording: Recording | None = None
