"""The device's path on the `meta` device: no float64 there, and in a steady call no copy between devices."""

import pytest
import torch
from core.precision import BENDS, WATCH, attention, bent, device_cache, qkv
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Strict(TorchDispatchMode):
    """Fails on a float64 tensor, on what waits for the device, and, once steady, on any copy between devices."""

    def __init__(self, steady: bool):
        super().__init__()
        self.steady = steady
        self.launches = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        tensors = [leaf for leaf in tree_leaves((args, kwargs, result)) if isinstance(leaf, torch.Tensor)]
        assert not any(tensor.dtype == torch.float64 for tensor in tensors), func
        waits = "_local_scalar_dense" in func.name() and any(tensor.device.type == "meta" for tensor in tensors)
        assert not waits, "waits for the device"
        if self.steady:
            # a number on its way to the device travels with the launch
            devices = {tensor.device.type for tensor in tensors if tensor.dim()}
            assert devices <= {"meta"}, (func, devices)
        self.launches += 1
        return result


@pytest.mark.parametrize("way", ["told", "selectors"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("name", BENDS)
def test_every_bend_stays_on_the_device(name, dtype, way):
    q, k, v = (tensor.to("meta") for tensor in qkv(dtype))
    cache = device_cache("meta")
    for steady in (False, True, True):
        with Strict(steady) as mode:
            output, maps = bent(BENDS[name], attention(way, q, k, v), cache, WATCH)
        assert output.device.type == "meta" and output.shape == q.shape and output.dtype == dtype
        assert maps.bent.shape[-1] == len(WATCH) and mode.launches
