"""Packs that copy or rebuild a model's options, before a run or while it goes on: nothing is lost and nothing stays."""

import copy
import gc

import comfy.model_patcher
import comfy.samplers
import pytest
import torch
from attention_bending.bending import operators as ops
from attention_bending.bending.bend import Bend, Bending
from attention_bending.bending.errors import BendError
from attention_bending.host.maps.record_store import Handle, record_of
from attention_bending.host.maps.recording import Recording
from attention_bending.host.run.attach import patch_model
from attention_bending.host.run.patch import Patch
from comfy.patcher_extension import WrappersMP
from comfy_extras.nodes_easycache import EasyCacheNode
from host.support import KISS, SQUARE, bent, distance, reports, runs, said

LAYERS = 2
SHAPE = SQUARE["shape"]
OTHER = (Bend(ops.Blur(), "sunset"),)


@pytest.fixture
def film(sample, positive, negative):
    """A function from a model to its film, settings fixed."""
    return lambda model, **options: sample(model, positive, negative, shape=SHAPE, **options)


def recorded(model, *bends):
    handle = Handle("7", 2**26)
    return patch_model(model, Patch(Bending(bends), recording=Recording(handle))), handle


def with_options(model, options, patcher=None):
    clone = model.clone() if patcher is None else patcher
    clone.model_options = options
    return clone


def new_patcher(model):
    return comfy.model_patcher.ModelPatcher(model.model, model.load_device, model.offload_device)


BEFORE = {
    "deep-copied": lambda model: with_options(model, copy.deepcopy(model.model_options)),
    "shallow": lambda model: with_options(model, copy.copy(model.model_options)),
    "made anew, with what the pack knows": lambda model: with_options(model, {"transformer_options": {}}),
    "without wrappers": lambda model: with_options(
        model, {**model.model_options, "transformer_options": {"patches": {}, "wrappers": {}}}
    ),
    "copied to a patcher of their own": lambda model: with_options(
        model, copy.deepcopy(model.model_options), new_patcher(model)
    ),
    "the whole patcher copied": copy.copy,
}


@pytest.mark.parametrize("how", BEFORE)
def test_options_that_are_copied_before_the_run(how, model, film):
    """The same film, and the record is found under the handle that Patch Model gave."""
    some, handle = recorded(model, *KISS)
    expected = film(some)
    with reports() as made:
        copied = BEFORE[how](some)
        result = film(copied, seed=1)
    assert record_of(handle, {"samples": result}).facts["seed"] == 1
    assert torch.equal(film(copied), expected)
    assert made[0].bent == 2 * LAYERS and not made[0].warnings


@pytest.mark.parametrize("how", BEFORE)
def test_a_patch_model_behind_the_copy_appends(how, model, film):
    expected = film(bent(model, *KISS, *OTHER))
    assert torch.equal(film(bent(BEFORE[how](bent(model, *KISS)), *OTHER)), expected)


def test_handles_and_patches_copy_as_themselves(model):
    _, handle = recorded(model, *KISS)
    assert copy.copy(handle) is handle is copy.deepcopy(handle)
    assert copy.deepcopy({"maps": [handle]})["maps"][0] is handle
    recording = Recording(handle)
    assert copy.deepcopy(recording).handle is handle
    assert copy.deepcopy(Patch(Bending(KISS), recording=recording)).recording.handle is handle
    assert Handle("7", 2**26) != handle != copy.deepcopy(Handle("7", 2**26))


# --- while the run goes on ------------------------------------------------------------------------------------------


def guider_of(model, positive, negative):
    guider = comfy.samplers.CFGGuider(model)
    guider.set_conds(positive, negative)
    guider.set_cfg(5.0)
    return guider


def replaced(change):
    """An OUTER_SAMPLE wrapper within the run's, that gives the guider other options and never takes them back."""

    def wrapper(executor, *args, **kwargs):
        guider = executor.class_obj
        guider.model_options = change(guider.model_options, guider)
        return executor(*args, **kwargs)

    return WrappersMP.OUTER_SAMPLE, wrapper


def cut(executor, *args, **kwargs):
    """Takes all wrappers out of the options that it finds."""
    del executor.class_obj.model_options["transformer_options"]["wrappers"]
    return executor(*args, **kwargs)


def emptied(executor, *args, **kwargs):
    for kind in executor.class_obj.model_options["transformer_options"]["wrappers"].values():
        kind.clear()
    return executor(*args, **kwargs)


def copied_for_the_sampler(executor, guider, sigmas, extra_args, *args, **kwargs):
    extra_args = {**extra_args, "model_options": copy.deepcopy(extra_args["model_options"])}
    return executor(guider, sigmas, extra_args, *args, **kwargs)


def copied_for_a_prediction(executor, x, timestep, model_options, seed):
    return executor(x, timestep, copy.deepcopy(model_options), seed)


def only(*names):
    """An APPLY_MODEL wrapper, within the run's or around it, that hands on what it knows of the transformer options."""

    def wrapper(executor, x, t, c_concat=None, c_crossattn=None, control=None, transformer_options=None, **kwargs):
        known = {name: transformer_options[name] for name in (*names, "cond_or_uncond", "uuids")}
        return executor(x, t, c_concat, c_crossattn, control, known, **kwargs)

    return wrapper


def copied_conds(executor, *args, **kwargs):
    """Deep-copies the guider's conditionings, embeddings and all."""
    executor.class_obj.conds = copy.deepcopy(executor.class_obj.conds)
    return executor(*args, **kwargs)


