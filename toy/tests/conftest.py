"""The toy's room of tests: as `tests/conftest.py`, with ComfyUI's modules at hand."""

import gc
import runpy
from pathlib import Path

runpy.run_path(str(Path(__file__).resolve().parents[2] / "dev" / "pack.py"))["alias"]()

from attention_bending.dev import comfy_host  # noqa: E402

comfy_host.start_on("cpu")
gc.freeze()  # what was imported stays, and need not be looked at by any collection
