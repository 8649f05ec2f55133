"""Kandinsky 5: where its text attention is. Checked against ComfyUI's own `Kandinsky5`."""

from typing import ClassVar

from .attends import ONCE
from .encoders import KANDINSKY5, KANDINSKY5_IMAGE
from .family import Family


class Kandinsky5(Family):
    """Kandinsky 5, films and pictures: each visual block has one cross-attention to the text, which text blocks mix."""

    works = "Kandinsky 5 and Kandinsky 5 Image"
    encoders = (KANDINSKY5, KANDINSKY5_IMAGE)
    workflow = "Bend one word in Kandinsky 5"
    models: ClassVar = dict.fromkeys(("Kandinsky5", "Kandinsky5Image"), "kandinsky5.model.Kandinsky5")
    attends: ClassVar = {"kandinsky5.model.CrossAttention": ONCE}

    def places(self, network):
        layers = range(len(network.visual_transformer_blocks))
        return [(layer, f"visual_transformer_blocks.{layer}.cross_attention") for layer in layers]

    def unprobed(self, model):
        return "Kandinsky 5 cannot be probed: its text blocks make other keys of a text at each noise level."

    def patch(self, model):
        return model.diffusion_model.patch_size

    def heads(self, model):
        return self._attention(model).num_heads

    def head_width(self, model):
        return self._attention(model).head_dim

    def _attention(self, model):
        return model.diffusion_model.visual_transformer_blocks[0].cross_attention
