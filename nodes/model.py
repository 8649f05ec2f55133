"""Patch Model: where a bending meets a model."""

from comfy_api.latest import io

from ..bending.bend import Bending
from ..host.maps.record_store import Handle
from ..host.maps.recording import Recording
from ..host.run.attach import patch_model
from ..host.run.patch import Patch
from .common import CATEGORY, BendingWire, MapsWire


class AttnBendModel(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AttnBendModel",
            display_name="Patch Model",
            category=CATEGORY,
            description="Bends a model's attention to words while the sampler runs, shows on this node where they act, "
            "and says what it did. The weights are never touched, and other branches of the same model stay as they "
            "are.",
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
                    tooltip="Off: the film stays un-bent to the bit; words, layers and windows are checked against the "
                    "run, and a record still shows what the bends would have done.",
                ),
                io.Combo.Input(
                    "record",
                    options=["none", "bent words", "marked words", "listed words"],
                    default="none",
                    optional=True,
                    tooltip="Whose maps are kept for Attention Maps, and shown here while the sampler runs: the words "
                    "that are bent (the prompt's first eight where none is), those marked with (parentheses), or "
                    "those listed in record_tokens. The film is the same.",
                ),
                io.String.Input(
                    "record_tokens",
                    default="",
                    placeholder="kiss, red rose, word#2",
                    optional=True,
                    tooltip="The words of record = listed words, as in a bend's token field, at most 64 tokens in all.",
                ),
                io.Boolean.Input(
                    "record_heads",
                    default=False,
                    optional=True,
                    advanced=True,
                    tooltip="Keep every head's map apart, not only their mean: a record as many times larger.",
                ),
                io.Int.Input(
                    "record_limit_mb",
                    default=512,
                    min=1,
                    max=65536,
                    optional=True,
                    advanced=True,
                    tooltip="The most memory, in MB, for the records of this node's last four runs. What does not fit "
                    "is kept as means of neighbouring steps and layers, and said so.",
                ),
            ],
            outputs=[
                io.Model.Output("model", tooltip="The model, for the sampler or guider."),
                MapsWire.Output(
                    "maps",
                    tooltip="The recorded maps, for Attention Maps and the other viewing nodes, each together with the "
                    "latent of the sampler that ran this model.",
                ),
            ],
            hidden=[io.Hidden.unique_id],
            not_idempotent=True,  # ComfyUI gives equal twins one cached output, and so one handle, unless told this
        )

    @classmethod
    def execute(
        cls,
        model,
        apply_to_output,
        bending=None,
        record="none",
        record_tokens="",
        record_heads=False,
        record_limit_mb=512,
    ) -> io.NodeOutput:
        handle = Handle(cls.hidden.unique_id, record_limit_mb * 2**20)
        recording = None if record == "none" else Recording(handle, record, record_tokens, record_heads)
        if bending or recording:
            patch = Patch(bending or Bending(), apply_to_output, cls.hidden.unique_id, recording=recording)
            model = patch_model(model, patch)
        return io.NodeOutput(model, handle)
