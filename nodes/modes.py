"""The nine modes, one node each. Ids, names, order and defaults are in people's files: append only."""

from comfy_api.latest import io

from ..bending import operators as ops
from .common import ModeNode
from .widgets import choice, number, toggle


def _centers(operator: type[ops.Operator]) -> list[io.Input]:
    return [number(operator, name, advanced=True) for name in ("center_x", "center_y")]


class AttnBendAmplify(ModeNode):
    operator = ops.Amplify

    @classmethod
    def define_schema(cls) -> io.Schema:
        return cls.schema(
            "AttnBendAmplify",
            ["prompt weight", "weight", "emphasis", "gain", "scale attention", "negative prompt word"],
            [number(ops.Amplify, "factor")],
        )


class AttnBendRegionalMask(ModeNode):
    operator = ops.RegionalMask

    @classmethod
    def define_schema(cls) -> io.Schema:
        return cls.schema(
            "AttnBendRegionalMask",
            ["mask", "region", "box", "position", "composition", "area", "crop"],
            [
                *(number(ops.RegionalMask, name) for name in ("x1", "y1", "x2", "y2", "feather")),
                toggle(ops.RegionalMask, "invert"),
            ],
        )


class AttnBendBlur(ModeNode):
    operator = ops.Blur

    @classmethod
    def define_schema(cls) -> io.Schema:
        return cls.schema(
            "AttnBendBlur",
            ["soften", "gaussian", "defocus", "diffuse"],
            [number(ops.Blur, "sigma"), number(ops.Blur, "kernel_size")],
        )


class AttnBendSharpen(ModeNode):
    operator = ops.Sharpen

    @classmethod
    def define_schema(cls) -> io.Schema:
        return cls.schema(
            "AttnBendSharpen",
            ["unsharp mask", "focus", "contrast", "crisp"],
            [number(ops.Sharpen, "amount"), number(ops.Sharpen, "sigma"), toggle(ops.Sharpen, "clamp")],
        )


class AttnBendTranslate(ModeNode):
    operator = ops.Translate

    @classmethod
    def define_schema(cls) -> io.Schema:
        return cls.schema(
            "AttnBendTranslate",
            ["move", "move a word", "position", "reposition", "shift", "offset", "pan"],
            [number(ops.Translate, "x"), number(ops.Translate, "y"), choice(ops.Translate, "padding")],
        )


class AttnBendRotate(ModeNode):
    operator = ops.Rotate

    @classmethod
    def define_schema(cls) -> io.Schema:
        return cls.schema(
            "AttnBendRotate",
            ["turn", "spin", "tilt", "angle"],
            [number(ops.Rotate, "angle"), choice(ops.Rotate, "padding"), *_centers(ops.Rotate)],
        )


class AttnBendSpatialScale(ModeNode):
    operator = ops.SpatialScale

    @classmethod
    def define_schema(cls) -> io.Schema:
        return cls.schema(
            "AttnBendSpatialScale",
            ["zoom", "resize", "enlarge", "shrink"],
            [number(ops.SpatialScale, "factor"), choice(ops.SpatialScale, "padding"), *_centers(ops.SpatialScale)],
        )


class AttnBendFlip(ModeNode):
    operator = ops.Flip

    @classmethod
    def define_schema(cls) -> io.Schema:
        return cls.schema("AttnBendFlip", ["mirror", "reflect", "invert axis"], [choice(ops.Flip, "axis")])


class AttnBendFrequencyFilter(ModeNode):
    operator = ops.FrequencyFilter

    @classmethod
    def define_schema(cls) -> io.Schema:
        return cls.schema(
            "AttnBendFrequencyFilter",
            ["fourier", "fft", "lowpass", "highpass", "bandpass", "notch"],
            [
                choice(ops.FrequencyFilter, "kind"),
                *(number(ops.FrequencyFilter, name) for name in ("low", "high", "rolloff")),
                toggle(ops.FrequencyFilter, "keep_mean"),
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
