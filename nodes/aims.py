"""Where, when and how a bending plays: nodes that aim every bend of a chain."""

import torch
from comfy_api.latest import io

from ..bending import narrow
from ..bending.bend import PASSES, Bend, Bending
from ..bending.errors import BendError
from ..bending.frames.mask_video import MaskVideo
from ..bending.time import animation
from ..bending.time.windows import TimeWindow
from .common import CATEGORY, BendingWire, curve_input, each, is_whole, sampled
from .texts import described_schema
from .widgets import choice, number, text


class AttnBendWhere(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return described_schema(
            node_id="AttnBendWhere",
            display_name="Bend Where",
            category=f"{CATEGORY}/aim",
            search_aliases=["attention bending", "layers", "heads", "frames", "mask", "position", "negative"],
            inputs=[
                BendingWire.Input("bending", optional=True),
                text(Bend, "layers"),
                text(Bend, "heads"),
                text(Bend, "frames"),
                io.Combo.Input("pass", options=list(PASSES)),
                io.Mask.Input("mask", optional=True),
                number(MaskVideo, "feather", "mask_feather", optional=True),
            ],
            outputs=[BendingWire.Output("bending")],
        )

    @classmethod
    def execute(
        cls, layers, heads, frames, bending=None, mask=None, mask_feather=MaskVideo.feather, **rest
    ) -> io.NodeOutput:
        weights = None if mask is None else MaskVideo(mask, mask_feather)
        return io.NodeOutput(narrow.where(bending or Bending(), layers, heads, frames, rest["pass"], weights))


class AttnBendWhen(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return described_schema(
            node_id="AttnBendWhen",
            display_name="Bend When",
            category=f"{CATEGORY}/aim",
            search_aliases=["attention bending", "schedule", "steps", "timestep", "fade", "curve"],
            inputs=[
                BendingWire.Input("bending", optional=True),
                choice(TimeWindow, "unit"),
                *(number(TimeWindow, name) for name in ("start", "end", "fade_in", "fade_out")),
                curve_input(),
            ],
            outputs=[BendingWire.Output("bending")],
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
        return described_schema(
            node_id="AttnBendAnimate",
            display_name="Bend Animate",
            category=f"{CATEGORY}/aim",
            search_aliases=["attention bending", "keyframes", "curve", "motion", "schedule", "audio"],
            is_input_list=True,
            inputs=[
                BendingWire.Input("bending", optional=True),
                io.String.Input("parameter", default="strength", placeholder="strength, angle, x, y, factor, sigma, …"),
                io.Combo.Input("over", options=["frames", "steps"]),
                io.String.Input("keyframes", multiline=True, default="0%: 0, 100%: 1"),
                io.Combo.Input("ease", options=list(animation.EASES)),
                curve_input(),
                io.Float.Input("curve_low", default=0.0, min=-10000.0, max=10000.0, step=0.01, optional=True),
                io.Float.Input("curve_high", default=1.0, min=-10000.0, max=10000.0, step=0.01, optional=True),
                io.Float.Input("values", optional=True, force_input=True),
            ],
            outputs=[BendingWire.Output("bending", is_output_list=True)],
        )

    @classmethod
    def execute(
        cls, parameter, over, keyframes, ease, bending=None, curve=None, curve_low=None, curve_high=None, values=None
    ) -> io.NodeOutput:
        if curve and values:
            raise BendError("a curve and values are both connected. Keep the one to follow.")
        given = each(
            bending=bending or [None],
            parameter=parameter,
            over=over,
            keyframes=keyframes,
            ease=ease,
            curve=curve or [None],
            low=curve_low or [0.0],
            high=curve_high or [1.0],
        )
        return io.NodeOutput(narrow.animate_each([cls._animated(values, **one) for one in given]))

    @classmethod
    def _animated(cls, values, bending, parameter, over, keyframes, ease, curve, low, high) -> narrow.Moving:
        """One bending and how it moves; all of `values` are one track, however they come."""
        if not bending:
            return narrow.Moving(Bending())
        if values:
            track = animation.sampled_curve(
                [height for part in values for height in torch.as_tensor(part).flatten().tolist()]
            )
        elif curve is not None:
            track = animation.sampled_curve([low + (high - low) * y for y in sampled(curve)], "curve")
        else:
            track = animation.parse_keyframes(keyframes, ease)
        return narrow.Moving(bending, parameter.strip(), over, track)


AIMS = [AttnBendWhere, AttnBendWhen, AttnBendAnimate]
