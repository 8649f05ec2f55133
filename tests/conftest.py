"""For all rooms: the repository as the package `attention_bending`.

ComfyUI loads a pack from whatever folder it lies in; so do the tests, by that name:
``from attention_bending.bending import …``.
"""

import importlib.util
import sys
from pathlib import Path

from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent


def _alias(name: str) -> None:
    spec = importlib.util.spec_from_file_location(name, ROOT / "__init__.py", submodule_search_locations=[str(ROOT)])
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)


_alias("attention_bending")

# The same examples on every machine, and no failure because a machine was busy.
settings.register_profile("attention bending", derandomize=True, deadline=None)
settings.load_profile("attention bending")
