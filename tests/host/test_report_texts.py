"""What a run tells as it begins, as it ends and where it fails; and what is kept of one that is not recorded."""

import pytest
import torch
from attention_bending.bending import operators as ops
from attention_bending.bending.bend import Bend, Bending
from attention_bending.bending.errors import BendError
from attention_bending.host import display
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
    monkeypatch.setattr(report, "show_text", lambda *what: said.append(what[:3]))
    return said


@pytest.fixture
def badges(monkeypatch):
    """What is shown on nodes of bends, by the Patch Model that it came with: (node, text, ok)."""
    said = {}
    monkeypatch.setattr(
        report, "show_text", lambda node, text, run, badges: said.update({node: [tuple(badge) for badge in badges]})
    )
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


def test_each_bend_is_told_what_became_of_it(badges, model, positive, negative, sample):
    bends = (
        Bend(ops.Blur(1.0), "kiss", origin="1"),
        Bend(ops.Blur(1.0), "kiss", layers="0", start=0.6, origin="19:2"),
        Bend(ops.Flip(), "kiss", start=0.5, end=0.501, origin="3"),
        Bend(ops.Blur(1.0), "kiss", strength=0, origin="4"),
        Bend(ops.Flip(), "kiss"),  # of a file
    )
    some, _ = patched(model, *bends)
    run(sample, some, positive, negative, steps=3)
    assert badges["9"] == [
        ("1", "ran in 2 layers × 3 steps", True),
        ("19:2", "ran in 1 layer × 1 step", True),
        ("3", badges["9"][2][1], False),
        ("4", "did not run: changes nothing with these settings, and is left out.", False),
    ]
    assert badges["9"][2][1].startswith("did not run: no step of this sampler lies in 50.0% to 50.1%; its steps are at")


def test_a_bend_of_the_pass_that_the_sampler_leaves_out_is_told_so(badges, model, positive, sample):
    some, _ = patched(model, Bend(ops.Flip(), "kiss", passes="negative", origin="5"))
    run(sample, some, positive, positive, steps=1, cfg=1.0)
    ((node, text, ok),) = badges["9"]
    assert node == "5" and not ok and text.startswith("did not run: there is no negative pass. At cfg 1 a sampler")


def test_of_a_chain_over_two_nodes_each_tells_its_own_bends(badges, model, positive, negative, sample):
    """One node's bend stands twice in the first: one badge, a line for each. The second is not applied."""
    twice = Bend(ops.Blur(1.0), "kiss", origin="1"), Bend(ops.Blur(1.0), "kiss", layers="0", origin="1")
    one, _ = patched(model, *twice)
    both = patch_model(one, Patch(Bending((Bend(ops.Flip(), "sunset", origin="2"),)), False, "10", None, None))
    run(sample, both, positive, negative, steps=1)
    assert badges == {
        "9": [("1", "kiss: ran in 2 layers × 1 step\nkiss: ran in 1 layer × 1 step", True)],
        "10": [("2", "checked, not applied: apply_to_output is off on Patch Model", False)],
    }


@pytest.mark.parametrize(
    "bend, recorded, node, field, offers",
    [
        (Bend(ops.Flip(), "kisss, sunset", origin="19:8"), None, "19:8", "token", ("kiss, sunset",)),
        (Bend(ops.Swap("sunet"), "kiss", origin="7"), None, "7", "other", ("sunset",)),
        (Bend(ops.Flip(), "kiss#4", origin="7"), None, "7", "token", ("kiss",)),
        (Bend(ops.Flip(), "kiss", layers="99", origin="7"), None, "7", "layers", ()),
        (Bend(ops.Flip(), "nothing of the kind"), None, "9", "token", ()),  # of a file
        (BLUR, "sunset, kisss", "9", "record_tokens", ("sunset, kiss",)),
        (BLUR, "ALL", "9", "record_tokens", ()),
    ],
)
def test_a_fault_is_told_on_the_node_that_it_is_about(
    monkeypatch, model, positive, negative, sample, bend, recorded, node, field, offers
):
    shown = []
    monkeypatch.setattr(display, "_send", lambda event, node, told, *_: shown.append((event, node, told)))
    some, _ = (
        recording(model, bend, words="listed words", tokens=recorded) if recorded else patched(model, bend, node="9")
    )
    with pytest.raises(BendError) as refused:
        run(sample, some, positive, negative)
    told = [(node, told) for event, node, told in shown if event == display.FAULT]
    assert told == [(node, {"message": str(refused.value), "field": field, "offers": offers})]


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
