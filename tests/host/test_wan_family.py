"""Each Wan that works, held against dense attention; what is foreign to the film keeps its bits; others are refused."""

from dataclasses import replace

import comfy.ldm.wan.model
import comfy.model_patcher
import comfy.supported_models
import pytest
import torch
from attention_bending.bending import operators as ops
from attention_bending.bending.bend import Bend
from attention_bending.bending.errors import BendError
from comfy.ldm.modules.attention import get_attention_function
from comfy_extras.nodes_edit_model import ReferenceLatent
from comfy_extras.nodes_wan import (
    WanFirstLastFrameToVideo,
    WanFunControlToVideo,
    WanImageToVideo,
    WanPhantomSubjectToVideo,
)
from host.support import (
    CHAIN,
    KISS,
    ROUNDING,
    SMALL,
    SQUARE,
    Dense,
    OwnTokens,
    assert_dense,
    bent,
    distance,
    reports,
    said,
    within,
)

import nodes

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
    node = pytest.importorskip("comfy_extras.nodes_bernini").BerniniConditioning  # since 0.27
    references = {"reference_image_0": picture(width=48, height=80)}
    video = picture(frames=5)
    return node.execute(positive, negative, vae, 64, 64, 5, 1, video, None, references)[:2]


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
    film = OwnTokens.of(2, 4, 4, first)
    report, *_ = assert_dense(sample, tiny_model(file), CHAIN, *conds, film, shape=(1, channels, 2, 8, 8))
    layers = 4 if file == "wan21_t2v" else 2
    assert report.bent == 2 * layers  # steps × layers
    assert not report.foreign_rows and not report.skipped


@pytest.mark.parametrize("kernel", ["pytorch", "sub_quad", "split"])
@pytest.mark.parametrize("bends", [pytest.param(KISS, marks=pytest.mark.slow), CHAIN], ids=["a word", "a chain"])
def test_with_each_attention_kernel_of_the_host(kernel, bends, tiny_model, sample, positive, negative, monkeypatch):
    """As ComfyUI's start-up options choose them; torch's own gives its log-sum-exp away."""
    monkeypatch.setattr(comfy.ldm.wan.model, "optimized_attention", get_attention_function(kernel))
    assert_dense(sample, tiny_model("wan21_t2v"), bends, positive, negative, **SQUARE)


FOREIGN = {
    "2.2 14B T2V": (0, 32, 32),
    "2.1 Fun Control with a reference": (16, 48, 48),
    "Phantom": (0, 32, 64),
    "Bernini": (0, 32, 79),
}
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
    assert_dense(sample, tiny_model(SMALL), CHAIN, positive, negative, OwnTokens.of(*grid), batch=shape[0], shape=shape)


def test_a_mask_on_the_noise_of_the_5b_model(tiny_model, sample, positive, negative):
    """A start picture of the 5B is a frame without noise: the model then gets a time for each token."""
    mask = torch.ones(1, 1, 2, 8, 8)
    mask[:, :, 0] = 0
    shape = (1, 48, 2, 8, 8)
    film = OwnTokens.of(2, 4, 4)
    assert_dense(sample, tiny_model("wan22_5b"), CHAIN, positive, negative, film, shape=shape, noise_mask=mask)


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


def test_a_window_is_the_same_moment_for_both_models(tiny_model, sample, positive, negative):
    """Percents 25 to 75 of four steps: the last step of the first model, the first of the second."""
    pair = tiny_model("wan22_14b_t2v_high"), tiny_model("wan22_14b_t2v_low")
    bends = tuple(replace(bend, start=0.25, end=0.75) for bend in KISS)
    dense = [Dense(model, bends, positive, OwnTokens.of(2, 4, 4), within(0.25, 0.75)) for model in pair]
    expected = in_two_passes([one.patched() for one in dense], positive, negative)
    seen = []
    with reports() as made:
        result = in_two_passes([bent(model, *bends) for model in pair], positive, negative)
        in_two_passes([bent(model, *bends, see=lambda s: seen.append(s)) for model in pair], positive, negative)
    assert distance(result, expected) < ROUNDING
    assert [report.bent for report in made[:2]] == [one.rows for one in dense] == [2, 2]
    assert not any(report.warnings for report in made)
    assert [s.step for s in seen if not torch.equal(s.original, s.bent)] == [1, 1, 0, 0]
    assert [s.step for s in seen] == [0, 0, 1, 1] * 2


def test_a_window_that_only_one_of_the_models_reaches(tiny_model, positive, negative):
    early = Bend(ops.Flip(), "kiss", end=0.5)
    with reports() as made:
        in_two_passes([bent(tiny_model(SMALL), early)] * 2, positive, negative)
    high, low = made
    assert (high.bent, low.bent) == (4, 0)
    assert not high.warnings
    assert "no step of this sampler lies in 0.0% to 50.0%; its steps are at 50.0%, 75.0%" in said(low)


# --- what is known of each that ComfyUI has --------------------------------------------------------------------------

TINY = {
    "image_model": "wan2.1",
    "dim": 128,
    "ffn_dim": 256,
    "num_heads": 1,
    "num_layers": 1,
    "in_dim": 36,
    "out_dim": 16,
}
WANS = sorted(name for name in dir(comfy.supported_models) if name.startswith("WAN"))


def build(name):
    """The model that ComfyUI makes for one of its configurations, without weights."""
    config = getattr(comfy.supported_models, name)
    settings = {**TINY, **config.unet_config}
    model = config(settings).get_model({}, device="meta")
    return comfy.model_patcher.ModelPatcher(model, torch.device("cpu"), torch.device("cpu"))


@pytest.mark.parametrize("name", WANS)
def test_each_wan_is_taken_or_refused_with_its_reason(name):
    model = build(name)
    if "CausalAR" in name:
        with pytest.raises(BendError, match=r"\(WAN21_CausalAR\) keeps the keys and values .* Use another Wan\."):
            bent(model, *KISS)
    else:
        assert bent(model, *KISS)


def test_a_class_that_nobody_knows_is_refused_by_name():
    model = build("WAN21_T2V")
    model.model.__class__ = type("WAN99", (type(model.model),), {})
    with pytest.raises(BendError, match=r"a model of class WAN99 \(WanModel\) cannot be bent\. What works: Wan 2\.1"):
        bent(model, *KISS)
