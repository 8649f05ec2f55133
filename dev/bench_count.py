"""What a bent call asks of a GPU, counted where there is none: kernels started, and bytes that they touch.

The call runs on torch's `meta` device, which knows shapes and no numbers, and takes the way that it takes on a GPU.
"""

from typing import Any
from unittest import mock

import comfy.ops
import torch
from comfy.ldm.modules.attention import attention_pytorch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ..host.run import kernel
from .bench_cases import SCENARIOS, Case
from .bench_subjects import Call, OneSite

FLASH = torch.ops.aten._scaled_dot_product_flash_attention
EFFICIENT = torch.ops.aten._scaled_dot_product_efficient_attention
NO_KERNEL = ("_reshape_alias", "_unsafe_view", "detach", "empty", "empty_like", "empty_strided", "new_empty")
"""Operations without a kernel, besides those that the schema calls views."""


class Count(TorchDispatchMode):
    """Counts kernels started, each one operation, and the bytes of the tensors that each of them reads or writes.

    A tensor counts once an operation, whether it is read, written or both, and what it repeats, once.
    """

    def __init__(self):
        super().__init__()
        self.launches = self.bytes = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        with self:  # what is made of other operations counts as these
            result = func.decompose(*args, **kwargs)
        if result is not NotImplemented:
            return result
        result = func(*args, **kwargs)
        if not func.is_view and func.overloadpacket.__name__ not in NO_KERNEL:
            leaves = tree_leaves((args, kwargs, result))
            tensors = {id(leaf): leaf for leaf in leaves if isinstance(leaf, torch.Tensor)}
            self.launches += 1
            self.bytes += sum(min(tensor.nbytes, tensor.untyped_storage().nbytes()) for tensor in tensors.values())
        return result


def on_gpu(q: Tensor, k: Tensor, v: Tensor, attn_mask: Tensor | None = None, scale: float | None = None, **_) -> Tensor:
    """What torch's attention runs there: with a mask, the kernel that takes one."""
    if attn_mask is None:
        return FLASH(q, k, v, scale=scale)[0]
    return EFFICIENT(q, k, v, attn_mask.expand(*q.shape[:3], k.shape[2]), False, scale=scale)[0]


def counted(case: Case, call: Call) -> dict[str, Any]:
    """The row of a call whose tables are made; `bytes` are over those of the output."""
    scenario = SCENARIOS[case.level][case.scenario]
    site = OneSite(call, attention_pytorch, scenario.bends, scenario.watch)
    fused = mock.patch.object(kernel, "fused_kernel", lambda q, k, v, scale: FLASH)
    with fused, mock.patch.object(comfy.ops, "scaled_dot_product_attention", on_gpu):
        site()
        with Count() as count:
            output, *_ = site()
    return case._asdict() | {"launches": count.launches, "bytes": round(count.bytes / output.nbytes, 2)}
