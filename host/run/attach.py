"""Putting a patch on a model."""

from comfy.patcher_extension import WrappersMP

from ..families import family_of
from .patch import KEY, Patch
from .run import bend_run


def patch_model(model, patch: Patch):
    """A clone of `model` (a ModelPatcher) with the patch appended to what is there; all else is made when a run begins.

    Raises BendError for a model that cannot be bent.
    """
    family_of(model.model)
    clone = model.clone()
    clone.model_options[KEY] = (*clone.model_options.get(KEY, ()), patch)
    if not clone.get_wrappers(WrappersMP.OUTER_SAMPLE, KEY):
        clone.add_wrapper_with_key(WrappersMP.OUTER_SAMPLE, KEY, bend_run)
    return clone
