"""Other packs' functions: how they are called in messages, and those that were read and tried.

A bend acts inside the host's attention, so what stands around it must be known: a forward that another pack has put in
the place of a site's, an override of the attention that another node has chained. What is not in these tables is
refused, or goes the way that is exact under anything.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

from comfy.ldm.modules.attention import attention_pytorch
from torch import Tensor

from .attends import Attends

TORCH_ATTENTION = attention_pytorch.__wrapped__


class Known(NamedTuple):
    """A function by who owns it: a word in its pack's folder, whatever its case, the module in there, and its name."""

    pack: str
    module: str
    name: str

    def __call__(self, function: Callable) -> bool:
        module, name = address(function)
        return module.endswith(f".{self.module}") and name == self.name and self.pack in module.lower()


KJ = "kjnodes", "nodes.model_optimization_nodes"

FORWARDS: dict[Known, dict[str, Attends]] = {
    # WanVideoNAG: the text's rows, then what it guides away from; where it finds two rows or more, the second half by
    # itself, after that. Image-to-video attends to the picture before, and takes no more than two rows apart
    Known(*KJ, "WanCrossAttentionPatch.__get__.<locals>.wrapped_attention"): {
        "WanT2VCrossAttention": Attends(text=(0, 2), calls=(2, 3)),
        "WanI2VCrossAttention": Attends(text=(1, 3), calls=(3, 4)),
    },
    # Prompt Relay: its mask over the text would be lost in an override, so it calls torch's attention past it
    Known("promptrelay", "patches", "_CrossAttnPatch.__get__.<locals>.wrapped"): {
        "WanT2VCrossAttention": Attends(text=(0,), calls=(1,), past_override=True),
        "WanI2VCrossAttention": Attends(text=(1,), calls=(2,), past_override=True),
    },
}
"""Forwards of other packs, and how each attends to the text, by the class whose forward it replaces."""

Beneath = Callable[[Callable, Callable, Tensor, Tensor], Callable | None]


def _selected(override: Callable, func: Callable, q: Tensor, k: Tensor) -> Callable | None:
    return TORCH_ATTENTION if _captured(override, "optimized_attention") is attention_pytorch else None


def _of_self_attention(override: Callable, func: Callable, q: Tensor, k: Tensor) -> Callable | None:
    """It leaves everything to what was there before, except where queries and keys are alike."""
    before = _captured(override, "previous", missing=override)
    if q.shape == k.shape or before is override:
        return None
    return func if before is None else kernel_beneath(before, func, q, k)


SELECTED = "ModelPatcher.set_model_optimized_attention"

OVERRIDES: dict[Known, Beneath] = {
    # Model Attention Backend
    Known("comfy", "model_patcher", f"{SELECTED}.<locals>.optimized_attention_override"): _selected,
    # Block Sparse Attention
    Known("comfy_extras", "nodes_sparse_attention", "make_attention_override.<locals>.override"): _of_self_attention,
    # GGUF Loader KJ, its attention "sdpa"
    Known(*KJ, "GGUFLoaderKJ.attention_override_pytorch"): lambda override, func, q, k: TORCH_ATTENTION,
}
"""Overrides that hand the text's attention on unchanged, and the kernel that it then reaches."""


def attends(forward: Callable, module: object) -> Attends | None:
    """How another pack's forward attends to the text; None where it was not read, or not for such a module."""
    return next((by_class.get(type(module).__name__) for known, by_class in FORWARDS.items() if known(forward)), None)


def kernel_beneath(override: Callable, func: Callable, q: Tensor, k: Tensor) -> Callable | None:
    """The kernel that runs a call of `func` under an override, None where that is not known to be one unchanged."""
    beneath = next((beneath for known, beneath in OVERRIDES.items() if known(override)), None)
    return beneath(override, func, q, k) if beneath else None


def name_of(function: Callable) -> str:
    """How a function is called in messages."""
    return ".".join(address(function))


def address(function: Any) -> tuple[str, str]:
    """Whose a function is: its module, from the folder of its pack on, and its name there."""
    while isinstance(function, functools.partial):
        function = function.func
    function = getattr(function, "__func__", function)
    if not hasattr(function, "__qualname__"):  # an object that can be called
        function = type(function)
    # a custom node's module is called by the path of its folder
    return str(function.__module__).replace("\\", "/").rpartition("/")[2], function.__qualname__


def _captured(function: Callable, name: str, missing: object = None) -> Any:
    """What a function has taken from around it by that name."""
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    return next((cell.cell_contents for variable, cell in cells if variable == name), missing)
