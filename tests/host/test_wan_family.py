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
    pictures = vision, vision, picture(), picture(frames=2)
    return WanFirstLastFrameToVideo.execute(positive, negative, vae, 64, 64, 5, 1, *pictures)[:2]


def fun_control(positive, negative, vae, vision):
    video = picture(frames=5)
    return WanFunControlToVideo.execute(positive, negative, vae, 64, 64, 5, 1, picture(), vision, video)[:2]


def fun_control_with_reference(positive, negative, vae, vision):
    latent = {"samples": vae.encode(picture(width=96))}
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
    "2.1 Fun Control with a reference": ("wan21_fun_control", fun_control_with_reference, 16, 24),
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
