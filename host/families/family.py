"""What a run must know of a kind of model: one object a family, in a file of its own.

Host classes are named by their paths and never imported: one that a host lacks is simply no model's.
"""

import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import comfy.utils
import torch
from comfy.model_management import cast_to_device
from torch import Tensor

from ...bending.errors import BendError
from ...bending.frames.grid import Grid
from . import foreign
from .attends import ONCE, Attends
from .geometry import Geometry

MODELS, NETWORKS = "comfy.model_base.", "comfy.ldm."
"""Where the host's models and their networks are: the paths of a family's classes begin behind these."""


@dataclass(frozen=True)
class Site:
    """An attention of block `layer` that reads the text: its forward's path in the model, and how that attends.

    Several sites may have one layer. `foreign` names the forward where another pack has put it there.
    """

    layer: int
    path: str
    attends: Attends = ONCE
    foreign: str | None = None


class Cell(NamedTuple):
    """What a place of the grid stands for: a square of `pixels`, and `stride` frames (the first latent frame: one)."""

    pixels: int
    stride: int


@dataclass(frozen=True)
class Columns:
    """Where a conditioning's columns stand among the keys that the network makes of it: its first at key `shift`.

    There are `count` keys in all, and a mask that the model makes of this conditioning shuts out those in `shut`
    wholly, and no others; None where the model lays no mask over the text.
    """

    count: int
    shift: int = 0
    shut: tuple[int, ...] | None = None


def given_columns(cond: Mapping[str, Any]) -> Columns:
    """The columns of a conditioning that the network attends to as it is given."""
    return Columns(cond["cross_attn"].shape[1])


@dataclass(frozen=True)
class Call:
    """One model call, as a layout is read off it.

    shape       of the film's latent in it, `(B, C, F, H, W)`, or `(B, C, H, W)` of a picture
    conditions  what the network is given besides, by name
    options     the transformer_options
    retained    the positions that a context handler fills with the latent's frames of that number
    film        which frames of the whole latent are the film's
    """

    shape: tuple[int, ...]
    conditions: Mapping[str, Any]
    options: Mapping[str, Any]
    retained: tuple[int, ...]
    film: range


@dataclass(frozen=True)
class TextEncoder:
    """A text encoder: its tokenizer's class, the name of what reads its tokens (`text.readers`), how to load it.

    The class is told by where it is, as in `comfy.text_encoders.wan:WanT5Tokenizer`: a host need not have it. For the
    page of models it is said what a column is, and what PADDING, END and REGISTERS are; empty where there is none.
    """

    tokenizer: str
    reader: str
    works: str
    columns: str
    padding: str = ""
    end: str = ""
    registers: str = ""


