"""Concept Probe: words that are not in the prompt, to be asked for while a film is made."""

from comfy_api.latest import io

from ..host.text.probes import encode_probes
from .common import CATEGORY, ProbesWire, shown_text
from .texts import described_schema


class AttnBendProbes(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return described_schema(
            node_id="AttnBendProbes",
            display_name="Concept Probe",
            category=f"{CATEGORY}/see",
            search_aliases=["attention bending", "concept attention", "interrogate", "absent word", "classify", "daam"],
            inputs=[
                io.Clip.Input("clip"),
                io.String.Input("words", default="", placeholder="dog, horse, red rose"),
                io.String.Input("around", default="a {}"),
            ],
            outputs=[ProbesWire.Output("probes")],
            hidden=[io.Hidden.unique_id],
            has_intermediate_output=True,  # its text is told anew, also where it comes from the cache
        )

    @classmethod
    def execute(cls, clip, words, around) -> io.NodeOutput:
        probes = encode_probes(clip, words, around, cls.hidden.unique_id)
        return io.NodeOutput(probes, ui=shown_text(cls, str(probes)))
