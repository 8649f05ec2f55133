"""Wan: where its text attention is, and how its tokens lie. Checked against ComfyUI's own `WanModel`."""

import math

import comfy.ldm.wan.model as wan
import comfy.model_base
from comfy.text_encoders.wan import WanT5Tokenizer

from ...bending.errors import BendError
from ...bending.frames.grid import Grid
from .family import Cell, Site, TextEncoder
from .geometry import Geometry

MODELS = (comfy.model_base.WAN21, comfy.model_base.WAN22)

# by class: how many attention calls its forward makes, and which of them attends to the text; lengths can't tell
ATTENTION_CALLS = {wan.WanT2VCrossAttention: (1, 0), wan.WanI2VCrossAttention: (2, 1)}


class Wan:
    """Wan 2.1 and 2.2: each block has one cross-attention, whose queries are the film's tokens."""

    works = "Wan 2.1 text-to-video and image-to-video, first-last-frame, Fun Control, Wan 2.2 14B and 5B"
    encoders = (TextEncoder(WanT5Tokenizer, "umt5", "Wan's UMT5 (Load CLIP with type wan)"),)

    def accepts(self, model) -> bool:
        return type(model) in MODELS and type(getattr(model, "diffusion_model", None)) is wan.WanModel

    def lookalike(self, model) -> str | None:
        """A model of WanVideoWrapper."""
        names = [type(model).__name__, type(getattr(model, "diffusion_model", None)).__name__]
        wrapped = "Wrapper" in type(model).__module__
        if not any(("WanVideo" in name and wrapped) or name == "WanVideoModel" for name in names):
            return None
        return (
            f"this model is a {names[0]} of WanVideoWrapper, which samples outside ComfyUI. Load it with ComfyUI's own "
            f"Load Diffusion Model and sample with KSampler."
        )

    def sites(self, patcher) -> list[Site]:
        sites = []
        for layer, block in enumerate(patcher.model.diffusion_model.blocks):
            module = f"diffusion_model.blocks.{layer}.cross_attn"
            calls = ATTENTION_CALLS.get(type(block.cross_attn))
            forward = patcher.get_model_object(f"{module}.forward")
            if calls is None or getattr(forward, "__func__", None) is not type(block.cross_attn).forward:
                owner = getattr(forward, "__module__", None) or type(forward).__module__
                raise BendError(
                    f"the cross-attention of layer {layer} has been replaced by {owner} ({_name(forward)}), so its "
                    f"words cannot be found. Remove that pack's node from this model's branch, or bend a branch "
                    f"without it."
                )
            sites.append(Site(layer, f"{module}.forward", *calls))
        return sites

    def heads(self, model) -> int:
        return model.diffusion_model.num_heads

    def head_width(self, model) -> int:
        return model.diffusion_model.dim // model.diffusion_model.num_heads

    def grid(self, model, latent_shape) -> Grid:
        """From a latent `(B, C, F, H, W)`."""
        sizes = zip(latent_shape[2:], model.diffusion_model.patch_size, strict=True)
        return Grid(*(math.ceil(size / patch) for size, patch in sizes))

    def cell(self, patcher) -> Cell:
        latents = patcher.get_model_object("latent_format")
        pixels = latents.spacial_downscale_ratio * patcher.model.diffusion_model.patch_size[1]
        return Cell(pixels, latents.temporal_downscale_ratio)

    def geometry(self, model, latent_shape, conditions, options, retained) -> Geometry:
        patch_f, patch_h, patch_w = model.diffusion_model.patch_size
        frames, height, width = self.grid(model, latent_shape).shape
        own: list[int | None] = list(range(frames))
        window = options.get("context_window")
        if window is not None and window.dim > 2:
            raise BendError(
                "context windows over the height or width cannot be bent. Set the node's dim to 2, the film's time."
            )
        if window is not None and window.dim == 2:
            own = list(window.index_list)
            anchor = getattr(window, "causal_anchor_index", None)
            if anchor is not None and anchor >= 0:
                own.insert(0, None)
            for position in retained:
                if position < len(own) and own[position] != position:
                    own[position] = None
        appended = conditions.get("time_dim_concat")
        if appended is not None:
            own += [None] * math.ceil(appended.shape[2] / patch_f)
        first = 0
        reference = conditions.get("reference_latent")
        if reference is not None and model.diffusion_model.ref_conv is not None:
            first = (reference.shape[-2] // patch_h) * (reference.shape[-1] // patch_w)
        tokens = first + len(own) * height * width
        for latent in conditions.get("context_latents") or ():
            tokens += math.prod(
                math.ceil(n / p) for n, p in zip(latent.shape[2:], (patch_f, patch_h, patch_w), strict=True)
            )
        return Geometry(tokens, first, tuple(own), height, width)


def _name(forward) -> str:
    return getattr(forward, "__qualname__", type(forward).__qualname__)
