"""Wan: where its text attention is, and how its tokens lie. Checked against ComfyUI's own `WanModel`."""

import math
from dataclasses import dataclass

import comfy.ldm.wan.model as wan
import comfy.model_base

from ...bending.errors import BendError
from ...bending.frames.grid import Grid
from .geometry import Geometry

WORKS = "Wan 2.1 text-to-video and image-to-video, first-last-frame, Fun Control, Wan 2.2 14B and 5B"
MODELS = (comfy.model_base.WAN21, comfy.model_base.WAN22)

# by class: how many attention calls its forward makes, and which of them attends to the text; lengths can't tell
ATTENTION_CALLS = {wan.WanT2VCrossAttention: (1, 0), wan.WanI2VCrossAttention: (2, 1)}


@dataclass(frozen=True)
class Site:
    """The text cross-attention of block `layer`: its forward's path in the model, and which attention call is it."""

    layer: int
    path: str
    calls: int
    text_call: int


def find_sites(patcher) -> list[Site]:
    """The sites of a Wan model, in block order. Raises BendError for models and forwards that were not checked."""
    check_model(patcher.model)
    sites = []
    for layer, block in enumerate(patcher.model.diffusion_model.blocks):
        module = f"diffusion_model.blocks.{layer}.cross_attn"
        calls = ATTENTION_CALLS.get(type(block.cross_attn))
        forward = patcher.get_model_object(f"{module}.forward")
        if calls is None or getattr(forward, "__func__", None) is not type(block.cross_attn).forward:
            owner = getattr(forward, "__module__", None) or type(forward).__module__
            raise BendError(
                f"the cross-attention of layer {layer} has been replaced by {owner} ({_name(forward)}), so its words "
                f"cannot be found. Remove that pack's node from this model's branch, or bend a branch without it."
            )
        sites.append(Site(layer, f"{module}.forward", *calls))
    return sites


def check_model(model) -> None:
    """Refuse, by class name, any model whose attention was not checked."""
    diffusion_model = getattr(model, "diffusion_model", None)
    if type(model) in MODELS and type(diffusion_model) is wan.WanModel:
        return
    names = [type(model).__name__, type(diffusion_model).__name__]
    if any(("WanVideo" in name and "Wrapper" in type(model).__module__) or name == "WanVideoModel" for name in names):
        raise BendError(
            f"this model is a {names[0]} of WanVideoWrapper, which samples outside ComfyUI. Load it with ComfyUI's own "
            f"Load Diffusion Model and sample with KSampler."
        )
    raise BendError(f"a model of class {names[0]} ({names[1]}) cannot be bent. What works: {WORKS}.")


def film_grid(model, latent_shape) -> Grid:
    """The grid of a whole film's tokens, from its latent `(B, C, F, H, W)`."""
    sizes = zip(latent_shape[2:], model.diffusion_model.patch_size, strict=True)
    return Grid(*(math.ceil(size / patch) for size, patch in sizes))


def geometry(model, latent_shape, conditions: dict, options: dict, retained: tuple[int, ...]) -> Geometry:
    """The layout of one model call.

    `latent_shape` `(B, C, F, H, W)` and `conditions` are what the call is given; `options` its transformer_options;
    `retained` the positions that a context handler fills with the film's frames of that number.
    """
    patch_f, patch_h, patch_w = model.diffusion_model.patch_size
    frames, height, width = film_grid(model, latent_shape).shape
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
