"""Bend Prompt: a prompt whose words can be bent."""

from comfy_api.latest import io

from ..bending.text.tokens import describe
from ..host.text.prompt_encoding import attach_words, encode_prompt
from .common import CATEGORY, said


class AttnBendPrompt(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AttnBendPrompt",
            display_name="Bend Prompt",
            category=CATEGORY,
            description="Encodes a prompt and remembers which token is which word, so that words can be bent. Shows "
            "the tokens and the words marked with (parentheses).",
            search_aliases=["attention bending", "text encode", "prompt", "tokens"],
            inputs=[
                io.Clip.Input("clip", tooltip="Wan's UMT5 text encoder, from Load CLIP with type wan."),
                io.String.Input(
                    "text",
                    multiline=True,
                    dynamic_prompts=True,
                    default="",
                    placeholder="a romantic (kiss) at (sunset)",
                    tooltip="The prompt. (word) marks a word and adds no weight, (word:1.3) also gives it ComfyUI's "
                    r"weight, \( and \) are real brackets. Words need no mark to be bent.",
                ),
            ],
            outputs=[
                io.Conditioning.Output(
                    "conditioning", tooltip="For the sampler's positive; carries the map of its words."
                )
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, clip, text) -> io.NodeOutput:
        conditioning, tokens = encode_prompt(clip, text)
        shown = describe(tokens)
        return io.NodeOutput(conditioning, ui=said(cls, shown))


class AttnBendTokens(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AttnBendTokens",
            display_name="Attach Words",
            category=CATEGORY,
            description="Makes the words of a conditioning from another node bendable: give it the text and the "
            "encoder that it was made from.",
            search_aliases=["attention bending", "tokens", "conditioning", "bend prompt"],
            inputs=[
                io.Conditioning.Input("conditioning", tooltip="A conditioning made elsewhere from this text."),
                io.Clip.Input("clip", tooltip="The text encoder it was made with."),
                io.String.Input(
                    "text",
                    multiline=True,
                    dynamic_prompts=True,
                    default="",
                    tooltip="The text it was made from. Marks are allowed, as in Bend Prompt.",
                ),
            ],
            outputs=[
                io.Conditioning.Output("conditioning", tooltip="The same conditioning, with the map of its words.")
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, conditioning, clip, text) -> io.NodeOutput:
        attached, tokens = attach_words(conditioning, clip, text)
        shown = describe(tokens)
        return io.NodeOutput(attached, ui=said(cls, shown))
