"""The core's tests of precision and of the device, by the attention that the host runs and what its kernel tells."""

import pytest
import torch
from attention_bending.bending import operators as ops
from attention_bending.bending.attention.chain import plan_chain
from attention_bending.bending.attention.device_cache import DeviceCache
from attention_bending.bending.attention.kernel import Attention
from attention_bending.bending.attention.state import bend_output
from attention_bending.bending.bend import Bend
from attention_bending.bending.frames.grid import Grid
from attention_bending.bending.frames.layout import FrameLayout
from attention_bending.host.run import kernel as host_kernel
from attention_bending.host.run.kernel import HostKernel, flash_over_some
from core.precision import BENDS, Way, bent, expected, qkv, rms_error
from core.test_device import test_every_bend_stays_on_the_device  # noqa: F401 - run here too
from core.test_half import (  # noqa: F401 - run here too
    test_a_word_that_holds_0_999_of_every_place_leaves_no_rounding,
    test_error_of_every_bend,
    test_null_has_the_kernels_own_bits,
    test_signs_that_cancel_in_the_mass_do_not_blow_up_the_output,
)
from host.kernels import on_both

pytestmark = on_both("pytorch", "sub_quad")


@pytest.fixture(autouse=True, params=[True, False], ids=["float32 as fast", "half types faster"])
def in_float32(request, monkeypatch):
    """Whether a processor computes parts of half types in float32."""
    monkeypatch.setattr(host_kernel, "multiplies_float32_as_fast", lambda: request.param)
    return request.param


@pytest.fixture
def ways(kernel, dtype):
    """As a site makes an attention of the host's call."""

    def attention(*qkv):
        q, k, v = (tensor.transpose(1, 2) for tensor in qkv)
        host = HostKernel(kernel.attend.__wrapped__, None, *(t.flatten(2) for t in (q, k, v)), q.shape[2], {})
        assert host.tells_some and host.tells == (kernel.name == "pytorch")
        return Attention(q, k, v, host, host.scale, host.with_lse, of_kernel=host.tells)

    return [Way("told", kernel.device, attention)]


@pytest.mark.parametrize("dtype", [torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", ["blur of word", "rotate of phrase", "trade", "paint", "mask"])
def test_a_part_in_float32_leaves_one_rounding(name, dtype, ways, kernel, in_float32):
    if kernel.device != "cpu" or not in_float32:
        pytest.skip("parts are made in the type of the call")
    (way,) = ways
    error = rms_error(bent(BENDS[name], way(*qkv(dtype)), way.cache())[0], expected(name, dtype)[0])
    assert error < 1.1 * way.unbent_error(dtype)


@pytest.mark.parametrize("dtype", [torch.bfloat16], ids=str)
def test_what_a_bend_makes_of_a_part_need_not_fit_into_float16(dtype, kernel):
    """Near places that a filter leaves empty renormalising makes large numbers, which bfloat16 holds."""
    cache = DeviceCache(FrameLayout.whole(Grid(2, 24, 40)), 2, torch.empty(0, device=kernel.device).device)
    everything, generator = (tuple(range(150)),), torch.Generator().manual_seed(0)
    chain = [
        (Bend(ops.Flip(), "w", renormalize=False), ([3],)),
        (Bend(ops.FrequencyFilter("band", 0.1, 0.5, 0.1, keep_mean=False), "w"), everything),
        (Bend(ops.Flip(), "w"), ([3],)),
        (Bend(ops.Amplify(10.0), "w", renormalize=False), everything),
    ]
    q, k, v = (torch.randn(1, rows, 128, generator=generator).to(dtype) for rows in (1920, 150, 150))
    host = HostKernel(kernel.attend.__wrapped__, None, q, k, v, 2, {})
    parts = (tensor.unflatten(2, (2, 64)) for tensor in (q, k, v))
    attention = Attention(*parts, host, host.scale, host.with_lse, of_kernel=host.tells)
    output, _ = bend_output(plan_chain(chain, 150), attention, cache)
    assert output.dtype == dtype and output.isfinite().all() and output.abs().max() > 65504


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32], ids=str)
@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
def test_values_that_float16_does_not_hold_stay_in_their_type(scale, dtype, kernel, in_float32):
    if kernel.device != "cpu" or kernel.name != "pytorch":
        pytest.skip("it is about flash on a CPU alone")
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(2, rows, 3, 64, generator=generator).to(dtype) for rows in (50, 21, 21))
    v[:, :, 1] *= scale
    output, lse = flash_over_some(q, k, v, 0.125)
    logits = q.double().transpose(1, 2) @ k.double().permute(0, 2, 3, 1) * 0.125
    exact = (logits.softmax(-1) @ v.double().transpose(1, 2)).transpose(1, 2)
    torch.testing.assert_close(lse.double(), logits.logsumexp(-1).transpose(1, 2), rtol=0, atol=1e-2)
    finer = in_float32 and dtype == torch.bfloat16 and scale == 1
    assert output.dtype == (torch.float16 if finer else dtype)
    bound = {torch.float32: 1e-6, torch.bfloat16: 3e-4 if finer else 4e-3, torch.float16: 1e-3}[dtype]
    for ours, theirs in zip(output.unbind(2), exact.numpy().swapaxes(0, 2), strict=True):
        assert rms_error(ours.transpose(0, 1), theirs) < bound or (scale < 1 and dtype == torch.float16)
