"""The ways to a column (a kernel's own log-sum-exp, one that is computed, a selector call) agree; so do maps alone."""

import pytest
import torch
import torch.nn.functional as F
from attention_bending.bending import operators as ops
from attention_bending.bending.attention.chain import plan_chain
from attention_bending.bending.attention.device_cache import DeviceCache
from attention_bending.bending.attention.kernel import Attention
from attention_bending.bending.attention.state import run_chain
from attention_bending.bending.bend import Bend
from attention_bending.bending.frames.grid import Grid
from attention_bending.bending.frames.layout import FrameLayout
from core.test_bend_attention import SETS, WIDE, bend_strategy, tensors
from hypothesis import given, settings
from hypothesis import strategies as st

GRID = (2, 3, 5)
WAYS = ("lse", "exact", "selector")


def attention(way, dtype=torch.float32, seed=0):
    q, k, v = tensors(GRID, WIDE, dtype, seed=seed)
    calls = []

    def kernel(q, k, values):
        calls.append(values)
        return F.scaled_dot_product_attention(*(each.transpose(1, 2) for each in (q, k, values))).transpose(1, 2)

    lse = None
    if way == "lse":
        lse = (q.float() @ k.float().mT * q.shape[3] ** -0.5).logsumexp(-1).transpose(1, 2)
    own = (tensor.transpose(1, 2).contiguous() for tensor in (q, k, v))
    return Attention(*own, kernel, q.shape[3] ** -0.5, lse, way == "exact"), calls


def run(way, chain, watch=(), dtype=torch.float32, seed=0, output=True):
    given, calls = attention(way, dtype, seed)
    film = given.output() if output else None
    plan = plan_chain([(bend, [SETS[name]]) for bend, name in chain], WIDE, watch)
    bent = run_chain(plan, given, film, DeviceCache(FrameLayout.whole(Grid(*GRID)), 2, torch.device("cpu")))
    return bent, calls


@settings(max_examples=40, deadline=None)
@given(chain=st.lists(st.tuples(bend_strategy, st.sampled_from(list(SETS))), max_size=3), seed=st.integers(0, 9))
def test_maps_without_an_output_are_the_same(chain, seed):
    """And no attention call is made for what is only written to it."""
    watch = (3, 9, 100)
    for way in WAYS:
        (whole, calls), (maps, fewer) = (run(way, chain, watch, seed=seed, output=some) for some in (True, False))
        assert maps.output is None and len(fewer) < len(calls)
        assert torch.equal(whole.original, maps.original)
        scale = max(1.0, float(whole.maps.abs().max()))
        assert torch.allclose(whole.maps / scale, maps.maps / scale, atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(bend=bend_strategy, name=st.sampled_from(["word", "phrase", "ALL"]), seed=st.integers(0, 9))
def test_all_ways_agree(bend, name, seed):
    ways = [run(way, [(bend, name)], (3, 100), seed=seed)[0] for way in WAYS]
    for other in ways[1:]:
        scale = max(1.0, float(ways[0].output.abs().max()))
        assert torch.allclose(ways[0].output / scale, other.output / scale, atol=2e-4)
        assert torch.allclose(ways[0].original, other.original, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_columns_need_no_call_where_they_can_be_computed(dtype):
    bend = Bend(ops.Blur(), "w", renormalize=True)
    counts = {way: len(run(way, [(bend, "phrase")], dtype=dtype)[1]) for way in WAYS}
    rest = 0 if dtype == torch.float32 else 1  # in half types the rest of the output is a call of its own
    assert counts == {"lse": 1 + rest, "exact": 1 + rest, "selector": 2 + rest}


@pytest.mark.parametrize("way", WAYS)
def test_where_nothing_acts_maps_are_read_and_the_output_keeps_its_bits(way):
    given, _ = attention(way)
    output = given.output()
    before = output.clone()
    plan = plan_chain([], WIDE, (3, 4))
    bent = run_chain(plan, given, output, DeviceCache(FrameLayout.whole(Grid(*GRID)), 2, torch.device("cpu")))
    assert torch.equal(output, before) and bent.maps is bent.original and bent.maps.shape[-1] == 2
    none = run_chain(
        plan_chain([], WIDE), given, output, DeviceCache(FrameLayout.whole(Grid(*GRID)), 2, torch.device("cpu"))
    )
    assert none.maps.shape[-1] == 0
