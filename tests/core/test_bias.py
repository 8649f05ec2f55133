"""Chains that only multiply, as one attention with a bias: against a softmax with an additive mask, in float64."""

import numpy as np
import pytest
import torch
from attention_bending.bending import operators as ops
from attention_bending.bending.attention import device_cache
from attention_bending.bending.attention.bias import FrameBias, KeysLeftOut, PlaceBias, biased_at
from attention_bending.bending.attention.chain import FEW, plan_chain
from attention_bending.bending.attention.device_cache import DeviceCache
from attention_bending.bending.attention.state import bend_maps, bend_output
from attention_bending.bending.bend import Animation, Bend
from attention_bending.bending.frames.grid import Grid
from attention_bending.bending.frames.layout import FrameLayout
from attention_bending.bending.frames.mask_video import MaskVideo
from attention_bending.bending.time.animation import sampled_curve
from attention_bending.bending.time.windows import SamplingMoment
from core.oracle import regional_mask
from core.precision import own_ways
from core.test_bend_attention import tensors
from core.test_device import Strict, never_waiting
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

GRID, WIDE, HEADS = (4, 3, 5), 600, 2
MOMENT = SamplingMoment(0.0, 0, 1)
LAYOUT = FrameLayout.whole(Grid(*GRID))
DTYPES = (torch.float32, torch.bfloat16, torch.float16)
ERROR = {torch.float32: 1.5, torch.bfloat16: 1.15, torch.float16: 1.15}
"""Over the un-bent call's own, rms; a half type's parts are rounded twice."""
OF_PARTS = {torch.float32: 1.5, torch.bfloat16: 2.2}

SCENES = [range(3, 203), range(203, 403), range(403, 590)]
BOX = {"x1": 0.2, "y1": 0.0, "x2": 0.6, "y2": 0.67, "feather": 0.0, "invert": False}
MASK = torch.rand(GRID, generator=torch.Generator().manual_seed(1))
MASK[1, 1:], MASK[2, 0] = 1, 0


def over_frames(*factors, **aim):
    return Bend(ops.Amplify(), "w", animations=(Animation("factor", "frames", sampled_curve(factors)),), **aim)


def amplify(factor, *args, **aim):
    return Bend(ops.Amplify(factor), "w", *args, **aim)


CUT = [(1, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1)]
FADED = [(1, 0.4, 0, 0), (0, 0.6, 1, 0.01), (0, 0, 0, 7.5)]


def times(*gains):
    """What columns are multiplied by, of heads, frames, rows, columns of the picture: `(H, F, h, w, T)`."""
    c = np.ones((HEADS, *GRID, WIDE))
    for columns, gain in gains:
        c[..., list(columns)] *= np.asarray(gain)[..., None]
    return c


def of_frames(*factors):
    return np.array(factors, float)[:, None, None]


box = np.array(regional_mask(np.ones(GRID[1:]), **BOX))
CHAINS = {
    "louder": (FrameBias, [(amplify(3.0), [3])], times(([3], 3))),
    "out": (KeysLeftOut, [(amplify(0.0), [3])], times(([3], 0))),
    "all but one out": (KeysLeftOut, [(amplify(0.0), range(1, WIDE))], times((range(1, WIDE), 0))),
    "half": (FrameBias, [(amplify(0.0, 0.5), [3, 4])], times(([3, 4], 0.5))),
    "frames": (FrameBias, [(amplify(4.0, frames="1, 3"), [3])], times(([3], of_frames(1, 4, 1, 4)))),
    "out of some": (KeysLeftOut, [(amplify(0.0, frames="1, 3"), [3])], times(([3], of_frames(1, 0, 1, 0)))),
    "cut": (
        KeysLeftOut,
        [(over_frames(*factors), columns) for factors, columns in zip(CUT, SCENES, strict=True)],
        times(*((columns, of_frames(*factors)) for factors, columns in zip(CUT, SCENES, strict=True))),
    ),
    "faded": (
        FrameBias,
        [(over_frames(*factors), columns) for factors, columns in zip(FADED, SCENES, strict=True)],
        times(*((columns, of_frames(*factors)) for factors, columns in zip(FADED, SCENES, strict=True))),
    ),
    "a head": (
        FrameBias,
        [(amplify(0.0, heads="1", frames="0-2"), range(550))],
        times((range(550), np.array([of_frames(1, 1, 1, 1), of_frames(0, 0, 0, 1)]))),
    ),
    "a box": (PlaceBias, [(Bend(ops.RegionalMask(**BOX), "w"), SCENES[0])], times((SCENES[0], box))),
    "a mask": (
        PlaceBias,
        [(amplify(0.0, masks=(MaskVideo(MASK),)), range(540))],
        times((range(540), 1 - MASK.numpy())),
    ),
    "words, scenes, places": (
        PlaceBias,
        [
            (amplify(0.25, renormalize=False), [3, 9, 300]),
            (over_frames(*FADED[1]), SCENES[1]),
            (amplify(2.0, 0.5, masks=(MaskVideo(MASK),)), range(100, 260)),
            (Bend(ops.RegionalMask(**{**BOX, "invert": True}), "w", frames="1-3"), range(250, 599)),
            (amplify(6.0), [3, 280]),
        ],
        times(
            ([3, 9, 300], 0.25),
            (SCENES[1], of_frames(*FADED[1])),
            (range(100, 260), 1 + 0.5 * MASK.numpy()),
            (range(250, 599), np.stack([np.ones_like(box), *[1 - box] * 3])),
            ([3, 280], 6),
        ),
    ),
}


