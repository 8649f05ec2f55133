"""Model-Bending's JSON (abuzreq/ComfyUI-Model-Bending, format 1.2): its `attention_bends`, as far as they exist here.

**Convention** of those files, where it is not ours
    Angles turn counter-clockwise. Blocks and frames are 0-based lists, of which `-7` is all up to 7. `t` is a window of
    the noise level σ, from high to low; a percent here also depends on the model's shift, and Wan's in ComfyUI is 8.
    Both passes are bent unless `apply_to` says otherwise. Unknown keys and arguments are ignored, and told. Bends of
    other things than the text's cross-attention, of tokens by number and with operations that do not exist here are
    left out, and named.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from .. import operators as ops
from ..bend import PASSES, Animation, Bend, Bending
from ..errors import BendError
from ..time import ranges
from ..time.animation import Keyframes
from ..time.windows import TimeWindow
from .yaml_nodes import FileError, Node, choice, items, keyed, number, text, without_strangers

VERSION = 1.2

SHIFT = 8.0
"""The sampling shift that ComfyUI gives Wan."""

LAST_STEP = 9999

_TOP = ("version", "attention_bends", "bends", "selected_part", "steps_min", "steps_max", "max_denoising_steps")
_OPERATION = ("module_type", "module_args")
_PLACES = ("attention", "blocks", "tokens", "apply_to", "heads", "frames", "steps")
_BEND = (*_OPERATION, "inner", *_PLACES, "renormalize", "t", "blend", "label")
_KINDS = ("cross_text", "cross_image", "self_query", "self_key")
_RENORMALIZE = ("keys", "per_token_mass", "none")
_PASSES = dict(zip(("cond", "uncond", "both"), PASSES, strict=True))


class _Unsupported(Exception):
    """Why a bend is left out."""


def read_peer(root: Node) -> tuple[Bending, str, list[str]]:
    notes: list[str] = []
    entries = without_strangers(root, "the file", _TOP, notes).value
    if "version" in entries and number(entries["version"], "version") > VERSION:
        notes.append(f"line {entries['version'].line}: made by a newer Model-Bending than was read here before.")
    if "bends" in entries and (others := items(entries["bends"], "bends")):
        notes.append(f"line {entries['bends'].line}: bends of the model's layers ({len(others)}) are left out.")
    bends, labels = [], []
    for node in items(entries["attention_bends"], "attention_bends"):
        ours, label = _read_bend(node, notes)
        bends += ours
        labels += [label] if label else []
    return Bending(tuple(bends)), ", ".join(labels), notes


def _read_bend(node: Node, notes: list[str]) -> tuple[list[Bend], str]:
    node = without_strangers(node, "an attention bend", _BEND, notes)
    entries = keyed(node, "an attention bend", _BEND, ("module_type",))
    texts = {
        name: _text_of(entries[name], name) for name in entries if name not in ("module_args", "inner", "t", "blend")
    }
    for name, known in (("attention", _KINDS), ("renormalize", _RENORMALIZE), ("apply_to", tuple(_PASSES))):
        if name in entries:
            choice(entries[name], name, known)
    try:
        bends = _bends(node, texts, notes)
    except _Unsupported as why:
        notes.append(f"line {node.line}: {texts['module_type']} is left out: {why}.")
        return [], ""
    except BendError as error:
        raise FileError(node.line, str(error)) from None
    return bends, texts.get("label", "")


def _bends(node: Node, texts: Mapping[str, str], notes: list[str]) -> list[Bend]:
    """One bend, or one for each stretch of steps: the windows of one bend would have to hold all at once."""
    entries, animations = node.value, ()
    if texts.get("attention", "cross_text") != "cross_text":
        raise _Unsupported(f"it bends {texts['attention']}, and only cross_text is bent here")
    operator = _operator(node, notes)
    if operator is None:
        operator, animations = _ramp(node, notes)
    strength = number(entries["blend"], "blend") if "blend" in entries else 1.0
    if not 0 <= strength <= 1:
        raise _Unsupported(f"its blend is {strength:g}, and strength goes from 0 to 1")
    animations = tuple(
        Animation("strength", "frames", Keyframes(tuple((at, True, value * strength) for at, value in keys)))
        for keys in animations
    )
    token, renormalize = _token(texts.get("tokens", "all")), texts.get("renormalize", "keys")
    if token == "ALL" and renormalize == "keys" and isinstance(operator, ops.Amplify):
        raise _Unsupported("with renormalize keys, multiplying all tokens changes nothing there")
    if renormalize == "per_token_mass":
        notes.append(f"line {node.line}: renormalize per_token_mass is not there; nothing is renormalized instead.")
    start, end = _percents(entries.get("t"), node, notes)
    where = {kind.field: _numbers(texts.get(name, "*"), name) for kind, name in _WHERE}
    return [
        Bend(
            operator,
            token,
            strength,
            start,
            end,
            renormalize=renormalize == "keys",
            passes=_PASSES[texts.get("apply_to", "both")],
            windows=windows,
            animations=animations,
            **where,
        )
        for windows in _steps(texts.get("steps", "*"))
    ]


_WHERE = ((ranges.LAYERS, "blocks"), (ranges.HEADS, "heads"), (ranges.FRAMES, "frames"))


def _text_of(node: Node, name: str) -> str:
    """A text, or a list of numbers as its normal form has it."""
    if isinstance(node.value, tuple):
        return ", ".join(text(item, f"an entry of {name}") for item in node.value) or "*"
    return "*" if node.is_nothing else text(node, name)


def _operator(node: Node, notes: list[str]) -> ops.Operator | None:
    """None for a ramp, whose operation is the inner one."""
    kind = text(node.value["module_type"], "module_type")
    if kind == "frame_ramp":
        return None
    if kind not in _OPERATIONS:
        raise _Unsupported("there is no such operation here")
    defaults, make = _OPERATIONS[kind]
    return make(_arguments(node, kind, defaults, notes))


def _arguments(node: Node, kind: str, defaults: Mapping[str, Any], notes: list[str]) -> dict[str, Any]:
    given = node.value.get("module_args")
    if given is None or given.is_nothing:
        return dict(defaults)
    entries = without_strangers(given, f"module_args of {kind}", tuple(defaults), notes).value
    read = {name: (text if isinstance(defaults[name], str) else number)(entry, name) for name, entry in entries.items()}
    return {**defaults, **read}


def _ramp(node: Node, notes: list[str]) -> tuple[ops.Operator, tuple]:
    arguments = _arguments(node, "frame_ramp", {"w_start": 0.0, "w_end": 1.0, "curve": "linear"}, notes)
    low, high = arguments["w_start"], arguments["w_end"]
    if arguments["curve"] != "linear" or not (0 <= low <= 1 and 0 <= high <= 1):
        raise _Unsupported("only a linear ramp between 0 and 1 can be followed here")
    if "inner" not in node.value:
        raise FileError(node.line, "frame_ramp lacks its inner operation. Add inner.")
    inner = without_strangers(node.value["inner"], "inner", _OPERATION, notes)
    keyed(inner, "inner", _OPERATION, ("module_type",))
    operator = _operator(inner, notes)
    if operator is None:
        raise _Unsupported("a ramp of a ramp cannot be followed here")
    return operator, (((0.0, low), (100.0, high)),)


def _token(tokens: str) -> str:
    special = {"all": "ALL", "*": "ALL", "": "ALL", "prompt": "PROMPT"}
    if tokens.strip().lower() in special:
        return special[tokens.strip().lower()]
    if re.fullmatch(r"[\d\s,\-]+", tokens):
        raise _Unsupported(f"it bends tokens by their numbers ({tokens}); name words instead")
    return tokens


def _numbers(given: str, name: str) -> str:
    parts = [part.strip() for part in given.split(",")]
    if any(part in ("*", "all", "") for part in parts):
        return "all"
    if any(part.endswith("-") for part in parts):
        raise _Unsupported(f"its {name} are {given}, without an end; write the last one, too")
    return ", ".join(f"0{part}" if part.startswith("-") else part for part in parts)


def _steps(given: str) -> list[tuple[TimeWindow, ...]]:
    """Windows for each stretch of a list such as `0-4, 9, 12-`; no window at all where every step is meant."""
    parts = [part.strip() for part in given.split(",")]
    if any(part in ("*", "all", "") for part in parts):
        return [()]
    steps: set[int] = set()
    for part in parts:
        if not (match := re.fullmatch(r"(\d{0,4})\s*(-?)\s*(\d{0,4})", part)) or part == "-":
            raise _Unsupported(f"its steps are {given}, which cannot be read")
        first = int(match[1] or 0)
        last = int(match[3] or LAST_STEP) if match[2] else first
        steps.update(range(first, last + 1))
    starts = sorted(step for step in steps if step - 1 not in steps)
    ends = sorted(step for step in steps if step + 1 not in steps)
    return [(TimeWindow("steps", float(start), float(end)),) for start, end in zip(starts, ends, strict=True)]


def _percents(window: Node | None, node: Node, notes: list[str]) -> tuple[float, float]:
    if window is None or window.is_nothing:
        return 0.0, 1.0
    levels = [number(level, "a level of t") for level in items(window, "t")]
    if len(levels) != 2 or not 0 <= levels[1] < levels[0] <= 1:
        raise _Unsupported("its t is no window from a higher to a lower noise level between 1 and 0")
    start, end = (1 - level / (SHIFT - (SHIFT - 1) * level) for level in levels)
    if (start, end) != (0, 1):
        notes.append(
            f"line {window.line}: t is taken as {start:.1%} to {end:.1%}, which is right for a shift of {SHIFT:g}."
        )
    return start, end


_OPERATIONS: dict[str, tuple[dict[str, Any], Callable[[dict[str, Any]], ops.Operator]]] = {
    "multiply": ({"scalar": 1.0}, lambda a: ops.Amplify(a["scalar"])),
    "rotate": (
        {"angle_degrees": 0.0, "padding": "zeros"},
        lambda a: ops.Rotate(0 - a["angle_degrees"], a["padding"]),
    ),
    "scale": ({"scale_factor": 1.0, "padding": "zeros"}, lambda a: ops.SpatialScale(a["scale_factor"], a["padding"])),
    "translate": (
        {"dx": 0.0, "dy": 0.0, "padding": "border"},
        lambda a: ops.Translate(a["dx"], a["dy"], a["padding"]),
    ),
    "flip": ({"direction": "horizontal"}, lambda a: ops.Flip(a["direction"])),
    "blur": ({"sigma": 1.0}, lambda a: ops.Blur(a["sigma"])),
    "sharpen": ({"amount": 1.0, "sigma": 1.0}, lambda a: _sharpen(a["amount"], a["sigma"])),
    "temporal_shift": (
        {"frames": 1.0, "padding": "border"},
        lambda a: ops.Time("shift", a["frames"], a["padding"]),
    ),
    "temporal_blur": ({"sigma": 1.0}, lambda a: ops.Time("blur", a["sigma"])),
    "frame_reverse": ({}, lambda a: ops.Time("reverse")),
}
"""By `module_type`: the arguments with their defaults, and what it is here."""


def _sharpen(amount: float, sigma: float) -> ops.Sharpen:
    if amount < 0:
        raise _Unsupported("its amount is below 0")
    return ops.Sharpen(amount, sigma, clamp=False)
