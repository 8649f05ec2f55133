"""Bender Stack: several bendings as one."""

from comfy_api.latest import io

from ..bending.bend import Bending
from .common import CATEGORY, BendingWire
from .texts import described_schema


class AttnBendStack(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return described_schema(
            node_id="AttnBendStack",
            display_name="Bender Stack",
            category=f"{CATEGORY}/bends",
            search_aliases=["attention bending", "combine bends", "chain", "merge"],
            inputs=[
                io.Autogrow.Input(
                    "bendings",
                    template=io.Autogrow.TemplatePrefix(BendingWire.Input("bending"), prefix="bending_", min=0, max=50),
                )
            ],
            outputs=[BendingWire.Output("bending")],
        )

    @classmethod
    def execute(cls, bendings: io.Autogrow.Type = None) -> io.NodeOutput:
        slots = sorted((bendings or {}).items(), key=lambda slot: int(slot[0].rpartition("_")[2]))
        return io.NodeOutput(Bending.join(bending for _, bending in slots if bending is not None))
