"""Blur: a word spread out. The gaussian here serves Sharpen too."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..lazy import torch
from ..parameter import parameter
from .base import FrameOperator, Kernel

FLAT = 64
"""A gaussian wider than this many turns of its ring is flat on it, to float32's precision."""

NARROWEST = 1e-3
"""A gaussian this narrow is its middle tap alone; the square of a smaller number may be none."""

WIDEST = 9999
"""Cells of a kernel: many more than any grid has."""


@dataclass(frozen=True)
class Blur(FrameOperator):
    """Spread the map by a gaussian.

    **Convention**
        `sigma` in cells of the grid (16 pixels on Wan 2.1, 32 on Wan 2.2 5B and LTX). Taps `exp(−k²/2σ²)` for
        `|k| ≤ ⌈4σ⌉`, or `|k| ≤ (kernel_size − 1)/2` where `kernel_size` is not 0, with the sum 1. Edges are mirrored
        (…b a | a b…), so that a constant stays constant and the total stays the total.
    """

    sigma: float = parameter(2.0, low=0, high=64, step=0.1, unit="cells of the latent grid")
    kernel_size: int = parameter(0, low=0, high=255, step=1)

    name = "Blur"
    key = "blur"

    def __post_init__(self):
        super().__post_init__()
        self.require(self.sigma >= 0, "sigma", "Give it 0 (nothing) or more.")
        self.require(self.kernel_size <= WIDEST, "kernel_size", f"Give it 0 (from sigma) or at most {WIDEST}.")
        self.require(
            self.kernel_size == 0 or (self.kernel_size > 0 and self.kernel_size % 2 == 1),
            "kernel_size",
            f"Give it 0 (from sigma) or an odd number such as {abs(self.kernel_size) + 1}.",
        )

    @property
    def is_identity(self) -> bool:
        return self.sigma == 0 or self.kernel_size == 1

    def kernel(self, height, width, device) -> Kernel:
        radius = (self.kernel_size - 1) // 2 if self.kernel_size else None
        return gaussian(self.sigma, radius, height, width, device)


def gaussian(sigma: float, radius: int | None, height: int, width: int, device, sharpen: float | None = None) -> Kernel:
    """Separable gaussian blur as two small matrices, one along each side of the picture.

    With `sharpen` the kernel is `a + sharpen · (a − blur a)` instead, summed where the blur is made.
    """
    down, across = (mirrored_gaussian(sigma, radius, size).to(device) for size in (height, width))

    def kernel(pictures: torch.Tensor) -> torch.Tensor:
        n, h, w, c = pictures.shape
        blurred = torch.matmul(down, pictures.reshape(n, h, w * c)).view(n * h, w, c)
        if sharpen is None:
            return torch.matmul(across, blurred).view(n, h, w, c)
        lines, sides = pictures.reshape(n * h, w, c), across.expand(n * h, w, w)
        return torch.baddbmm(lines, sides, blurred, beta=1 + sharpen, alpha=-sharpen).view(n, h, w, c)

    return kernel


def mirrored_gaussian(sigma: float, radius: int | None, size: int) -> torch.Tensor:
    """Blur's convention on a line of `size` cells, both ends mirrored, as a `(size, size)` matrix.

    A mirrored line is a ring of twice its cells: the taps are added up around it once, however many turns they take.
    """
    ring = 2 * size
    if radius is None and sigma > FLAT * ring:
        taps, radius = torch.ones(ring), 0
    else:
        radius = math.ceil(4 * sigma) if radius is None else radius
        k = torch.arange(-radius, radius + 1, dtype=torch.float32)
        taps = torch.exp(-((k / max(sigma, NARROWEST)) ** 2) / 2)
    turns = torch.nn.functional.pad(taps / taps.sum(), (0, -len(taps) % ring)).view(-1, ring).sum(0)
    places = torch.arange(ring)
    spread = turns[(places - torch.arange(size)[:, None] + radius) % ring]  # (size, ring): from each cell around it
    return spread[:, :size] + spread[:, size:].flip(1)
