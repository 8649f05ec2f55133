"""Load Toy Wan: a model to learn bending on, in the pack itself."""

from comfy_api.latest import io

from ..host.toy import load_toy
from .common import CATEGORY


class AttnBendToyWan(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AttnBendToyWan",
            display_name="Load Toy Wan",
            category=CATEGORY,
            description="A Wan model of a few million weights that comes with the pack: films of coloured shapes in "
            "seconds, also on a CPU, in which you see at once what a bend did.",
            search_aliases=["attention bending", "toy", "tiny wan", "example model", "learn"],
            inputs=[],
            outputs=[
                io.Model.Output("model", tooltip="Wan's architecture, 256 wide. For Patch Model."),
                io.Clip.Output("clip", tooltip="UMT5's architecture, one token a word. For Bend Prompt."),
                io.Vae.Output("vae", tooltip="Wan 2.1's architecture and latents. For VAE Decode."),
            ],
        )

    @classmethod
    def execute(cls) -> io.NodeOutput:
        return io.NodeOutput(*load_toy())
