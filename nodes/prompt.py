"""Bend Prompt and Bend Timeline: prompts whose words can be bent."""

from comfy_api.latest import io, ui

from ..bending.bend import Bending
from ..bending.text.scenes import parse_scenes
from ..bending.text.tokens import TokenMap, describe
from ..bending.time.stretch import Stretch
from ..bending.timeline import describe_scenes, describe_weights
from ..host.display import show_text
from ..host.text.chips import prompt_told
from ..host.text.own_bends import WEIGHTS, encode_scenes, encode_weighed
from ..host.text.pieces import pieces_of_run
from ..host.text.prompt_encoding import attach_words
from .common import CATEGORY, BendingWire, shown_text
from .texts import described_schema
from .widgets import number


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
                io.Combo.Input("weights", options=list(WEIGHTS), default="encoder", optional=True),
            ],
            outputs=[io.Conditioning.Output("conditioning"), BendingWire.Output("bending")],
            hidden=[io.Hidden.unique_id],
            has_intermediate_output=True,  # its text is told anew, also where it comes from the cache
        )

    @classmethod
    def execute(cls, clip, text, weights="encoder") -> io.NodeOutput:
        conditioning, tokens, bending = encode_weighed(clip, text, weights, cls.hidden.unique_id)
        shown = "\n".join(filter(None, (describe(tokens), describe_weights(bending))))
        return io.NodeOutput(conditioning, bending, ui=ShownPrompt(cls, shown, text, tokens, weights))


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


class AttnBendTimeline(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return described_schema(
            node_id="AttnBendTimeline",
            display_name="Bend Timeline",
            category=f"{CATEGORY}/prompt",
            search_aliases=[
                "attention bending",
                "prompt schedule",
                "prompt relay",
                "scenes",
                "storyboard",
                "prompt travel",
            ],
            inputs=[
                io.Clip.Input("clip"),
                io.String.Input(
                    "text",
                    multiline=True,
                    dynamic_prompts=True,
                    default="",
                    placeholder="a red circle | a blue circle [60%-100%]",
                ),
                io.String.Input("whole_film", multiline=True, dynamic_prompts=True, default=""),
                number(Stretch, "fade"),
                number(Stretch, "outside"),
                io.Combo.Input("weights", options=list(reversed(WEIGHTS)), default="attention"),
                BendingWire.Input("bending", optional=True),
            ],
            outputs=[io.Conditioning.Output("conditioning"), BendingWire.Output("bending")],
            hidden=[io.Hidden.unique_id],
            has_intermediate_output=True,  # its text is told anew, also where it comes from the cache
        )

    @classmethod
    def execute(cls, clip, text, whole_film, fade, outside, weights, bending=None) -> io.NodeOutput:
        script, node = parse_scenes(text), cls.hidden.unique_id
        conditioning, tokens, own = encode_scenes(clip, script, whole_film, weights, fade, outside, node)
        shown = shown_text(cls, describe_scenes(script, tokens))
        return io.NodeOutput(conditioning, (bending or Bending()) + own, ui=shown)


class ShownPrompt(ui.PreviewText):
    """A node's text, and for the page the prompt's pieces, which it may not have known before the run."""

    def __init__(self, node: type[io.ComfyNode], shown: str, text: str, tokens: TokenMap, weights: str = "encoder"):
        super().__init__(shown)
        show_text(node.hidden.unique_id, shown)
        self.pieces = prompt_told(pieces_of_run(text, tokens, weights))

    def as_dict(self) -> dict:
        return {**super().as_dict(), "pieces": (self.pieces,)}
