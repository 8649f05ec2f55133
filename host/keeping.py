"""Where ComfyUI plans the memory of a model's blocks ahead: what outlives a block is made outside of that plan."""

import sys
from contextlib import AbstractContextManager, nullcontext


def keeping() -> AbstractContextManager:
    """Around the making of whatever is kept on the device from one call to the next.

    Since 0.34 ComfyUI's memory compiler records what some models' blocks allocate, and gives the next block the same
    places: a tensor that is still needed then would be written over, or end the process. Nothing is imported for it: a
    host that has not loaded its compiler does not run it.
    """
    compiler = sys.modules.get("comfy.model_prefetch")
    return getattr(compiler, "pause_malloc_graph", nullcontext)()
