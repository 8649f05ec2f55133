"""Where the maps of a thing's words should lie: on the thing.

Of two things in one film, each word must act on its own. A big model learns that from millions of pictures. This one is
told, as in TokenCompose (Wang et al., CVPR 2024), that the cross-attention maps of what a thing is, its colour and its
shape, belong on the thing; else "a red circle and a blue star" comes out as two purple things.
"""

import torch
from torch import Tensor

from . import text, world

CELL = 16
"""Pixels along the side of what one image token shows."""

AROUND = 6.0
"""Pixels around a thing's circle that still count as on it: most of a cell whose middle lies there shows the thing."""


def words(scene: world.Scene) -> list[list[int]]:
    """For each thing the columns that tell its colour and its shape, one word being one column."""
    found = [[] for _ in scene.things]
    thing = 0
    for number, word in enumerate(scene.caption.replace(",", "").split()):
        if word == "and":
            thing += 1
        elif word in world.COLOURS or word in world.SHAPES:
            found[thing].append(number)
    return found


def places(thing: world.Thing, frames: int) -> Tensor:
    """Which image tokens `(F' · h · w)` lie on a thing, of a film whose latents have `frames` frames."""
    # A latent frame stands for four of the film, the first for one.
    moments = [max(0.0, 4 * frame - 1.5) for frame in range(frames)]
    centre = torch.tensor([thing.at(moment) for moment in moments])
    x = (torch.arange(world.WIDTH // CELL) + 0.5) * CELL - centre[:, 0].view(-1, 1, 1)
    y = ((torch.arange(world.HEIGHT // CELL) + 0.5) * CELL).view(-1, 1) - centre[:, 1].view(-1, 1, 1)
    return (torch.hypot(x, y) < thing.size + AROUND).flatten()


def targets(scenes: list[world.Scene], frames: int) -> Tensor:
    """`(B, F' · h · w, LONGEST + 1)`: 1 where a column's map belongs; all 0 in columns of other words."""
    tokens = frames * (world.HEIGHT // CELL) * (world.WIDTH // CELL)
    wanted = torch.zeros(len(scenes), tokens, text.LONGEST + 1)
    for number, scene in enumerate(scenes):
        for thing, columns in zip(scene.things, words(scene), strict=True):
            wanted[number, :, columns] = places(thing, frames).float().unsqueeze(1)
    return wanted


def astray(attention: Tensor, wanted: Tensor) -> Tensor:
    """How far maps `(B, heads, N, columns)`, their mean over the heads, are from lying where they are `wanted`: the
    mean of −log of the share that does.
    """
    attention = attention.mean(1)
    told = wanted.amax(1)
    share = (attention * wanted).sum(1) / attention.sum(1).clamp_min(1e-6)
    return -((share + 1e-6).log() * told).sum() / told.sum()
