"""Putting a patch on a model."""

from ..families import family_of
from .patch import Patch
from .starting import Start


def patch_model(model, patch: Patch):
    """A clone of `model` (a ModelPatcher) with the patch appended to what is there; all else is made when a run begins.

    Raises BendError for a model that cannot be bent.
    """
    family_of(model.model)
    clone = model.clone()
    Start((*Start.of(model).patches, patch)).put_on(clone)
    return clone
