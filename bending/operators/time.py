"""Time: a word's map moved along the frames."""

from __future__ import annotations

from dataclasses import dataclass

from ..lazy import torch
from ..parameter import parameter
from .base import PADDINGS, Operator
from .blur import mirrored_gaussian
from .resample import line

WAYS = ("shift", "blur", "reverse", "freeze", "stretch")


@dataclass(frozen=True)
class Time(Operator):
    """Move the map along the frames, every place by itself.

    **Convention**
        In latent frames (four of the video's on Wan). `shift`: `amount` frames later, negative earlier, linear between
        frames. `blur`: a gaussian of sigma `amount`, ends mirrored. `reverse`: the last frame first. `freeze`: every
        frame becomes frame `amount` (the nearest; negative from the end). `stretch`: `amount` times as long about the
        film's middle, above 1 slower. `padding` says what lies outside the film for shift and stretch: border (the end
        frame), zeros, reflection, wrap. In a context window the film is the window.
    """

    way: str = parameter("shift", choices=WAYS)
    amount: float = parameter(1.0, low=-1000, high=1000, step=0.1, unit="latent frames (four of the video's each)")
    padding: str = parameter("border", choices=PADDINGS)

    name = "Time"
    key = "time"
    temporal = True

    def __post_init__(self):
        super().__post_init__()
        self.require_one_of("way", WAYS)
        self.require_one_of("padding", PADDINGS)
        self.require(self.way != "blur" or self.amount >= 0, "amount", "Give a blur 0 or more.")
        self.require(self.way != "stretch" or self.amount > 0, "amount", "Give a stretch more than 0.")

    @property
    def is_identity(self) -> bool:
        return {"shift": self.amount == 0, "blur": self.amount == 0, "stretch": self.amount == 1}.get(self.way, False)

    def matrix(self, frames: int) -> torch.Tensor:
        """`(F, F)`: how much of each frame each new frame takes."""
        last = frames - 1
        if self.is_identity:
            return torch.eye(frames)
        if self.way == "blur":
            return mirrored_gaussian(self.amount, None, frames)
        if self.way == "freeze":
            frame = round(self.amount) + (frames if self.amount < 0 else 0)
            source = torch.full((frames,), float(min(max(frame, 0), last)))
        elif self.way == "reverse":
            source = last - torch.arange(frames, dtype=torch.float32)
        elif self.way == "shift":
            source = torch.arange(frames, dtype=torch.float32) - self.amount
        else:
            source = last / 2 + (torch.arange(frames, dtype=torch.float32) - last / 2) / self.amount
        return line(source, frames, self.padding)
