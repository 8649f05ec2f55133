"""Frequency Filter: a word's coarse or fine structure alone."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..lazy import torch
from ..parameter import parameter
from .base import FrameOperator, Kernel

KINDS = ("low", "high", "band", "notch")
EVERYTHING = 1.5
"""A cutoff from here on lies beyond every bin (the corner of the spectrum is at √2)."""

SHARP = 1e-6
"""A narrower edge has no bin in it."""


@dataclass(frozen=True)
class FrequencyFilter(FrameOperator):
    """Filter each frame of the map in the Fourier domain (`rfft2`).

    **Convention**
        r is a bin's radius in units of Nyquist, 0 … √2. `low` keeps r below `high`; `high` keeps r above `low`; `band`
        what lies between; `notch` is its complement. Each edge is a raised cosine (the taper of Tukey's window, Harris
        1978) of width `rolloff` centred on the cutoff; at rolloff 0 the cutoff itself belongs to the upper side. A
        cutoff of 1.5 or more lies beyond every bin, one of 0 just above the mean. `keep_mean` leaves bin (0, 0), the
        frame's mean, untouched. The picture is taken as periodic, as the transform has it.
    """

    kind: str = parameter("low", choices=KINDS)
    low: float = parameter(0.1, low=0, high=EVERYTHING, step=0.01, unit="units of Nyquist")
    high: float = parameter(0.5, low=0, high=EVERYTHING, step=0.01, unit="units of Nyquist")
    rolloff: float = parameter(0.1, low=0, high=1, step=0.01, unit="units of Nyquist")
    keep_mean: bool = True

    name = "Frequency Filter"
    key = "frequency_filter"

    def __post_init__(self):
        super().__post_init__()
        self.require_one_of("kind", KINDS)
        for field in ("low", "high", "rolloff"):
            self.require(getattr(self, field) >= 0, field, "Give it 0 or more.")
        if self.kind in ("band", "notch") and not self.low < self.high:
            self.refuse(f"the {self.kind} from {self.low:g} to {self.high:g} is empty. Make low smaller than high.")

    @property
    def signed(self) -> bool:
        return True

    @property
    def is_identity(self) -> bool:
        below = self.high >= EVERYTHING
        above = self.low == 0 and self.keep_mean
        return {"low": below, "high": above, "band": below and above, "notch": False}[self.kind]

    def kernel(self, height, width, device) -> Kernel:
        """The filter as small matrices: a real transform along x, for each of its bins a circulant along y, and back.

        r is even in the vertical frequency, so the circulants are real. On channels-last pictures this is several times
        faster than an FFT, which would have to stride over the channels.
        """
        response = self.response(height, width)
        rows = torch.fft.ifft(response, dim=0).real
        shift = (torch.arange(height)[:, None] - torch.arange(height)) % height
        down = rows[shift].permute(2, 0, 1).contiguous().to(device)
        forward, back = (matrix.to(device) for matrix in _real_transform(width))

        def kernel(pictures: torch.Tensor) -> torch.Tensor:
            n, h, w, c = pictures.shape
            bins = torch.matmul(forward, pictures).view(n, h, w // 2 + 1, 2 * c).transpose(1, 2)
            filtered = torch.matmul(down, bins).transpose(1, 2).reshape(n, h, -1, c)
            return torch.matmul(back, filtered)

        return kernel

    def response(self, height: int, width: int) -> torch.Tensor:
        """What each bin is multiplied by, `(h, w//2 + 1)`."""
        fy = torch.fft.fftfreq(height)[:, None] * 2
        fx = torch.fft.rfftfreq(width) * 2
        r = (fx**2 + fy**2).sqrt()
        below = self._below(r, self.high)
        above = 1 - self._below(r, self.low)
        between = below * above
        response = {"low": below, "high": above, "band": between, "notch": 1 - between}[self.kind]
        if self.keep_mean:
            response[0, 0] = 1
        return response

    def _below(self, r: torch.Tensor, cutoff: float) -> torch.Tensor:
        """1 below the cutoff, 0 above it, a raised cosine between."""
        if cutoff >= EVERYTHING:
            return torch.ones_like(r)
        if cutoff == 0:
            return (r == 0).float()
        if self.rolloff < SHARP:
            return (r < cutoff).float()
        u = ((r - cutoff) / self.rolloff + 0.5).clamp(0, 1)
        return (1 + torch.cos(math.pi * u)) / 2


def _real_transform(size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """`rfft` and `irfft` of a line as real matrices, `(2·bins, size)` and back; real and imaginary parts alternate."""
    forward = torch.view_as_real(torch.fft.rfft(torch.eye(size), dim=1)).permute(1, 2, 0).flatten(0, 1)
    parts = torch.eye(forward.shape[0]).view(forward.shape[0], -1, 2)
    return forward.contiguous(), torch.fft.irfft(torch.view_as_complex(parts), n=size, dim=1).T.contiguous()
