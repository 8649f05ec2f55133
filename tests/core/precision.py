"""Every kind of bend, and the ways to make it, for the tests of half precision and of the device."""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from attention_bending.bending import operators as ops
from attention_bending.bending.attention.chain import plan_chain
from attention_bending.bending.attention.device_cache import DeviceCache
from attention_bending.bending.attention.kernel import Attention
from attention_bending.bending.attention.state import bend_maps, bend_output
from attention_bending.bending.bend import Animation, Bend
from attention_bending.bending.frames.grid import Grid
from attention_bending.bending.frames.layout import FrameLayout
from attention_bending.bending.operators import OPERATORS
from attention_bending.bending.time.animation import sampled_curve
from attention_bending.bending.time.windows import SamplingMoment
from core.test_bend_attention import WIDE, tensors
from core.test_film import GRID, MASKS, PAIRS, WORDS, dense

MOMENT = SamplingMoment(0.4, 1, 3)
LAYOUT = FrameLayout.whole(Grid(*GRID))
WATCH = (3, 9, 100)
FLASH = {
    "cpu": torch.ops.aten._scaled_dot_product_flash_attention_for_cpu,
    "meta": torch.ops.aten._scaled_dot_product_flash_attention,
}

_turning = (Animation("angle", "frames", sampled_curve([10.0, 40.0, 80.0])),)
_rising = (Animation("strength", "steps", sampled_curve([0.0, 0.4, 1.0])),)
_word, _phrase, _padding, _all = (WORDS[name] for name in ("word", "phrase", "padding", "ALL"))

BENDS = {
    **{
        f"{key} of {name}": ((Bend(operator(), "w", 0.7), WORDS[name]),)
        for key, operator in {**OPERATORS, "time": lambda: ops.Time("shift", 0.5)}.items()
        for name in ("word", "phrase", "padding", "ALL")
    },
    "trade": ((Bend(ops.Swap("o"), "w"), PAIRS[0]),),
    "follow": ((Bend(ops.Swap("o", "follow", mix=0.6), "w", 0.8), PAIRS[1]),),
    "paint": ((Bend(ops.Paint(MASKS[2]), "w"), _phrase),),
    "temperature": ((Bend(ops.Temperature(0.6), "ALL"), _all),),
    "temperature and a word": ((Bend(ops.Temperature(1.4), "ALL"), _all), (Bend(ops.Flip(), "w"), _word)),
    "mask": ((Bend(ops.Blur(), "w", masks=tuple(MASKS[:2])), _phrase),),
    "frames": ((Bend(ops.Rotate(), "w", frames="0, 2", animations=_turning), _word),),
    "steps": ((Bend(ops.Translate(), "ALL", animations=_rising), _all),),
    "heads": ((Bend(ops.Amplify(0.0), "w", heads="1"), _padding),),
    "chain": (
        (Bend(ops.Translate(), "w"), _word),
        (Bend(ops.Amplify(3.0), "w"), _padding),
        (Bend(ops.Blur(), "ALL", masks=tuple(MASKS[:1])), _all),
        (Bend(ops.Flip(), "w", renormalize=False), _phrase),
        (Bend(ops.Amplify(0.5), "ALL"), _all),
        (Bend(ops.Rotate(), "ALL"), _all),
    ),
    "everything": (
        (Bend(ops.Swap("o"), "w", 0.8), PAIRS[0]),
        (Bend(ops.Sharpen(), "w"), WORDS["prompt and more"]),
        (Bend(ops.Time("reverse"), "ALL"), _all),
        (Bend(ops.Paint(MASKS[1]), "w", frames="0-1"), _phrase),
        (Bend(ops.Time("blur", 0.7), "w"), _padding),
    ),
}
"""By name a chain of bends, each with its words' columns."""


class Way(NamedTuple):
    """How calls are attended to, and where; `name` is that of Attention.way. Called with q, k, v `(B, H, L, D)`."""

    name: str
    device: str
    attention: Callable[..., Attention]

    def __call__(self, *qkv):
        return self.attention(*(tensor.to(self.device) for tensor in qkv))

    def cache(self):
        return device_cache(self.device)

    def unbent_error(self, dtype):
        """The un-bent call's own."""
        output = self(*qkv(dtype)).output().transpose(1, 2)
        return rms_error(output, expected(None, dtype)[0])


def own_ways(device, *names):
    """By torch's attention, or, where it is `told`, by its fused kernel."""
    return [Way(name, device, partial(attention, name)) for name in names]


def attention(way, q, k, v):

    def kernel(q, k, values, scale, bias=None):
        assert k.shape[1], "a call without keys"
        heads_first = (each.transpose(1, 2) for each in (q, k, values))
        return F.scaled_dot_product_attention(*heads_first, bias, scale=scale).transpose(1, 2)

    def kernel_with_lse(q, k, values, scale):
        assert k.shape[1], "a call without keys"
        output, lse, *_ = FLASH[q.device.type](*(each.transpose(1, 2) for each in (q, k, values)), scale=scale)
        return output.transpose(1, 2), lse.transpose(1, 2)

    return Attention(
        *(each.transpose(1, 2) for each in (q, k, v)),
        kernel,
        q.shape[3] ** -0.5,
        kernel_with_lse if way in ("told", "biased") else None,
        exact=way == "computed",
        divisible=way != "masked",
        kernel_with_bias=kernel if way == "biased" else None,
    )


def device_cache(device="cpu"):
    cache = DeviceCache(LAYOUT, 2, torch.device(device))
    cache.go_to(MOMENT)
    return cache


def bent(chain, given, cache, watch=()):
    """The output and the maps as a run makes them."""
    on_logits = [bend for bend, _ in chain if bend.operator.acts_on == "logits"]
    on_maps = [pair for pair in chain if pair[0].operator.acts_on != "logits"]
    given = given.at_temperature(on_logits, cache)
    width = given.k.shape[1]
    output, known = bend_output(plan_chain(on_maps, width), given, cache, keep_lse=bool(watch))
    maps = bend_maps(plan_chain(on_maps, width, watch), known, cache) if watch else None
    return output.transpose(1, 2), maps


@lru_cache
def qkv(dtype):
    return tensors(GRID, WIDE, dtype, batch=1)


@lru_cache
def expected(name, dtype):
    """The bent output in float64 `(1, H, L, D)`, of inputs as that type holds them, and the maps."""
    bends, words = zip(*BENDS[name], strict=True) if name else ((), ())
    output, maps, _ = dense(qkv(dtype), bends, words, LAYOUT, MOMENT)
    return output, maps


def rms_error(ours, theirs):
    """Relative to the size of what is expected."""
    return float(np.sqrt(np.square(ours.double().cpu().numpy() - theirs).mean() / np.square(theirs).mean()))
