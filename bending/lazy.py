"""torch, numpy and safetensors, imported when something of them is first used.

Bends are read, written and swept without any of them, by programs whose Python has none. A file that takes one from
here keeps its annotations as text, which asks for nothing.
"""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any


class _Lazy(ModuleType):
    def __getattr__(self, name: str) -> Any:
        value = getattr(import_module(self.__name__), name)
        setattr(self, name, value)  # from now on it is found as in any module
        return value


if TYPE_CHECKING:
    import numpy as np
    import safetensors
    import torch
else:
    np, safetensors, torch = map(_Lazy, ("numpy", "safetensors", "torch"))
