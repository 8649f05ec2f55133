"""Patch Model: where a bending meets a model."""

from comfy_api.latest import io

from ..bending.bend import Bending
from ..host.display import show_text
from ..host.maps.record_store import IDLE, Handle
from ..host.maps.recording import RECORDED, Recording
from ..host.run.attach import patch_model
from ..host.run.patch import Patch
from .common import CATEGORY, BendingWire, MapsWire
from .texts import described_schema


class AttnBendModel(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return described_schema(
            node_id="AttnBendModel",
            display_name="Patch Model",
            category=CATEGORY,
            search_aliases=["attention bending", "apply bending", "bender", "hook model"],
            inputs=[
                io.Model.Input("model"),
                BendingWire.Input("bending", optional=True),
                io.Boolean.Input("apply_to_output", default=True),
                io.Combo.Input("record", options=["none", *RECORDED], default="none", optional=True),
                io.String.Input("record_tokens", default="", placeholder="kiss, red rose, word#2", optional=True),
                io.Boolean.Input("record_heads", default=False, optional=True, advanced=True),
                io.Int.Input("record_limit_mb", default=512, min=1, max=65536, optional=True, advanced=True),
            ],
            outputs=[io.Model.Output("model"), MapsWire.Output("maps")],
            hidden=[io.Hidden.unique_id],
            not_idempotent=True,  # ComfyUI gives equal twins one cached output, and so one handle, unless told this
        )

    @classmethod
    def fingerprint_inputs(cls, record="none", **inputs) -> None:
        """Always the same; but ComfyUI asks as a prompt begins, also where all then comes from its cache."""
        _tell_begin(cls.hidden.unique_id, idle=record == "none" and "bending" not in inputs)

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
        node = cls.hidden.unique_id
        bending = bending or Bending()
        handle = Handle(node, record_limit_mb * 2**20, record == "none" and not bending, bending)
        _tell_begin(node, handle.idle)
        if handle.idle:
            return io.NodeOutput(model, handle)
        recording = None if record == "none" else Recording(handle, record, record_tokens, record_heads)
        patch = Patch(bending, apply_to_output, node, recording, handle)
        return io.NodeOutput(patch_model(model, patch), handle)


def _tell_begin(node: str | None, idle: bool) -> None:
    """What stands on the node is now an earlier prompt's; where there is nothing to do, that is told at once."""
    show_text(node, IDLE if idle else None)
