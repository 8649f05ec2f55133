"""Putting a run where a sampling meets it, and taking every trace of it out again."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from comfy.model_patcher import ModelPatcher, create_model_options_clone
from comfy.patcher_extension import WrappersMP

from .patch import KEY

Wrappers = Mapping[str, Callable]
"""By their kind (`WrappersMP`)."""


def with_wrappers(options: dict, wrappers: Wrappers) -> dict:
    """A copy of model options in which these wrappers stand in the place of whatever is there under our key."""
    options = create_model_options_clone(options)
    kinds = options.setdefault("transformer_options", {}).setdefault("wrappers", {})
    for kind, wrapper in wrappers.items():
        others = {key: made for key, made in kinds.get(kind, {}).items() if key != KEY}
        # outermost, a prediction is seen that a cache answers in the model's place; innermost, what the sampler gets
        is_outermost = kind == WrappersMP.PREDICT_NOISE
        kinds[kind] = {KEY: [wrapper], **others} if is_outermost else {**others, KEY: [wrapper]}
    return options


@contextmanager
def wrapped(guider, wrappers: Wrappers) -> Iterator[None]:
    """The wrappers in a guider's options. Those are another object for so long: what others do to them stays theirs."""
    options = guider.model_options
    guider.model_options = with_wrappers(options, wrappers)
    try:
        yield
    finally:
        guider.model_options = options


@contextmanager
def patched(guider, run) -> Iterator[None]:
    """A run's forwards on a clone of the guider's model, which the host is yet to load; `run_on` finds the run by it.

    The user's own model is never touched, so another branch, or a failed run, sees nothing of it.
    """
    original = guider.model_patcher
    clone = original.clone()
    for path, forward in run.forwards(original).items():
        clone.add_object_patch(path, forward)
    # not among the clone's attachments: by those the host tells whether weights are the same, and loads them anew
    setattr(clone, KEY, run)
    guider.model_patcher = clone
    try:
        yield
    finally:
        guider.model_patcher = original
        # the clone shares the network with the original: its forwards go back, the weights stay as they are loaded
        clone.unpatch_model(unpatch_weights=False)
        clone.object_patches.clear()
        delattr(clone, KEY)


def run_on(guider):
    """The run that is under way on a guider's model, None where none is."""
    return getattr(guider.model_patcher, KEY, None)


@contextmanager
def patched_while_loaded(guider, run) -> Iterator[None]:
    """A run's forwards in a model that is loaded already, and stays so."""
    loaded = guider.model_patcher
    # not a clone: that would put the others' patches in and take them out with ours, and unpin the weights at its end
    patcher = ModelPatcher(loaded.model, loaded.load_device, loaded.offload_device, loaded.model_size())
    for path, forward in run.forwards(loaded).items():
        patcher.add_object_patch(path, forward)
    patcher.patch_model(load_weights=False)
    try:
        yield
    finally:
        patcher.unpatch_model(unpatch_weights=False)


def witnessed(options: dict, networks: list) -> dict:
    """Transformer options with which the networks that run in a model call are noted."""

    def note(executor, *args, **kwargs):
        networks.append(executor.class_obj)
        return executor(*args, **kwargs)

    wrappers = options.get("wrappers", {})
    kind = {**wrappers.get(WrappersMP.DIFFUSION_MODEL, {}), KEY: [note]}
    return {**options, "wrappers": {**wrappers, WrappersMP.DIFFUSION_MODEL: kind}}
