"""Bends inside ComfyUI's samplers on tiny Wan models."""

import pytest
import torch
from attention_bending.bending import Bend, Bending
from attention_bending.bending import operators as ops
from attention_bending.bending.host.attach import patch_model
from attention_bending.bending.host.clip import encode_prompt
from attention_bending.bending.host.patch import Patch


def test_smoke(tiny_model, tiny_clip, sample, encode):
    model = tiny_model()
    positive, tokens = encode_prompt(tiny_clip, "a romantic (kiss) at sunset")
    plain = sample(model, positive, encode("blurry"))
    for operator in (c() for c in ops.OPERATORS.values()):
        bent = sample(
            patch_model(model, Patch(Bending((Bend(operator, "kiss"),)))), positive, encode("blurry")
        )
        print(operator, (bent - plain).abs().mean() / plain.abs().mean())
    assert torch.equal(plain, sample(model, positive, encode("blurry")))
