"""Bender Stack: several bendings as one."""

from comfy_api.latest import io

from ..bending.bend import Bending
from .common import CATEGORY, BendingWire


class AttnBendStack(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AttnBendStack",
            display_name="Bender Stack",
            category=CATEGORY,
            description="Puts bendings one after the other, from the top slot down; later ones act on what earlier "
            "ones leave.",
            search_aliases=["attention bending", "combine bends", "chain", "merge"],
            inputs=[
                io.Autogrow.Input(
                    "bendings",
                    template=io.Autogrow.TemplatePrefix(
                        BendingWire.Input("bending", tooltip="Bends to put into the chain at this place."),
                        prefix="bending_",
                        min=0,
                        max=50,
                    ),
                    tooltip="A new slot appears as you connect one.",
                )
            ],
            outputs=[BendingWire.Output("bending", tooltip="All the bends, in slot order.")],
        )

    @classmethod
    def execute(cls, bendings: io.Autogrow.Type = None) -> io.NodeOutput:
        slots = sorted((bendings or {}).items(), key=lambda slot: int(slot[0].rpartition("_")[2]))
        return io.NodeOutput(Bending.join(bending for _, bending in slots if bending is not None))
