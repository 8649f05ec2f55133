"""Patch Model: where a bending meets a model."""

from comfy_api.latest import io

from ..bending.bend import Bending
from ..host.display import show_text
from ..host.maps.record_store import IDLE, Handle
from ..host.maps.recording import NONE, RECORDED, Recording
from ..host.run.attach import patch_model
from ..host.run.patch import Patch
from .common import CATEGORY, BendingWire, MapsWire, ProbesWire
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
                io.Combo.Input("record", options=[NONE, *RECORDED], default=NONE, optional=True),
                io.String.Input("record_tokens", default="", placeholder="kiss, red rose, word#2", optional=True),
                io.Boolean.Input("record_heads", default=False, optional=True, advanced=True),
                io.Int.Input("record_limit_mb", default=512, min=1, max=65536, optional=True, advanced=True),
                ProbesWire.Input("probes", optional=True),
            ],
            outputs=[io.Model.Output("model"), MapsWire.Output("maps")],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def fingerprint_inputs(cls, record=NONE, **inputs) -> None:
        """Always the same; but ComfyUI asks as a prompt begins, also where all then comes from its cache."""
        _tell_begin(cls.hidden.unique_id, idle=record == NONE and inputs.keys().isdisjoint(("bending", "probes")))

    @classmethod
    def execute(
        cls,
        model,
        apply_to_output,
        bending=None,
        record=NONE,
        record_tokens="",
        record_heads=False,
        record_limit_mb=512,
        probes=None,
    ) -> io.NodeOutput:
        node = cls.hidden.unique_id
        bending = bending or Bending()
        records = record != NONE or probes is not None
        handle = Handle(node, record_limit_mb * 2**20, not records and not bending, bending)
        _tell_begin(node, handle.idle)
        if handle.idle:
            return io.NodeOutput(model, handle)
        recording = Recording(handle, record, record_tokens, record_heads) if records else None
        patch = Patch(bending, apply_to_output, node, recording, handle, probes)
        return io.NodeOutput(patch_model(model, patch), handle)


def _tell_begin(node: str | None, idle: bool) -> None:
    """What stands on the node is now an earlier prompt's; where there is nothing to do, that is told at once."""
    show_text(node, IDLE if idle else None)
