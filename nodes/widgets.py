"""Widgets for the fields of core values: default, range, step and choices are read off the field (`parameter`)."""

from comfy_api.latest import io

from ..bending.parameter import parameter_of


def number(owner: type, name: str, widget: str | None = None, **options) -> io.Input:
    """A number's widget, named like its field unless `widget` says otherwise; its tooltip is the unit alone so far."""
    parameter = parameter_of(owner, name)
    offer, kind = parameter.offer, {float: io.Float, int: io.Int}[parameter.type]
    low, high, step = (parameter.type(value) for value in (offer.low, offer.high, offer.step))
    unit = f"In {offer.unit}." if offer.unit else None
    return kind.Input(widget or name, default=parameter.default, min=low, max=high, step=step, tooltip=unit, **options)


def choice(owner: type, name: str, **options) -> io.Input:
    """One of few; the page itself takes the first where no default is said."""
    parameter = parameter_of(owner, name)
    return io.Combo.Input(name, options=list(parameter.offer.choices), **options)


def toggle(owner: type, name: str, **options) -> io.Input:
    return io.Boolean.Input(name, default=parameter_of(owner, name).default, **options)


def text(owner: type, name: str, **options) -> io.Input:
    return io.String.Input(name, default=parameter_of(owner, name).default, **options)
