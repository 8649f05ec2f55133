"""Modes that take a word's map as a whole: in time, from a mask, from another word; and the choice of words itself."""

from comfy_api.latest import io

from ..bending import operators as ops
from ..bending.bend import Bend, Bending
from ..bending.frames.mask_video import MaskVideo
from .common import CATEGORY, BendingWire, ModeNode, percent_inputs
from .texts import described_schema
from .widgets import choice, number, text


class AttnBendTime(ModeNode):
    operator = ops.Time

    @classmethod
    def define_schema(cls) -> io.Schema:
        return cls.schema(
            "AttnBendTime",
            ["temporal", "delay", "reverse", "freeze", "slow motion"],
            [choice(ops.Time, "way"), number(ops.Time, "amount"), choice(ops.Time, "padding")],
        )


class AttnBendPaint(ModeNode):
    operator = ops.Paint

    @classmethod
    def define_schema(cls) -> io.Schema:
        return cls.schema(
            "AttnBendPaint",
            ["mask", "paint a mask", "place", "draw", "position", "position of a word"],
            [io.Mask.Input("mask"), number(MaskVideo, "feather", "mask_feather")],
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
            ["exchange", "trade", "copy map", "follow"],
            [text(ops.Swap, "other", placeholder="rose"), choice(ops.Swap, "way"), number(ops.Swap, "mix")],
        )


class AttnBendTemperature(io.ComfyNode):
    operator = ops.Temperature

    @classmethod
    def define_schema(cls) -> io.Schema:
        return described_schema(
            node_id="AttnBendTemperature",
            display_name="Bend: Temperature",
            category=f"{CATEGORY}/bends",
            search_aliases=["attention bending", "softmax", "sharpness", "logits"],
            inputs=[
                number(ops.Temperature, "temperature"),
                number(Bend, "strength"),
                *percent_inputs(),
                text(Bend, "layers"),
                BendingWire.Input("bending", optional=True),
            ],
            outputs=[BendingWire.Output("bending")],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, temperature, strength, start_percent, end_percent, layers, bending=None) -> io.NodeOutput:
        bend = Bend(
            cls.operator(temperature), "ALL", strength, start_percent, end_percent, layers, origin=cls.hidden.unique_id
        )
        return io.NodeOutput((bending or Bending()) + Bending((bend,)))


MAPS = [AttnBendTime, AttnBendPaint, AttnBendSwap, AttnBendTemperature]
