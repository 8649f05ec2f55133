"""The ways to a share (the kernel's log-sum-exp, a computed one, selectors, V zeroed) agree; so do maps alone."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from attention_bending.bending import operators as ops
from attention_bending.bending.attention.chain import plan_chain
from attention_bending.bending.attention.device_cache import DeviceCache
from attention_bending.bending.attention.kernel import Attention
from attention_bending.bending.attention.state import bend_maps, bend_output
from attention_bending.bending.bend import Bend
from attention_bending.bending.frames.grid import Grid
from attention_bending.bending.frames.layout import FrameLayout
from core.test_bend_attention import SETS, WIDE, bend_strategy, tensors
from hypothesis import given, settings
from hypothesis import strategies as st

GRID = (2, 3, 5)
WAYS = ("told", "computed", "selectors", "masked")


def attention(way, dtype=torch.float32, seed=0, device="cpu"):
    q, k, v = (tensor.to(device).transpose(1, 2).contiguous() for tensor in tensors(GRID, WIDE, dtype, seed=seed))
    calls = []

    def kernel(q, k, values, scale):
        calls.append(k.shape[1])
        heads_first = (each.transpose(1, 2) for each in (q, k, values))
        return F.scaled_dot_product_attention(*heads_first, scale=scale).transpose(1, 2)

    def kernel_with_lse(q, k, values, scale):
        logits = q.float().transpose(1, 2) @ k.float().transpose(1, 2).mT * scale
        return kernel(q, k, values, scale), logits.logsumexp(-1).transpose(1, 2)

    return (
        Attention(
            q,
            k,
            v,
            kernel,
            q.shape[3] ** -0.5,
            kernel_with_lse=kernel_with_lse if way == "told" else None,
            exact=way == "computed",
            divisible=way != "masked",
        ),
        calls,
    )


def cache(device="cpu"):
    return DeviceCache(FrameLayout.whole(Grid(*GRID)), 2, torch.device(device))


def plan(chain, watch=()):
    return plan_chain([(bend, [SETS[name]]) for bend, name in chain], WIDE, watch)


def output_of(way, chain, dtype=torch.float32, seed=0, device="cpu"):
    """The bent output, and how many keys each of the kernel's calls had."""
    given, calls = attention(way, dtype, seed, device)
    return bend_output(plan(chain), given, cache(device))[0], calls


def maps_of(way, chain, watch, known=False, seed=0, device="cpu"):
    """`known`: with the log-sum-exp that the output's own chain has left."""
    given, calls = attention(way, seed=seed, device=device)
    if known:
        _, given = bend_output(plan(chain), given, cache(device), keep_lse=True)
        calls.clear()
    return bend_maps(plan(chain, watch), given, cache(device)), calls


def close(ours, theirs, atol):
    scale = max(1.0, float(theirs.abs().max()))
    return torch.allclose(ours / scale, theirs / scale, atol=atol)


@settings(max_examples=40, deadline=None)
@given(chain=st.lists(st.tuples(bend_strategy, st.sampled_from(list(SETS))), max_size=3), seed=st.integers(0, 9))
def test_all_ways_agree_on_maps_and_output(chain, seed, device):
    watch = (3, 9, 100)
    maps = [maps_of(way, chain, watch, known, seed, device)[0] for way in WAYS for known in (False, True)]
    outputs = [output_of(way, chain, seed=seed, device=device)[0] for way in WAYS]
    assert all(torch.allclose(other.original, maps[0].original, atol=1e-6) for other in maps)
    # a chain of renormalised remainders may enlarge the last bits of a sum; see oracle.bent_attention
    assert all(close(other.bent, maps[0].bent, 2e-4) for other in maps)
    assert all(close(other, outputs[0], 2e-4) for other in outputs)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_every_key_is_attended_to_once(dtype, device):
    """Only a kernel that tells nothing is asked a second time, with selectors for V."""
    blur, louder = Bend(ops.Blur(), "w", renormalize=True), Bend(ops.Amplify(2.0), "w")
    rest = WIDE - len(SETS["padding"]) - len(SETS["phrase"])
    for chain, keys in (
        ([(blur, "phrase")], [WIDE - len(SETS["phrase"])]),
        ([(blur, "padding"), (blur, "phrase")], [len(SETS["padding"]), rest]),
        ([(louder, "padding"), (blur, "phrase")], [len(SETS["padding"]), rest]),
        ([(blur, "ALL")], [WIDE]),
        ([(blur, "ALL"), (louder, "ALL")], [WIDE]),
    ):
        counted = {way: output_of(way, chain, dtype, device=device)[1] for way in WAYS}
        asked = [WIDE] if len(keys) > 1 or keys[0] < WIDE else []
        assert counted == {
            "told": keys,
            "computed": keys,
            "selectors": asked + keys,
            "masked": asked + [WIDE] * len(keys),
        }


def test_maps_beside_an_output_need_no_attention():
    """What taking it apart has told is enough, also for other watched columns, and for groups."""
    chain = [(Bend(ops.Blur(), "w"), "phrase"), (Bend(ops.Amplify(2.0), "w"), "padding")]
    for part in (chain, chain[:1], chain[1:]):
        assert all(maps_of(way, part, (3, 9), known=True)[1] == [] for way in ("told", "computed"))


def test_a_plan_that_watches_makes_the_same_output():
    chain = [(Bend(ops.Sharpen(), "w"), "padding"), (Bend(ops.Flip(), "w"), "word")]
    outputs = [bend_output(plan(chain, watch), attention("told")[0], cache())[0] for watch in ((), (3, 9))]
    assert close(*outputs, 1e-6)


@pytest.mark.parametrize("way", WAYS)
def test_where_nothing_acts_maps_are_read_and_the_output_has_the_kernels_bits(way):
    given, _ = attention(way)
    output, known = bend_output(plan([]), given, cache(), keep_lse=True)
    maps = bend_maps(plan([], (3, 4)), known, cache())
    assert torch.equal(output, given.output()) and maps.bent is maps.original and maps.bent.shape[-1] == 2
    assert bend_maps(plan([]), given, cache()).bent.shape[-1] == 0


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("width", [1, 2, 512])
def test_bends_that_cover_every_token_leave_no_part_empty(way, width, device):
    """A call without keys kills the CPU's kernel: a text of one token, all tokens by words, all of them watched."""
    louder = Bend(ops.Amplify(2.0), "w", renormalize=False)
    columns = [[i] for i in range(width)]
    given, calls = attention(way, device=device)
    given = replace(given, k=given.k.repeat(1, 4, 1, 1)[:, :width], v=given.v.repeat(1, 4, 1, 1)[:, :width])
    chain = plan_chain([(louder, [column]) for column in columns], width)
    output, known = bend_output(chain, given, cache(device), keep_lse=True)
    assert 0 not in calls and close(output, 2 * given.output(), 1e-5)
    maps = bend_maps(plan_chain([(louder, [[0]])], width, range(width)), known, cache(device))
    assert 0 not in calls and maps.bent.shape[-1] == width
    assert close(maps.original.sum(-1), torch.ones((), device=device), 1e-5)
    for all_columns in (True, False):
        bend = Bend(ops.Flip() if all_columns else ops.Sharpen(), "w")
        bend_output(plan_chain([(bend, [range(width)])], width), given, cache(device))
    assert 0 not in calls
