"""A bending as the page's nodes would make it: each by its own class, from the values of its widgets.

    {"class_type": "AttnBendWhen", "id": "9", "inputs": {"unit": "steps", …}, "wired": ["start"], "bending": [{…}, …]}

`id` is the node's execution id, `inputs` its widgets' values, `wired` names inputs whose wire the page cannot follow,
and `bending` holds the nodes whose bendings come in, in their order.
"""

from collections.abc import Iterator
from typing import Any

import torch
from comfy_api.latest import io
from torch import Tensor

from ...bending.bend import Bending
from ..aims import AttnBendAnimate, AttnBendWhen, AttnBendWhere
from ..maps import MAPS, AttnBendPaint
from ..modes import MODES
from . import NonsenseError, asked

AIMS = {node.__name__: node for node in (AttnBendWhere, AttnBendWhen, AttnBendAnimate)}
NODES = {node.__name__: node for node in (*MODES, *MAPS)} | AIMS
STACK = "AttnBendStack"

DEEPEST = 60
"""How many nodes may stand behind each other."""

KINDS = {"FLOAT": (float, int), "INT": int, "BOOLEAN": bool, "STRING": str, "COMBO": str}
"""The widgets, and what their values are."""

NAMES = {"token": "word", "other": "other word"}
"""Words that stand for those that are not chosen yet, or come by a wire."""

UNSEEN = {*NAMES, "layers", "heads", "pass", "mask"}
"""Inputs that a picture does without."""

PLAYING = {"curve", "values", "parameter", "over", "keyframes", "ease", "unit", "start", "end", "fade_in", "fade_out"}
"""Inputs of what plays a chain, which stays still where one of them is not known."""


class Builder:
    """Makes a bending; `stood_in` then names the inputs that were not known and had something else in their place.

    `last` is what the Patch Model was given in the last run: masks are taken from there, or else are a disc. What is
    made for one bend `alone` passes over animations of parameters that other bends have.
    """

    def __init__(self, last: Bending, alone: bool):
        self.last = last
        self.alone = alone
        self.stood_in: list[str] = []

    def bending(self, question: dict, depth: int = 0) -> Bending:
        """Raises NonsenseError for what no page asks, BendError for what a node itself refuses."""
        if depth > DEEPEST:
            raise NonsenseError(f"more than {DEEPEST} nodes stand behind each other")
        before = asked(question, "bending", list, 50)
        if not all(isinstance(node, dict) for node in before):
            raise NonsenseError("bending must be a list of nodes")
        inner = Bending.join(self.bending(node, depth + 1) for node in before)
        name, inputs = asked(question, "class_type", str), asked(question, "inputs", dict, 50)
        if name == STACK:
            return inner
        if name not in NODES:
            raise NonsenseError(f"{name!r} is no node that makes a bending of its widgets")
        node, origin, wired = (
            NODES[name],
            asked(question, "id", str, 100),
            {*map(str, asked(question, "wired", list, 50))},
        )
        values = dict(_widgets(node, inputs, wired))
        if node is AttnBendPaint or (node is AttnBendWhere and "mask" in wired and inner):
            values["mask"] = self._mask(inner, origin)
        self.stood_in += sorted(wired - UNSEEN)
        if name not in AIMS:
            return inner + self._made(node, values, origin)
        moves_others = self.alone and not _has(inner, values.get("parameter", "strength"))
        if not inner or moves_others or wired & PLAYING:
            return inner
        return self._made(node, {**values, "bending": inner}, origin)

    def _made(self, node: type[io.ComfyNode], values: dict, origin: str) -> Bending:
        takes_lists = node.GET_SCHEMA().is_input_list
        if takes_lists:
            values = {name: [value] for name, value in values.items()}
        node = node.PREPARE_CLASS_CLONE({"hidden_inputs": {io.Hidden.unique_id: origin}})
        (made,) = node.execute(**values).args
        return made[0] if takes_lists else made

    def _mask(self, inner: Bending, origin: str) -> Tensor:
        """Of Paint, or of the Bend Where behind some bends: `(n, H, W)`."""
        first = inner.bends[0] if inner else None
        for bend in self.last:
            if first is None and bend.origin == origin and bend.operator.masks:
                return bend.operator.masks[0].values
            if first is not None and bend.origin == first.origin and len(bend.masks) > len(first.masks):
                return bend.masks[len(first.masks)].values
        self.stood_in.append("mask")
        return _disc()


def _widgets(node: type[io.ComfyNode], inputs: dict, wired: set[str]) -> Iterator[tuple[str, Any]]:
    """Each widget's value; the default of one that the page does not know, and words where none is chosen."""
    for widget in node.GET_SCHEMA().inputs:
        kind = KINDS.get(widget.get_io_type())
        if kind is None or widget.force_input:
            continue
        value = inputs.get(widget.id)
        if value is None:
            value = widget.options[0] if kind is str and widget.default is None else widget.default
        elif not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise NonsenseError(f"{widget.id} of {node.__name__} must not be of type {type(value).__name__}")
        if widget.id in NAMES and (widget.id in wired or not value.strip()):
            value = NAMES[widget.id]
        yield widget.id, value


def _has(bending: Bending, parameter: str) -> bool:
    return any(parameter.strip() in (*bend.operator.numbers, "strength") for bend in bending)


def _disc(size: int = 96) -> Tensor:
    """A mask to show while its own is not known: round, in the right half."""
    y, x = torch.meshgrid(*(torch.linspace(-1, 1, n) for n in (size, size * 7 // 4)), indexing="ij")
    return ((7 * (x - 0.35) / 4) ** 2 + y**2 < 0.5).float()[None]
