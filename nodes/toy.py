"""Load Toy Wan: a model to learn bending on, in the pack itself."""

from comfy_api.latest import io

from ..host.toy import load_toy
from .common import CATEGORY
from .texts import described_schema


class AttnBendToyWan(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return described_schema(
            node_id="AttnBendToyWan",
            display_name="Load Toy Wan",
            category=CATEGORY,
            search_aliases=["attention bending", "toy", "tiny wan", "example model", "learn"],
            inputs=[],
            outputs=[io.Model.Output("model"), io.Clip.Output("clip"), io.Vae.Output("vae")],
        )

    @classmethod
    def execute(cls) -> io.NodeOutput:
        return io.NodeOutput(*load_toy())
