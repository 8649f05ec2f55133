"""Files of the seed's guide (`attention_bending`, or bare `configs`) and of the research code that followed it
(`attention_bending_settings`), turned into bends of ours.

**Convention** of those files, where it is not ours
    One config is one bend. `scale` multiplies in the seed's files and zooms in the code's; `spatial_scale` zooms in the
    seed's, `amplify` multiplies in the code's. `translate_x` and `translate_y` count half frames to the left and up.
    `crop_rotated: false` magnifies a turned map until no outside shows, which here is a zoom behind the turn. Steps are
    0-based, both ends included. Attention is renormalized once, behind the last bend, and only if every enabled config
    asks for it; the guide wants that, so the seed's files ask by default, and the code's do not.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .. import operators as ops
from ..bend import Bend, Bending
from ..errors import BendError
from ..operators.regional_mask import BOX
from ..time.windows import TimeWindow
from .yaml_nodes import FileError, Node, choice, flag, items, keyed, mapping, number, text, whole

FRAME = (848, 480)
"""Pixels of the research code's films; how far a turned map is magnified depends on the frame's form."""

Read = tuple[Bending, str, list[str]]
"""A bending, what its file says about itself, and what was changed or left out, line by line."""

_CELL = 16
_SETTINGS = ("enabled", "configs", "apply_to_output", "apply_before_softmax")
_PADDINGS = ("border", "zeros", "reflection")


def read_seed(root: Node) -> Read:
    if "attention_bending" not in root.value:  # the guide's shorter examples begin with configs
        return _read(root, root, _SEED)
    return _read(root, root.value["attention_bending"], _SEED)


def read_research(root: Node) -> Read:
    return _read(root, root.value["attention_bending_settings"], _RESEARCH)


@dataclass(frozen=True)
class _Dialect:
    """The top key, whether a config asks to be renormalized by default, and what each mode is here.

    A mode gives one operator, two, or none where it changes nothing there.
    """

    key: str
    renormalize: bool
    modes: Mapping[str, Callable[[dict[str, Any]], tuple[ops.Operator, ...]]]


def _read(root: Node, settings: Node, dialect: _Dialect) -> Read:
    whole_file = settings is not root
    entries = keyed(settings, dialect.key if whole_file else "the file", _SETTINGS, ("configs",))
    notes = [f"line {line}: {key} is not about bends; left out." for key, line in root.lines.items()]
    notes = [note for note, key in zip(notes, root.lines, strict=True) if whole_file and key != dialect.key]
    switches = {name: flag(entries[name], name) for name in _SETTINGS if name != "configs" and name in entries}
    if switches.get("apply_before_softmax"):
        notes.append(f"line {settings.lines['apply_before_softmax']}: apply_before_softmax is left out.")
    if switches.get("apply_to_output") is False:
        notes.append(
            f"line {settings.lines['apply_to_output']}: apply_to_output is false, so there the film stays as it is. "
            "Switch Patch Model's apply_to_output off for that."
        )
    frame = _frame(root)
    configs = [_config(node, dialect, frame) for node in _configs(entries["configs"])]
    enabled = [config for config in configs if config["enabled"]]
    notes += [f"line {config['line']}: enabled is false; left out." for config in configs if not config["enabled"]]
    bends: list[Bend] = []
    for config in enabled:
        ours, remarks = _bends(config, dialect)
        bends += ours
        notes += [f"line {config['line']}: {note}" for note in remarks]
    if bends and all(config["renormalize"] for config in enabled):
        bends[-1] = replace(bends[-1], renormalize=True)
    if switches.get("enabled") is False:
        notes.append(f"line {settings.lines['enabled']}: enabled is false, so this bending is empty.")
        bends = []
    return Bending(tuple(bends)), "", notes


def _configs(node: Node) -> tuple[Node, ...]:
    return () if node.is_nothing else items(node, "configs")


def _config(node: Node, dialect: _Dialect, frame: tuple[int, int]) -> dict[str, Any]:
    """The values of a config, those of the code where it has none."""
    entries = keyed(node, "a config", tuple(_FIELDS), ("token", "mode"))
    choice(entries["mode"], "mode", dialect.modes)
    values = {name: default for name, (_, default) in _FIELDS.items()}
    values |= {"renormalize": dialect.renormalize, "line": node.line, "frame": frame, "node": node}
    for name, entry in entries.items():
        if not entry.is_nothing or name in ("token", "mode"):
            values[name] = _FIELDS[name][0](entry, name)
    return values


def _bends(config: dict[str, Any], dialect: _Dialect) -> tuple[list[Bend], list[str]]:
    node, notes = config["node"], []
    try:
        operators = dialect.modes[config["mode"]](config)
        if not operators:
            return [], [f"{config['mode']} of {config['token']} changes nothing there; left out."]
        if config["apply_to_layers"] == "":
            return [], [f"{config['mode']} of {config['token']} is in no layer; left out."]
        if len(operators) > 1:
            notes.append(_about_zoom(config, operators[1]))
        bends = [
            Bend(
                operator,
                config["token"],
                config["strength"],
                layers=config["apply_to_layers"],
                renormalize=False,
                windows=config["apply_to_timesteps"],
            )
            for operator in operators
        ]
    except BendError as error:
        raise FileError(_line_of(error, node), str(error)) from None
    return bends, notes


def _line_of(error: BendError, node: Node) -> int:
    """The line of the key that an error of ours is about, by our name for its field; else the config's."""
    named = {BOX: "region"}.get(error.field, error.field)
    lines = (line for key, line in node.lines.items() if named and named in (key, key.rpartition("_")[2]))
    return next(lines, node.line)


