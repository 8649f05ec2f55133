"""Whole samplings of chains that only multiply: one call by the kernels that take a bias, counted; else the parts."""

import comfy.ldm.wan.model
import pytest
import torch
from attention_bending.bending import operators as ops
from attention_bending.bending.bend import Animation, Bend, Bending
from attention_bending.bending.time.animation import sampled_curve
from attention_bending.host.maps.record_store import Handle, record_of
from attention_bending.host.maps.recording import Recording
from attention_bending.host.run.attach import patch_model
from attention_bending.host.run.kernel import BIASED, EXACT, adds_bias
from attention_bending.host.run.patch import Patch
from host.kernels import on_both
from host.support import ROUNDING, SQUARE, Dense, bent, distance, reports
from host.test_half_sampled import LAYERS, STEPS, UNBENT, loaded, rms

DTYPES = (torch.float32, torch.bfloat16, torch.float16)
KERNELS = on_both("pytorch", "split", "sub_quad", slow=("split",))
SHAPE = SQUARE["shape"]
FRAMES = (
    Bend(ops.Amplify(0.0), "kiss", layers="0"),
    Bend(ops.Amplify(4.0), "PADDING"),
    Bend(ops.Amplify(0.3), "sunset", strength=0.5),
)
CHAINS = {
    "frames": FRAMES,
    "places": (*FRAMES, Bend(ops.RegionalMask(x2=0.5), "kiss")),
    "keys": (Bend(ops.Amplify(0.0), "kiss, PADDING"),),
}


@pytest.fixture(params=(*DTYPES[:2], pytest.param(torch.float16, marks=pytest.mark.slow)), ids=str)
def dtype(request):
    return request.param


@pytest.fixture
def computing(dtype, kernel, monkeypatch):
    monkeypatch.setattr(comfy.ldm.wan.model, "optimized_attention", kernel.attend)
    return loaded(dtype, kernel.device).clone()


def way_of(name, kernel):
    return "told" if kernel.name == "sub_quad" and name != "keys" else "biased"


@pytest.mark.parametrize("name", CHAINS)
@KERNELS
def test_a_chain_equals_dense_attention(name, computing, dtype, kernel, positive, negative, sample):
    films = {
        bends: sample(Dense(computing, bends, positive, SQUARE["film"]).patched(), positive, negative, shape=SHAPE)
        for bends in (UNBENT, CHAINS[name])
    }
    plain = sample(computing, positive, negative, shape=SHAPE)
    with reports() as made:
        result = sample(bent(computing, *CHAINS[name]), positive, negative, shape=SHAPE)
    assert made[0].ways == {way_of(name, kernel): LAYERS * STEPS}
    assert rms(result, films[CHAINS[name]]) < max(2 * rms(plain, films[UNBENT]), 1e-5)
    assert distance(films[CHAINS[name]], films[UNBENT]) > 0.05


@pytest.mark.parametrize("name", CHAINS)
@KERNELS
def test_who_watches_changes_neither_bits_nor_way(name, computing, dtype, kernel, positive, negative, sample):
    recording = Recording(Handle(None, 2**26), "listed words", "kiss, sunset")
    models = [bent(computing, *CHAINS[name]), patch_model(computing, Patch(Bending(CHAINS[name]), recording=recording))]
    with reports() as made:
        alone, recorded = (sample(model, positive, negative, shape=SHAPE) for model in models)
    assert torch.equal(recorded, alone) and made[0].ways == made[1].ways
    record = record_of(recording.handle, {"samples": recorded})
    before, after = (record.mean_map(0, chain, range(STEPS), (0,)) for chain in (False, True))
    assert before.any() and not after.any()


@pytest.mark.parametrize("dtype", DTYPES[:1], ids=str)
@KERNELS
def test_a_negative_in_the_same_call_keeps_its_bits(computing, positive, negative, sample):
    def first_call(model):
        clone, seen = model.clone(), []

        def note(apply_model, call):
            seen.append((call["cond_or_uncond"], apply_model(call["input"], call["timestep"], **call["c"])))
            return seen[-1][1]

        clone.set_model_unet_function_wrapper(note)
        sample(clone, positive, negative, shape=SHAPE, steps=1)
        return seen[0]

    for bends in CHAINS.values():
        (places, plain), (same, result) = first_call(computing), first_call(bent(computing, *bends))
        assert places == same and sorted(places) == [0, 1]
        assert [torch.equal(*rows) for rows in zip(result, plain, strict=True)] == [place == 1 for place in places]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@KERNELS
def test_a_frame_that_hears_nothing_is_finite(computing, dtype, positive, negative, sample):
    """All its words are taken out, in two bends: the parts make it, and no word comes back."""
    out = (Animation("factor", "frames", sampled_curve([1.0, 0.0])),)
    chain = [Bend(ops.Amplify(), words, animations=out) for words in ("PROMPT", "PADDING, END")]
    with reports() as made:
        silent = sample(bent(computing, *chain), positive, negative, shape=SHAPE)
    assert torch.isfinite(silent).all() and "biased" not in made[0].ways
    if dtype == torch.float32:
        whole = sample(bent(computing, Bend(ops.Amplify(0.0), "ALL", frames="1")), positive, negative, shape=SHAPE)
        assert distance(silent, whole) < ROUNDING


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_which_kernels_of_the_host_add_a_bias(dtype, device):
    assert set(BIASED) < set(EXACT)
    for kernel in BIASED:
        assert adds_bias(kernel, torch.device(device), dtype, 128)


def test_a_kernel_that_adds_none_is_found_out(dtype=torch.float32):
    def deaf(q, k, v, heads, mask=None):
        return BIASED[1](q, k, v, heads)

    def refusing(q, k, v, heads, mask=None):
        raise RuntimeError("invalid dtype for bias")

    assert not any(adds_bias(kernel, torch.device("cpu"), dtype, 16) for kernel in (deaf, refusing))
