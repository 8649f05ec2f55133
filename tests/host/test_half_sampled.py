"""Whole samplings that compute in float32, bfloat16 and float16: against float64, by each way, recorded or not."""

from functools import lru_cache

import comfy.ldm.wan.model
import comfy.sd
import folder_paths
import pytest
import torch
from attention_bending.bending import operators as ops
from attention_bending.bending.bend import Bend, Bending
from attention_bending.host.maps.record_store import Handle, record_of
from attention_bending.host.maps.recording import Recording
from attention_bending.host.run.attach import patch_model
from attention_bending.host.run.patch import Patch
from host.kernels import on_both
from host.support import CHAIN, KISS, SMALL, SQUARE, Dense, bent, distance, remember, reports

DTYPES = (torch.float32, torch.bfloat16, torch.float16)
KERNELS = on_both("pytorch", "sub_quad")
UNBENT = (Bend(ops.Amplify(1.0), "kiss"),)
LAYERS, STEPS = 2, 2


@lru_cache
def loaded(dtype, device):
    """A tiny model that computes in that type on that device; its weights are in it too."""
    path = folder_paths.get_full_path_or_raise("diffusion_models", f"tiny_{SMALL}.safetensors")
    options = {"dtype": dtype, "load_device": torch.empty(0, device=device).device}  # with its number
    model = comfy.sd.load_diffusion_model(path, model_options=options)
    model.set_model_compute_dtype(dtype)
    remember(model.model.diffusion_model.text_embedding)
    return model


@pytest.fixture(params=(*DTYPES[:2], pytest.param(torch.float16, marks=pytest.mark.slow)), ids=str)
def dtype(request):
    return request.param


@pytest.fixture
def computing(dtype, kernel, monkeypatch):
    """The host's kernel is exchanged."""
    monkeypatch.setattr(comfy.ldm.wan.model, "optimized_attention", kernel.attend)
    return loaded(dtype, kernel.device).clone()


def rms(film, other):
    return float((film - other).square().mean().sqrt() / other.std())


@KERNELS
def test_a_chain_equals_dense_attention(computing, dtype, kernel, positive, negative, sample):
    """As far as the same sampling un-bent, its text attention in float64, is from itself."""
    films = {
        name: sample(
            Dense(computing, bends, positive, SQUARE["film"]).patched(), positive, negative, shape=SQUARE["shape"]
        )
        for name, bends in (("un-bent", UNBENT), ("bent", CHAIN))
    }
    plain = sample(computing, positive, negative, shape=SQUARE["shape"])
    with reports() as made:
        result = sample(bent(computing, *CHAIN), positive, negative, shape=SQUARE["shape"])
    (report,) = made
    assert report.ways == {"told": LAYERS * STEPS}
    assert report.slow_ways == []
    own = rms(plain, films["un-bent"])
    assert (own < 1e-5) == (dtype == torch.float32)
    assert rms(result, films["bent"]) < max(2 * own, 1e-5)
    assert distance(films["bent"], films["un-bent"]) > 0.05


@KERNELS
def test_who_watches_changes_no_bit(computing, positive, negative, sample):
    shape = SQUARE["shape"]
    alone = sample(bent(computing, *CHAIN), positive, negative, shape=shape)
    recording = Recording(Handle(None, 2**26), "listed words", "kiss, sunset")
    recorded = sample(
        patch_model(computing, Patch(Bending(CHAIN), True, recording=recording)), positive, negative, shape=shape
    )
    assert torch.equal(recorded, alone)
    record = record_of(recording.handle, {"samples": recorded})
    before, after = (record.mean_map(0, bent, range(STEPS), range(LAYERS)) for bent in (False, True))
    assert not torch.equal(before, after)


@KERNELS
def test_a_batched_negative_keeps_its_bits(computing, positive, negative, sample):
    """Both conditionings in one call, one of them bent."""
    outputs = []

    def noted(model):
        clone, calls = model.clone(), []

        def note(apply_model, call):
            out = apply_model(call["input"], call["timestep"], **call["c"])
            calls.append((call["cond_or_uncond"], out.clone()))
            return out

        clone.set_model_unet_function_wrapper(note)
        sample(clone, positive, negative, shape=SQUARE["shape"], steps=1)
        outputs.append(calls[0])

    noted(computing)
    noted(bent(computing, *CHAIN))
    (places, plain), (same, result) = outputs
    assert places == same and sorted(places) == [0, 1]
    for row, place in enumerate(places):
        assert torch.equal(result[row], plain[row]) == (place == 1)


@pytest.mark.parametrize("applied", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32], ids=str)
@KERNELS
def test_a_record_never_reads_what_was_not_attended_to(applied, computing, positive, negative, sample, monkeypatch):
    """Both conditionings in one call: what is known of the un-bent rows alone says nothing of the bent ones."""
    empty = torch.Tensor.new_empty
    monkeypatch.setattr(torch.Tensor, "new_empty", lambda *size, **like: empty(*size, **like).fill_(7.0))

    def recorded(*patches):
        recording = Recording(Handle(None, 2**26), "listed words", "kiss, sunset")
        patched = computing
        for i, bends in enumerate(patches):
            last = i == len(patches) - 1
            patch = Patch(Bending(bends), not last or applied, recording=recording if last else None)
            patched = patch_model(patched, patch)
        film = sample(patched, positive, negative, shape=SQUARE["shape"], steps=1)
        record = record_of(recording.handle, {"samples": film})
        return [record.mean_map(word, False, (0,), (0,)) for word in range(2)]

    plain = recorded(UNBENT)
    for maps in (recorded((Bend(ops.Temperature(0.5), "ALL"),)), recorded(KISS, (Bend(ops.Blur(), "sunset"),))):
        for before, unbent in zip(maps, plain, strict=True):
            torch.testing.assert_close(before, unbent, rtol=1e-3, atol=1e-6)
