"""What a run keeps of its maps: records under the handles of its Patch Model nodes."""

import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from ...bending.frames.grid import Grid
from ...bending.maps.record import Record
from . import record_store
from .live_preview import LivePreview
from .metering import Changes, Stopwatch
from .recorder import Recorder, fit, megabytes
from .recording import Recording, WatchedWords

log = logging.getLogger(__name__)


class RunRecords:
    """The records of one run, while it goes on."""

    def __init__(
        self,
        recordings: Sequence[tuple[Recording, tuple[int, ...]]],
        words: Sequence[str],
        warnings: list[str],
        axes: tuple[int, int, int],
        grid: Grid,
        cell: int,
        stride: int,
    ):
        """Each recording with the numbers of its words among `words`; `axes` are the run's steps, layers and heads.

        `warnings` is the run's list, to add to; `cell` and `stride` as in Record. Raises BendError where a record
        cannot be kept within its limit.
        """
        self.words = words
        self.warnings = warnings
        self.cell = cell
        self.stride = stride
        self.stopwatch = Stopwatch()
        self.changes = Changes()
        self._begun = time.perf_counter()
        self._recorders: list[tuple[Recording, Recorder]] = []
        self._previews: list[LivePreview] = []
        steps, layers, heads = axes
        for recording, numbers in recordings:
            labels = [words[number] for number in numbers]
            plan = fit(labels, steps, layers, heads if recording.heads else 1, grid, recording.handle.limit)
            warnings += plan.notes
            self._recorders.append((recording, Recorder(numbers, plan)))
            self._previews.append(LivePreview(recording.handle.node, tuple(labels[: plan.words]), cell, stride))

    def __bool__(self) -> bool:
        return bool(self._recorders)

    def timed(self, device: torch.device) -> AbstractContextManager:
        """Around what bends and records do at a site, if anyone will ask."""
        return self.stopwatch.running(device) if self._recorders else nullcontext()

    def log_sizes(self) -> list[str]:
        """Before the run: what will be recorded, and how large it is, a line each; they go to the log, too."""
        lines = []
        for _, recorder in self._recorders:
            words = ", ".join(self.words[word] for word in recorder.words)
            stored, device = megabytes(recorder.plan.stored_bytes), megabytes(recorder.plan.device_bytes)
            lines.append(f"recording {words}: {stored}, and {device} beside the model while it samples")
            log.info("%s", lines[-1])
        return lines

    def add(
        self, layer: int, step: int, watched: WatchedWords, frames: tuple[int, ...], original: Tensor, bent: Tensor
    ) -> None:
        """The maps `(B, L, H, C)` of a conditioning's watched columns, then of its probes, at one site.

        `frames` are those of the film.
        """
        first = original[0]  # of a batch, the first film
        for _, recorder in self._recorders:
            recorder.at_step(step)
            recorder.add(layer, watched, frames, first, first if bent is original else bent[0])

    def show(self) -> None:
        """After a model call: the maps so far, on their nodes."""
        for (_, recorder), preview in zip(self._recorders, self._previews, strict=True):
            preview.offer(recorder)

    def close(self) -> None:
        """At the run's end, however it ended."""
        for preview in self._previews:
            preview.close()

    @property
    def device_bytes(self) -> int:
        """What the sums hold on the device while a step is under way."""
        return sum(recorder.plan.device_bytes for _, recorder in self._recorders)

    def keep(
        self,
        samples: Tensor,
        facts: Mapping[str, Any],
        conds: Sequence[WatchedWords],
        probes: Mapping[int, tuple[int, ...]],
    ) -> set[record_store.Handle]:
        """At the run's end: put what was recorded under its handles, as belonging to `samples`; these handles.

        `probes` are, by their numbers among the words, the columns of each in its own sentence.
        """
        recorded = set()
        for recording, recorder in self._recorders:
            maps = recorder.finish()
            if maps is None:
                self.warnings.append("Recording: nothing was recorded. The sampler made no call of this model.")
                continue
            plan = recorder.plan
            columns = dict(probes)
            for watched in conds:
                for word in recorder.words:
                    columns[word] = columns.get(word) or watched.by_word[word]
            record = Record(
                tuple(self.words[word] for word in recorder.words),
                tuple(columns[word] for word in recorder.words),
                plan.grid,
                plan.steps,
                plan.layers,
                plan.parts,
                *maps,
                cell=self.cell,
                stride=self.stride,
                facts=facts,
                probes=tuple(i for i, word in enumerate(recorder.words) if word in probes),
            )
            record_store.put(recording.handle, samples, record)
            recorded.add(recording.handle)
        return recorded

    @property
    def lines(self) -> list[str]:
        """What the run's bends did to the output, and what they and the records cost; empty where none is kept."""
        if not self._recorders:
            return []
        lines = []
        if changes := self.changes.by_layer():
            most = max(changes, key=changes.get)
            mean = sum(changes.values()) / len(changes)
            lines.append(
                f"the text attention's output changed by {mean:.1%} on average, most in layer {most}: "
                f"{changes[most]:.1%}"
            )
        seconds, whole = self.stopwatch.seconds(), time.perf_counter() - self._begun
        stored, device = (
            megabytes(sum(getattr(recorder.plan, name) for _, recorder in self._recorders))
            for name in ("stored_bytes", "device_bytes")
        )
        lines.append(
            f"bends and records took {seconds:.2f} s of the run's {whole:.1f} s; records {stored}, and {device} beside "
            f"the model"
        )
        return lines
