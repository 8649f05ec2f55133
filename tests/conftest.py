"""For all rooms: the repository as the package `attention_bending`.

ComfyUI loads a pack from whatever folder it lies in; so do the tests, by that name:
``from attention_bending.bending import …``.
"""

import runpy
from pathlib import Path

from hypothesis import settings

runpy.run_path(str(Path(__file__).resolve().parent.parent / "dev" / "pack.py"))["alias"]()

pytest_plugins = ("attention_bending.dev.for_gpu",)

# The same examples on every machine, and no failure because a machine was busy.
settings.register_profile("attention bending", derandomize=True, deadline=None)
settings.load_profile("attention bending")
