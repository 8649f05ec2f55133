"""What a bending makes of words' maps, seen before a film is made: before and after, by `bend_attention` itself.

The maps are taken for the attention of one head to as many tokens, with one token more that has all the rest. So every
bend, chain and renormalising is the sampler's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .api import bend_attention
from .bend import Bend, Bending
from .frames.grid import Grid
from .frames.layout import FrameLayout
from .pictures.drawing import GAP, Look, Views, draw
from .text.token_field import ALL
from .time.windows import SamplingMoment

MOST = 10
"""Pictures of a film that plays, at the most."""

SHOWN = 2
"""How many words are shown; a bend of whole words has no more."""

FLAT = 0.3
"""A view's height as a part of the picture's width, at the most."""

LEAST = 1e-7
"""The share of a token that has none: log has to be finite."""


@dataclass(frozen=True, eq=False)
class Scene:
    """Words with a map each, `(W, F, h, w)` float32, shares of a place's attention; at most 1 over all words.

    `steps` are those of the sampling that is played where a bend moves over it, `stride` as in FrameLayout.
    """

    words: tuple[str, ...]
    maps: Tensor
    steps: int = 20
    stride: int = 4


def words_of(bending: Bending) -> tuple[str, ...]:
    """The words that a bending names, each once; the first in a field stands for all of it. ALL where there is none."""
    named = dict.fromkeys(token.terms[0].token for bend in bending for token in bend.tokens)
    return tuple(word for word in named if word != ALL) or (ALL,)


def before_and_after(bending: Bending, scene: Scene) -> Views:
    """The scene's maps un-bent and bent, one picture each, or a film where the bending moves.

    A bend's own percents, its layers and heads are left out: it is seen where it acts. Windows of Bend When play.
    Raises BendError for what the sampler would refuse.
    """
    seen = Bending(tuple(replace(bend, start=0.0, end=1.0, layers="all", heads="all") for bend in bending))
    length = scene.maps.shape[1]
    over_frames, over_steps = any(map(_moves_over_frames, seen)), any(map(_moves_over_steps, seen))
    count = max(length if over_frames else 1, scene.steps if over_steps else 1)
    pictures = _evenly(min(MOST, count), count)
    frames = _evenly(len(pictures), length) if over_frames else (length // 2,) * len(pictures)
    steps = _evenly(len(pictures), scene.steps) if over_steps else (0,) * len(pictures)

    bent: dict[int, Tensor] = {}
    shown = tuple(range(length)) if over_frames else (length // 2,)
    maps = scene.maps[:, shown]
    for step in set(steps):
        moment = SamplingMoment(step / scene.steps, step, scene.steps)
        bent[step] = _bent(seen, scene, maps, FrameLayout(Grid(*maps.shape[1:]), shown, length, scene.stride), moment)
    after = [bent[step][:, shown.index(frame)] for step, frame in zip(steps, frames, strict=True)]
    values = torch.stack((scene.maps[:, frames], torch.stack(after, 1)), 1)[:SHOWN]
    return Views(scene.words[:SHOWN], ("original", "bent"), values, cell=1, stride=1)


def picture(views: Views, color_map: str, width: int) -> Tensor:
    """Before and after side by side, words below each other: `(N, H, W, 3)` in 0 … 1, W at most `width`."""
    height, across = views.values.shape[-2:]
    cell = min((width - GAP) / 2 / across, width * FLAT / height)
    return draw(views, Look(color_map, captions=False), size=(max(1, int(height * cell)), max(1, int(across * cell))))


def _bent(bending: Bending, scene: Scene, maps: Tensor, layout: FrameLayout, moment: SamplingMoment) -> Tensor:
    rest = 1 - maps.sum(0, keepdim=True)
    shares = torch.cat((maps, rest)).clamp(min=LEAST).flatten(1).T  # (L, T)
    tokens = shares.shape[1]
    keys = torch.eye(tokens)[None, None]  # so that the logits are the shares' logarithms
    columns = [_columns(bend, scene.words) for bend in bending]
    watch = range(len(scene.words))
    logits = shares.log()[None, None]
    attention = bend_attention(
        logits, keys, keys, bending, layout.grid, columns, watch=watch, moment=moment, layout=layout, scale=1.0
    )
    return torch.stack([attention.maps[word][0, 0] for word in watch])


def _columns(bend: Bend, words: Sequence[str]) -> list:
    named = [token.terms[0].token for token in bend.tokens]
    columns = [[*range(len(words) + 1)] if word == ALL else [words.index(word)] for word in named]
    return columns if len(columns) > 1 else columns[0]


def _moves_over_frames(bend: Bend) -> bool:
    masks = (*bend.masks, *bend.operator.masks)
    animated = any(animation.over == "frames" for animation in bend.animations)
    return animated or bend.operator.temporal or bend.frames != "all" or any(len(mask.values) > 1 for mask in masks)


def _moves_over_steps(bend: Bend) -> bool:
    return bool(bend.windows) or any(animation.over == "steps" for animation in bend.animations)


def _evenly(count: int, of: int) -> tuple[int, ...]:
    return tuple(i * of // count for i in range(count))
