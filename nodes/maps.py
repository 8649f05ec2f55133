"""Modes that take a word's map as a whole: in time, from a mask, from another word; and the choice of words itself."""

from comfy_api.latest import io

from ..bending import operators as ops
from ..bending.bend import Bend, Bending
from ..bending.frames.mask_video import MaskVideo
from ..bending.operators import time as time_operator
from .common import CATEGORY, BendingWire, ModeNode, layers_input, percent_inputs, strength_input


class AttnBendTime(ModeNode):
    operator = ops.Time

    @classmethod
    def define_schema(cls) -> io.Schema:
        return cls.schema(
            "AttnBendTime",
            "A word moved in time: its subject comes late, lingers, runs backwards or stands still.",
            ["temporal", "delay", "reverse", "freeze", "slow motion"],
            [
                io.Combo.Input(
                    "way",
                    options=list(time_operator.WAYS),
                    tooltip="shift later, blur over time, reverse, freeze one frame, or stretch about the film's "
                    "middle.",
                ),
                io.Float.Input(
                    "amount",
                    default=1.0,
                    min=-1000.0,
                    max=1000.0,
                    step=0.1,
                    tooltip="In latent frames, four of the video's each: how much later, how wide a blur, which "
                    "frame is frozen. For stretch how many times as long. Reverse has none.",
                ),
                io.Combo.Input(
                    "padding",
                    options=list(ops.PADDINGS),
                    tooltip="What lies before and after the film, for shift and stretch.",
                ),
            ],
        )


class AttnBendPaint(ModeNode):
    operator = ops.Paint

    @classmethod
    def define_schema(cls) -> io.Schema:
        return cls.schema(
            "AttnBendPaint",
            "A word's place painted by hand: its subject is asked for where the mask is, as much as before in each "
            "frame.",
            ["mask", "place", "draw", "position"],
            [
                io.Mask.Input("mask", tooltip="Where the word is to act: one picture, or a film of them over time."),
                io.Float.Input(
                    "mask_feather",
                    default=0.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="Width of a soft edge for the mask, as a fraction of its shorter side.",
                ),
            ],
        )

    @classmethod
    def make(cls, mask, mask_feather) -> ops.Operator:
        return ops.Paint(MaskVideo(mask, mask_feather))


class AttnBendSwap(ModeNode):
    operator = ops.Swap

    @classmethod
    def define_schema(cls) -> io.Schema:
        return cls.schema(
            "AttnBendSwap",
            "Two words trade places: what one asks for appears where the other was, or one follows the other.",
            ["exchange", "trade", "copy map", "follow"],
            [
                io.String.Input(
                    "other", default="", placeholder="rose", tooltip="The second word, written like token, the first."
                ),
                io.Combo.Input(
                    "way",
                    options=["trade", "follow"],
                    tooltip="trade: each takes the other's map. follow: token takes other's, and other keeps its own.",
                ),
                io.Float.Input(
                    "mix",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    tooltip="How much of the other's map: 0 none, 0.5 half and half, 1 all of it.",
                ),
            ],
        )


class AttnBendTemperature(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AttnBendTemperature",
            display_name="Bend: Temperature",
            category=CATEGORY,
            description="Each place chooses its words more sharply or more softly: below 1 subjects separate and "
            "harden, above 1 they melt into each other. Acts before all other bends.",
            search_aliases=["attention bending", "softmax", "sharpness", "logits"],
            inputs=[
                io.Float.Input(
                    "temperature",
                    default=0.7,
                    min=0.05,
                    max=20.0,
                    step=0.05,
                    tooltip="The logits of all words are divided by this: 1 changes nothing, below is sharper, above "
                    "softer.",
                ),
                strength_input(),
                *percent_inputs(),
                layers_input(),
                BendingWire.Input("bending", optional=True, tooltip="Bends that come before this one in the list."),
            ],
            outputs=[BendingWire.Output("bending", tooltip="The bends before, and this one.")],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, temperature, strength, start_percent, end_percent, layers, bending=None) -> io.NodeOutput:
        operator = ops.Temperature(temperature)
        bend = Bend(operator, "ALL", strength, start_percent, end_percent, layers, origin=cls.hidden.unique_id)
        return io.NodeOutput((bending or Bending()) + Bending((bend,)))


MAPS = [AttnBendTime, AttnBendPaint, AttnBendSwap, AttnBendTemperature]
