"""Half precision: every bend by every way against float64, its error told against the un-bent call's own rounding."""

from dataclasses import replace

import pytest
import torch
from attention_bending.bending import operators as ops
from attention_bending.bending.attention import part
from attention_bending.bending.attention.logits import BMM_WIDENS
from attention_bending.bending.bend import Bend
from core.precision import BENDS, LAYOUT, MOMENT, WATCH, bent, expected, own_ways, qkv, rms_error
from core.test_bend_attention import SETS, WIDE
from core.test_film import dense
from torch.utils._python_dispatch import TorchDispatchMode

DTYPES = (torch.float32, torch.bfloat16, torch.float16)
WAYS = ("told", "computed", "selectors", "masked")
OUTPUT_ERROR = {torch.float32: 1.4, torch.bfloat16: 2.2, torch.float16: 2.2}
"""Over the un-bent call's own error, rms: parts are rounded once each, and their sum once more."""
ON_GPU = 1.3
"""An allowance for its kernels, not a measurement."""
MAP_ERROR = {torch.float32: 3e-6, torch.bfloat16: 4e-3, torch.float16: 2e-3}


class Called(TorchDispatchMode):
    """Which operations ran."""

    def __init__(self):
        super().__init__()
        self.functions = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.functions.add(func)
        return func(*args, **(kwargs or {}))


@pytest.fixture
def ways(device):
    """What tells on a GPU are kernels that the host knows: see tests/host/test_told.py, which runs these tests too."""
    return own_ways(device, *(WAYS if device == "cpu" else WAYS[1:]))


def bound_of(name, dtype, way):
    """The largest error of a bend's output, over the un-bent call's own."""
    # a temperature's queries are rounded to the type; selectors tell a map to its precision, which a swap shows
    coarse = "temperature" in name or (way.name in ("selectors", "masked") and name in ("trade", "follow"))
    bound = 3.2 if coarse and dtype != torch.float32 else OUTPUT_ERROR[dtype]
    return bound * (ON_GPU if way.device == "cuda" else 1)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", BENDS)
def test_error_of_every_bend(name, dtype, ways):
    output, maps = expected(name, dtype)
    for way in ways:
        got, seen = bent(BENDS[name], way(*qkv(dtype)), way.cache(), WATCH)
        assert got.dtype == dtype
        error = rms_error(got, output) / way.unbent_error(dtype)
        assert error < bound_of(name, dtype, way), (way.name, error)
        by_kernel = way.name in ("selectors", "masked") or "temperature" in name
        bound = MAP_ERROR[dtype] if by_kernel or dtype == torch.float32 else 1e-4
        bound *= 4 if way.device == "cuda" and dtype == torch.float32 else 1  # an allowance, not a measurement
        assert rms_error(seen.bent.transpose(1, 2), maps[..., list(WATCH)]) < bound, way.name


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("bend", [Bend(ops.Blur(), "w", strength=0.0), Bend(ops.Amplify(1.0), "w"), None])
def test_null_has_the_kernels_own_bits(bend, dtype, ways):
    chain = () if bend is None else ((bend, [SETS["phrase"]]),)
    for way in ways:
        given = way(*qkv(dtype))
        output, _ = bent(chain, given, way.cache())
        assert torch.equal(output.transpose(1, 2), given.output()), way.name


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_a_word_that_holds_0_999_of_every_place_leaves_no_rounding(dtype, ways):
    """Taken out and renormalised, only the others are left: within three roundings of the exact result."""
    q, k, v = (tensor.clone() for tensor in qkv(dtype))
    q *= 0.25  # so that places differ little in what the others hold
    q[..., 0] = 4.0
    k[..., 0] = 0.0
    others = (q.double() @ k.double().mT * q.shape[3] ** -0.5).logsumexp(-1)
    k[:, :, 3] = 0.0
    k[:, :, 3, 0] = float(others.max()) + 7.0  # this very logit at every place: above all others together by e⁷
    keep = [column for column in range(WIDE) if column != 3]
    logits = q.double() @ k.double().mT * q.shape[3] ** -0.5
    held = logits.softmax(-1)[..., 3]
    assert held.min() > 0.999 and held.max() < 1 - 2e-5  # below 1e-5 nothing is renormalised
    exact = logits[..., keep].softmax(-1) @ v.double()[:, :, keep]
    maps = logits[..., keep].softmax(-1)[..., [8, 99]].transpose(1, 2)  # without column 3 each comes one earlier
    rounding = (exact.to(dtype).double() - exact).abs().max()
    for way in ways:
        output, seen = bent(((Bend(ops.Amplify(0.0), "w"), [[3]]),), way(q, k, v), way.cache(), (9, 100))
        if dtype == torch.float32 or way.name in ("told", "computed"):
            rtol = 1e-3 if dtype != torch.float32 else 1e-4
            torch.testing.assert_close(seen.bent.double().cpu(), maps, rtol=rtol, atol=1e-7)
        error = (output.double().cpu() - exact).abs().max()
        if dtype == torch.float32:
            assert error <= 2e-6 * exact.abs().max(), way.name
        elif way.name == "masked" and dtype == torch.float16:  # a foreign kernel's own sums of next to nothing
            assert error <= 20 * rounding
        else:
            assert error <= 3 * rounding, way.name