DURING = {
    "conditionings deep-copied": (WrappersMP.OUTER_SAMPLE, copied_conds),
    "replaced by a deep copy": replaced(lambda options, guider: copy.deepcopy(options)),
    "replaced by a shallow copy": replaced(lambda options, guider: {**options}),
    "replaced by the model's own": replaced(lambda options, guider: copy.deepcopy(guider.model_patcher.model_options)),
    "deep-copied for the sampler": (WrappersMP.SAMPLER_SAMPLE, copied_for_the_sampler),
    "deep-copied for a prediction": (WrappersMP.PREDICT_NOISE, copied_for_a_prediction),
    "rebuilt for a call": (WrappersMP.APPLY_MODEL, only("wrappers", "sigmas")),
    "rebuilt for a call, without levels": (WrappersMP.APPLY_MODEL, only("wrappers")),
    "rebuilt for a call, without wrappers": (WrappersMP.APPLY_MODEL, only("sigmas")),
}
LOST = {
    "cut": (WrappersMP.OUTER_SAMPLE, cut),
    "emptied": (WrappersMP.OUTER_SAMPLE, emptied),
    "replaced by empty ones": replaced(lambda options, guider: {"transformer_options": {}}),
}


def with_pack(model, kind, wrapper, *, inside):
    """`wrapper` on a bent model, around the run's or within."""
    some = model.clone()
    some.wrappers[kind] = {**some.wrappers.get(kind, {}), "pack": [wrapper]}
    if not inside:
        some.wrappers[kind] = dict(reversed(some.wrappers[kind].items()))
    return some


@pytest.mark.parametrize("inside", [True, pytest.param(False, marks=pytest.mark.slow)])
@pytest.mark.parametrize("how", DURING)
def test_options_that_are_copied_during_the_run(how, inside, model, film, positive, negative):
    kind, wrapper = DURING[how]
    plain, expected = film(model), film(bent(model, *KISS))
    some, handle = recorded(model, *KISS)
    some = with_pack(some, kind, wrapper, inside=inside)
    guider = guider_of(some, positive, negative)
    before = repr(guider.model_options)
    with runs() as begun, reports() as made:
        result = film(some)
        gc.collect()
    assert torch.equal(result, expected) and len(begun) == 1
    assert record_of(handle, {"samples": result}).words == ("kiss",)
    assert made[0].bent == 2 * LAYERS and not made[0].warnings
    assert [run() for run in begun] == [None]
    assert repr(guider.model_options) == before
    assert torch.equal(film(model), plain)


@pytest.mark.parametrize("how", LOST)
def test_wrappers_that_are_lost_during_the_run_are_told(how, model, film):
    """The film is made un-bent, and the report says so; nothing is left, and no other error comes of it."""
    plain = film(model)
    some, handle = recorded(model, *KISS)
    with runs() as begun, reports() as made:
        result = film(with_pack(some, *LOST[how], inside=True))
        gc.collect()
    assert torch.equal(result, plain)
    assert said(made[0]).count("was never reached") == len(KISS) and "nothing was recorded" in said(made[0])
    assert "another node took Patch Model's wrappers out of the model's options while it sampled" in said(made[0])
    with pytest.raises(BendError, match="recorded no run yet"):
        record_of(handle, {"samples": result})
    assert [run() for run in begun] == [None]
    assert distance(film(some), plain) > 0.05


def test_calls_without_wrappers_are_told(model, film):
    """A model function wrapper that hands on only some of the transformer options, from the second call on."""
    calls = []

    def strip(apply_model, call):
        calls.append(call)
        options = call["c"]["transformer_options"]
        some = {"uuids": options["uuids"]} if len(calls) > 1 else options
        return apply_model(call["input"], call["timestep"], **{**call["c"], "transformer_options": some})

    some = bent(model, *KISS)
    some.set_model_unet_function_wrapper(strip)
    with reports() as made:
        film(some, steps=3)
    assert made[0].bent == LAYERS and len(calls) == 3
    assert "2 model calls came with transformer_options that another node had rebuilt" in said(made[0])
    assert "cache" not in said(made[0])


def test_an_error_after_the_options_were_replaced_is_the_error_that_is_seen(model, film):
    class Mishap(Exception):
        pass

    def failing(executor, *args, **kwargs):
        executor.class_obj.model_options = {}
        raise Mishap

    with pytest.raises(Mishap):
        film(with_pack(bent(model, *KISS), WrappersMP.OUTER_SAMPLE, failing, inside=True))
    assert distance(film(bent(model, *KISS)), film(model)) > 0.05


def test_wrappers_that_are_merged_twice_begin_one_run(model, film):
    expected = film(bent(model, *KISS))
    some = bent(model, *KISS)
    for kind, listed in list(some.wrappers.items()):
        some.model_options["transformer_options"].setdefault("wrappers", {})[kind] = copy.deepcopy(listed)
    with reports() as made:
        assert torch.equal(film(some), expected)
    assert [report.bent for report in made] == [2 * LAYERS]


@pytest.mark.parametrize("cache_first", [True, False])
def test_a_cache_that_copies_the_options_and_a_pack_that_does(cache_first, model, film):
    kind, wrapper = DURING["replaced by a deep copy"]
    expected = film(bent(model, *KISS))

    def cached(some):
        return EasyCacheNode.execute(some, 0.0, 0.0, 1.0, False)[0]

    some = bent(cached(model), *KISS) if cache_first else cached(bent(model, *KISS))
    assert torch.equal(film(with_pack(some, kind, wrapper, inside=True)), expected)
