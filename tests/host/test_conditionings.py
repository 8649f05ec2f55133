"""Whose rows are bent: prompts long, combined, masked or limited in time, the negative pass beside them or not."""

import comfy.model_patcher
import pytest
import torch
from attention_bending.bending import operators as ops
from attention_bending.bending.bend import Bend
from host.support import CHAIN, KISS, SMALL, SQUARE, assert_dense, bent, calls, prompt, said

import nodes


def test_a_prompt_of_more_than_512_tokens(tiny_model, tiny_clip, sample, negative):
    """Its negative has 512, so that the two cannot share a model call."""
    positive = prompt(tiny_clip, "a red cat on a table, " * 120 + "and the (moon)")
    assert positive[0][0].shape[1] > 700
    chain = Bend(ops.Flip(), "moon"), Bend(ops.Sharpen(amount=5.0), "red"), Bend(ops.Amplify(0.5), "cat, table")
    assert_dense(sample, tiny_model(SMALL), chain, positive, negative, **SQUARE)
    model, noted = calls(bent(tiny_model(SMALL), *chain))
    sample(model, positive, negative, steps=2)
    assert len(noted) == 4


@pytest.mark.parametrize("free, rows_a_call", [(1e12, 2), (0, 1)])
def test_the_two_passes_in_one_model_call_or_in_two(
    free, rows_a_call, tiny_model, sample, positive, negative, monkeypatch
):
    """ComfyUI decides by the memory that is free."""
    monkeypatch.setattr(comfy.model_patcher.ModelPatcher, "get_free_memory", lambda patcher, device: free)
    assert_dense(sample, tiny_model(SMALL), CHAIN, positive, negative, **SQUARE)
    model, noted = calls(bent(tiny_model(SMALL), *CHAIN))
    sample(model, positive, negative)
    assert {call["input"].shape[0] for call in noted} == {rows_a_call}


def test_cfg_1_has_no_negative_pass(tiny_model, sample, positive, negative):
    assert_dense(sample, tiny_model(SMALL), CHAIN, positive, negative, **SQUARE, cfg=1.0)
    model, noted = calls(bent(tiny_model(SMALL), *CHAIN))
    sample(model, positive, negative, cfg=1.0)
    assert [call["cond_or_uncond"] for call in noted] == [[0], [0]]


def test_the_negative_pass_keeps_its_bits(tiny_model, sample, positive, negative):
    """Also where its prompt has the word: both passes start from the same noise."""
    seen = []
    for model in (tiny_model(SMALL), bent(tiny_model(SMALL), *KISS)):
        model = model.clone()
        model.set_model_sampler_post_cfg_function(lambda args: seen.append(args) or args["denoised"])
        sample(model, positive, positive, steps=1)
    plain, changed = seen
    assert torch.equal(plain["uncond_denoised"], changed["uncond_denoised"])
    assert torch.equal(plain["uncond_denoised"], plain["cond_denoised"])
    assert not torch.equal(plain["cond_denoised"], changed["cond_denoised"])


@pytest.mark.parametrize("bend_first", [True, False])
def test_combined_prompts_of_which_one_has_the_word(bend_first, tiny_model, tiny_clip, sample, positive, negative):
    """The other is left alone by that bend, and listed; a bend of ALL acts on both."""
    other = prompt(tiny_clip, "two friends walk in the rain")
    order = (positive, other) if bend_first else (other, positive)
    (combined,) = nodes.ConditioningCombine().combine(*order)
    chain = Bend(ops.Flip(), "kiss"), Bend(ops.Blur(), "ALL", layers="0"), Bend(ops.Amplify(5.0), "rain", layers="1")
    report, *_ = assert_dense(sample, tiny_model(SMALL), chain, combined, negative, **SQUARE)
    assert report.bent == 2 * 2 * 2  # steps × layers × prompts
    assert 'Bend 1 of 3, Flip of "kiss": conditioning' in said(report)
    assert '("two friends walk in the rain") has no "kiss" and is left alone there.' in said(report)
    assert '("a romantic kiss at sunset") has no "rain" and is left alone there.' in said(report)
    assert "Bend 2" not in said(report)


def test_conditionings_with_time_ranges(tiny_model, tiny_clip, sample, positive, negative):
    """One prompt for the first half, another for the second: four steps of two layers, each bent once."""
    ranged = nodes.ConditioningSetTimestepRange()
    (early,) = ranged.set_range(positive, 0.0, 0.49)
    (late,) = ranged.set_range(prompt(tiny_clip, "a (kiss) in the rain"), 0.49, 1.0)
    (combined,) = nodes.ConditioningCombine().combine(early, late)
    report, *_ = assert_dense(sample, tiny_model(SMALL), KISS, combined, negative, **SQUARE, steps=4)
    assert report.bent == 4 * 2


def test_conditionings_with_masks(tiny_model, tiny_clip, sample, positive, negative):
    """A mask weighs a prompt's result; its attention is over the whole picture, and so is the bend."""
    left = torch.zeros(1, 64, 64)
    left[..., :32] = 1
    masked = nodes.ConditioningSetMask()
    (one,) = masked.append(positive, left, "default", 1.0)
    (two,) = masked.append(prompt(tiny_clip, "a (kiss) in the rain"), 1 - left, "default", 1.0)
    (combined,) = nodes.ConditioningCombine().combine(one, two)
    report, *_ = assert_dense(sample, tiny_model(SMALL), KISS, combined, negative, **SQUARE)
    assert report.bent == 2 * 2 * 2


def test_conditioning_that_bend_prompt_did_not_make(tiny_model, encode, sample, negative):
    chain = (Bend(ops.Rotate(angle=90.0), "ALL"),)
    assert_dense(sample, tiny_model(SMALL), chain, encode("a romantic kiss"), negative, **SQUARE)
