"""Bend Prompt: a prompt whose words can be bent."""

from comfy_api.latest import io, ui

from ..bending.text.tokens import TokenMap, describe
from ..host.display import show_text
from ..host.text.chips import prompt_told
from ..host.text.pieces import pieces_of_run
from ..host.text.prompt_encoding import attach_words, encode_prompt
from .common import CATEGORY
from .texts import described_schema


class AttnBendPrompt(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return described_schema(
            node_id="AttnBendPrompt",
            display_name="Bend Prompt",
            category=f"{CATEGORY}/prompt",
            search_aliases=["attention bending", "text encode", "prompt", "prompt weight", "tokens"],
            inputs=[
                io.Clip.Input("clip"),
                io.String.Input(
                    "text",
                    multiline=True,
                    dynamic_prompts=True,
                    default="",
                    placeholder="a romantic (kiss) at (sunset)",
                ),
            ],
            outputs=[io.Conditioning.Output("conditioning")],
            hidden=[io.Hidden.unique_id],
            has_intermediate_output=True,  # its text is told anew, also where it comes from the cache
        )

    @classmethod
    def execute(cls, clip, text) -> io.NodeOutput:
        conditioning, tokens = encode_prompt(clip, text)
        return io.NodeOutput(conditioning, ui=ShownPrompt(cls, describe(tokens), text, tokens))


class AttnBendTokens(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return described_schema(
            node_id="AttnBendTokens",
            display_name="Attach Words",
            category=f"{CATEGORY}/prompt",
            search_aliases=["attention bending", "tokens", "conditioning", "bend prompt"],
            inputs=[
                io.Conditioning.Input("conditioning"),
                io.Clip.Input("clip"),
                io.String.Input("text", multiline=True, dynamic_prompts=True, default=""),
            ],
            outputs=[io.Conditioning.Output("conditioning")],
            hidden=[io.Hidden.unique_id],
            has_intermediate_output=True,  # its text is told anew, also where it comes from the cache
        )

    @classmethod
    def execute(cls, conditioning, clip, text) -> io.NodeOutput:
        attached, tokens, note = attach_words(conditioning, clip, text)
        shown = "\n".join(filter(None, (describe(tokens), note)))
        return io.NodeOutput(attached, ui=ShownPrompt(cls, shown, text, tokens))


class ShownPrompt(ui.PreviewText):
    """A node's text, and for the page the prompt's pieces, which it may not have known before the run."""

    def __init__(self, node: type[io.ComfyNode], shown: str, text: str, tokens: TokenMap):
        super().__init__(shown)
        show_text(node.hidden.unique_id, shown)
        self.pieces = prompt_told(pieces_of_run(text, tokens))

    def as_dict(self) -> dict:
        return {**super().as_dict(), "pieces": (self.pieces,)}
