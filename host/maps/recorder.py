"""Keeping words' maps while a run goes on: sums on the device for the steps under way, half precision on the CPU."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...bending.errors import BendError
from ...bending.frames.grid import Grid
from ...bending.maps.record import BYTES, Bins, PackedMaps, even_bins, span
from ..keeping import keeping
from .recording import WatchedWords

FLOAT = 4


@dataclass(frozen=True)
class RecordPlan:
    """What a record will hold, fitted to its limit before the run; `notes` say what had to be left out."""

    words: int
    steps: Bins
    layers: Bins
    parts: int
    grid: Grid
    notes: tuple[str, ...] = ()

    @property
    def stored_bytes(self) -> int:
        """On the CPU, original and bent."""
        return 2 * BYTES * self.words * len(self.steps) * self.step_numbers

    @property
    def device_bytes(self) -> int:
        """Of the sums, for one bin of steps."""
        return 2 * FLOAT * self.words * self.step_numbers

    @property
    def step_numbers(self) -> int:
        """Of one word, for one bin of steps."""
        return len(self.layers) * self.parts * self.grid.cells


def fit(labels: Sequence[str], steps: int, layers: int, parts: int, grid: Grid, limit: int) -> RecordPlan:
    """The finest plan of at most `limit` bytes: coarser steps and layers come before fewer words.

    Raises BendError where not even one word fits.
    """

    def planned(words: int, step_bins: int, layer_bins: int, notes: tuple[str, ...] = ()) -> RecordPlan:
        return RecordPlan(words, even_bins(steps, step_bins), even_bins(layers, layer_bins), parts, grid, notes)

    words, step_bins, layer_bins = len(labels), max(steps, 1), layers
    steps = step_bins
    wanted = planned(words, steps, layers).stored_bytes
    while planned(words, step_bins, layer_bins).stored_bytes > limit and step_bins * layer_bins > 1:
        if step_bins >= layer_bins:
            step_bins = (step_bins + 1) // 2
        else:
            layer_bins = (layer_bins + 1) // 2
    while planned(words, step_bins, layer_bins).stored_bytes > limit and words > 1:
        words -= 1
    least = planned(words, step_bins, layer_bins)
    if least.stored_bytes > limit:
        raise BendError(
            f"Recording: one word of this film takes {megabytes(least.stored_bytes)} at the least, and "
            f"record_limit_mb is {limit // 2**20}. Raise it."
        )
    left_out = []
    if step_bins < steps:
        left_out.append(f"{steps} steps are kept as {step_bins} means ({_listed(least.steps)})")
    if layer_bins < layers:
        left_out.append(f"{layers} layers are kept as {layer_bins} means ({_listed(least.layers)})")
    if words < len(labels):
        left_out.append(f"not recorded: {', '.join(labels[words:])}")
    notes = (
        (
            f"Recording: everything would take {megabytes(wanted)}, more than record_limit_mb "
            f"({limit // 2**20}): {'; '.join(left_out)}.",
        )
        if left_out
        else ()
    )
    return planned(words, step_bins, layer_bins, notes)


class Recorder:
    """One record while it is made.

    `add` adds the maps of one model call at one site; `at_step` moves on to a step, and puts away what the bin before
    it holds; `finish` gives the record's maps.
    """

    def __init__(self, words: Sequence[int], plan: RecordPlan):
        """`words` are numbers of the run's words, of which the plan has room for the first."""
        self.words = tuple(words[: plan.words])
        self.plan = plan
        self._shape = (plan.words, len(plan.layers), plan.parts, *plan.grid.shape)
        self._stored = [self._empty()]  # before the chain, and after it where that differs
        self._seen = torch.zeros(plan.words, len(plan.steps), len(plan.layers), dtype=torch.bool)
        self._bin_of_step = {k: i for i, (first, last) in enumerate(plan.steps) for k in range(first, last + 1)}
        self._bin_of_layer = {k: i for i, (first, last) in enumerate(plan.layers) for k in range(first, last + 1)}
        self._bin = -1
        self._sums: Tensor | None = None
        # counted on the CPU, so that no call waits for the device
        self._counts = np.zeros((plan.words, len(plan.layers), plan.grid.frames), np.float32)
        self._stored_counts = np.zeros((len(plan.steps), *self._counts.shape), np.float32)
        self._is_bent = False
        self._members: dict[tuple[str, torch.device], tuple[list[int], Tensor]] = {}

    def at_step(self, step: int) -> None:
        if self._bin_of_step[step] != self._bin:
            with keeping():  # once a bin, in the midst of a block
                self._flush_bin()
            self._bin = self._bin_of_step[step]

    def add(self, layer: int, watched: WatchedWords, frames: Sequence[int], original: Tensor, bent: Tensor) -> None:
        """Add the maps `(L, H, C)` of a conditioning's columns and probes, at some latent frames of the film."""
        present, member = self._member(watched, original.device)
        if not present:
            return
        if self._sums is None:
            with keeping():
                self._sums = torch.zeros(2, *self._shape, device=original.device)
        at = self._bin_of_layer[layer]
        self._counts[np.ix_(present, [at], frames)] += 1
        self._is_bent |= bent is not original
        self._add_maps(0, present, at, frames, self._maps_by_word(original, member))
        self._add_maps(1, present, at, frames, self._maps_by_word(bent, member))

    def running_mean(self) -> Tensor | None:
        """Original and bent `(2, W, F, h, w)` of the steps under way, a mean over layers and heads; None before any."""
        if self._sums is None:
            return None
        counts = torch.from_numpy(self._counts.sum(1) * self.plan.parts).clamp(min=1)[..., None, None]
        return self._sums.sum((2, 3)) / counts.to(self._sums.device, non_blocking=True)

    def finish(self) -> tuple[PackedMaps, PackedMaps, Tensor] | None:
        """The maps before and after the chain, and where they were seen; None where nothing was."""
        self._flush_bin()
        return (self._stored[0], self._stored[-1], self._seen) if self._seen.any() else None

    def _empty(self) -> PackedMaps:
        words, *rest = self._shape
        shape = (words, len(self.plan.steps), *rest)
        return PackedMaps(torch.zeros(shape, dtype=torch.float16), torch.zeros(*shape[:4], 1, 1, 1))

    def _member(self, watched: WatchedWords, device: torch.device) -> tuple[list[int], Tensor]:
        """The recorded words that are seen in a conditioning, and which of its maps are whose: `(C, W')`."""
        key = (watched.cond, device)
        if key not in self._members:
            own = [watched.by_word[word] for word in self.words]
            present = [i for i, word in enumerate(self.words) if own[i] or word in watched.probes]
            rows = [[float(column in own[i]) for i in present] for column in watched.columns]
            rows += [[float(self.words[i] == probe) for i in present] for probe in watched.probes]
            with keeping():
                self._members[key] = present, torch.tensor(rows, device=device)
        return self._members[key]

    def _maps_by_word(self, maps: Tensor, member: Tensor) -> Tensor:
        """`(L, H, C)` to the words' `(W', P, L)`."""
        if self.plan.parts == 1:
            return (maps.mean(1) @ member).T[:, None]
        return (maps @ member).permute(2, 1, 0)

    def _add_maps(self, which: int, present: list[int], at: int, frames: Sequence[int], maps: Tensor) -> None:
        maps = maps.unflatten(2, (len(frames), *self.plan.grid.shape[1:]))
        if len(present) == self.plan.words and frames[-1] - frames[0] + 1 == len(frames):
            self._sums[which, :, at, :, frames[0] : frames[-1] + 1] += maps
        else:
            index = torch.tensor(frames, device=maps.device)
            for word, word_maps in zip(present, maps, strict=True):
                self._sums[which, word, at].index_add_(1, index, word_maps)

    def _flush_bin(self) -> None:
        """The means of the bin of steps under way to the CPU, once a bin: here the host waits for the device.

        A bin that a sampler comes back to is the mean over all of its calls.
        """
        if self._sums is None or not self._counts.any():
            return
        if self._is_bent and len(self._stored) == 1:  # so far they were the same
            self._stored.append(PackedMaps(self._stored[0].values.clone(), self._stored[0].peaks.clone()))
        earlier = torch.from_numpy(self._stored_counts[self._bin])[:, :, None, :, None, None]
        now = torch.from_numpy(self._counts)[:, :, None, :, None, None]
        counts = (earlier + now).clamp(min=1).to(self._sums.device)
        for stored, sums in zip(self._stored, self._sums, strict=False):
            if earlier.any():
                means = stored.values[:, self._bin].float() * stored.peaks[:, self._bin]
                sums += (means * earlier).to(sums.device)
            packed = PackedMaps.pack(sums / counts)
            stored.values[:, self._bin] = packed.values.cpu()
            stored.peaks[:, self._bin] = packed.peaks.cpu()
        self._stored_counts[self._bin] += self._counts
        self._seen[:, self._bin] = torch.from_numpy(self._stored_counts[self._bin].sum(-1) > 0)
        self._sums.zero_()
        self._counts[:] = 0


def _listed(bins: Bins) -> str:
    return ", ".join(map(span, bins)) if len(bins) <= 6 else f"{span(bins[0])}, {span(bins[1])}, …, {span(bins[-1])}"


def megabytes(count: int) -> str:
    """A number of bytes, as messages say it."""
    return f"{count / 2**20:.1f} MB"
