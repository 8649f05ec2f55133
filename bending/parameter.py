"""A parameter's field: its default, and beside it what a widget offers of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from functools import lru_cache
from typing import Any, get_type_hints

_KEY = "attention bending"


@dataclass(frozen=True)
class Offer:
    """What a widget offers. What a value may *be* is for its owner's `__post_init__` to say, and is often more.

    low, high   the ends of a number's range, both included
    step        by how much one click moves it
    unit        what it counts, as a plural: "degrees"
    choices     the values of a text that is one of a few
    """

    low: float | None = None
    high: float | None = None
    step: float | None = None
    unit: str | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Parameter:
    """A field of a dataclass as a widget needs it: its name, type, default, and what is offered."""

    name: str
    type: type
    default: Any
    offer: Offer


def parameter(
    default: Any,
    *,
    low: float | None = None,
    high: float | None = None,
    step: float | None = None,
    unit: str | None = None,
    choices: Sequence[str] = (),
) -> Any:
    """A dataclass field with this default and this Offer. Nothing is checked by it."""
    return field(default=default, metadata={_KEY: Offer(low, high, step, unit, tuple(choices))})


@lru_cache
def parameter_types(owner: type) -> dict[str, Any]:
    """The types of a dataclass's fields, by name; also where annotations are kept as text."""
    hints = get_type_hints(owner)
    return {field.name: hints[field.name] for field in fields(owner)}


@lru_cache
def parameter_of(owner: type, name: str) -> Parameter:
    """The parameter `name` of a dataclass; a field without an offer has an empty one. Raises KeyError for no field."""
    declared = {field.name: field for field in fields(owner)}[name]
    return Parameter(name, parameter_types(owner)[name], declared.default, declared.metadata.get(_KEY, Offer()))
