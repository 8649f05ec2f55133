"""The kinds of models that can be bent, one file each: a new one is its file and its place in `FAMILIES`."""

from ...bending.errors import BendError
from .anima import Anima
from .cosmos import Cosmos
from .family import MODELS, Family, behind
from .kandinsky5 import Kandinsky5
from .ltx import LTX2, LTXV
from .refused import REFUSED
from .wan import Wan

FAMILIES: tuple[Family, ...] = (Wan(), LTXV(), LTX2(), Cosmos(), Anima(), Kandinsky5())


def family_of(model) -> Family:
    """The family of a model. Raises BendError, with the reason, for one that cannot be bent."""
    for family in FAMILIES:
        if family.accepts(model):
            return family
    raise BendError(why_not(model))


def why_not(model) -> str:
    """Why a model of no family cannot be bent: what is known of it, or by class name that its attention is not."""
    for family in FAMILIES:
        if reason := family.refusal(model):
            return reason
    works = ", ".join(family.works for family in FAMILIES)
    names = type(model).__name__, type(getattr(model, "diffusion_model", None)).__name__
    known = REFUSED.get(behind(MODELS, type(model)))
    reason = f": {known}" if known else ""
    return f"a model of class {names[0]} ({names[1]}) cannot be bent{reason}. What works: {works}."
