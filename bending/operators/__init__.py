"""The nine modes: one small file each, one table of them all."""

from .amplify import Amplify
from .base import PADDINGS, Kernel, Operator
from .blur import Blur
from .flip import AXES, Flip
from .frequency_filter import FrequencyFilter
from .regional_mask import RegionalMask
from .rotate import Rotate
from .sharpen import Sharpen
from .spatial_scale import SpatialScale
from .translate import Translate

OPERATORS: dict[str, type[Operator]] = {
    operator.key: operator
    for operator in (Amplify, RegionalMask, Blur, Sharpen, Translate, Rotate, SpatialScale, Flip, FrequencyFilter)
}

__all__ = [
    "AXES",
    "OPERATORS",
    "PADDINGS",
    "Amplify",
    "Blur",
    "Flip",
    "FrequencyFilter",
    "Kernel",
    "Operator",
    "RegionalMask",
    "Rotate",
    "Sharpen",
    "SpatialScale",
    "Translate",
]
