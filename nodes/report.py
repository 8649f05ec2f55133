"""Bending Report: a run told in words."""

from comfy_api.latest import io

from ..bending.maps.record import Record
from ..bending.maps.report_text import report_text
from ..host.maps.record_store import left_by
from .common import CATEGORY, maps_inputs, shown_text
from .texts import described_schema


class AttnBendReport(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return described_schema(
            node_id="AttnBendReport",
            display_name="Bending Report",
            category=f"{CATEGORY}/see",
            search_aliases=["attention bending", "statistics", "entropy", "log", "table"],
            inputs=maps_inputs(),
            outputs=[io.String.Output("report")],
            hidden=[io.Hidden.unique_id],
            is_output_node=True,
        )

    @classmethod
    def execute(cls, maps, latent=None) -> io.NodeOutput:
        left = left_by(maps, latent)
        text = report_text(left) if isinstance(left, Record) else left
        return io.NodeOutput(text, ui=shown_text(cls, text))
