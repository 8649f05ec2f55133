"""What a run tells as it begins, as it ends and where it fails; and what is kept of one that is not recorded."""

import pytest
import torch
from attention_bending.bending import operators as ops
from attention_bending.bending.bend import Bend, Bending
from attention_bending.bending.errors import BendError
from attention_bending.host.maps.record_store import IDLE, Handle, left_by, record_of
from attention_bending.host.run import report
from attention_bending.host.run.attach import patch_model
from attention_bending.host.run.patch import Patch
from comfy.model_management import InterruptProcessingException
from host.recordings import BLUR, SHAPE, recording, run


@pytest.fixture
def told(monkeypatch):
    """What is shown, as (node, text, run)."""
    said = []
    monkeypatch.setattr(report, "show_text", lambda *what: said.append(what))
    return said


def patched(model, *bends, node="9"):
    handle = Handle(node, 2**20)
    return patch_model(model, Patch(Bending(bends), node=node, handle=handle)), handle


def test_each_run_tells_its_start_and_its_end(told, model, positive, negative, sample):
    some, _ = patched(model, BLUR)
    for _ in range(2):
        run(sample, some, positive, negative, steps=1)
    assert [text for _, text, _ in told[:2]] == [
        'sampling …\n1. Blur(sigma=1, kernel_size=0) of "kiss"',
        '1. Blur(sigma=1, kernel_size=0) of "kiss": 2 layers × 1 step',
    ]
    first, second = {number for _, _, number in told[:2]}, {number for _, _, number in told[2:]}
    assert len(told) == 4 and len(first) == len(second) == 1 and first != second


def test_with_a_record_its_size_is_told_at_the_start(told, model, positive, negative, sample):
    some, _ = recording(model, BLUR)
    run(sample, some, positive, negative, steps=1)
    assert told[0][1].splitlines()[2].startswith("recording kiss: ")


def test_each_node_of_a_chain_is_told(told, model, positive, negative, sample):
    one, first = patched(model, BLUR)
    both, second = patched(one, Bend(ops.Flip(), "sunset"), node="10")
    latent = run(sample, both, positive, negative, steps=1)
    assert [node for node, *_ in told] == ["9", "10"] * 2
    assert left_by(first, latent) == left_by(second, latent) == told[-1][1]


@pytest.mark.parametrize(
    "error, text",
    [
        (InterruptProcessingException(), "⚠ This run was stopped before its end."),
        (RuntimeError("no room\nat all"), "⚠ This run failed: RuntimeError: no room"),
        (ZeroDivisionError(), "⚠ This run failed: ZeroDivisionError"),
        (BendError("one line\nand two"), "⚠ This run failed: one line\nand two"),
    ],
)
def test_a_run_that_does_not_end_tells_why(told, model, positive, negative, sample, error, text):
    some, handle = patched(model, BLUR)

    def stop(*_):
        raise error

    with pytest.raises(type(error)):
        run(sample, some, positive, negative, callback=stop)
    assert told[-1][:2] == ("9", text) and {number for *_, number in told} == {told[0][2]}
    with pytest.raises(BendError, match=r"has seen no run yet.*leaves no report"):
        left_by(handle, {"samples": torch.zeros(SHAPE)})


def test_a_refusal_is_told_too(told, model, positive, negative, sample):
    some, _ = patched(model, Bend(ops.Blur(), "love"))
    with pytest.raises(BendError) as refused:
        run(sample, some, positive, negative)
    assert [text for _, text, _ in told] == [f"⚠ This run failed: {refused.value}"]


# --- what is kept ---------------------------------------------------------------------------------------------------


def test_the_report_of_a_run_that_is_not_recorded_is_kept(told, model, positive, negative, sample):
    some, handle = patched(model, BLUR)
    latents = [run(sample, some, positive, negative, seed=seed, steps=seed) for seed in (1, 2)]
    assert [left_by(handle, latent) for latent in latents] == [told[1][1], told[3][1]]
    assert left_by(handle, latents[1]).endswith("2 steps")
    with pytest.raises(BendError, match="Connect the latent of the sampler"):
        left_by(handle, None)
    with pytest.raises(BendError, match="another run of this model"):
        left_by(handle, {"samples": latents[0]["samples"] + 1})
    with pytest.raises(BendError, match=r"has recorded no run yet\. Set its record to something else than none"):
        record_of(handle, latents[0])


def test_of_a_run_that_is_recorded_the_record_is_kept(model, positive, negative, sample):
    some, handle = recording(model, BLUR)
    latent = run(sample, some, positive, negative, steps=1)
    assert left_by(handle, latent) is record_of(handle, latent) is left_by(record_of(handle, latent), None)


def test_a_node_with_nothing_to_do_has_a_report_without_a_run():
    assert left_by(Handle("9", 0, idle=True), None) == IDLE
