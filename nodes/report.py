"""Bending Report: a run told in words."""

from comfy_api.latest import io

from ..bending.maps.report_text import report_text
from ..host.maps.record_store import record_of
from .common import CATEGORY, maps_inputs, said


class AttnBendReport(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AttnBendReport",
            display_name="Bending Report",
            category=CATEGORY,
            description="A run told in words: what each bend did and cost, and how much every recorded word was heard "
            "before and after.",
            search_aliases=["attention bending", "statistics", "entropy", "log", "table"],
            inputs=maps_inputs(),
            outputs=[io.String.Output("report", tooltip="The report, as it is shown on the node.")],
            hidden=[io.Hidden.unique_id],
            is_output_node=True,
        )

    @classmethod
    def execute(cls, maps, latent=None) -> io.NodeOutput:
        text = report_text(record_of(maps, latent))
        return io.NodeOutput(text, ui=said(cls, text))
