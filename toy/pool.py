"""Latents of the world's films: drawn and encoded once, before the diffusion model sees the first."""

from pathlib import Path

import torch
from torch import Tensor

from . import world
from .log import Log

AT_ONCE = 8
"""Films encoded together."""

REPORT = 2048


class Pool:
    """`size` latent films of `frames` frames, in two files, so that a training that goes on finds them."""

    def __init__(self, folder: Path, kind: str, frames: int, size: int, device: torch.device):
        """`kind` names the seeds, hence the films."""
        self.kind, self.frames, self.size, self.device = kind, frames, size, device
        cells = (16, (frames + 3) // 4, world.HEIGHT // 8, world.WIDTH // 8)
        folder.mkdir(parents=True, exist_ok=True)
        count = size * torch.Size(cells).numel()
        self.latents = torch.from_file(str(folder / f"{kind}.f16"), True, count, dtype=torch.float16).view(size, *cells)
        self.filled = torch.from_file(str(folder / f"{kind}.i64"), True, 1, dtype=torch.int64)
        """How many there are, `(1,)`."""

    @torch.no_grad()
    def fill(self, encode, log: Log) -> None:
        """Draw and encode what is missing; `encode` takes pictures `(B, 3, F, H, W)` in −1 … 1."""
        while (filled := int(self.filled)) < self.size:
            numbers = range(filled, min(filled + AT_ONCE, self.size))
            films = [world.film(self.scene(n), self.device, 0, self.frames).transpose(0, 1) for n in numbers]
            self.latents[filled : numbers.stop] = encode(torch.stack(films) * 2 - 1).half().cpu()
            self.filled[0] = numbers.stop
            if numbers.stop % REPORT == 0 or numbers.stop == self.size:
                log.write(self.kind, numbers.stop, self.size)

    def scene(self, number: int) -> world.Scene:
        """What the film of that number shows."""
        return world.scene(f"{self.kind} {number}")

    def batch(self, size: int, generator: torch.Generator) -> tuple[Tensor, list[world.Scene]]:
        """Latents `(size, 16, F', h, w)` in float32 and their scenes."""
        numbers = torch.randint(self.size, (size,), generator=generator)
        return self.latents[numbers].to(self.device).float(), [self.scene(number) for number in numbers.tolist()]
