"""Where the records of runs are kept: under the handle that a Patch Model node gave out, as long as that handle lives.

ComfyUI keeps a node's output and hands it to every later run, so what travels on the wire is a handle that never
changes. Each run puts its record under it when it ends, with a fingerprint of the latent that it returned; who holds
the latent finds the record that belongs to it.
"""

from dataclasses import dataclass
from weakref import WeakKeyDictionary

from comfy.model_management import intermediate_dtype
from torch import Tensor

from ...bending.digest import fingerprint
from ...bending.errors import BendError
from ...bending.maps.record import Record
from ...bending.uncopied import Uncopied

KEPT = 4
"""How many runs of one handle are kept, the newest first to stay."""


@dataclass(frozen=True, eq=False)
class Handle(Uncopied):
    """The maps of one Patch Model node, whatever runs it will see; `limit` bounds the bytes of all that are kept."""

    node: str | None
    limit: int


_runs: WeakKeyDictionary[Handle, tuple[tuple[str, Record], ...]] = WeakKeyDictionary()


def put(handle: Handle, samples: Tensor, record: Record) -> None:
    """Put the record of a run that returned `samples` under its handle; the oldest go, as number and limit ask."""
    digest = fingerprint(samples.to(intermediate_dtype()))
    runs = [(digest, record), *(run for run in _runs.get(handle, ()) if run[0] != digest)]
    total, newest = 0, []
    for run in runs[:KEPT]:
        total += run[1].nbytes
        if newest and total > handle.limit:
            break
        newest.append(run)
    _runs[handle] = tuple(newest)


def record_of(maps: Handle | Record, latent: dict | None) -> Record:
    """The record that belongs to a latent; a record that was loaded from a file is its own.

    Raises BendError where the latent is missing, or came from another run.
    """
    if isinstance(maps, Record):
        return maps
    if latent is None:
        raise BendError(
            "there are no maps before the sampler has run. Connect the latent of the sampler that uses this Patch "
            "Model's model."
        )
    runs = dict(_runs.get(maps, ()))
    if not runs:
        raise BendError(
            "this Patch Model has recorded no run yet. Set its record to something else than none, and connect its "
            "model to the sampler whose latent is connected here; a run that was stopped or failed leaves no maps."
        )
    digest = fingerprint(latent["samples"])
    if digest not in runs:
        raise BendError(
            f"these maps belong to another run of this model (the last {len(runs)} are kept): run the sampler again, "
            f"and connect its latent as it came out, before any other node changes it. If ComfyUI answers from its "
            f"cache, change the sampler's seed, or unload the execution cache."
        )
    return runs[digest]
