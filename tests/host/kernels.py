"""The host's attention kernels, as tests name them, on the processor and on a GPU."""

from collections.abc import Callable
from typing import NamedTuple

import pytest
import torch
from comfy.ldm.modules.attention import get_attention_function
from torch.nn.attention import SDPBackend, sdpa_kernel


class Kernel(NamedTuple):
    """An attention kernel of the host by its name there; torch's own is made to run one of its fused kernels."""

    name: str
    device: str = "cpu"
    fused: SDPBackend = SDPBackend.FLASH_ATTENTION

    @property
    def attend(self) -> Callable:
        return get_attention_function(self.name)

    def runs(self, dtype: torch.dtype) -> bool:
        """Whether this device has it for that type."""
        if self.name != "pytorch":
            return True
        q = torch.zeros(1, 2, 40, 64, dtype=dtype, device=self.device)
        with sdpa_kernel(self.fused):
            return SDPBackend(torch._fused_sdp_choice(q, q, q)) == self.fused

    def __str__(self) -> str:
        fused = f"-{self.fused.name.removesuffix('_ATTENTION').lower()}" if self.name == "pytorch" else ""
        return f"{self.device}-{self.name}{fused}"


def on_both(*names: str, slow: tuple[str, ...] = ()) -> pytest.MarkDecorator:
    """The fixture `kernel` is each of these kernels of the host, some of them slowly, on the processor and on a GPU."""
    fused = (SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.CUDNN_ATTENTION)
    on_gpu = [
        Kernel(name, "cuda", backend) for name in names for backend in (fused if name == "pytorch" else fused[:1])
    ]
    marked = [pytest.param(kernel, marks=pytest.mark.cuda) for kernel in on_gpu]
    here = [pytest.param(Kernel(name), marks=[pytest.mark.slow] * (name in slow)) for name in names]
    return pytest.mark.parametrize("kernel", [*here, *marked], ids=str, indirect=True)
