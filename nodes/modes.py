"""The nine modes, one node each. Ids, names, order and defaults are in people's files: append only."""

from comfy_api.latest import io

from ..bending import operators as ops
from .common import ModeNode


def _number(name: str, default: float, low: float, high: float, step: float, tooltip: str, advanced=None) -> io.Input:
    return io.Float.Input(name, default=default, min=low, max=high, step=step, tooltip=tooltip, advanced=advanced)


def _padding() -> io.Input:
    return io.Combo.Input(
        "padding",
        options=list(ops.PADDINGS),
        tooltip="What comes in from outside the frame: the edge again, nothing, the picture mirrored, or the other "
        "side.",
    )


def _center(axis: str, side: str) -> io.Input:
    tooltip = f"The fixed point, as a fraction of the frame from its {side}; 0.5 is the middle."
    return _number(f"center_{axis}", 0.5, 0.0, 1.0, 0.01, tooltip, advanced=True)


class AttnBendAmplify(ModeNode):
    operator = ops.Amplify

    @classmethod
    def define_schema(cls) -> io.Schema:
        return cls.schema(
            "AttnBendAmplify",
            "More or less of a word: its subject grows dominant, fades, vanishes at 0, or is pushed away below 0.",
            ["weight", "emphasis", "gain", "scale attention", "negative prompt word"],
            [
                _number(
                    "factor",
                    2.0,
                    -10.0,
                    10.0,
                    0.05,
                    "The word's attention is multiplied by this: 1 changes nothing, 0 removes the word, 1.5 to 2.5 is "
                    "a clear emphasis, below 0 the word is subtracted.",
                )
            ],
        )


class AttnBendRegionalMask(ModeNode):
    operator = ops.RegionalMask

    @classmethod
    def define_schema(cls) -> io.Schema:
        def edge(name: str, default: float, side: str) -> io.Input:
            tooltip = f"The box's {side} edge as a fraction of the frame; an edge at 0 or 1 does not fade."
            return _number(name, default, 0.0, 1.0, 0.01, tooltip)

        return cls.schema(
            "AttnBendRegionalMask",
            "A word kept to a box of the frame: its subject gathers there, and is drained from the rest.",
            ["region", "box", "composition", "area", "crop"],
            [
                edge("x1", 0.25, "left"),
                edge("y1", 0.25, "top"),
                edge("x2", 0.75, "right"),
                edge("y2", 0.75, "bottom"),
                _number(
                    "feather",
                    0.1,
                    0.0,
                    1.0,
                    0.01,
                    "Width of the soft edge, as a fraction of the frame's shorter side; 0 is hard, covering cells by "
                    "exact area.",
                ),
                io.Boolean.Input("invert", default=False, tooltip="Keep the word out of the box instead."),
            ],
        )


class AttnBendBlur(ModeNode):
    operator = ops.Blur

    @classmethod
    def define_schema(cls) -> io.Schema:
        return cls.schema(
            "AttnBendBlur",
            "A word spread out: its subject loses its place and outline and tints its surroundings.",
            ["soften", "gaussian", "defocus", "diffuse"],
            [
                _number(
                    "sigma",
                    2.0,
                    0.0,
                    64.0,
                    0.1,
                    "Width of the gaussian in cells of the latent grid: a cell is 16 pixels on Wan 2.1, 32 on Wan 2.2 "
                    "5B. 0 changes nothing.",
                ),
                io.Int.Input(
                    "kernel_size",
                    default=0,
                    min=0,
                    max=255,
                    step=1,
                    tooltip="Number of taps, odd; 0 takes as many as sigma needs. A small one cuts the gaussian short.",
                ),
            ],
        )


class AttnBendSharpen(ModeNode):
    operator = ops.Sharpen

    @classmethod
    def define_schema(cls) -> io.Schema:
        return cls.schema(
            "AttnBendSharpen",
            "A word drawn together at its peaks: its subject gets a firmer place and outline, or breaks into spots.",
            ["unsharp mask", "focus", "contrast", "crisp"],
            [
                _number(
                    "amount",
                    1.0,
                    0.0,
                    20.0,
                    0.05,
                    "How much of the fine structure is added: a + amount · (a − blur a). 0 changes nothing.",
                ),
                _number(
                    "sigma", 1.0, 0.0, 64.0, 0.1, "Width of the blur that is taken away, in cells of the latent grid."
                ),
                io.Boolean.Input(
                    "clamp",
                    default=True,
                    tooltip="Cut values below 0 off. Without it, hollows around a peak push the word away.",
                ),
            ],
        )


