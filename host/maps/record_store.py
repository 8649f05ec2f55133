"""Where what runs leave is kept: under the handle that a Patch Model node gave out, as long as that handle lives.

ComfyUI keeps a node's output and hands it to every later run, so what travels on the wire is a handle that never
changes. Each run puts its record under it when it ends, or its report alone where nothing is recorded, with a
fingerprint of the latent that it returned; who holds the latent finds what belongs to it.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from comfy.model_management import intermediate_dtype
from torch import Tensor

from ...bending.bend import Bending
from ...bending.digest import fingerprint
from ...bending.errors import BendError
from ...bending.maps.record import Record
from ...bending.uncopied import Uncopied
from ..display import Prompt, prompt_under_way

IDLE = "Nothing to bend and nothing to record: the model passes through as it came."
"""What is told of a Patch Model that does nothing."""

KEPT = 4
"""How many runs of one handle are kept, the newest first to stay."""


@dataclass(frozen=True, eq=False)
class Handle(Uncopied):
    """The maps of one Patch Model node, whatever runs it will see; `limit` bounds the bytes of all that are kept.

    An `idle` node has nothing to bend and nothing to record, and so no runs. `bending` is what it was given.
    """

    node: str | None
    limit: int
    idle: bool = False
    bending: Bending = field(default_factory=Bending)


class Run(NamedTuple):
    """What one run left, the fingerprint of its latent, and the prompt that it was a part of, if a server had it."""

    digest: str
    left: Record | str
    prompt: Prompt | None


_runs: WeakKeyDictionary[Handle, tuple[Run, ...]] = WeakKeyDictionary()
"""By handle, the newest run first; the handle with the newest stands last."""


def put(handle: Handle, samples: Tensor, left: Record | str) -> None:
    """Put what a run that returned `samples` left under its handle: its record, or its report where it has none.

    The oldest go, as number and limit ask.
    """
    made = Run(fingerprint(samples.to(intermediate_dtype())), left, prompt_under_way())
    runs = [made, *(run for run in _runs.get(handle, ()) if run.digest != made.digest)]
    total, newest = 0, []
    for run in runs[:KEPT]:
        total += run.left.nbytes if isinstance(run.left, Record) else 0
        if newest and total > handle.limit:
            break
        newest.append(run)
    _runs.pop(handle, None)  # so that it comes to stand last
    _runs[handle] = tuple(newest)


def latest(node: str, workflow: str, prompt: str | None = None) -> tuple[Handle, Record] | None:
    """The newest record of the Patch Model that a page knows by its execution id and its workflow's; of one `prompt`.

    None where none is kept: nothing was recorded, or the handle is gone with ComfyUI's cache.
    """
    handles = [handle for reference in reversed(_runs.keyrefs()) if (handle := reference()) is not None]
    for handle in handles:
        for run in _runs.get(handle, ()) if handle.node == node else ():
            told = run.prompt
            is_meant = told is not None and told.workflow == workflow and prompt in (None, told.id)
            if is_meant and isinstance(run.left, Record):
                return handle, run.left
    return None


def record_of(maps: Handle | Record, latent: dict | None) -> Record:
    """The record that belongs to a latent; a record that was loaded from a file is its own.

    Raises BendError where the latent is missing, came from another run, or from one that was not recorded.
    """
    if isinstance(maps, Record):
        return maps
    records = {run.digest: run.left for run in _runs.get(maps, ()) if isinstance(run.left, Record)}
    return _of(
        records,
        latent,
        "this Patch Model has recorded no run yet. Set its record to something else than none, and connect its model "
        "to the sampler whose latent is connected here; a run that was stopped or failed leaves no maps.",
    )


def left_by(maps: Handle | Record, latent: dict | None) -> Record | str:
    """The record that belongs to a latent, or the report of a run that was not recorded.

    Raises BendError where the latent is missing, or came from another run.
    """
    if isinstance(maps, Record):
        return maps
    if maps.idle:
        return IDLE
    return _of(
        {run.digest: run.left for run in _runs.get(maps, ())},
        latent,
        "this Patch Model has seen no run yet. Connect its model to the sampler whose latent is connected here; a run "
        "that was stopped or failed leaves no report.",
    )


def _of(runs: dict[str, Any], latent: dict | None, none: str) -> Any:
    """The run that made a latent; `none` is what is wrong where there are no runs."""
    if latent is None:
        raise BendError(
            "nothing is known before the sampler has run. Connect the latent of the sampler that uses this Patch "
            "Model's model."
        )
    if not runs:
        raise BendError(none)
    digest = fingerprint(latent["samples"])
    if digest not in runs:
        raise BendError(
            f"these maps belong to another run of this model (the last {len(runs)} are kept): run the sampler again, "
            f"and connect its latent as it came out, before any other node changes it. If ComfyUI answers from its "
            f"cache, change the sampler's seed, or unload the execution cache."
        )
    return runs[digest]
