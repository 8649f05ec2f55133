"""The core of Attention Bending: exact bends of cross-attention without building the map. No ComfyUI in here.

Only re-exports what the Python API documents; no room of the pack imports it.

>>> from attention_bending.bending import Bend, Bending, Grid, bend_attention
>>> from attention_bending.bending.operators import Translate
"""

from typing import Any

from .bend import Bend, Bending
from .errors import BendError
from .frames.grid import Grid
from .frames.layout import FrameLayout
from .frames.mask_video import MaskVideo
from .text.tokens import TokenMap
from .time.windows import SamplingMoment, TimeWindow

__all__ = [
    "Bend",
    "BendError",
    "Bending",
    "BentAttention",
    "FrameLayout",
    "Grid",
    "MaskVideo",
    "SamplingMoment",
    "TimeWindow",
    "TokenMap",
    "bend_attention",
]


def __getattr__(name: str) -> Any:
    """What computes is imported when it is asked for: all else here needs no torch."""
    if name not in ("BentAttention", "bend_attention"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import api

    return getattr(api, name)
