"""Each Wan that works, held against dense attention; what is foreign to the film keeps its bits; all others are refused."""

import comfy.model_base
import comfy.model_patcher
import comfy.supported_models
import nodes
import pytest
import torch
from attention_bending.bending import Bend
from attention_bending.bending import operators as ops
from attention_bending.bending.errors import BendError
from comfy_extras.nodes_bernini import BerniniConditioning
from comfy_extras.nodes_edit_model import ReferenceLatent
from comfy_extras.nodes_wan import (
    WanFirstLastFrameToVideo,
    WanFunControlToVideo,
    WanImageToVideo,
    WanPhantomSubjectToVideo,
)

from host.support import SMALL, Film, assert_dense, bent, calls, prompt, reports, said, within

CHAIN = (
    Bend(ops.Translate(x=0.25, y=-0.3, padding="reflection"), "kiss"),
    Bend(ops.Blur(sigma=0.8), "ALL", strength=0.7, layers="1"),
    Bend(ops.Amplify(3.0), "PADDING"),
)
KISS = (Bend(ops.Flip(), "kiss"), Bend(ops.Amplify(4.0), "kiss"))


@pytest.fixture
def positive(tiny_clip):
    return prompt(tiny_clip, "a romantic (kiss) at sunset")


@pytest.fixture
def negative(tiny_clip):
    return prompt(tiny_clip, "blurry")


# --- the family: 64 × 64 pixels, two latent frames of 4 × 4 tokens ------------------------------------------------


def picture(width=64, height=64, frames=1):
    return torch.rand(frames, height, width, 3, generator=torch.Generator().manual_seed(frames + width))


def text_only(positive, negative, vae, vision):
    return positive, negative


def image_to_video(positive, negative, vae, vision):
    return WanImageToVideo.execute(positive, negative, vae, 64, 64, 5, 1, picture(), vision)[:2]


def image_to_video_without_vision(positive, negative, vae, vision):
    return WanImageToVideo.execute(positive, negative, vae, 64, 64, 5, 1, picture())[:2]


def first_and_last_frame(positive, negative, vae, vision):
    pictures = picture(), picture(frames=2), vision, vision
    return WanFirstLastFrameToVideo.execute(positive, negative, vae, 64, 64, 5, 1, *pictures)[:2]


def fun_control(positive, negative, vae, vision):
    video = picture(frames=5)
    return WanFunControlToVideo.execute(positive, negative, vae, 64, 64, 5, 1, picture(), vision, video)[:2]


def fun_control_with_reference(positive, negative, vae, vision):
    latent = {"samples": vae.encode(picture())}
    conds = fun_control(positive, negative, vae, vision)
    return tuple(ReferenceLatent.execute(cond, latent)[0] for cond in conds)


def phantom(positive, negative, vae, vision):
    return WanPhantomSubjectToVideo.execute(positive, negative, vae, 64, 64, 5, 1, picture(frames=2))[:2]


def bernini(positive, negative, vae, vision):
    references = {"reference_image_0": picture(width=48, height=80)}
    video = picture(frames=5)
    return BerniniConditioning.execute(positive, negative, vae, 64, 64, 5, 1, video, None, references)[:2]


FAMILY = {
    "2.1 T2V": ("wan21_t2v", text_only, 16, 0),
    "2.1 I2V": ("wan21_i2v", image_to_video, 16, 0),
    "2.1 I2V without vision": ("wan21_i2v", image_to_video_without_vision, 16, 0),
    "2.1 FLF2V": ("wan21_flf2v", first_and_last_frame, 16, 0),
    "2.1 Fun Control": ("wan21_fun_control", fun_control, 16, 0),
    "2.1 Fun Control with a reference": ("wan21_fun_control", fun_control_with_reference, 16, 16),
    "2.2 14B T2V": (SMALL, text_only, 16, 0),
    "2.2 14B I2V": ("wan22_14b_i2v_low", image_to_video, 16, 0),
    "2.2 5B": ("wan22_5b", text_only, 48, 0),
    "Phantom": (SMALL, phantom, 16, 0),
    "Bernini": (SMALL, bernini, 16, 0),
}
"""Model file, its conditionings, latent channels, and how many tokens stand before the film's."""


@pytest.mark.parametrize("member", FAMILY)
def test_equals_dense_attention(member, tiny_model, tiny_vae, sample, positive, negative, clip_vision_output):
    file, conditionings, channels, first = FAMILY[member]
    conds = conditionings(positive, negative, tiny_vae, clip_vision_output)
    film = Film.of(2, 4, 4, first)
    report, *_ = assert_dense(sample, tiny_model(file), CHAIN, *conds, film, shape=(1, channels, 2, 8, 8))
    layers = 4 if file == "wan21_t2v" else 2
    assert report.bent == 2 * layers  # steps × layers
    assert not report.strangers and not report.skipped