@pytest.mark.parametrize("dtype", DTYPES[1:], ids=str)
@pytest.mark.parametrize("name", BENDS)
def test_error_of_the_sums_that_a_gpu_makes(name, dtype, monkeypatch):
    """By kernels that read and write the type itself, run here on the processor."""
    output, _ = expected(name, dtype)
    monkeypatch.setattr(part, "SUMS_IN_FLOAT32", ("cpu",))
    (told,) = own_ways("cpu", "told")
    got, _ = bent(BENDS[name], told(*qkv(dtype)), told.cache())
    assert rms_error(got, output) / told.unbent_error(dtype) < bound_of(name, dtype, told)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_signs_that_cancel_in_the_mass_do_not_blow_up_the_output(dtype, ways):
    """Behind a filter that leaves no mean a row's mass is next to nothing, while its output is as large as V."""
    q, k, v = qkv(dtype)
    v = 20 * v
    high = Bend(ops.FrequencyFilter("high", 0.2, 0.6, 0.1, keep_mean=False), "ALL", renormalize=False)
    chain = ((high, [range(WIDE)]), (Bend(ops.Blur(), "w", renormalize=False), [[3]]))
    exact, *_ = dense((q, k, v), *zip(*chain, strict=True), LAYOUT, MOMENT)
    for way in ways:
        output, _ = bent(chain, way(q, k, v), way.cache())
        assert torch.isfinite(output).all()
        assert rms_error(output, exact) < (1e-5 if dtype == torch.float32 else 40 * way.unbent_error(dtype)), way.name


@pytest.mark.parametrize("dtype", DTYPES[1:], ids=str)
@pytest.mark.parametrize("count", [1, 2, 16, 64])
def test_columns_of_half_types_are_float32(count, dtype, device):
    """On a GPU the product widens them itself, where this torch can: nothing is rounded to the half type between."""
    generator = torch.Generator().manual_seed(count)
    q, k, v = (torch.randn(2, 3, length, 64, generator=generator).to(dtype) for length in (60, 77, 77))
    logits = q.double() @ k.double().mT * q.shape[3] ** -0.5
    (way,) = own_ways(device, "selectors")
    given = replace(way(q, k, v), lse=logits.logsumexp(-1).float().transpose(1, 2).to(device))
    with Called() as called:
        columns = given.columns(tuple(range(count)), way.cache())
    assert (torch.ops.aten.bmm.dtype in called.functions) == (device == "cuda" and BMM_WIDENS)
    exact = logits.softmax(-1)[..., :count].transpose(1, 2)
    torch.testing.assert_close(columns.double().cpu(), exact, rtol=2e-5, atol=0)
