"""Wan: where its text attention is, and how its tokens lie. Checked against ComfyUI's own `WanModel`."""

import math

import comfy.ldm.wan.model as wan
import comfy.model_base

from ...bending.errors import BendError
from ...bending.frames.grid import Grid
from . import foreign
from .encoders import UMT5
from .family import Attends, Cell, Site
from .geometry import Geometry

MODELS = (comfy.model_base.WAN21, comfy.model_base.WAN22)

# by class: the image-to-video one attends to the picture first; lengths can't tell
ATTENDS = {wan.WanT2VCrossAttention: Attends(), wan.WanI2VCrossAttention: Attends(text=(1,), calls=(2,))}


class Wan:
    """Wan 2.1 and 2.2: each block has one cross-attention, whose queries are the film's tokens."""

    works = "Wan 2.1 text-to-video and image-to-video, first-last-frame, Fun Control, Wan 2.2 14B and 5B"
    encoders = (UMT5,)

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
            module, path = block.cross_attn, f"diffusion_model.blocks.{layer}.cross_attn.forward"
            forward = patcher.get_model_object(path)
            if type(module) in ATTENDS and _is_hosts_own(forward, module):
                sites.append(Site(layer, path, ATTENDS[type(module)]))
            elif type(module) in ATTENDS and (attends := foreign.attends(forward, module)):
                sites.append(Site(layer, path, attends, foreign.name_of(forward)))
            else:
                owner, name = foreign.address(forward)
                raise BendError(
                    f"the cross-attention of layer {layer} has been replaced by {owner} ({name}), so its words cannot "
                    f"be found. Remove that pack's node from this model's branch, or bend a branch without it."
                )
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

    def latent(self, film, options) -> tuple[int, ...]:
        shape, window = list(film), options.get("context_window")
        if window is not None:
            if not hasattr(window, "index_list"):
                raise BendError(
                    f"the context windows of {foreign.name_of(type(window))} are not ComfyUI's own, and cannot be "
                    f"bent. Use ComfyUI's Context Windows nodes."
                )
            if window.dim > 2:
                raise BendError(
                    "context windows over the height or width cannot be bent. Set the node's dim to 2, the film's time."
                )
            shape[window.dim] = len(_window_frames(window))
        return tuple(shape)

    def keys(self, model, columns) -> int:
        return columns

    def grid_told(self, options) -> tuple[int, ...] | None:
        return tuple(options["grid_sizes"]) if "grid_sizes" in options else None

    def geometry(self, model, latent_shape, conditions, options, retained) -> Geometry:
        patch_f, patch_h, patch_w = model.diffusion_model.patch_size
        frames, height, width = self.grid(model, latent_shape).shape
        own: list[int | None] = list(range(frames))
        window = options.get("context_window")
        if window is not None and window.dim == 2:
            own = _window_frames(window)
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


def _is_hosts_own(forward, module) -> bool:
    """Whether it is the forward of its class as the host has written it: a pack may exchange the class's too."""
    function = getattr(forward, "__func__", None)
    return function is type(module).forward and function.__code__.co_filename == wan.__file__


def _window_frames(window) -> list[int | None]:
    """What a context window holds along its dimension, None for the frame that the host puts before as an anchor."""
    anchor = getattr(window, "causal_anchor_index", None)
    return [*([None] if anchor is not None and anchor >= 0 else []), *window.index_list]
