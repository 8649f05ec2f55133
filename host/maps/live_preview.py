"""The maps of the words on the Patch Model node, while the sampler runs."""

import time
from collections.abc import Callable
from threading import Thread

import torch
from PIL import Image
from torch import Tensor

from ...bending.pictures.drawing import GAP, Look, Views, draw
from ..display import can_show_pictures, picture_shower, wishes
from .recorder import Recorder

PERIOD = 0.2
"""Seconds between two pictures, at the least."""

WORDS = 4
"""How many words are shown."""

WIDTH = 384
"""How wide a picture is at most."""


class LivePreview:
    """One node's pictures: of the middle frame, before and after the bends, a mean over layers so far in a step.

    The device is never waited for: a picture whose copy has not arrived is shown at a later call, or not at all. Nor is
    the sampler: pictures are drawn in a thread, one at a time.
    """

    def __init__(self, node: str | None, words: tuple[str, ...], cell: int, stride: int):
        self.node = node
        self.words = words[:WORDS]
        self.cell = cell
        self.stride = stride
        wanted = wishes()
        self.is_on = can_show_pictures(node) and wanted.live_maps
        self.look = Look(color_map=wanted.color_map)
        self._last = -PERIOD
        self._copy: tuple[Tensor, torch.cuda.Event | None] | None = None
        self._drawing: Thread | None = None
        self._error: Exception | None = None

    def offer(self, recorder: Recorder) -> None:
        """Called after each model call. Raises what went wrong with the last picture."""
        if not self.is_on:
            return
        if self._error is not None:
            raise self._error
        if self._copy is None and time.monotonic() - self._last >= PERIOD:
            self._last = time.monotonic()
            self._copy = _copied(recorder.running_mean())
        has_arrived = self._copy is not None and (self._copy[1] is None or self._copy[1].query())
        if has_arrived and not (self._drawing and self._drawing.is_alive()):
            maps, self._copy = self._copy[0], None
            self._drawing = Thread(target=self._draw, args=(maps, picture_shower(self.node)), daemon=True)
            self._drawing.start()

    def close(self) -> None:
        """At the run's end: the last picture is waited for, a fraction of a second."""
        if self._drawing is not None:
            self._drawing.join()
        self._drawing = self._copy = None

    @torch.inference_mode()
    def _draw(self, maps: Tensor, show: Callable[[Image.Image], None]) -> None:
        try:
            show(self._picture(maps))
        except Exception as error:  # raised where the sampler calls next
            self._error = error

    def _picture(self, maps: Tensor) -> Image.Image:
        """Of `(2, W, h, w)`, original and bent; one of them where they are the same."""
        same = torch.equal(*maps)
        views = ("original",) if same else ("original", "bent")
        values = maps[: len(views), : len(self.words)].transpose(0, 1)[:, :, None]
        height, width = values.shape[-2:]
        pixels = max(1, min(self.cell, (WIDTH - GAP) // len(views) // width))  # of a cell
        shown = Views(self.words, views, values, self.cell, self.stride)
        (picture,) = draw(shown, self.look, size=(height * pixels, width * pixels))
        return Image.fromarray((picture * 255).round().byte().numpy())


def _copied(maps: Tensor | None) -> tuple[Tensor, "torch.cuda.Event | None"] | None:
    """The middle frame of `(2, W, F, h, w)` on its way to the CPU, and what tells that it has arrived."""
    if maps is None:
        return None
    middle = maps[:, :, maps.shape[2] // 2]
    if middle.device.type != "cuda":
        return middle.cpu(), None
    host = torch.empty(middle.shape, pin_memory=True)
    host.copy_(middle, non_blocking=True)
    arrived = torch.cuda.Event()
    arrived.record()
    return host, arrived
