"""The kinds of models that can be bent, one file each: a new one is its file and its place in `FAMILIES`."""

from ...bending.errors import BendError
from .family import Family
from .wan import Wan

FAMILIES: tuple[Family, ...] = (Wan(),)


def family_of(model) -> Family:
    """The family of a model. Raises BendError, by class name, for one whose attention was not checked."""
    for family in FAMILIES:
        if family.accepts(model):
            return family
    for family in FAMILIES:
        if reason := family.lookalike(model):
            raise BendError(reason)
    works = ", ".join(family.works for family in FAMILIES)
    names = type(model).__name__, type(getattr(model, "diffusion_model", None)).__name__
    raise BendError(f"a model of class {names[0]} ({names[1]}) cannot be bent. What works: {works}.")
