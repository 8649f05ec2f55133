"""The training of the toy's text encoder and diffusion model, together: pictures first, then films."""

import copy
import functools
import math
import random
import time
from pathlib import Path
from typing import NamedTuple

import comfy.model_management
import sentencepiece
import torch
from comfy.text_encoders.t5 import T5
from torch import nn

from . import flow, state, text, words, world
from .log import Log
from .pool import Pool
from .vae import latents

MUON, ADAM = 4e-3, 1.5e-3
"""Highest learning rates: of matrices in the model's blocks, of all other weights."""

WARM = 100
AVERAGE = 0.998
"""The weights that are kept are an average over about the last 500 steps."""

CHECKPOINT_SECONDS = 240
REPORT = 50
BANDS = (0.0, 0.5, 0.8, 0.9, 0.96, 1.0)
"""Losses are reported by noise level: n − x is hard to tell at both ends for different reasons."""


class Plan(NamedTuple):
    """How long, and from what: steps on pictures alone, then steps on films, among them some on pictures."""

    image_steps: int
    film_steps: int
    image_batch: int = 64
    film_batch: int = 24
    images: int = 32768
    films: int = 3072
    whole_steps: int = 2500
    """The first of all steps, in which no word is left out of a caption: what words mean is learned before."""

    mixed_steps: int = 3250
    """The first of all steps, in which words may tell of each other's colours and shapes."""

    cool: float = 0.25
    """The last part of all steps, in which the learning rate falls to nothing."""

    @property
    def steps(self) -> int:
        return self.image_steps + self.film_steps

    def is_image(self, step: int) -> bool:
        """In the second part, every other step: for its cost a picture shows four times as many captions as a film."""
        return step < self.image_steps or step % 2 == 1

    def rate(self, step: int) -> float:
        """The learning rate at a step, as a part of the highest."""
        left = (self.steps - step) / (self.cool * self.steps)
        return min(1.0, (step + 1) / WARM, left)


class Pair(nn.Module):
    """The two networks that learn together."""

    def __init__(self, model, encoder: T5):
        super().__init__()
        self.model, self.encoder = model, encoder


def optimizers(pair: Pair) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of the model's blocks, AdamW for all else.

    Under Muon the encoder's feed-forward parts grew until they drowned what its attention adds.
    """
    learned = {name: weight for name, weight in pair.named_parameters() if weight.requires_grad}
    matrices = [w for name, w in learned.items() if w.ndim == 2 and name.startswith("model.blocks")]
    known = {id(w) for w in matrices}
    others = [w for w in learned.values() if id(w) not in known]
    return [
        torch.optim.Muon(matrices, lr=MUON, weight_decay=0.02, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(others, lr=ADAM, betas=(0.9, 0.98), weight_decay=0.0),
    ]


def train(folder: Path, plan: Plan, vae, device: torch.device, log: Log, compiled: bool) -> None:
    """Train to the plan's end, from where the folder's state stands."""
    comfy.model_management.in_training = True  # rotary embeddings with a gradient
    spiece = text.vocabulary()
    processor = sentencepiece.SentencePieceProcessor(model_proto=spiece)
    torch.manual_seed(0)
    pair = Pair(flow.build(device), text.build(processor.get_piece_size(), device))
    average = copy.deepcopy(pair)
    steppers = optimizers(pair)
    begin = 0
    if checkpoint := state.load(folder / "flow-state.pt", device):
        begin = checkpoint["step"]
        pair.load_state_dict(checkpoint["pair"])
        average.load_state_dict(checkpoint["average"])
        for stepper, its_state in zip(steppers, checkpoint["optimizers"], strict=True):
            stepper.load_state_dict(its_state)
    if compiled:
        for block in pair.model.blocks:
            block.compile(dynamic=False)
    images = Pool(folder, "image", 1, plan.images, device)
    films = Pool(folder, "film", world.FRAMES, plan.films, device)
    for pool in (images, films):
        pool.fill(functools.partial(latents, vae), log)
    attention = flow.Attention()
    losses, map_losses = [[] for _ in BANDS[1:]], []
    saved = time.monotonic()
    for step in range(begin, plan.steps):
        pool, size = (images, plan.image_batch) if plan.is_image(step) else (films, plan.film_batch)
        generator = torch.Generator().manual_seed(step)
        batch = _batch(*pool.batch(size, generator), processor, plan, step)
        loss, error, sigma, map_loss = flow.loss(pair, batch, attention, generator)
        pair.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(pair.parameters(), 1.0)
        for stepper, highest in zip(steppers, (MUON, ADAM), strict=True):
            stepper.param_groups[0]["lr"] = highest * plan.rate(step)
            stepper.step()
        _follow(average, pair, min(AVERAGE, (step + 1) / (step + 10)))
        for film_error, level in zip(error.tolist(), sigma.tolist(), strict=True):
            losses[sum(level > edge for edge in BANDS[1:-1])].append(film_error)
        map_losses.append(map_loss.item())
        if (step + 1) % REPORT == 0:
            means = {f"to {edge}": _mean(band) for edge, band in zip(BANDS[1:], losses, strict=True)}
            loss = _mean([film_error for band in losses for film_error in band])
            log.write("flow", step + 1, plan.steps, loss=loss, maps=_mean(map_losses), **means)
            losses, map_losses = [[] for _ in BANDS[1:]], []
        if time.monotonic() - saved > CHECKPOINT_SECONDS or step + 1 == plan.steps:
            checkpoint = {"step": step + 1, "pair": pair.state_dict(), "average": average.state_dict()}
            checkpoint["optimizers"] = [stepper.state_dict() for stepper in steppers]
            state.save(folder / "flow-state.pt", checkpoint)
            saved = time.monotonic()


def _batch(latents: torch.Tensor, scenes: list[world.Scene], processor, plan: Plan, step: int) -> flow.Batch:
    """Films with what the plan tells of them at a step."""
    draw = random.Random(step)
    whole = [scene.caption for scene in scenes]
    captions = [(caption, None) for caption in whole]
    if step >= plan.whole_steps:
        captions = [words.left_out(scene, draw) for scene in scenes]
    ids, mask = text.tokens(processor, [caption for caption, _ in captions], latents.device)
    target = words.targets(scenes, latents.shape[2]).to(latents.device)
    attended = mask.clone()
    for number, (_, column) in enumerate(captions):
        if column is not None:
            attended[number, column] = False
            target[number, :, column] = 0
    whole_ids = text.tokens(processor, whole, latents.device)[0] if step >= plan.mixed_steps else None
    return flow.Batch(latents, ids, whole_ids, mask, attended, target)


@torch.no_grad()
def _follow(average: nn.Module, live: nn.Module, keep: float) -> None:
    torch._foreach_lerp_(list(average.parameters()), list(live.parameters()), 1 - keep)


def _mean(numbers: list[float]) -> float:
    return sum(numbers) / len(numbers) if numbers else math.nan
