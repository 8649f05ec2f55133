"""What a thing's words are, where their maps should lie, and what is open without them.

Of two things in one film, each word must act on its own thing, and its meaning must be in its own column. A big model
learns the first from millions of pictures. This one is told, as in TokenCompose (Wang et al., CVPR 2024), that the
cross-attention maps of what a thing is, its colour and its shape, belong on the thing; else "a red circle and a blue
star" comes out as two purple things. The second is told by leaving a column out and its meaning open.
"""

import random

import torch
from torch import Tensor

from . import text, world

CELL = 16
"""Pixels along the side of what one image token shows."""

AROUND = 6.0
"""Pixels around a thing's circle that still count as on it: most of a cell whose middle lies there shows the thing."""

LEFT_OUT = 0.2
"""The share of captions that miss a word, from the step on that the plan says."""


def columns(scene: world.Scene) -> list[list[int]]:
    """For each thing the columns that tell its colour and its shape, one word being one column."""
    by_thing = [[] for _ in scene.things]
    thing = 0
    for number, word in enumerate(scene.caption.replace(",", "").split()):
        if word == "and":
            thing += 1
        elif word in world.COLOURS or word in world.SHAPES:
            by_thing[thing].append(number)
    return by_thing


def left_out(scene: world.Scene, draw: random.Random) -> tuple[str, int | None]:
    """The caption and, now and then, a column of it not to be attended to, which then tells another colour or shape.

    The encoder mixes words. What the others in their columns still say of that one is then wrong as often as not, so a
    colour is best asked of the colour's word alone: without it, as under Amplify by 0, it is open.
    """
    named = [column for thing in columns(scene) for column in thing]
    if not named or draw.random() >= LEFT_OUT:
        return scene.caption, None
    column = draw.choice(named)
    caption = scene.caption.split()
    word = caption[column].rstrip(",")
    kind = world.COLOURS if word in world.COLOURS else world.SHAPES
    caption[column] = caption[column].replace(word, draw.choice([other for other in kind if other != word]))
    return " ".join(caption), column


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
    target = torch.zeros(len(scenes), tokens, text.LONGEST + 1)
    for number, scene in enumerate(scenes):
        for thing, its_columns in zip(scene.things, columns(scene), strict=True):
            target[number, :, its_columns] = places(thing, frames).float().unsqueeze(1)
    return target


def map_loss(attention: Tensor, target: Tensor) -> Tensor:
    """How far maps `(B, heads, N, columns)`, their mean over the heads, are from lying on their `target`: the
    mean of −log of the share that does.
    """
    attention = attention.mean(1)
    has_target = target.amax(1)
    share = (attention * target).sum(1) / attention.sum(1).clamp_min(1e-6)
    return -((share + 1e-6).log() * has_target).sum() / has_target.sum()


def leak(vectors: Tensor, whole: Tensor, mask: Tensor, attended: Tensor) -> Tensor:
    """How much vectors `(B, N, d)` of the columns `attended` tell of the one that is not, in which their captions
    differ from `whole`: the square of what changes in a column, as a part of what changes in that one; the mean.
    """
    apart = (vectors - whole).float().square().sum(2)
    own = (apart * (mask & ~attended)).sum(1, keepdim=True)
    part = apart / own.clamp_min(1e-6) * (attended & (own > 0))
    return part.sum() / (attended & (own > 0)).sum().clamp_min(1)