FOREIGN = {"2.2 14B T2V": (0, 32, 32), "2.1 Fun Control with a reference": (16, 48, 48), "Phantom": (0, 32, 64), "Bernini": (0, 32, 79)}
"""The film's own tokens (first, end) among how many: the others are a reference in front, frames or pictures behind."""


@pytest.mark.parametrize("member", FOREIGN)
def test_only_the_films_own_tokens_of_the_positive_row_change(
    member, tiny_model, tiny_vae, sample, positive, negative, clip_vision_output
):
    file, conditionings, channels, _ = FAMILY[member]
    first, end, tokens = FOREIGN[member]
    conds = conditionings(positive, negative, tiny_vae, clip_vision_output)
    model, outputs = tiny_model(file), []
    site = model.model.diffusion_model.blocks[0].cross_attn
    hook = site.register_forward_hook(lambda module, inputs, output: outputs.append(output.clone()))
    for some in (model, bent(model, *KISS)):
        sample(some, *conds, shape=(1, channels, 2, 8, 8), steps=1)
    hook.remove()
    before, after = outputs
    changed = (before != after).any(-1)
    assert changed.shape == (2, tokens)  # positive and negative in one call
    (row,) = changed.any(1).nonzero().flatten().tolist()
    assert changed[row].nonzero().flatten().tolist() == list(range(first, end))


@pytest.mark.parametrize(
    "shape, grid",
    [
        ((1, 16, 2, 9, 7), (2, 5, 4)),
        ((1, 16, 1, 8, 8), (1, 4, 4)),
        ((1, 16, 3, 2, 11), (3, 1, 6)),
        ((1, 16, 3, 6, 2), (3, 3, 1)),
        ((2, 16, 2, 8, 8), (2, 4, 4)),
        ((3, 16, 2, 5, 8), (2, 3, 4)),
    ],
    ids=lambda shape: "×".join(map(str, shape)),
)
def test_sizes_and_batches(shape, grid, tiny_model, sample, positive, negative):
    assert_dense(sample, tiny_model(SMALL), CHAIN, positive, negative, Film.of(*grid), batch=shape[0], shape=shape)


SQUARE = {"film": Film.of(2, 4, 4), "shape": (1, 16, 2, 8, 8)}


def test_a_mask_on_the_noise_of_the_5b_model(tiny_model, sample, positive, negative):
    """A start picture of the 5B is a frame without noise: the model then gets a time for each token."""
    mask = torch.ones(1, 1, 2, 8, 8)
    mask[:, :, 0] = 0
    shape = (1, 48, 2, 8, 8)
    film = Film.of(2, 4, 4)
    assert_dense(sample, tiny_model("wan22_5b"), CHAIN, positive, negative, film, shape=shape, noise_mask=mask)


# --- conditionings --------------------------------------------------------------------------------------------------


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
def test_the_two_passes_in_one_model_call_or_in_two(free, rows_a_call, tiny_model, sample, positive, negative, monkeypatch):
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


def test_plain_conditioning_takes_all_only(tiny_model, encode, sample, negative):
    chain = (Bend(ops.Rotate(angle=90.0), "ALL"),)
    assert_dense(sample, tiny_model(SMALL), chain, encode("a romantic kiss"), negative, **SQUARE)
    with pytest.raises(BendError, match='"kiss" cannot be found: this conditioning was not made by Bend Prompt'):
        sample(bent(tiny_model(SMALL), *KISS), encode("a romantic kiss"), negative)


def test_areas_are_refused(tiny_model, sample, positive, negative):
    model = bent(tiny_model(SMALL), *KISS)
    (area,) = nodes.ConditioningSetArea().append(positive, 32, 32, 0, 0, 1.0)
    half = torch.zeros(1, 64, 64)
    half[..., :32] = 1
    (bounds,) = nodes.ConditioningSetMask().append(positive, half, "mask bounds", 1.0)
    for cond in (area, bounds):
        with pytest.raises(BendError, match="limited to an area, which cannot be bent yet"):
            sample(model, cond, negative, shape=(1, 16, 2, 8, 8))


# --- Wan 2.2 14B: two models, one sampling --------------------------------------------------------------------------


def in_two_passes(models, positive, negative):
    """Two KSampler (Advanced): two steps of four with the first model, the rest with the second."""
    latent = {"samples": torch.zeros(1, 16, 2, 8, 8)}
    settings = 0, 4, 5.0, "euler", "simple", positive, negative
    for model, noise, start, end, leftover in zip(
        models, ("enable", "disable"), (0, 2), (2, 4), ("enable", "disable"), strict=True
    ):
        (latent,) = nodes.KSamplerAdvanced().sample(model, noise, *settings, latent, start, end, leftover)
    return latent["samples"]
