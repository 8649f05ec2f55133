"""The example workflows: what their twins on the toy have of their own, and their pictures; `twins` says what a row is.

Values for all twins stand here, the rows in the modules beside this one, by what their workflows are for.
"""

from ..toy.world import FRAMES, HEIGHT, WIDTH
from . import twin_table_aims, twin_table_maps, twin_table_modes, twin_table_sweeps

STEPS = 20

COMMON = {
    "CLIPTextEncode": {"title": "Nothing to keep out", "text": ""},
    "EmptyHunyuanLatentVideo": {"width": WIDTH, "height": HEIGHT, "length": FRAMES},
    "KSampler": {"steps": STEPS, "cfg": 4, "sampler_name": "euler", "scheduler": "simple"},
    "KSamplerAdvanced": {"steps": STEPS, "cfg": 4, "sampler_name": "euler", "scheduler": "simple"},
    "ImageStitch": {"spacing_width": 8},
    "CreateVideo": {"fps": 8},
}
"""By type: the world's size, and how its films were sampled when the toy was tried."""

ROWS = {
    **twin_table_modes.ROWS,
    **twin_table_aims.ROWS,
    **twin_table_maps.ROWS,
    **twin_table_sweeps.ROWS,
}
"""A row for each example workflow, by its name."""
