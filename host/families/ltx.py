"""LTX-Video and LTX-2: where their text attention is, and how guides lie behind the film.

Checked against ComfyUI's own `LTXVModel` and `LTXAVModel`. A token is a place of the latent.
"""

import math
from typing import ClassVar

from ...bending.errors import BendError
from .attends import ONCE
from .encoders import LTX2_GEMMA, LTXV_T5
from .family import Call, Columns, Family, given_columns
from .geometry import Geometry

GUIDES = "keyframe_idxs"
"""Where a conditioning has the positions of the guides' tokens, `(B, 3, N, 2)`: guides are the latent's last frames."""

REGISTERS, LEAST = 128, 1024
"""How many registers LTX-2's connector has, and how many columns at the least it makes with them."""


class LTXV(Family):
    """LTX-Video: T5's padding is in every call, and always masked."""

    works = "LTX-Video"
    encoders = (LTXV_T5,)
    workflow = "Bend one word in LTX-Video"
    models: ClassVar = {"LTXV": "lightricks.model.LTXVModel"}
    attends: ClassVar = {"lightricks.model.CrossAttention": ONCE}

    def places(self, network):
        return [(layer, f"transformer_blocks.{layer}.attn2") for layer in range(len(network.transformer_blocks))]

    def patch(self, model):
        return 1, 1, 1

    def heads(self, model):
        return model.diffusion_model.num_attention_heads

    def head_width(self, model):
        return model.diffusion_model.attention_head_dim

    def unprobed(self, model):
        if getattr(model.diffusion_model, "cross_attention_adaln", False):  # not in 0.24
            return (
                "this LTX-Video makes other keys of a text at each noise level, so that a word cannot be probed in it."
            )
        return ""

    def text(self, model, cond, device):
        return model.diffusion_model.caption_projection(super().text(model, cond, device))

    def columns(self, model, cond):
        mask = cond.get("attention_mask")
        if mask is None or mask.is_floating_point():  # such a one is laid over the text as it is
            return self.made(model, cond)
        return Columns(self.made(model, cond).count, shut=tuple((mask[0] == 0).nonzero().flatten().tolist()))

    def made(self, model, cond) -> Columns:
        """The columns that the network attends to, masked or not."""
        return given_columns(cond)

    def film(self, model, grid, conds):
        area = grid.height * grid.width
        return range(grid.frames - max((_guides(cond.get(GUIDES), area) for cond in conds), default=0))

    def latent(self, whole, options):
        """In a context window those guides are behind that belong to one of its frames."""
        shape = super().latent(whole, options)
        guides = getattr(options.get("context_window"), "guide_frames_indices", ())
        return (*shape[:2], shape[2] + len(guides), *shape[3:])

    def layout(self, model, call: Call) -> Geometry:
        """A dilated guide has holes: places that its mask takes away, which are no tokens."""
        frames, height, width = self.grid(model, call.shape).shape
        film = frames - _guides(call.conditions.get(GUIDES), height * width)
        behind = 0
        if film < frames:
            # the host waits for these values too, in each such call
            are_tokens = (call.conditions["denoise_mask"][0] >= 0).all(0)
            if not are_tokens[:film].all():
                raise BendError(
                    "its mask takes places out of the film itself, which cannot be bent. Take out the node that laid "
                    "that mask, or bend a branch without it."
                )
            behind = int(are_tokens[film:].sum())
        return Geometry.of(self.frames(call, film), height, width, behind=behind)


class LTX2(LTXV):
    """LTX-2 and 2.3: the film's text attention; sound, packed behind the film, has its own, which is left alone.

    A connector makes the columns of Gemma's, and has its registers behind them.
    """

    works = "LTX-2, LTX-2.3"
    encoders = (LTX2_GEMMA,)
    workflow = "Bend one word in LTX-2"
    models: ClassVar = {"LTXAV": "lightricks.av_model.LTXAVModel"}
    takes_embedding = False

    def unprobed(self, model):
        return "LTX-2 cannot be probed yet: its connector mixes a word with registers, and 2.3 with the noise level."

    def made(self, model, cond):
        network, given = model.diffusion_model, cond["cross_attn"]
        connected = network.cross_attention_dim + network.audio_cross_attention_dim, 2 * network.caption_channels
        if given.shape[2] in connected and not cond.get("unprocessed_ltxav_embeds"):
            return given_columns(cond)
        return Columns(with_registers(given.shape[1]))


def with_registers(columns: int) -> int:
    """How many columns LTX-2's connector makes of so many: it fills them up with its registers, repeated whole."""
    return math.ceil(max(LEAST, columns) / REGISTERS) * REGISTERS


def _guides(tokens, area: int) -> int:
    """How many latent frames guides of these tokens are."""
    return 0 if tokens is None else tokens.shape[2] // area
