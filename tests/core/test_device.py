"""The device's path, on the `meta` device and on a GPU: no float64 there, and in a steady call nothing that waits."""

from contextlib import contextmanager

import pytest
import torch
from core.precision import BENDS, WATCH, bent, own_ways, qkv
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Strict(TorchDispatchMode):
    """Fails on a float64 tensor, on what waits for the device, and, once steady, on any copy between devices."""

    def __init__(self, device: str, steady: bool):
        super().__init__()
        self.device, self.steady = device, steady
        self.launches = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        tensors = [leaf for leaf in tree_leaves((args, kwargs, result)) if isinstance(leaf, torch.Tensor)]
        assert not any(tensor.dtype == torch.float64 for tensor in tensors), func
        waits = "_local_scalar_dense" in func.name() and any(tensor.device.type == self.device for tensor in tensors)
        assert not waits or self.device == "cpu", "waits for the device"
        if self.steady:
            # a number on its way to the device travels with the launch
            devices = {tensor.device.type for tensor in tensors if tensor.dim()}
            assert devices <= {self.device}, (func, devices)
        self.launches += 1
        return result


@contextmanager
def never_waiting(device: str):
    """On a GPU torch itself fails on whatever waits for it."""
    if device == "cuda":
        torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        if device == "cuda":
            torch.cuda.set_sync_debug_mode("default")


@pytest.fixture(params=["meta", pytest.param("cuda", marks=pytest.mark.cuda)])
def ways(request):
    """What tells on a GPU are kernels that the host knows: see tests/host/test_told.py, which runs this test too."""
    return own_ways(request.param, "told" if request.param == "meta" else "computed", "selectors")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("name", BENDS)
def test_every_bend_stays_on_the_device(name, dtype, ways):
    for way in ways:
        q, k, v = (tensor.to(way.device) for tensor in qkv(dtype))
        cache, _ = way.cache(), way(q, k, v)  # the host waits once to learn how its kernel tells
        for steady in (False, True, True):
            with Strict(way.device, steady) as mode, never_waiting(way.device if steady else "cpu"):
                output, maps = bent(BENDS[name], way(q, k, v), cache, WATCH)
            assert output.device.type == way.device and output.shape == q.shape and output.dtype == dtype
            assert maps.bent.shape[-1] == len(WATCH) and mode.launches
