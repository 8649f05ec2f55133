"""The fast path against the dense oracle: single bends, chains, every way a plan can take, every float type."""

from dataclasses import asdict

import numpy as np
import pytest
import torch
from attention_bending.bending import operators as ops
from attention_bending.bending.api import bend_attention
from attention_bending.bending.attention import device_cache
from attention_bending.bending.attention.chain import BLOCK, FEW, plan_chain
from attention_bending.bending.attention.state import MASS_EPS
from attention_bending.bending.bend import Bend, Bending
from attention_bending.bending.errors import BendError
from attention_bending.bending.frames.grid import Grid
from attention_bending.bending.operators import OPERATORS
from core.oracle import bent_attention
from core.test_operators import CASES
from hypothesis import assume, given, settings
from hypothesis import strategies as st

GRIDS = [(2, 3, 5), (1, 1, 7), (3, 4, 1), (2, 4, 4)]
WIDE = 150  # columns: some words, and more padding than one block holds
SETS = {
    "word": [3],
    "other word": [7, 9],
    "phrase": [3, 4, 5],
    "padding": list(range(20, WIDE)),
    "prompt and more": list(range(90)),
    "ALL": list(range(WIDE)),
}


def tensors(grid, width, dtype=torch.float32, batch=2, heads=2, depth=16, seed=0):
    generator = torch.Generator().manual_seed(seed)

    def some(rows, gain):
        return (gain * torch.randn(batch, heads, rows, depth, generator=generator)).to(dtype)

    return some(Grid(*grid).cells, 2.0), some(width, 2.0), some(width, 1.0)


def dense(q, k, v, bends, columns, grid):
    chain = [
        (b.operator.key, asdict(b.operator), c, b.strength, b.renormalize) for b, c in zip(bends, columns, strict=True)
    ]
    out = np.empty(q.shape)
    maps = np.empty((*q.shape[:3], k.shape[2]))
    enlarged = 1.0
    for b in range(q.shape[0]):
        for h in range(q.shape[1]):
            qkv = (t[b, h].double().numpy() for t in (q, k, v))
            out[b, h], maps[b, h], by = bent_attention(*qkv, chain, grid)
            enlarged = max(enlarged, by)
    return out, maps, enlarged


def check(bends, columns, grid=(2, 3, 5), width=WIDE, dtype=torch.float32, tolerance=1e-5, watch=(), seed=0):
    q, k, v = tensors(grid, width, dtype, seed=seed)
    expected, maps, enlarged = dense(q, k, v, bends, columns, grid)
    got = bend_attention(q, k, v, Bending(tuple(bends)), Grid(*grid), columns, watch=watch)
    assert got.output.dtype == dtype
    scale = max(1.0, np.abs(expected).max()) * enlarged
    np.testing.assert_allclose(got.output.double().numpy() / scale, expected / scale, atol=tolerance)
    for column in watch:
        film = got.maps[column].flatten(2).double().numpy()
        np.testing.assert_allclose(film / scale, maps[..., column] / scale, atol=tolerance)
    return got


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("key", OPERATORS)
@pytest.mark.parametrize("renormalize", [True, False])
def test_one_bend(key, name, renormalize):
    bend = Bend(OPERATORS[key](), "word", strength=0.7, renormalize=renormalize)
    check([bend], [SETS[name]], watch=[3, 120])


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("key", OPERATORS)
def test_grids(key, grid):
    check([Bend(OPERATORS[key](), "word")], [[3, 4]], grid=grid, width=12)
    check([Bend(OPERATORS[key](), "ALL")], [list(range(12))], grid=grid, width=12)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.bfloat16, 2e-2), (torch.float16, 2e-3)])
@pytest.mark.parametrize("key", OPERATORS)
def test_half_types(key, dtype, tolerance):
    for name in ("phrase", "padding", "ALL"):
        check([Bend(OPERATORS[key](), "word")], [SETS[name]], dtype=dtype, tolerance=tolerance)


bend_strategy = st.sampled_from(list(CASES)).flatmap(
    lambda key: st.builds(
        Bend,
        CASES[key].filter(lambda op: op.gain < 6 and not op.is_identity),
        st.just("word"),
        strength=st.sampled_from([1.0, 0.5]),
        renormalize=st.booleans(),
    )
)


@settings(max_examples=80, deadline=None)
@given(
    chain=st.lists(st.tuples(bend_strategy, st.sampled_from(list(SETS))), min_size=2, max_size=5),
    seed=st.integers(0, 9),
)
def test_chains_of_words_many_and_all(chain, seed):
    bends, names = zip(*chain, strict=True)
    columns = [SETS[name] for name in names]
    q, k, v = tensors((2, 3, 5), WIDE, seed=seed)
    _, _, enlarged = dense(q, k, v, bends, columns, (2, 3, 5))
    assume(enlarged < 1e3)  # dividing by next to nothing, float32 cannot follow float64: such chains are no test
    check(bends, columns, seed=seed, watch=[3, 9, 100])


