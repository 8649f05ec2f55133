"""Wan: where its text attention is, and how its tokens lie. Checked against ComfyUI's own `WanModel` and its heirs."""

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import torch

from .attends import ONCE, Attends
from .encoders import UMT5
from .family import Call, Family
from .geometry import Geometry

ANIMATE, VACE, S2V = "WAN22_Animate", "WAN21_Vace", "WAN22_S2V"
REFERENCES_BEHIND = ("WAN21_HuMo", S2V)
REFERENCES_AS_FRAMES = ("WAN21_SCAIL", "WAN21_SCAIL2")
"""Models by where the tokens of their reference pictures stand; in others a convolution puts them before the film's."""

MOTION = ((1, 2), (1, 4), (4, 8))
"""S2V's motion frames, nearest first: how many frames of tokens, each for a square of so many places of the latent."""


class Wan(Family):
    """Wan 2.1 and 2.2: each block has one cross-attention, whose queries are the film's tokens."""

    works = (
        "Wan 2.1 text-to-video and image-to-video, first-last-frame, Fun Control, Camera, VACE, HuMo, FlowRVS, SCAIL, "
        "Wan 2.2 14B and 5B, S2V, Animate, WanDancer"
    )
    encoders = (UMT5,)
    workflow = "Bend one word"
    models: ClassVar = {
        "WAN21": "wan.model.WanModel",
        "WAN22": "wan.model.WanModel",
        "WAN21_FlowRVS": "wan.model.WanModel",
        "WAN21_Camera": "wan.model.CameraWanModel",
        "WAN21_HuMo": "wan.model.HumoWanModel",
        "WAN21_SCAIL": "wan.model.SCAILWanModel",
        "WAN21_SCAIL2": "wan.model.SCAIL2WanModel",
        "WAN22_WanDancer": "wan.model_wandancer.WanDancerModel",
        ANIMATE: "wan.model_animate.AnimateWanModel",
        S2V: "wan.model.WanModel_S2V",
        VACE: "wan.model.VaceWanModel",
    }
    attends: ClassVar = {
        "wan.model.WanT2VCrossAttention": ONCE,
        # it attends to the picture first; lengths can't tell
        "wan.model.WanI2VCrossAttention": Attends(text=(1,), calls=(2,)),
    }
    text_alone: ClassVar = {"context_img_len": None}
    refusals: ClassVar = {
        "WAN21_CausalAR": (
            "Wan's autoregressive model (WAN21_CausalAR) keeps the keys and values of its text attention from its "
            "first call on, and attends with them outside of that attention, where no bend can act. Use another Wan."
        )
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
        """Also VACE's control blocks: each has the number of the block that it feeds."""
        controls = getattr(network, "vace_layers_mapping", {})
        for layer in range(len(network.blocks)):
            yield layer, f"blocks.{layer}.cross_attn"
            if layer in controls:
                yield layer, f"vace_blocks.{controls[layer]}.cross_attn"

    def text(self, model, cond, device):
        return model.diffusion_model.text_embedding(super().text(model, cond, device))

    def patch(self, model):
        return model.diffusion_model.patch_size

    def heads(self, model):
        return model.diffusion_model.num_heads

    def head_width(self, model):
        return model.diffusion_model.dim // model.diffusion_model.num_heads

    def film(self, model, grid, conds):
        """Without the reference pictures that Animate and VACE have as the latent's first frames."""
        references = 0
        if _name(model) == ANIMATE:
            references = 1
        elif _name(model) == VACE:
            references = max((_vace_references(model, cond) for cond in conds), default=0)
        return range(references, grid.frames)

    def layout(self, model, call: Call) -> Geometry:
        frames, height, width = self.grid(model, call.shape).shape
        own, conditions, name = self.frames(call, frames), call.conditions, _name(model)
        before = behind = 0
        reference = conditions.get("reference_latent")
        if reference is None:
            pass
        elif name in REFERENCES_AS_FRAMES:
            own = [None] * self.grid(model, reference.shape).frames + own
        elif name in REFERENCES_BEHIND:
            behind = self._whole_patches(model, reference)
        elif model.diffusion_model.ref_conv is not None:
            before = self._whole_patches(model, reference)
        appended = conditions.get("time_dim_concat")
        if appended is not None:
            own += [None] * self.grid(model, appended.shape).frames
        motion = conditions.get("reference_motion")
        if name == S2V and motion is not None:
            behind += sum(n * (motion.shape[-2] // size) * (motion.shape[-1] // size) for n, size in MOTION)
        pictures = [*(conditions.get("context_latents") or ())]
        if name in REFERENCES_AS_FRAMES and conditions.get("pose_latents") is not None:
            pictures.append(conditions["pose_latents"])
        behind += sum(self.grid(model, latent.shape).cells for latent in pictures)
        return Geometry.of(own, height, width, before, behind)

    def _whole_patches(self, model, latent: torch.Tensor) -> int:
        """How many tokens a convolution makes of a latent, or picture, that is not filled up to whole patches."""
        sizes = latent.shape[2:]
        return math.prod(size // patch for size, patch in zip(sizes, self.patch(model)[-len(sizes) :], strict=True))


def _name(model) -> str:
    return type(model).__name__


def _vace_references(model, cond: Mapping[str, Any]) -> int:
    """How many frames at the beginning of VACE's controls are reference pictures: kept whole, with nothing to react to.

    A frame of the film is never so: what it reacts to has gone through the VAE.
    """
    return max(
        (
            _leading(model, frames, mask)
            for frames, mask in zip(cond.get("vace_frames") or (), cond.get("vace_mask") or (), strict=False)
        ),
        default=0,
    )


def _leading(model, frames: torch.Tensor, mask: torch.Tensor) -> int:
    """Of one control, `(B, 32, F, H, W)` and `(B, 64, F, H, W)`."""
    reacts = frames[:, 16:]
    nothing = model.latent_format.process_out(torch.zeros_like(reacts))
    is_picture = (reacts == nothing).all((0, 1, 3, 4)) & (mask == 0).all((0, 1, 3, 4))
    return int(is_picture.long().cumprod(0).sum())
