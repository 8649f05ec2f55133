"""What Patch Model puts on a model: values only."""

from dataclasses import dataclass

from ...bending.bend import Bending
from ..maps.record_store import Handle
from ..maps.recording import Recording
from ..text.probes import Probes

KEY = "attention_bending"


@dataclass(frozen=True)
class Patch:
    """One Patch Model node: its chain, whether the film follows it, the node's id, and what it keeps of the run.

    Each run leaves its report under `handle`, which is also that of a `recording`. That keeps the `probes` too.
    """

    bending: Bending
    apply_to_output: bool = True
    node: str | None = None
    recording: Recording | None = None
    handle: Handle | None = None
    probes: Probes | None = None
