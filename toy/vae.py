"""The toy's VAE: ComfyUI's WanVAE, 8 channels wide at full size, trained on crops of the world's films.

First single frames, for which the causal kernels' last taps are enough, then films. Latents are kept at a root mean
square of 1 and decoded with noise on them, so that they are smooth and forgive what a diffusion model gets wrong.
"""

import math
import random
from pathlib import Path

import torch
import torch.nn.functional as F
from comfy.latent_formats import Wan21
from comfy.ldm.wan.vae import Resample, WanVAE
from torch import Tensor, nn

from . import state, world
from .log import Log

WIDTH = 8
NOISE = 0.2
STAGES = (
    # name, frames, crop in pixels, batch, steps, highest learning rate
    ("vae image", 1, 64, 16, 1400, 3e-3),
    ("vae film", world.FRAMES, 48, 4, 1000, 2e-3),
)
CHECKPOINT = 100
REPORT = 50


def build(device: torch.device) -> WanVAE:
    """A WanVAE as ComfyUI's loader builds it, with fresh weights."""
    vae = WanVAE(dim=WIDTH, z_dim=16, temperal_downsample=[False, True, True]).to(device)
    for name, weight in vae.named_parameters():
        if name.endswith("bias"):
            nn.init.zeros_(weight)
        elif name.endswith("gamma"):
            nn.init.ones_(weight)
        elif weight.ndim == 5:
            # Only the tap of the present frame: a film is at first so many pictures.
            nn.init.zeros_(weight)
            gain = 0.3 if ".residual.6." in name else 1.0
            nn.init.normal_(weight.data[:, :, -1], std=gain * (weight.shape[1] * weight.shape[3] ** 2) ** -0.5)
        else:
            nn.init.normal_(weight, std=weight[0].numel() ** -0.5)
    for part in vae.modules():
        if isinstance(part, Resample) and hasattr(part, "time_conv"):
            copies = part.time_conv.weight.shape[0] // part.dim
            part.time_conv.weight.data[:, :, -1, 0, 0] = torch.eye(part.dim, device=device).repeat(copies, 1)
    for middle in (vae.encoder.middle, vae.decoder.middle):
        # The attention of the middle would tie the picture to the size it was trained on: it stays silent.
        nn.init.zeros_(middle[1].proj.weight).requires_grad_(False)
        middle[1].proj.bias.requires_grad_(False)
    return vae


def train(folder: Path, device: torch.device, log: Log) -> WanVAE:
    """The trained VAE of that folder; trains it where it is not finished."""
    vae = build(device)
    if finished := state.load(folder / "vae.pt", device):
        vae.load_state_dict(finished)
        return vae
    checkpoint = state.load(folder / "vae-state.pt", device)
    for number, (stage, frames, crop, batch, steps, rate) in enumerate(STAGES):
        optimizer = torch.optim.AdamW([w for w in vae.parameters() if w.requires_grad], betas=(0.9, 0.97))
        begin = 0
        if checkpoint and checkpoint["stage"] > number:
            continue
        if checkpoint and checkpoint["stage"] == number:
            vae.load_state_dict(checkpoint["vae"])
            optimizer.load_state_dict(checkpoint["optimizer"])
            begin = checkpoint["step"]
        for step in range(begin, steps):
            warm = min(1.0, (step + 1) / 50)
            optimizer.param_groups[0]["lr"] = rate * warm * (0.02 + 0.98 * (1 + math.cos(math.pi * step / steps)) / 2)
            pictures = torch.stack([_crop(f"{stage} {step} {i}", frames, crop, device) for i in range(batch)])
            loss, difference, rms = _loss(vae, pictures, torch.Generator(device).manual_seed(step))
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
            optimizer.step()
            if (step + 1) % REPORT == 0:
                log.write(stage, step + 1, steps, difference=difference, rms=rms)
            if (step + 1) % CHECKPOINT == 0 or step + 1 == steps:
                checkpoint = {
                    "stage": number,
                    "step": step + 1,
                    "vae": vae.state_dict(),
                    "optimizer": optimizer.state_dict(),
                }
                state.save(folder / "vae-state.pt", checkpoint)
    _normalise(vae, device)
    state.save(folder / "vae.pt", vae.state_dict())
    return vae


@torch.no_grad()
def latents(vae: WanVAE, pictures: Tensor) -> Tensor:
    """What the sampler sees of pictures `(B, 3, F, H, W)` in −1 … 1: `(B, 16, F', h, w)` of mean 0 and variance 1."""
    return Wan21().process_in(vae.encode(pictures))


def _crop(seed: str, frames: int, size: int, device: torch.device) -> Tensor:
    """`(3, frames, size, size)` in −1 … 1 of a random film, near one of its things three times of four."""
    draw = random.Random(seed)
    scene = world.scene(seed)
    first = draw.randrange(world.FRAMES) if frames == 1 else 0
    left, top = draw.randrange(world.WIDTH - size + 1), draw.randrange(world.HEIGHT - size + 1)
    if draw.random() < 0.75:
        x, y = draw.choice(scene.things).at(draw.randrange(first, first + frames))
        left = min(max(int(x - draw.uniform(0, size)), 0), world.WIDTH - size)
        top = min(max(int(y - draw.uniform(0, size)), 0), world.HEIGHT - size)
    film = world.film(scene, device, first, first + frames)[:, :, top : top + size, left : left + size]
    return film.transpose(0, 1) * 2 - 1


def _loss(vae: WanVAE, pictures: Tensor, generator: torch.Generator) -> tuple[Tensor, float, float]:
    """What is minimised, the mean absolute difference of the pictures, and the latents' root mean square."""
    latent = vae.encode(pictures)
    rms = latent.square().mean().sqrt()
    noise = torch.randn(latent.shape, generator=generator, device=latent.device)
    decoded = vae.decode(latent + NOISE * noise)
    difference = F.l1_loss(decoded, pictures)
    loss = (
        difference
        + F.mse_loss(decoded, pictures)
        + 0.1 * (rms - 1).square()
        + 0.01 * latent.mean((0, 2, 3, 4)).square().mean()
    )
    return loss, difference.item(), rms.item()


@torch.no_grad()
def _normalise(vae: WanVAE, device: torch.device) -> None:
    """Fold a shift and a scale into the kernels around the latents, so that `latents` has mean 0 and variance 1."""
    films = (world.film(world.scene(f"normalise {number}"), device).transpose(0, 1) for number in range(64))
    latents = torch.cat([vae.encode(film.unsqueeze(0) * 2 - 1) for film in films])
    mean = latents.mean((0, 2, 3, 4))
    std = (latents - mean.view(1, -1, 1, 1, 1)).square().mean().sqrt()
    wanted = Wan21()
    scale = wanted.latents_std.flatten().to(device) / std
    shift = wanted.latents_mean.flatten().to(device) - mean * scale
    last, first = vae.conv1, vae.conv2
    last.weight[:16] *= scale.view(-1, 1, 1, 1, 1)
    last.bias[:16] = last.bias[:16] * scale + shift
    first.weight /= scale.view(1, -1, 1, 1, 1)
    first.bias -= first.weight.flatten(1) @ shift
