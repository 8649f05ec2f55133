"""What a run's bends cost and what they did to the output, measured without waiting for the device."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch import Tensor

from ...bending.attention.kernel import Attention
from ..keeping import keeping

ROWS = 256
"""How many image rows of an output are compared before and after."""


class Stopwatch:
    """The time that some passages took, on the device where it has a clock of its own."""

    def __init__(self):
        self._seconds = 0.0
        self._events: list[tuple[torch.cuda.Event, torch.cuda.Event]] = []

    @contextmanager
    def running(self, device: torch.device) -> Iterator[None]:
        if device.type == "cuda":
            begun, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            begun.record()
            yield
            ended.record()
            self._events.append((begun, ended))
        else:
            begun = time.perf_counter()
            yield
            self._seconds += time.perf_counter() - begun

    def seconds(self) -> float:
        """All of it; waits for the device."""
        if self._events:
            self._events[-1][1].synchronize()
        return self._seconds + sum(begun.elapsed_time(ended) for begun, ended in self._events) / 1000


class Changes:
    """How much each layer's attention output was changed: `‖bent − un-bent‖ / ‖un-bent‖`, on some of its rows."""

    def __init__(self):
        self._squares: dict[int, Tensor] = {}

    def add(self, layer: int, attention: Attention, bent: Tensor) -> None:
        """`bent` `(B, L, H, D)` is the bent output of `attention`, of which some rows are made again, un-bent."""
        rows = slice(None, None, max(1, bent.shape[1] // ROWS))
        if attention.divisible:
            before = replace(attention, q=attention.q[:, rows]).output().float()
        else:  # a foreign override may know the attention by its length
            before = attention.output()[:, rows].float()
        changed = bent[:, rows].float() - before
        with keeping():
            pair = torch.stack((changed.square().sum(), before.square().sum()))
            self._squares[layer] = self._squares[layer] + pair if layer in self._squares else pair

    def by_layer(self) -> dict[int, float]:
        """Of each layer in which any bend ran; waits for the device."""
        return {
            layer: (changed / max(whole, 1e-30)) ** 0.5
            for layer, (changed, whole) in ((layer, pair.tolist()) for layer, pair in sorted(self._squares.items()))
        }