def _about_zoom(config: dict[str, Any], zoom: ops.SpatialScale) -> str:
    width, height = config["frame"]
    partly = " At a strength below 1 the two only come near to what it does there." if config["strength"] < 1 else ""
    return (
        f"crop_rotated is false: a zoom by {zoom.factor:.4g} stands behind the turn, for a film of {width} × {height}."
        f"{partly}"
    )


def _turned(config: dict[str, Any]) -> tuple[ops.Operator, ...]:
    turn = ops.Rotate(config["angle"], config["padding_mode"])
    if config["crop_rotated"] or turn.is_identity:
        return (turn,)
    width, height = (max(1, side // _CELL) for side in config["frame"])
    angle = math.radians(config["angle"])
    factor = abs(math.cos(angle)) + abs(math.sin(angle)) * max(width / height, height / width)
    factor = round(factor, 12)  # half a turn needs none
    return (turn,) if factor == 1 else (turn, ops.SpatialScale(factor, config["padding_mode"]))


def _flipped(config: dict[str, Any]) -> tuple[ops.Operator, ...]:
    ways = {(True, False): "horizontal", (False, True): "vertical", (True, True): "both"}
    axis = ways.get((config["flip_horizontal"], config["flip_vertical"]))
    return (ops.Flip(axis),) if axis else ()


def _masked(config: dict[str, Any]) -> tuple[ops.Operator, ...]:
    return (ops.RegionalMask(*config["region"], config["region_feather"]),) if config["region"] else ()


def _zoomed(config: dict[str, Any]) -> tuple[ops.Operator, ...]:
    return (ops.SpatialScale(config["scale_factor"], config["padding_mode"]),)


_COMMON = {
    "rotate": _turned,
    # 0 − x, as −0 would be shown as such
    "translate": lambda c: (ops.Translate(0 - c["translate_x"] / 2, 0 - c["translate_y"] / 2, c["padding_mode"]),),
    "flip": _flipped,
    "blur": lambda c: (ops.Blur(c["sigma"], c["kernel_size"]),),
    "sharpen": lambda c: (ops.Sharpen(c["sharpen_amount"], c["sigma"]),),
    "regional_mask": _masked,
    "frequency_filter": lambda _: (),
}

_SEED = _Dialect(
    "attention_bending",
    True,
    {"scale": lambda c: (ops.Amplify(c["scale_factor"]),), "spatial_scale": _zoomed, **_COMMON},
)

_RESEARCH = _Dialect(
    "attention_bending_settings",
    False,
    {"amplify": lambda c: (ops.Amplify(c["amplify_factor"]),), "scale": _zoomed, **_COMMON},
)


def _frame(root: Node) -> tuple[int, int]:
    """The film's size where the same file has it, as the code's do."""
    video = root.value.get("video_settings")
    sides = mapping(video, "video_settings") if video and not video.is_nothing else {}
    if not {"width", "height"} <= sides.keys():
        return FRAME
    width, height = (whole(sides[side], side) for side in ("width", "height"))
    if min(width, height) < 1:
        raise FileError(video.line, f"the film is {width} × {height}. Give it a width and a height.")
    return width, height


def _region(node: Node, name: str) -> tuple[float, ...]:
    box = tuple(number(edge, f"an edge of {name}") for edge in items(node, name))
    if len(box) != 4:
        raise FileError(node.line, f"{name} has {len(box)} numbers. Give it four: x1, y1, x2, y2.")
    return box


def _steps(node: Node, name: str) -> tuple[TimeWindow, ...]:
    if isinstance(node.value, str):
        if node.value.upper() == "ALL":
            return ()
        ends = re.fullmatch(r"\s*(\d{1,9})\s*-\s*(\d{1,9})\s*", node.value)
        ends = tuple(map(int, ends.groups())) if ends else ()
    else:
        ends = tuple(whole(end, f"an end of {name}") for end in items(node, name))
    if len(ends) != 2 or not 0 <= ends[0] <= ends[1]:
        raise FileError(node.line, f"{name} is {node}. Give it the first and the last step, as in [0, 15].")
    return (TimeWindow("steps", float(ends[0]), float(ends[1])),)


def _layers(node: Node, name: str) -> str:
    """As `ranges` reads them; empty for an empty list."""
    if isinstance(node.value, str):
        return "all" if node.value.upper() == "ALL" else node.value
    numbers = sorted({whole(item, f"an entry of {name}") for item in items(node, name)})
    if numbers and numbers[0] < 0:
        raise FileError(node.line, f"{name} has {numbers[0]}. Layers count from 0.")
    runs: list[list[int]] = []
    for layer in numbers:
        if runs and layer == runs[-1][1] + 1:
            runs[-1][1] = layer
        else:
            runs.append([layer, layer])
    return ", ".join(f"{first}" if first == last else f"{first}-{last}" for first, last in runs)


_FIELDS: dict[str, tuple[Callable[[Node, str], Any], Any]] = {
    "token": (text, None),
    "mode": (text, None),
    "enabled": (flag, True),
    "amplify_factor": (number, 1.0),
    "scale_factor": (number, 1.0),
    "angle": (number, 0.0),
    "crop_rotated": (flag, True),
    "translate_x": (number, 0.0),
    "translate_y": (number, 0.0),
    "flip_horizontal": (flag, False),
    "flip_vertical": (flag, False),
    "kernel_size": (whole, 3),
    "sigma": (number, 1.0),
    "sharpen_amount": (number, 1.0),
    "region": (_region, None),
    "region_feather": (number, 0.1),
    "strength": (number, 1.0),
    "renormalize": (flag, None),
    "apply_to_timesteps": (_steps, ()),
    "apply_to_layers": (_layers, "all"),
    "padding_mode": (lambda node, name: choice(node, name, _PADDINGS), "border"),
    "preserve_sparsity": (flag, False),
    "should_debug_visualize": (flag, False),
}
"""How each field of a config is read, and the code's default."""
