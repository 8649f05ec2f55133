"""How the model calls of a run must be laid out, and where what is found differs: nothing is bent on a guess."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ...bending.attention.device_cache import DeviceCache
from ...bending.errors import BendError
from ...bending.frames.layout import FrameLayout
from ...bending.time.windows import SamplingMoment
from ..families.family import Call, Family, film_shape
from ..families.geometry import Geometry
from ..keeping import keeping
from .chains import Caches
from .cond_plan import CondPlan
from .open_keys import OpenKeys
from .site import RowSlice


class Misfit(BendError):
    """What a call has that its run did not expect; whose doing it looks like is still to be said."""


@dataclass(frozen=True)
class CondSlice(RowSlice):
    """Rows of one model call that share a conditioning, with its plan and what the algebra keeps on the device."""

    cond: CondPlan
    cache: DeviceCache


@dataclass(frozen=True)
class CallLayout:
    """What a site of one model call is expected to attend with.

    `rows` are the batch's in all; `keys` the counts of text keys that its conditionings have, one unless the host
    joins what it should not.
    """

    rows: int
    geometry: Geometry
    keys: frozenset[int]

    def misfit(self, rows: int, more: bool, queries: int, keys: int, grid: tuple[int, ...] | None) -> str | None:
        """How the call of a site differs; there may be `more` of its rows to come. None where it is as expected."""
        geometry = self.geometry
        return _differences(
            ("rows", self.rows, None if more and rows < self.rows else rows),
            ("grid of tokens", _by(len(geometry.frames), geometry.height, geometry.width), grid and _by(*grid)),
            ("queries", geometry.tokens, queries),
            ("text keys", " or ".join(map(str, sorted(self.keys))), str(keys)),
        )


@dataclass(frozen=True)
class ModelCall:
    """A model call that has rows of the run's: how it is laid out, and the rows that something happens to."""

    layout: CallLayout
    conds: tuple[CondPlan, ...]
    slices: tuple[CondSlice, ...]
    options: Mapping[str, Any]


class CallReader:
    """Reads the model calls of a run, by what its family says of them."""

    def __init__(
        self, family: Family, latent: Sequence[int], film: range, retained: Sequence[int], stride: int, heads: int
    ):
        """`latent` is the shape of the run's, `film` its frames, `retained` what a context handler fills (see Call)."""
        self.family, self.latent, self.film, self.retained = family, tuple(latent), film, tuple(retained)
        self.stride = stride
        self._caches = Caches(heads)
        self._open: dict[tuple[str, torch.device], OpenKeys] = {}

    def read(
        self,
        model,
        x: Tensor,
        options: Mapping[str, Any],
        conditions: Mapping[str, Any],
        known: Sequence[tuple[int, CondPlan]],
        moment: SamplingMoment | None,
    ) -> ModelCall:
        """The call that gives a model the latent x; of its conditionings the `known` ones, by their places, are ours.

        Without a moment nothing happens in it. Raises Misfit where it is not laid out as it must be, and BendError
        where that cannot be bent.
        """
        conditionings = len(options["uuids"])
        latent, seen = self.family.latent(self.latent, options), film_shape(x.shape, conditions.get("latent_shapes"))
        if reason := _latent_misfit(conditionings, latent, seen):
            raise Misfit(reason)
        geometry = self.family.layout(model, Call(seen, conditions, options, self.retained, self.film))
        keys = frozenset(cond.keys for _, cond in known)
        slices = ()
        if moment is not None and geometry.own:
            slices = tuple(self._slices(geometry, latent[0], known, moment, x.device))
        return ModelCall(CallLayout(x.shape[0], geometry, keys), tuple(cond for _, cond in known), slices, options)

    def require_masks(self) -> None:
        """Raise BendError where a call had another mask than its conditioning's own; this waits for the device."""
        unlike = [name for (name, _), keys in self._open.items() if keys.unlike]
        if unlike:
            raise BendError(
                f"the mask over the text's attention is not that of {unlike[0]}, so that other tokens were left out. "
                f"Another node has changed it since; take that node out, or bend a branch without it."
            )

    def _slices(
        self,
        geometry: Geometry,
        batch: int,
        known: Sequence[tuple[int, CondPlan]],
        moment: SamplingMoment,
        device: torch.device,
    ) -> Iterator[CondSlice]:
        frames = FrameLayout(geometry.grid, geometry.own_frames, len(self.film), self.stride)
        cache, tokens = self._caches.at(moment, frames, device), geometry.rows(device)
        for i, cond in known:
            keys = self._open_keys(cond, device)
            yield CondSlice(slice(i * batch, (i + 1) * batch), tokens, geometry, cond, cache, keys=keys)

    def _open_keys(self, cond: CondPlan, device: torch.device) -> OpenKeys | None:
        if cond.open is None:
            return None
        if (cond.name, device) not in self._open:
            with keeping():
                self._open[cond.name, device] = OpenKeys(cond.open, cond.keys, device)
        return self._open[cond.name, device]


def _latent_misfit(conditionings: int, latent: Sequence[int], seen: Sequence[int]) -> str | None:
    """How the latent of a model call differs from what that many conditionings of that `latent` make."""
    batch, *size = latent
    names = ("channels", "latent frames", "latent height", "latent width") if len(size) == 4 else ()
    if len(seen) != len(latent) or not names:
        return _differences(("latent", _by(batch * conditionings, *size), _by(*seen)))
    rows = ("rows", batch * conditionings, seen[0])
    return _differences(rows, *zip(names, size, seen[1:], strict=True))


def _differences(*facts: tuple[str, Any, Any]) -> str | None:
    """Facts of which the expected and the seen differ, as a sentence; what was not seen is None."""
    unlike = [
        f"{name}: {expected} expected, {seen} seen" for name, expected, seen in facts if seen not in (None, expected)
    ]
    return f"a model call is not laid out as this run's. {'; '.join(unlike)}." if unlike else None


def _by(*sizes: int) -> str:
    return " × ".join(map(str, sizes))
