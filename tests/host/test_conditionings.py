"""Whose rows are bent: prompts long, combined, masked or limited in time, the negative pass beside them or not."""

import comfy.model_patcher
import node_helpers
import pytest
import torch
from attention_bending.bending import operators as ops
from attention_bending.bending.bend import Bend
from attention_bending.bending.errors import BendError
from attention_bending.host.text.prompt_encoding import encode_prompt
from host.support import CHAIN, KISS, SMALL, SQUARE, assert_dense, bent, calls, prompt, reports, said

import nodes
from host import encoders


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


# --- what is said, and what is not ----------------------------------------------------------------------------------

TINY = {"shape": (1, 16, 1, 4, 4), "steps": 1}


def told(sample, model, *bends, positive, negative, **options) -> tuple[str, int]:
    """The warnings of a run, and how many sites it bent."""
    with reports() as made:
        sample(bent(model, *bends), positive, negative, **{**TINY, **options})
    return said(made[0]), made[0].bent


def zeroed(conditioning):
    (out,) = nodes.ConditioningZeroOut().zero_out(conditioning)
    return out


@pytest.mark.parametrize("cfg", [1.0, 5.0])
def test_a_zeroed_negative_of_a_bent_positive_is_nobodys_business(cfg, tiny_model, sample, positive):
    """As in every graph of a distilled model; the zeros keep the map of what they were."""
    report, *_ = assert_dense(sample, tiny_model(SMALL), KISS, positive, zeroed(positive), **SQUARE, cfg=cfg)
    assert not report.warnings


def test_a_bend_of_words_that_are_zeros(tiny_model, sample, positive):
    kiss, everything = Bend(ops.Flip(), "kiss", passes="negative"), Bend(ops.Flip(), "ALL", passes="negative")
    with pytest.raises(BendError, match=r"negative conditioning 1 \(.*\) is all zeros .*Encode a prompt in its place"):
        told(sample, tiny_model(SMALL), kiss, positive=positive, negative=zeroed(positive))
    with pytest.raises(BendError, match=r"Bend 1 of 1, .*: conditioning 1 \(.*\) is all zeros"):
        told(sample, tiny_model(SMALL), *KISS[:1], positive=zeroed(positive), negative=positive)
    assert told(sample, tiny_model(SMALL), everything, positive=positive, negative=zeroed(positive)) == ("", 2)
    both = Bend(ops.Flip(), "kiss", passes="both")
    says, sites = told(sample, tiny_model(SMALL), both, positive=positive, negative=zeroed(positive))
    assert sites == 2 and says.endswith("is all zeros, and is left alone.")


def test_a_mixed_embedding_matters_where_its_words_are_bent(tiny_model, tiny_clip, sample, positive, negative):
    (mixed,) = nodes.ConditioningAverage().addWeighted(positive, prompt(tiny_clip, "a kiss in the rain"), 0.7)
    given = {"positive": positive, "negative": mixed}
    assert told(sample, tiny_model(SMALL), *KISS, **given) == ("", 2)
    given = {"positive": mixed, "negative": negative}
    assert told(sample, tiny_model(SMALL), Bend(ops.Flip(), "ALL"), **given) == ("", 2)
    assert "is no longer the embedding that Bend Prompt made" in told(sample, tiny_model(SMALL), *KISS, **given)[0]


@pytest.mark.parametrize("passes, sites, also", [("negative", 0, ""), ("both", 2, ", so that only the positive one")])
def test_at_cfg_1_there_is_no_negative_pass(passes, sites, also, tiny_model, sample, positive):
    given = {"positive": positive, "negative": positive}
    bend = Bend(ops.Flip(), "kiss", passes=passes)
    says, seen = told(sample, tiny_model(SMALL), bend, **given, cfg=1.0)
    assert seen == sites and says.startswith(f'Bend 1 of 1, Flip of "kiss": there is no negative pass{also}')
    assert says.endswith("At cfg 1 a sampler leaves it out: raise cfg, or aim the bend at the positive pass.")
    assert told(sample, tiny_model(SMALL), bend, **given, cfg=5.0) == ("", 2 * (1 + (passes == "both")))
    kept = tiny_model(SMALL)
    kept.set_model_sampler_cfg_function(lambda args: args["cond"], disable_cfg1_optimization=True)
    assert told(sample, kept, bend, **given, cfg=1.0)[0] == ""


def test_a_conditioning_whose_time_is_not_the_bends(tiny_model, sample, positive, negative):
    (late,) = nodes.ConditioningSetTimestepRange().set_range(positive, 0.5, 1.0)
    (combined,) = nodes.ConditioningCombine().combine(late, negative)
    early = Bend(ops.Flip(), "kiss", end=0.4)
    says, sites = told(sample, tiny_model(SMALL), early, positive=combined, negative=negative, steps=4)
    assert sites == 0 and "Its conditioning is limited to 50.0% to 100.0% of the sampling" in says


AREA = {"area": (4, 8, 0, 0), "strength": 1.0}


def test_an_area_on_the_other_pass(tiny_model, sample, positive, negative):
    """ComfyUI samples the positive prompt once more there, on that part of the film alone."""
    limited = node_helpers.conditioning_set_values(negative, AREA)
    report, *_ = assert_dense(sample, tiny_model(SMALL), CHAIN, positive, limited, **SQUARE)
    assert "is limited to an area, where ComfyUI samples conditioning 1" in said(report)
    (combined,) = nodes.ConditioningCombine().combine(positive, limited)
    report, *_ = assert_dense(sample, tiny_model(SMALL), KISS, combined, negative, **SQUARE)
    assert 'has no "kiss" and is left alone there' in said(report) and "area" not in said(report)
    with pytest.raises(BendError, match=r"Bend 1 of 1, Blur of ALL: conditioning 2 \(.blurry.\) is limited to an area"):
        told(sample, tiny_model(SMALL), Bend(ops.Blur(), "ALL"), positive=combined, negative=negative)


def test_the_bounds_of_a_mask_are_an_area(tiny_model, sample, positive, negative):
    left = torch.zeros(1, 64, 64)
    left[..., :32] = 1
    (bounded,) = nodes.ConditioningSetMask().append(positive, left, "mask bounds", 1.0)
    with pytest.raises(BendError, match=r"limited to an area.*set_cond_area default"):
        told(sample, tiny_model(SMALL), *KISS, positive=bounded, negative=negative)


def test_a_prompt_of_another_models_encoder_is_refused(tiny_model, tiny_clip, encode, sample):
    """By name, before the first step; also where only ALL is bent, and in the negative prompt."""
    other = encode_prompt(encoders.tiny("LTXV"), "a kiss")[0]
    own = encode_prompt(tiny_clip, "a kiss")[0]
    said = r"was encoded by LTXV's T5 \(Load CLIP with type ltxv\), but this model takes Wan's UMT5"
    for token, positive, negative in (("kiss", other, encode("")), ("ALL", own, other)):
        with pytest.raises(BendError, match=said):
            sample(bent(tiny_model(SMALL), Bend(ops.Amplify(2.0), token)), positive, negative)
