"""What the demo shows: in each row a prompt, the words to look at, and the nodes in place of the workflow's bend."""

from typing import Any, NamedTuple

COMMON = {"strength": 1.0, "start_percent": 0.0, "end_percent": 1.0, "layers": "all"}
CENTER = {"center_x": 0.5, "center_y": 0.5}
TO_THE_RIGHT = {"keyframes": "0%: 0, 100%: 0.3", "ease": "linear"}
NO_AIM = {"layers": "all", "heads": "all", "frames": "all", "pass": "positive", "mask_feather": 0.1}

Graph = dict[str, dict[str, Any]]
"""Nodes in API form; the one called "bend" gives the bending."""


class Show(NamedTuple):
    """One row: of its `words`, a comma list, the map of the first is shown; the `caption` is the prompt."""

    caption: str
    words: str
    graph: Graph


def node(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}


def mode(class_type: str, token: str = "ALL", **own: Any) -> Graph:
    """A mode's node by itself."""
    return {"bend": node(class_type, token=token, renormalize=True, **COMMON, **own)}


def aimed(graph: Graph, class_type: str, **inputs: Any) -> Graph:
    """A mode's node with a node behind it that aims it."""
    return {**graph, "mode": graph["bend"], "bend": node(class_type, bending=["mode", 0], **inputs)}


def half(x: int) -> Graph:
    """A half of the frame as a mask, made by core nodes: of 64 columns the 32 from `x` on are white."""
    return {
        "dark": node("SolidMask", value=0.0, width=64, height=64),
        "bright": node("SolidMask", value=1.0, width=32, height=64),
        "mask": node("MaskComposite", destination=["dark", 0], source=["bright", 0], x=x, y=0, operation="add"),
    }


LEFT_HALF, RIGHT_HALF = half(0), half(32)

RED = "a red circle"
CIRCLES = "a green circle on the left and a yellow circle on the right"
TWO = f"{RED} on the left and a blue star on the right"
BOTH = "red, circle, blue, star"
STAR = "a yellow star in the middle"
STILL = mode("AttnBendTranslate", x=0.0, y=0.0, padding="border")
ROTATE = mode("AttnBendRotate", BOTH, angle=180.0, padding="border", **CENTER)

ROWS: dict[str, Show] = {
    "Amplify": Show(f"{RED} on the left", "red", mode("AttnBendAmplify", "red", factor=0.0)),
    "Regional Mask": Show(
        RED,
        "red, circle",
        mode("AttnBendRegionalMask", "red, circle", x1=0.0, y1=0.0, x2=0.5, y2=1.0, feather=0.1, invert=False),
    ),
    "Blur": Show(STAR, "star", mode("AttnBendBlur", "star", sigma=2.0, kernel_size=0)),
    "Sharpen": Show(RED, "circle", mode("AttnBendSharpen", amount=4.0, sigma=1.0, clamp=True)),
    "Translate": Show(TWO, "red, circle", mode("AttnBendTranslate", "red, circle", x=0.0, y=0.25, padding="border")),
    "Rotate": Show(TWO, BOTH, ROTATE),
    "Spatial Scale": Show(RED, "circle", mode("AttnBendSpatialScale", factor=1.5, padding="border", **CENTER)),
    "Flip": Show(TWO, BOTH, mode("AttnBendFlip", BOTH, axis="horizontal")),
    "Frequency Filter": Show(
        STAR,
        "star",
        mode("AttnBendFrequencyFilter", "star", kind="low", low=0.1, high=0.25, rolloff=0.1, keep_mean=True),
    ),
    "Time": Show(f"{RED} moving right", "circle", mode("AttnBendTime", way="reverse", amount=1.0, padding="border")),
    "Paint": Show(
        RED, "circle", {**LEFT_HALF, **mode("AttnBendPaint", "red, circle", mask=["mask", 0], mask_feather=0.3)}
    ),
    "Swap": Show(CIRCLES, "green, yellow", mode("AttnBendSwap", "green", other="yellow", way="trade", mix=1.0)),
    "Temperature": Show(RED, "circle", {"bend": node("AttnBendTemperature", temperature=0.4, **COMMON)}),
    "Where": Show(TWO, BOTH, {**RIGHT_HALF, **aimed(ROTATE, "AttnBendWhere", mask=["mask", 0], **NO_AIM)}),
    "When": Show(
        TWO, BOTH, aimed(ROTATE, "AttnBendWhen", unit="percent", start=0.0, end=0.5, fade_in=0.0, fade_out=0.5)
    ),
    "Animate": Show(RED, "circle", aimed(STILL, "AttnBendAnimate", parameter="x", over="frames", **TO_THE_RIGHT)),
}

SWEPT = Show(RED, "circle", aimed(STILL, "AttnBendSweep", parameter_1="x", values_1="-0.2, -0.1, 0.1, 0.2"))
