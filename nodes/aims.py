"""Where, when and how a bending plays: nodes that aim every bend of a chain."""

import torch
from comfy_api.latest import io

from ..bending import narrow
from ..bending.bend import Bending
from ..bending.errors import BendError
from ..bending.frames.mask_video import MaskVideo
from ..bending.time import animation
from ..bending.time.windows import TimeWindow
from .common import CATEGORY, BendingWire, curve_input, is_whole, sampled

AIMED = "The bends to aim; all of them are. With none there is nothing to aim, and the graph stays whole."


class AttnBendWhere(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AttnBendWhere",
            display_name="Bend Where",
            category=CATEGORY,
            description="Keeps bends to some layers, heads, frames or one pass of the model, and with a mask to a "
            "part of the picture.",
            search_aliases=["attention bending", "layers", "heads", "frames", "mask", "negative"],
            inputs=[
                BendingWire.Input("bending", optional=True, tooltip=AIMED),
                io.String.Input(
                    "layers",
                    default="all",
                    tooltip="Blocks of the model: all, early, middle, late, or numbers such as 0-5, 13, -1. Narrows "
                    "what the bends say.",
                ),
                io.String.Input(
                    "heads",
                    default="all",
                    tooltip="Heads of each layer: all, or numbers such as 0-3, 7. 0 is the first.",
                ),
                io.String.Input(
                    "frames",
                    default="all",
                    tooltip="Latent frames of the film (four of the video's each): all, 0-4, -1, or percents such as "
                    "0%-50%.",
                ),
                io.Combo.Input(
                    "pass",
                    options=["positive", "negative", "both"],
                    tooltip="Which prompt's attention is bent. For the negative, its words must come from a Bend "
                    "Prompt.",
                ),
                io.Mask.Input(
                    "mask",
                    optional=True,
                    tooltip="How strong the bends are at every place: one picture, or a film of them over time.",
                ),
                io.Float.Input(
                    "mask_feather",
                    default=0.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    optional=True,
                    tooltip="Width of a soft edge for the mask, as a fraction of its shorter side.",
                ),
            ],
            outputs=[BendingWire.Output("bending", tooltip="The bends, aimed.")],
        )

    @classmethod
    def execute(cls, layers, heads, frames, bending=None, mask=None, mask_feather=0.0, **rest) -> io.NodeOutput:
        film = None if mask is None else MaskVideo(mask, mask_feather)
        return io.NodeOutput(narrow.where(bending or Bending(), layers, heads, frames, rest["pass"], film))


class AttnBendWhen(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        def number(name: str, default: float, tooltip: str) -> io.Input:
            return io.Float.Input(name, default=default, min=0.0, max=10000.0, step=0.001, tooltip=tooltip)

        return io.Schema(
            node_id="AttnBendWhen",
            display_name="Bend When",
            category=CATEGORY,
            description="Lets bends act in a part of the sampling only, fading in and out or along a curve: early "
            "steps lay out the picture, late ones draw its detail.",
            search_aliases=["attention bending", "schedule", "steps", "timestep", "fade", "curve"],
            inputs=[
                BendingWire.Input("bending", optional=True, tooltip=AIMED),
                io.Combo.Input(
                    "unit",
                    options=["percent", "steps"],
                    tooltip="percent: fractions of the sampling by noise level, the same moment in any sampler. "
                    "steps: this sampler's own, from 0, both ends included.",
                ),
                number("start", 0.0, "Where the window begins: a fraction from 0 to 1, or a step."),
                number("end", 1.0, "Where it ends: a fraction, itself excluded unless 1, or the last step."),
                number("fade_in", 0.0, "Over how much of it the strength rises, in the same unit."),
                number("fade_out", 0.0, "Over how much of it the strength falls, in the same unit."),
                curve_input("Strength along the window, from its start to its end; from 0 to 1."),
            ],
            outputs=[BendingWire.Output("bending", tooltip="The bends, in this window.")],
        )

    @classmethod
    def execute(cls, unit, start, end, fade_in, fade_out, bending=None, curve=None) -> io.NodeOutput:
        if unit == "steps" and not (is_whole(start) and is_whole(end)):
            raise BendError(f"steps {start:g} to {end:g} are no whole numbers. Give the first and the last step.")
        window = TimeWindow(unit, start, end, fade_in, fade_out, None if curve is None else sampled(curve))
        return io.NodeOutput(narrow.when(bending or Bending(), window))


class AttnBendAnimate(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AttnBendAnimate",
            display_name="Bend Animate",
            category=CATEGORY,
            description="Moves a parameter of the bends over the film or over the sampling: a word that turns, "
            "drifts, grows or comes and goes.",
            search_aliases=["attention bending", "keyframes", "curve", "motion", "schedule", "audio"],
            is_input_list=True,
            inputs=[
                BendingWire.Input(
                    "bending",
                    optional=True,
                    tooltip="The bends to move; those without the parameter stay as they are.",
                ),
                io.String.Input(
                    "parameter",
                    default="strength",
                    placeholder="strength, angle, x, y, factor, sigma, …",
                    tooltip="The name of the input to move, as on the bend's node: angle, x, factor, …, or strength.",
                ),
                io.Combo.Input(
                    "over",
                    options=["frames", "steps"],
                    tooltip="frames: over the film, so that the bend moves in the video. steps: over the sampling.",
                ),
                io.String.Input(
                    "keyframes",
                    multiline=True,
                    default="0%: 0, 100%: 1",
                    tooltip="Positions and values: 0: 0, 50%: 45, 100%: 0. A position is a latent frame or a step "
                    "from 0, or a percent of the way. Not used where a curve or values are connected.",
                ),
                io.Combo.Input(
                    "ease",
                    options=list(animation.EASES),
                    tooltip="Between two keyframes: a straight line, a soft start and stop, or the earlier value held.",
                ),
                curve_input("The way from curve_low to curve_high, from start to end."),
                io.Float.Input(
                    "curve_low",
                    default=0.0,
                    min=-10000.0,
                    max=10000.0,
                    step=0.01,
                    optional=True,
                    tooltip="The value where the curve is 0.",
                ),
                io.Float.Input(
                    "curve_high",
                    default=1.0,
                    min=-10000.0,
                    max=10000.0,
                    step=0.01,
                    optional=True,
                    tooltip="The value where the curve is 1.",
                ),
                io.Float.Input(
                    "values",
                    optional=True,
                    force_input=True,
                    tooltip="A list of numbers, one a frame or step, from a spline editor, an audio node or the "
                    "like; another length is stretched.",
                ),
            ],
            outputs=[BendingWire.Output("bending", tooltip="The bends, moving.")],
        )

    @classmethod
    def execute(
        cls, parameter, over, keyframes, ease, bending=None, curve=None, curve_low=None, curve_high=None, values=None
    ) -> io.NodeOutput:
        if not (bending and bending[0]):
            return io.NodeOutput(Bending())
        if curve and values:
            raise BendError("a curve and values are both connected. Keep the one to follow.")
        if values:
            track = animation.sampled_curve(
                [number for one in values for number in torch.as_tensor(one).flatten().tolist()]
            )
        elif curve:
            low, high = (curve_low or [0.0])[0], (curve_high or [1.0])[0]
            track = animation.sampled_curve([low + (high - low) * y for y in sampled(curve[0])], "curve")
        else:
            track = animation.parse_keyframes(keyframes[0], ease[0])
        return io.NodeOutput(narrow.animate(bending[0], parameter[0].strip(), over[0], track))


AIMS = [AttnBendWhere, AttnBendWhen, AttnBendAnimate]