def test_a_plan_takes_every_way():
    blur, sharp, louder = (Bend(operator, "w") for operator in (ops.Blur(), ops.Sharpen(), ops.Amplify(2.0)))
    everything, padding = SETS["ALL"], tuple(SETS["padding"])
    assert plan_chain([(blur, [everything])], WIDE).steps[0].all_columns
    assert not plan_chain([(blur, [everything])], WIDE).blocks
    assert plan_chain([(blur, [[3]])], WIDE).blocks == ((3,),)
    assert plan_chain([(blur, [padding])], WIDE).groups == (padding,)
    assert plan_chain([(louder, [range(FEW + 1)])], WIDE).groups == (tuple(range(FEW + 1)),)
    assert plan_chain([(louder, [range(FEW)])], WIDE).blocks == (tuple(range(FEW)),)
    assert plan_chain([(louder, [range(FEW + 1)]), (blur, [[2, 3]])], WIDE).blocks  # not only multiplied
    most, few = tuple(range(WIDE - FEW)), tuple(range(WIDE - FEW, WIDE))
    nearly = plan_chain([(blur, [most])], WIDE)
    assert (nearly.blocks, nearly.groups, nearly.others) == ((few,), (most,), ())
    assert plan_chain([(blur, [most[1:]])], WIDE).others == (0, *few)  # one more is a set
    halves = plan_chain([(blur, [range(70)]), (blur, [range(70, WIDE)])], WIDE)
    assert (halves.blocks, len(halves.groups), halves.others) == ((), 2, ())
    assert list(map(len, plan_chain([(sharp, [everything])], WIDE).blocks)) == [BLOCK, BLOCK, WIDE - 2 * BLOCK]
    mixed = plan_chain([(blur, [[3, 30]]), (blur, [padding]), (sharp, [SETS["prompt and more"]])], WIDE)
    assert mixed.blocks[0] == (3, 30)
    assert mixed.steps[1].blocks[0] == (0, (1,)) and len(mixed.steps[1].groups) + len(mixed.steps[1].blocks) > 2
    parts = [*map(set, mixed.blocks), *map(set, mixed.sets)]
    assert sum(map(len, parts)) == len(set().union(*parts)) == WIDE  # disjoint, and all of them


@pytest.mark.parametrize("size", [(4, 4), (15, 26), (30, 52), (68, 120)])
def test_what_rounding_leaves_of_a_mass_is_none(size):
    """A filter that takes the mean away leaves nothing, and renormalising must not blow up what float32 leaves."""
    kernel = ops.FrequencyFilter("high", 0.2, 0.6, keep_mean=False).kernel(*size, torch.device("cpu"))
    assert kernel(torch.ones(1, *size, 12)).abs().max() < MASS_EPS / 10


def test_what_no_acting_step_touches_joins_the_others():
    blur, sharp, padding = Bend(ops.Blur(), "w"), Bend(ops.Sharpen(), "w"), SETS["padding"]
    plan = plan_chain([(sharp, [padding]), (blur, [[3]])], WIDE)
    word = plan.of((1,))
    assert word.blocks == ((3,),) and word.steps[0].blocks == ((0, (0,)),)
    assert word.others == tuple(column for column in range(WIDE) if column != 3)
    assert plan.of((0, 1)) is plan and plan.of((1,)) is word


@pytest.mark.parametrize("count", [BLOCK - 1, BLOCK, BLOCK + 1, 140])
@pytest.mark.parametrize("overlap", [1, 2])
def test_many_words_never_track_more_than_a_block(count, overlap):
    """Further words are further blocks; phrases that share words across two of them are made again when needed."""
    bends = [Bend(ops.Amplify(1.5), "w", renormalize=i % 2 == 0) for i in range(count)]
    columns = [[i, i + overlap] for i in range(count)]
    plan = plan_chain([(bend, [words]) for bend, words in zip(bends, columns, strict=True)], WIDE)
    assert max(map(len, plan.blocks)) <= BLOCK and not plan.groups
    check(bends, columns)


