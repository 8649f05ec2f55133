"""The core of Attention Bending: exact bends of cross-attention without building the map. No ComfyUI in here.

>>> from attention_bending.bending import Bend, Bending, Grid, bend_attention
>>> from attention_bending.bending.operators import Translate
"""

from .api import BentAttention, bend_attention
from .bend import Bend, Bending
from .errors import BendError
from .film import Film, MaskFilm
from .grid import Grid
from .tokens import TokenMap
from .when import Moment, When

__all__ = [
    "Bend",
    "BendError",
    "Bending",
    "BentAttention",
    "Film",
    "Grid",
    "MaskFilm",
    "Moment",
    "TokenMap",
    "When",
    "bend_attention",
]
