"""The modes: one small file each, one table of the nine that act on each frame, and what acts otherwise."""

from .amplify import Amplify
from .base import PADDINGS, FrameOperator, Kernel, Operator
from .blur import Blur
from .flip import AXES, Flip
from .frequency_filter import FrequencyFilter
from .paint import Paint
from .regional_mask import RegionalMask
from .rotate import Rotate
from .sharpen import Sharpen
from .spatial_scale import SpatialScale
from .swap import Swap
from .temperature import Temperature
from .time import Time
from .translate import Translate

OPERATORS: dict[str, type[FrameOperator]] = {
    operator.key: operator
    for operator in (Amplify, RegionalMask, Blur, Sharpen, Translate, Rotate, SpatialScale, Flip, FrequencyFilter)
}

OTHERS: dict[str, type[Operator]] = {operator.key: operator for operator in (Time, Paint, Swap, Temperature)}

__all__ = [
    "AXES",
    "OPERATORS",
    "OTHERS",
    "PADDINGS",
    "Amplify",
    "Blur",
    "Flip",
    "FrameOperator",
    "FrequencyFilter",
    "Kernel",
    "Operator",
    "Paint",
    "RegionalMask",
    "Rotate",
    "Sharpen",
    "SpatialScale",
    "Swap",
    "Temperature",
    "Time",
    "Translate",
]