class AttnBendTranslate(ModeNode):
    operator = ops.Translate

    @classmethod
    def define_schema(cls) -> io.Schema:
        return cls.schema(
            "AttnBendTranslate",
            "A word moved across the frame: with ALL the whole picture is drawn towards there, with one word its "
            "subject is pulled.",
            ["move", "shift", "offset", "pan"],
            [
                _number(
                    "x", 0.25, -1.0, 1.0, 0.01, "To the right, as a fraction of the frame's width; negative is left."
                ),
                _number("y", 0.0, -1.0, 1.0, 0.01, "Down, as a fraction of the frame's height; negative is up."),
                _padding(),
            ],
        )


class AttnBendRotate(ModeNode):
    operator = ops.Rotate

    @classmethod
    def define_schema(cls) -> io.Schema:
        return cls.schema(
            "AttnBendRotate",
            "A word turned about the middle: the subject leans, orbits or smears; with ALL the whole picture tilts.",
            ["turn", "spin", "tilt", "angle"],
            [
                _number("angle", 15.0, -360.0, 360.0, 1.0, "Degrees, clockwise as displayed."),
                _padding(),
                _center("x", "left"),
                _center("y", "top"),
            ],
        )


class AttnBendSpatialScale(ModeNode):
    operator = ops.SpatialScale

    @classmethod
    def define_schema(cls) -> io.Schema:
        return cls.schema(
            "AttnBendSpatialScale",
            "A word made larger or smaller about the middle: its subject spreads over the frame or draws into a dot.",
            ["zoom", "resize", "enlarge", "shrink"],
            [
                _number("factor", 1.5, 0.05, 20.0, 0.05, "1 changes nothing, above it enlarges, below it shrinks."),
                _padding(),
                _center("x", "left"),
                _center("y", "top"),
            ],
        )


class AttnBendFlip(ModeNode):
    operator = ops.Flip

    @classmethod
    def define_schema(cls) -> io.Schema:
        return cls.schema(
            "AttnBendFlip",
            "A word mirrored: what stood on the left is asked for on the right, or what was above, below.",
            ["mirror", "reflect", "invert axis"],
            [
                io.Combo.Input(
                    "axis",
                    options=list(ops.AXES),
                    tooltip="horizontal exchanges left and right, vertical top and bottom, both is a half turn.",
                )
            ],
        )


class AttnBendFrequencyFilter(ModeNode):
    operator = ops.FrequencyFilter

    @classmethod
    def define_schema(cls) -> io.Schema:
        return cls.schema(
            "AttnBendFrequencyFilter",
            "A word's coarse or fine structure alone: broad washes with low, edges and texture with high, rings with "
            "band.",
            ["fourier", "fft", "lowpass", "highpass", "bandpass", "notch"],
            [
                io.Combo.Input(
                    "kind",
                    options=["low", "high", "band", "notch"],
                    tooltip="low keeps what is coarser than high, high what is finer than low, band what lies between "
                    "the two, notch all but that.",
                ),
                _number(
                    "low", 0.1, 0.0, 1.5, 0.01, "Lower cutoff in units of Nyquist: 1 is a change from cell to cell."
                ),
                _number("high", 0.5, 0.0, 1.5, 0.01, "Upper cutoff in units of Nyquist; 1.5 lies beyond everything."),
                _number("rolloff", 0.1, 0.0, 1.0, 0.01, "Width of each soft cutoff; 0 is a hard one, which rings."),
                io.Boolean.Input(
                    "keep_mean", default=True, tooltip="Leave the word's average over each frame as it is."
                ),
            ],
        )


MODES = [
    AttnBendAmplify,
    AttnBendRegionalMask,
    AttnBendBlur,
    AttnBendSharpen,
    AttnBendTranslate,
    AttnBendRotate,
    AttnBendSpatialScale,
    AttnBendFlip,
    AttnBendFrequencyFilter,
]
