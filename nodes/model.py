"""Patch Model: where a bending meets a model."""

from comfy_api.latest import io

from ..bending.host.attach import patch_model
from ..bending.host.patch import Patch
from .common import CATEGORY, BendingWire


class AttnBendModel(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AttnBendModel",
            display_name="Patch Model",
            category=CATEGORY,
            description="Bends a model's attention to words while the sampler runs, and says on this node what it did. "
            "The weights are never touched, and other branches of the same model stay as they are.",
            search_aliases=["attention bending", "apply bending", "bender", "hook model"],
            inputs=[
                io.Model.Input(
                    "model", tooltip="A Wan model from ComfyUI's own loaders; LoRA and shift nodes may precede."
                ),
                BendingWire.Input(
                    "bending",
                    optional=True,
                    tooltip="The bends to run, in order. With none, the model passes through unchanged. A second Patch "
                    "Model appends its bends to those of the first.",
                ),
                io.Boolean.Input(
                    "apply_to_output",
                    default=True,
                    tooltip="Off: words, layers and windows are checked against the run, and the film stays un-bent to "
                    "the bit.",
                ),
            ],
            outputs=[io.Model.Output("model", tooltip="The model, for the sampler or guider.")],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, model, apply_to_output, bending=None) -> io.NodeOutput:
        if not bending:
            return io.NodeOutput(model)
        return io.NodeOutput(patch_model(model, Patch(bending, apply_to_output, cls.hidden.unique_id)))