def test_never_builds_the_map(monkeypatch):
    """Nothing that is ever made is larger than one block of columns over all rows, and a weight for each other one.

    What is computed in blocks of rows has here few rows a block, as it has in a film of ordinary size.
    """
    monkeypatch.setitem(device_cache.BLOCK_BYTES, "cpu", 2**17)
    grid, width = (4, 8, 8), 512
    largest = 0

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            nonlocal largest
            out = func(*args, **(kwargs or {}))
            largest = max(
                [largest, *(t.numel() for t in torch.utils._pytree.tree_leaves(out) if isinstance(t, torch.Tensor))]
            )
            return out

    q, k, v = tensors(grid, width)
    for operator in (ops.Blur(), ops.Sharpen(), ops.FrequencyFilter()):
        for columns in ([5], list(range(12, width)), list(range(width))):
            with Watch():
                bend_attention(q, k, v, Bending((Bend(operator, "w"),)), Grid(*grid), [columns])
    one_column = q.numel() // q.shape[-1]
    assert 0 < largest <= (BLOCK + width // BLOCK) * one_column < width * one_column / 4


@pytest.mark.parametrize("bend", [Bend(ops.Blur(), "w", strength=0.0), Bend(ops.Amplify(1.0), "w"), None])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_null_is_bit_exact(bend, dtype):
    q, k, v = tensors((2, 3, 5), 12, dtype)
    bends = () if bend is None else (bend,)
    plain = torch.nn.functional.scaled_dot_product_attention(q, k, v)
    got = bend_attention(q, k, v, Bending(bends), Grid(2, 3, 5), [[1]] * len(bends), watch=[1])
    assert torch.equal(got.output, plain)
    assert torch.equal(got.maps[1], got.original[1])


def test_amplify_renormalised_is_a_shift_of_the_logits():
    q, k, v = tensors((2, 3, 5), 12)
    bent = bend_attention(q, k, v, Bending((Bend(ops.Amplify(3.0), "w"),)), Grid(2, 3, 5), [[4]]).output
    logits = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5
    logits[..., 4] += np.log(3.0)
    torch.testing.assert_close(bent, logits.softmax(-1) @ v, atol=1e-5, rtol=1e-5)


def test_all_moved_with_borders_keeps_row_sums():
    q, k, _ = tensors((2, 3, 5), 12)
    ones = torch.ones(2, 2, 12, 16)
    bend = Bend(ops.Rotate(33.0), "ALL", renormalize=False)
    output = bend_attention(q, k, ones, Bending((bend,)), Grid(2, 3, 5)).output
    torch.testing.assert_close(output, torch.ones_like(output))


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 2e-2), (torch.float16, 2e-3)])
def test_taking_nearly_everything_out_leaves_no_rounding(dtype, tolerance):
    """Padding holds most of a real model's attention; without it the rest must be as exact as it was."""
    q, k, v = tensors((2, 3, 5), WIDE, dtype)
    padding = SETS["padding"]
    k[:, :, padding] = 0
    q = q / 4  # then nearly all of the attention rests on the padding
    bend = Bend(ops.Amplify(0.0), "PADDING")
    expected, _, _ = dense(q, k, v, [bend], [padding], (2, 3, 5))
    got = bend_attention(q, k, v, Bending((bend,)), Grid(2, 3, 5), [padding]).output
    np.testing.assert_allclose(got.double().numpy(), expected, atol=tolerance)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-3), (torch.bfloat16, 5e-2), (torch.float16, 5e-3)])
def test_a_word_that_holds_nearly_all_attention_can_be_taken_out(dtype, tolerance):
    """The rest is not what half precision leaves of a difference."""
    q, k, v = tensors((2, 3, 5), 12, dtype)
    k[:, :, 4] = 0
    q[..., 0], k[:, :, 4, 0] = 4, 6  # one column's logits stand above all others'
    bend = Bend(ops.Amplify(0.0), "w")
    expected, _, enlarged = dense(q, k, v, [bend], [[4]], (2, 3, 5))
    assert enlarged > 10
    got = bend_attention(q, k, v, Bending((bend,)), Grid(2, 3, 5), [[4]]).output
    np.testing.assert_allclose(got.double().numpy(), expected, atol=tolerance)


def test_gain_on_all_is_not_renormalised_away():
    q, k, v = tensors((2, 3, 5), 12)
    plain = torch.nn.functional.scaled_dot_product_attention(q, k, v)
    bent = bend_attention(q, k, v, Bending((Bend(ops.Amplify(2.0), "ALL"),)), Grid(2, 3, 5)).output
    torch.testing.assert_close(bent, 2 * plain)


def test_refusals():
    q, k, v = tensors((2, 3, 5), 12)
    blur = Bending((Bend(ops.Blur(), "kiss"),))
    with pytest.raises(BendError, match="grid of 2 × 3 × 6 has 36"):
        bend_attention(q, k, v, blur, Grid(2, 3, 6), [[1]])
    with pytest.raises(BendError, match="no column 12 in a context of 12"):
        bend_attention(q, k, v, blur, Grid(2, 3, 5), [[12]])
    with pytest.raises(BendError, match="Bend Prompt"):
        bend_attention(q, k, v, blur, Grid(2, 3, 5))
