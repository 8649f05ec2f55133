"""The parameters that Bend Animate and Bend Sweep can be told, of the bends that are wired to them."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ...bending.bend import Bend
from ...bending.errors import BendError
from ...bending.explore.sweep import SEED, sweepable
from ...bending.files import Loaded, load, parse
from ...bending.operators import Operator
from ...bending.parameter import parameter_of
from ..files import bending_files, path_of
from ..maps import MAPS
from ..modes import MODES
from . import NonsenseError, asked

_OPERATORS: dict[str, type[Operator]] = {node.__name__: node.operator for node in [*MODES, *MAPS]}
_WIDGETS = {"start": "start_percent", "end": "end_percent"}
_MOST = 500


def parameters(question: dict) -> dict:
    """What a node `of` AttnBendAnimate or AttnBendSweep accepts, for the `bends` `[{class_type, inputs}]` before it.

    Each parameter has its `name`, what it is `now` in each bend that has it, and its `low`, `high`, `unit` and
    `choices`, as far as it has them.
    """
    of = asked(question, "of", str)
    if of not in ("AttnBendAnimate", "AttnBendSweep"):
        raise NonsenseError(f"{of} takes no parameters")
    told: dict[str, dict] = {}
    for operator, values in _bends(asked(question, "bends", list, _MOST)):
        for name in _accepted(of, operator):
            about = told.setdefault(name, {"name": name, "now": [], **_offer(operator, name)})
            now = values.get(name, values.get(_WIDGETS.get(name, "")))
            if isinstance(now, str | int | float):
                about["now"].append(now)
    if told and of == "AttnBendSweep":
        told[SEED] = {"name": SEED, "now": []}
    return {"parameters": list(told.values())}


def _bends(nodes: list) -> Iterator[tuple[type[Operator], Mapping[str, Any]]]:
    """Operators, and their values by parameter: of nodes, and of what they load."""
    for node in nodes:
        if not isinstance(node, dict):
            raise NonsenseError("a bend is an object")
        kind, inputs = asked(node, "class_type", str), asked(node, "inputs", dict)
        if kind == "AttnBendLoad" and inputs.get("file") in bending_files():
            yield from _loaded(load, path_of(inputs["file"]))
        elif kind == "AttnBendLoadText" and isinstance(inputs.get("text"), str):
            yield from _loaded(parse, inputs["text"])
        elif kind in _OPERATORS:
            yield _OPERATORS[kind], inputs


def _loaded(read: Callable[[Any], Loaded], source: Any) -> list[tuple[type[Operator], Mapping[str, Any]]]:
    try:
        bending = read(source).bending
    except BendError:  # the node itself says what is wrong with its file or text
        return []
    return [(type(bend.operator), vars(bend) | vars(bend.operator)) for bend in bending]


def _accepted(of: str, operator: type[Operator]) -> tuple[str, ...]:
    own = operator.movable()
    return (*own, *(("strength",) if of == "AttnBendAnimate" else (n for n in sweepable(operator) if n not in own)))


def _offer(operator: type[Operator], name: str) -> dict:
    for owner in (operator, Bend):
        if name in owner.__dataclass_fields__:
            offer = parameter_of(owner, name).offer
            return {"low": offer.low, "high": offer.high, "unit": offer.unit, "choices": list(offer.choices)}
    return {}
