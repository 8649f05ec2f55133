"""Records of runs: under the handle of their Patch Model, and found by their own latent."""

import gc
import weakref

import pytest
import torch
from attention_bending.bending import operators as ops
from attention_bending.bending.bend import Bend, Bending
from attention_bending.bending.errors import BendError
from attention_bending.host.maps.record_store import KEPT, Handle, record_of
from attention_bending.host.maps.recording import Recording
from attention_bending.host.run.attach import patch_model
from attention_bending.host.run.patch import Patch
from host.recordings import BLUR, MB, SHAPE, recording, run


def test_each_run_finds_its_own_record(model, positive, negative, sample):
    """Seeds 1, 2, 1, and two samplers on one model."""
    watched, handle = recording(model, BLUR)
    latents = [run(sample, watched, positive, negative, seed=seed) for seed in (1, 2, 1)]
    records = [record_of(handle, latent) for latent in latents]
    assert [record.facts["seed"] for record in records] == [1, 2, 1]
    assert records[0] is records[2] is not records[1]
    fewer = run(sample, watched, positive, negative, seed=1, steps=1)
    assert record_of(handle, fewer).facts["steps"] == 1
    with pytest.raises(BendError, match=r"another run of this model.*run the sampler again"):
        record_of(handle, {"samples": latents[0]["samples"] + 1})


def test_equal_twins_do_not_share(model, positive, negative, sample):
    (one, first), (_, second) = recording(model, BLUR), recording(model, BLUR)
    latent = run(sample, one, positive, negative)
    assert record_of(first, latent).words == ("kiss",)
    with pytest.raises(BendError, match="recorded no run yet"):
        record_of(second, latent)
    with pytest.raises(BendError, match="Connect the latent of the sampler"):
        record_of(first, None)


def test_two_patch_models_in_a_row_record_the_whole_chain(model, positive, negative, sample):
    one, first = recording(model, BLUR)
    second = Handle("10", 64 * MB)
    kept = Recording(second, "listed words", "sunset")
    both = patch_model(one, Patch(Bending((Bend(ops.Flip(), "sunset"),)), True, "10", kept))
    latent = run(sample, both, positive, negative)
    assert record_of(first, latent).words == ("kiss", "sunset") and record_of(second, latent).words == ("sunset",)


def test_a_few_runs_are_kept_and_within_the_limit(model, positive, negative, sample):
    watched, handle = recording(model, BLUR)
    latents = [run(sample, watched, positive, negative, seed=seed, steps=1) for seed in range(KEPT + 1)]
    with pytest.raises(BendError, match=f"the last {KEPT} are kept"):
        record_of(handle, latents[0])
    size = record_of(handle, latents[-1]).nbytes
    watched, handle = recording(model, BLUR, limit=2 * size)
    latents = [run(sample, watched, positive, negative, seed=seed, steps=1) for seed in range(3)]
    with pytest.raises(BendError, match="the last 2 are kept"):
        record_of(handle, latents[0])


def test_records_die_with_their_handle(model, positive, negative, sample):
    watched, handle = recording(model, BLUR)
    record = weakref.ref(record_of(handle, run(sample, watched, positive, negative, steps=1)))
    del watched, handle
    gc.collect()
    assert record() is None


def test_a_run_that_fails_leaves_no_record(model, positive, negative, sample):
    watched, handle = recording(model, BLUR)

    def stop(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(sample, watched, positive, negative, callback=stop)
    with pytest.raises(BendError, match="recorded no run yet"):
        record_of(handle, {"samples": torch.zeros(SHAPE)})


# --- what it tells and costs ----------------------------------------------------------------------------------------
