"""Wan: where its text attention is, and how its tokens lie. Checked against ComfyUI's own `WanModel` and its heirs."""

import math
from typing import ClassVar

from comfy.text_encoders.wan import WanT5Tokenizer

from .attends import ONCE, Attends
from .family import Call, Family, TextEncoder
from .geometry import Geometry


class Wan(Family):
    """Wan 2.1 and 2.2: each block has one cross-attention, whose queries are the film's tokens."""

    works = "Wan 2.1 text-to-video and image-to-video, first-last-frame, Fun Control, Wan 2.2 14B and 5B"
    encoders = (TextEncoder(WanT5Tokenizer, "umt5", "Wan's UMT5 (Load CLIP with type wan)"),)
    models: ClassVar = {"WAN21": "wan.model.WanModel", "WAN22": "wan.model.WanModel"}
    attends: ClassVar = {
        "wan.model.WanT2VCrossAttention": ONCE,
        # it attends to the picture first; lengths can't tell
        "wan.model.WanI2VCrossAttention": Attends(text=(1,), calls=(2,)),
    }

    def refusal(self, model) -> str | None:
        """Also of a model of WanVideoWrapper."""
        names = [type(model).__name__, type(getattr(model, "diffusion_model", None)).__name__]
        wrapped = "Wrapper" in type(model).__module__
        if not any(("WanVideo" in name and wrapped) or name == "WanVideoModel" for name in names):
            return super().refusal(model)
        return (
            f"this model is a {names[0]} of WanVideoWrapper, which samples outside ComfyUI. Load it with ComfyUI's own "
            f"Load Diffusion Model and sample with KSampler."
        )

    def places(self, network):
        return [(layer, f"blocks.{layer}.cross_attn") for layer in range(len(network.blocks))]

    def patch(self, model):
        return model.diffusion_model.patch_size

    def heads(self, model):
        return model.diffusion_model.num_heads

    def head_width(self, model):
        return model.diffusion_model.dim // model.diffusion_model.num_heads

    def layout(self, model, call: Call) -> Geometry:
        patch_f, patch_h, patch_w = self.patch(model)
        frames, height, width = self.grid(model, call.shape).shape
        own = self.frames(call, frames)
        appended = call.conditions.get("time_dim_concat")
        if appended is not None:
            own += [None] * math.ceil(appended.shape[2] / patch_f)
        before = 0
        reference = call.conditions.get("reference_latent")
        if reference is not None and model.diffusion_model.ref_conv is not None:
            before = (reference.shape[-2] // patch_h) * (reference.shape[-1] // patch_w)
        pictures = call.conditions.get("context_latents") or ()
        behind = sum(self.grid(model, latent.shape).cells for latent in pictures)
        return Geometry.of(own, height, width, before, behind)