def cache(device="cpu", layout=LAYOUT):
    made = DeviceCache(layout, HEADS, torch.device(device))
    made.go_to(MOMENT)
    return made


def plan(chain, watch=()):
    return plan_chain([(bend, [tuple(columns)]) for bend, columns in chain], WIDE, watch)


def qkv(dtype=torch.float32, sharp=1.0):
    q, k, v = tensors(GRID, WIDE, heads=HEADS)
    return [tensor.to(dtype) for tensor in (q * sharp, k, v)]


def shares(qkv, c, temperature=1.0):
    """The softmax with the additive mask log c, `(B, H, L, T)`."""
    q, k, _ = (tensor.double().numpy() for tensor in qkv)
    with np.errstate(divide="ignore"):
        bias = np.log(c.reshape(HEADS, -1, WIDE))
    logits = q @ np.swapaxes(k, 2, 3) * (q.shape[3] ** -0.5 / temperature) + bias
    e = np.exp(logits - logits.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def error(output, qkv, c):
    """The root mean square over that of what is expected."""
    expected = shares(qkv, c) @ qkv[2].double().numpy()
    difference = output.transpose(1, 2).double().cpu().numpy() - expected
    return float(np.sqrt(np.square(difference).mean() / np.square(expected).mean()))


def made(way, chain, given, device="cpu"):
    """The output, and how it was made."""
    output, known = bend_output(plan(chain), way(*given), cache(device))
    assert output.dtype == given[2].dtype and output.shape == given[0].transpose(1, 2).shape
    return output, known.way


@pytest.mark.parametrize("sharp", [1, 10])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", CHAINS)
def test_equals_a_softmax_with_an_additive_mask(name, dtype, sharp, device):
    """Ten times as sharp, a word holds so much of a place that what is left without it was once taken for nothing."""
    kind, chain, c = CHAINS[name]
    given, (way,) = qkv(dtype, sharp), own_ways(device, "biased")
    assert isinstance(biased_at(plan(chain), cache(device)), kind)
    output, taken = made(way, chain, given, device)
    assert taken == "biased"
    own = error(way(*given).output(), given, times())
    assert error(output, given, c) < ERROR[dtype] * own * (1.3 if device == "cuda" else 1)  # an allowance


@pytest.mark.parametrize("dtype", DTYPES[:2], ids=str)
@pytest.mark.parametrize("name", CHAINS)
def test_the_parts_and_the_maps_are_as_exact(name, dtype, device):
    """By a kernel that takes no bias, and for a record: no place whose other words were left with little is silent."""
    kind, chain, c = CHAINS[name]
    given, watch = qkv(dtype, 3), (3, 300, 595)
    for way in own_ways(device, "computed", "selectors"):
        output, taken = made(way, chain, given, device)
        assert (taken == "biased") == (kind is KeysLeftOut)
        assert error(output, given, c) < OF_PARTS[dtype] * error(way(*given).output(), given, times())
        maps = bend_maps(plan(chain, watch), way(*given), cache(device)).bent.transpose(1, 2).double().cpu().numpy()
        bound = 1e-2 if way.name == "selectors" and dtype != torch.float32 else 3e-5
        assert np.abs(maps - shares(given, c)[..., list(watch)]).max() < bound


SILENT = {
    "ALL": [(amplify(0.0, frames="1"), range(WIDE))],
    "both halves": [(amplify(0.0, frames="1"), range(300)), (amplify(0.0, frames="1"), range(300, WIDE))],
    "by masks": [
        (amplify(0.0, masks=(MaskVideo((torch.arange(4) == 1)[:, None, None].expand(GRID).float()),)), columns)
        for columns in (range(300), range(280, WIDE))
    ],
}


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", SILENT)
def test_a_place_that_hears_nothing_stays_silent(name, dtype, device):
    """The parts make it, by every kernel: nothing is there, and no word comes back; other places are as they were."""
    given = qkv(dtype)
    for way in own_ways(device, "biased", "computed", "selectors", "masked"):
        output, taken = made(way, SILENT[name], given, device)
        plain = way(*given).output()
        assert taken != "biased"
        frames, unbent = (every.unflatten(1, (4, -1)).float() for every in (output, plain))
        assert not frames[:, 1].any()
        scale = float(plain.float().abs().max())
        assert (frames - unbent)[:, [0, 2, 3]].abs().max() < scale * (1e-5 if dtype == torch.float32 else 0.02)


def test_what_takes_the_parts():
    """Not only multiplied, not renormalised at the end, or no cheaper by a bias."""
    given, (biased, told, masked) = qkv(), own_ways("cpu", "biased", "computed", "masked")
    mask = (MaskVideo(MASK),)
    for chain in (
        [(amplify(-0.5), [3])],
        [(over_frames(1, 0, -1, 1), [3])],
        [(amplify(3.0), [3]), (amplify(3.0, renormalize=False), [4])],
        [(Bend(ops.Blur(), "w"), [3]), (amplify(3.0), [4])],
        [(amplify(3.0), range(WIDE)), (amplify(3.0), [4])],
        [(amplify(3.0, heads="0", masks=mask), [3])],
        [(amplify(3.0, masks=mask), [column]) for column in range(FEW)],
    ):
        assert made(biased, chain, given)[1] == "told"
    chain = [(amplify(3.0, masks=mask), [column]) for column in range(FEW - 1)]
    assert made(biased, chain, given)[1] == "biased"
    assert made(told, CHAINS["louder"][1], given)[1] == "computed"
    assert made(masked, CHAINS["out"][1], given)[1] == "masked"


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", CHAINS)
def test_who_wants_maps_changes_no_bit(name, dtype, device):
    (way,) = own_ways(device, "biased")
    _, chain, _ = CHAINS[name]
    outputs = [
        bend_output(plan(chain), way(*qkv(dtype)), cache(device), keep_lse=keep_lse)[0] for keep_lse in (False, True)
    ]
    assert torch.equal(*outputs)


@pytest.mark.parametrize("name", ["out", "faded", "a mask"])
def test_stands_beside_a_temperature(name):
    _, chain, c = CHAINS[name]
    given, (way,), tables = qkv(), own_ways("cpu", "biased"), cache()
    attention = way(*given).at_temperature([Bend(ops.Temperature(0.6), "ALL")], tables)
    output, known = bend_output(plan(chain), attention, tables)
    expected = shares(given, c, temperature=0.6) @ given[2].double().numpy()
    assert known.way == "biased"
    np.testing.assert_allclose(output.transpose(1, 2).numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("name", ["cut", "faded", "a mask"])
def test_a_context_window_has_its_own_frames(name):
    """Frames are counted over the film, of which this call has the last two."""
    chain = CHAINS[name][1]
    half = GRID[1] * GRID[2] * 2
    q, k, v = qkv()
    (way,) = own_ways("cpu", "biased")
    window = cache(layout=FrameLayout(Grid(2, *GRID[1:]), (2, 3), 4))
    output, _ = bend_output(plan(chain), way(q[:, :, half:], k, v), window)
    whole, _ = made(way, chain, (q, k, v))
    torch.testing.assert_close(output, whole[:, half:], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", CHAINS)
def test_nothing_is_as_large_as_the_map(name, monkeypatch):
    """At most some rows of it for all heads, as a film of ordinary size has many."""
    monkeypatch.setitem(device_cache.BLOCK_BYTES, "cpu", 2**14)
    largest = 0

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            nonlocal largest
            out = func(*args, **(kwargs or {}))
            leaves = [leaf for leaf in tree_leaves(out) if isinstance(leaf, torch.Tensor)]
            largest = max([largest, *(leaf.untyped_storage().nbytes() for leaf in leaves)])
            return out

    given, (way,) = qkv(), own_ways("cpu", "biased")
    attention = way(*given)
    with Watch():
        bend_output(plan(CHAINS[name][1]), attention, cache())
    assert 0 < largest <= max(tensor.nbytes for tensor in given)


@pytest.mark.parametrize("on", ["meta", pytest.param("cuda", marks=pytest.mark.cuda)])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", CHAINS)
def test_stays_on_the_device(name, dtype, on):
    (way,) = own_ways(on, "biased")
    tables, given = cache(on), [tensor.to(on) for tensor in qkv(dtype)]
    for steady in (False, True, True):
        with Strict(on, steady), never_waiting(on if steady else "cpu"):
            output, _ = bend_output(plan(CHAINS[name][1]), way(*given), tables)
        assert output.device.type == on and output.dtype == dtype
