"""Latents of the world's films, drawn and encoded as the training goes, and kept for a while.

Encoding a film costs about as much as a step spends on it, so each is used a few times before a new one takes its slot.
"""

from pathlib import Path

import torch
from torch import Tensor

from . import world

AT_ONCE = 8
"""Films encoded together."""


class Pool:
    """A ring of `size` latent films of `frames` frames, in two files, so that a training that goes on finds them."""

    def __init__(self, folder: Path, kind: str, frames: int, size: int, device: torch.device):
        """`kind` names the seeds, hence the films."""
        self.kind, self.frames, self.size, self.device = kind, frames, size, device
        cells = (16, (frames + 3) // 4, world.HEIGHT // 8, world.WIDTH // 8)
        folder.mkdir(parents=True, exist_ok=True)
        count = size * torch.Size(cells).numel()
        self.latents = torch.from_file(str(folder / f"{kind}.f16"), True, count, dtype=torch.float16).view(size, *cells)
        self.numbers = torch.from_file(str(folder / f"{kind}.i64"), True, size, dtype=torch.int64)
        """For each slot the film's number, plus one; 0 where there is none yet."""

    def __len__(self) -> int:
        """Films that were ever made."""
        return int(self.numbers.max())

    @torch.no_grad()
    def grow(self, encode, until: int) -> None:
        """Draw and encode films up to that number; `encode` takes pictures `(B, 3, F, H, W)` in −1 … 1."""
        while (made := len(self)) < until:
            numbers = range(made, min(made + AT_ONCE, until))
            scenes = [world.scene(f"{self.kind} {number}") for number in numbers]
            films = torch.stack([world.film(s, self.device, 0, self.frames).transpose(0, 1) for s in scenes])
            latents = encode(films * 2 - 1).half().cpu()
            for number, latent in zip(numbers, latents, strict=True):
                self.latents[number % self.size] = latent
                self.numbers[number % self.size] = number + 1

    def batch(self, size: int, generator: torch.Generator) -> tuple[Tensor, list[str]]:
        """Latents `(size, 16, F', h, w)` in float32 and their captions."""
        slots = torch.randint(min(len(self), self.size), (size,), generator=generator)
        captions = [world.scene(f"{self.kind} {number - 1}").caption for number in self.numbers[slots].tolist()]
        return self.latents[slots].to(self.device).float(), captions
