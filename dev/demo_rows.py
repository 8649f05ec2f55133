"""What the demo shows: each row the nodes that take the place of the shared workflow's one bend."""

from typing import Any

TOKEN, OTHER = "kiss", "sunset"

COMMON = {"strength": 1.0, "start_percent": 0.0, "end_percent": 1.0, "layers": "all"}
CENTER = {"center_x": 0.5, "center_y": 0.5}
NO_AIM = {"layers": "all", "heads": "all", "frames": "all", "pass": "positive", "mask_feather": 0.1}

Graph = dict[str, dict[str, Any]]
"""Nodes in API form; the one called "bend" gives the bending."""


def node(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}


def mode(class_type: str, **own: Any) -> Graph:
    """A mode's node by itself."""
    return {"bend": node(class_type, token=TOKEN, renormalize=True, **COMMON, **own)}


def aimed(graph: Graph, class_type: str, **inputs: Any) -> Graph:
    """A mode's node with a node behind it that aims it."""
    return {**graph, "mode": graph["bend"], "bend": node(class_type, bending=["mode", 0], **inputs)}


# the right half of the frame, made by core nodes
RIGHT_HALF = {
    "dark": node("SolidMask", value=0.0, width=64, height=64),
    "bright": node("SolidMask", value=1.0, width=32, height=64),
    "mask": node("MaskComposite", destination=["dark", 0], source=["bright", 0], x=32, y=0, operation="add"),
}

ROTATE = mode("AttnBendRotate", angle=30.0, padding="border", **CENTER)

ROWS: dict[str, Graph] = {
    "Amplify": mode("AttnBendAmplify", factor=2.5),
    "Regional Mask": mode("AttnBendRegionalMask", x1=0.0, y1=0.0, x2=0.5, y2=1.0, feather=0.2, invert=False),
    "Blur": mode("AttnBendBlur", sigma=2.0, kernel_size=0),
    "Sharpen": mode("AttnBendSharpen", amount=4.0, sigma=1.0, clamp=True),
    "Translate": mode("AttnBendTranslate", x=0.25, y=0.0, padding="border"),
    "Rotate": ROTATE,
    "Spatial Scale": mode("AttnBendSpatialScale", factor=1.8, padding="border", **CENTER),
    "Flip": mode("AttnBendFlip", axis="horizontal"),
    "Frequency Filter": mode("AttnBendFrequencyFilter", kind="low", low=0.1, high=0.25, rolloff=0.1, keep_mean=True),
    "Time": mode("AttnBendTime", way="reverse", amount=1.0, padding="border"),
    "Paint": {**RIGHT_HALF, **mode("AttnBendPaint", mask=["mask", 0], mask_feather=0.3)},
    "Swap": mode("AttnBendSwap", other=OTHER, way="trade", mix=1.0),
    "Temperature": {"bend": node("AttnBendTemperature", temperature=0.4, **COMMON)},
    "Where": {**RIGHT_HALF, **aimed(ROTATE, "AttnBendWhere", mask=["mask", 0], **NO_AIM)},
    "When": aimed(ROTATE, "AttnBendWhen", unit="steps", start=0.0, end=1.0, fade_in=0.0, fade_out=1.0),
    "Animate": aimed(
        ROTATE, "AttnBendAnimate", parameter="angle", over="frames", keyframes="0%: 0, 100%: 90", ease="linear"
    ),
}