class Family:
    """A kind of model that can be bent. An adapter says what is particular of it; what stands here is the usual.

    Class attributes
        works            names its models, for refusals
        encoders         the text encoders whose prompts it is given
        models           by the class of a model (behind `MODELS`), that of its network (behind `NETWORKS`)
        attends          by the class of a module that attends to the text (behind `NETWORKS`), how its forward does
        refusals         by the class of a model that seems to be of this family, why it cannot be bent, with the cure
        takes_embedding  the network is given a conditioning's embedding itself, and not what the model makes of it
        workflow         the example workflow that its users begin with
        text_alone       what a site's forward is given besides to make keys of a text alone
    """

    works: ClassVar[str] = ""
    encoders: ClassVar[tuple[TextEncoder, ...]] = ()
    models: ClassVar[Mapping[str, str]] = {}
    attends: ClassVar[Mapping[str, Attends]] = {}
    refusals: ClassVar[Mapping[str, str]] = {}
    takes_embedding: ClassVar[bool] = True
    workflow: ClassVar[str] = ""
    text_alone: ClassVar[Mapping[str, Any]] = {}

    # --- what an adapter must say ---

    def places(self, network) -> Iterable[tuple[int, str]]:
        """The layers and paths, in the network, of the modules whose forwards attend to the text, in block order."""
        raise NotImplementedError

    def patch(self, model) -> tuple[int, int, int]:
        """How many latent frames, rows and columns a token stands for."""
        raise NotImplementedError

    def heads(self, model) -> int:
        """The heads of each site."""
        raise NotImplementedError

    def head_width(self, model) -> int:
        """How wide each head is."""
        raise NotImplementedError

    # --- what it may say otherwise ---

    def layout(self, model, call: Call) -> Geometry:
        """The layout of one model call. Raises BendError for one that cannot be bent."""
        frames, height, width = self.grid(model, call.shape).shape
        return Geometry.of(self.frames(call, frames), height, width)

    def columns(self, model, cond: Mapping[str, Any]) -> Columns:
        """Where the columns of a conditioning stand, as the guider holds it before it is prepared."""
        return given_columns(cond)

    def film(self, model, grid: Grid, conds: Sequence[Mapping[str, Any]]) -> range:
        """Which frames of a latent's grid are the film's, by the guider's conditionings: some may be pictures."""
        return range(grid.frames)

    def latent(self, whole: tuple[int, ...], options: Mapping[str, Any]) -> tuple[int, ...]:
        """The shape of the latent that the host gives one conditioning in a model call, from that of the whole.

        It is the whole, or its context window's. Raises BendError for windows that cannot be bent.
        """
        shape, window = list(whole), options.get("context_window")
        if window is not None:
            if not hasattr(window, "index_list"):
                raise BendError(
                    f"the context windows of {foreign.name_of(type(window))} are not ComfyUI's own, and cannot be "
                    f"bent. Use ComfyUI's Context Windows nodes."
                )
            if len(shape) < 5:
                raise BendError("context windows cut this picture, which cannot be bent. Take that node out.")
            if window.dim > 2:
                raise BendError(
                    "context windows over the height or width cannot be bent. Set the node's dim to 2, the film's time."
                )
            shape[window.dim] = len(_window_frames(window))
        return tuple(shape)

    def grid(self, model, latent_shape: Sequence[int]) -> Grid:
        """The grid of a latent's tokens, `(B, C, F, H, W)`, or `(B, C, H, W)`: one frame."""
        sizes = latent_shape[2:] if len(latent_shape) == 5 else (1, *latent_shape[2:])
        return Grid(*(math.ceil(size / patch) for size, patch in zip(sizes, self.patch(model), strict=True)))

    def cell(self, patcher) -> Cell:
        """What a place of that grid stands for."""
        latents = patcher.get_model_object("latent_format")
        pixels = latents.spacial_downscale_ratio * self.patch(patcher.model)[1]
        return Cell(pixels, latents.temporal_downscale_ratio)

    def grid_told(self, options: Mapping[str, Any]) -> tuple[int, ...] | None:
        """The grid `(F, h, w)` that the network itself tells its blocks that it has made, where it does."""
        return tuple(options["grid_sizes"]) if "grid_sizes" in options else None

    def unprobed(self, model) -> str:
        """Why no probe can be read in a model: its sites' keys of a text must stay the same through a run."""
        return ""

    def text(self, model, cond: Mapping[str, Any], device: torch.device) -> Tensor:
        """What the sites attend to of a conditioning, as the guider holds it: its columns `(1, T, D)`."""
        return cast_to_device(cond["cross_attn"], device, model.get_dtype_inference())

    def refusal(self, model) -> str | None:
        """Why a model that only seems to be of this family cannot be bent, with the cure; None for any other."""
        return self.refusals.get(behind(MODELS, type(model)))

    # --- what follows ---

    def accepts(self, model) -> bool:
        """Whether a model is of this family: by its exact classes, which were checked."""
        network = self.models.get(behind(MODELS, type(model)))
        return network is not None and network == behind(NETWORKS, type(getattr(model, "diffusion_model", None)))

    def sites(self, patcher) -> list[Site]:
        """The sites in block order. Raises BendError where a forward is not the class's own."""
        network = patcher.model.diffusion_model
        return [self._site(patcher, layer, path) for layer, path in self.places(network)]

    def frames(self, call: Call, count: int) -> list[int | None]:
        """Of each of the `count` grid frames of a call its frame in the film; None for what is not the film's."""
        own: list[int | None] = list(range(count))
        window = call.options.get("context_window")
        if window is not None and window.dim == 2:
            own = _window_frames(window)
            for position in call.retained:
                if position < len(own) and own[position] != position:
                    own[position] = None
        return [None if frame not in call.film else frame - call.film.start for frame in own]

    def attends_of(self, module) -> Attends | None:
        """How the host's own forward of a module attends to the text; None for a class that is not known."""
        return self.attends.get(behind(NETWORKS, type(module)))

    def _site(self, patcher, layer: int, place: str) -> Site:
        module, path = comfy.utils.get_attr(patcher.model.diffusion_model, place), f"diffusion_model.{place}.forward"
        forward = patcher.get_model_object(path)
        attends = self.attends_of(module)
        if attends and _is_hosts_own(forward, module):
            return Site(layer, path, attends)
        if attends and (others := foreign.attends(forward, module)):
            return Site(layer, path, others, foreign.name_of(forward))
        owner, name = foreign.address(forward)
        raise BendError(
            f"the cross-attention of layer {layer} has been replaced by {owner} ({name}), so its words cannot "
            f"be found. Remove that pack's node from this model's branch, or bend a branch without it."
        )


def film_shape(shape: Sequence[int], latents: Sequence[Sequence[int]] | None) -> tuple[int, ...]:
    """The shape of the film's latent, where the host may have packed several `latents`: it is the first of those."""
    return (shape[0], *latents[0][1:]) if latents else tuple(shape)


def behind(start: str, kind: type) -> str | None:
    """The path of a class behind `start`; None for one from elsewhere."""
    path = f"{kind.__module__}.{kind.__qualname__}"
    return path.removeprefix(start) if path.startswith(start) else None


def _is_hosts_own(forward: Callable, module) -> bool:
    """Whether it is the forward of its class as the host has written it: a pack may exchange the class's too."""
    function = getattr(forward, "__func__", None)
    if function is not type(module).forward:
        return False
    owner = next(kind for kind in type(module).__mro__ if "forward" in vars(kind))
    return function.__code__.co_filename == sys.modules[owner.__module__].__file__


def _window_frames(window) -> list[int | None]:
    """What a context window holds along its dimension, None for the frame that the host puts before as an anchor."""
    anchor = getattr(window, "causal_anchor_index", None)
    return [*([None] if anchor is not None and anchor >= 0 else []), *window.index_list]
