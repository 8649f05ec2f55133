"""What a bend leaves behind: nothing on the model, nothing in other branches, and other packs' patches as they were."""

import gc
import types

import comfy.model_management
import comfy.samplers
import pytest
import torch
from attention_bending.bending import operators as ops
from attention_bending.bending.bend import Bend
from attention_bending.bending.errors import BendError
from comfy.patcher_extension import WrappersMP
from comfy_extras.nodes_context_windows import WanContextWindowsManualNode
from comfy_extras.nodes_easycache import EasyCacheNode
from comfy_extras.nodes_slg import SkipLayerGuidanceDiT
from host.support import KISS, OVERRIDE, SQUARE, Mishap, assert_dense, bent, cancel, distance, fail, reports, runs

LAYERS = 2
SHAPE = SQUARE["shape"]
OTHER = (Bend(ops.Blur(), "sunset"), Bend(ops.Translate(y=0.25), "ALL"))


@pytest.fixture
def film(sample, positive, negative):
    """A function from a model to its film, settings fixed."""
    return lambda model, **options: sample(model, positive, negative, shape=SHAPE, **options)


@pytest.fixture(scope="module")
def first():
    """What `plain` keeps."""
    return []


@pytest.fixture
def plain(first, film, model):
    """The un-bent film of the first test that asked: whatever was bent since, the model still makes it."""
    if not first:
        first.append(film(model))
    return first[0]


def untouched(model) -> bool:
    """Whether each cross-attention has its class's own forward."""
    sites = [block.cross_attn for block in model.model.diffusion_model.blocks]
    return all(site.forward.__func__ is type(site).forward for site in sites)


# --- branches -------------------------------------------------------------------------------------------------------


def test_branches_of_one_loaded_model_do_not_see_each_other(model, film, plain):
    branches = bent(model, *KISS), bent(model, *OTHER), bent(bent(model, *KISS), *OTHER)
    films = [film(branch) for branch in branches]
    for one in range(3):
        assert untouched(model)
        assert distance(films[one], plain) > 0.05
        assert distance(films[one], films[one - 1]) > 0.05
    for branch, expected in zip(reversed(branches), reversed(films), strict=True):
        assert torch.equal(film(model), plain)
        assert torch.equal(film(branch), expected)
    assert torch.equal(film(model), plain)


def test_patch_model_changes_no_model_that_it_is_given(model):
    before = [dict(model.object_patches), repr(model.model_options), repr(model.wrappers)]
    first = bent(model, *KISS)
    halfway = [dict(first.object_patches), repr(first.model_options), repr(first.wrappers)]
    bent(first, *OTHER)
    assert before == [dict(model.object_patches), repr(model.model_options), repr(model.wrappers)]
    assert halfway == [dict(first.object_patches), repr(first.model_options), repr(first.wrappers)]


def test_two_patch_models_are_one_chain(model, film):
    """One equals the other to the bit; a wrong word in the second is bend 3 of 4."""
    with reports() as made:
        together, apart = film(bent(model, *KISS, *OTHER)), film(bent(bent(model, *KISS), *OTHER))
    assert torch.equal(together, apart)
    assert made[0].bent == made[1].bent > 0
    assert distance(together, film(bent(model, *OTHER, *KISS))) > 0.01
    with pytest.raises(BendError, match='Bend 3 of 4, Blur of "love"'):
        film(bent(bent(model, *KISS), Bend(ops.Blur(), "love"), *OTHER[1:]))


def test_of_two_patch_models_one_may_be_off(model, film):
    on = film(bent(model, *KISS))
    with reports() as made:
        assert torch.equal(film(bent(bent(model, *KISS), *OTHER, applied=False)), on)
        assert torch.equal(film(bent(bent(model, *OTHER, applied=False), *KISS)), on)
    assert ["not applied" in line for line in made[0].lines] == [False, False, True, True]
    seen = []
    watched = bent(bent(model, *KISS), *OTHER, applied=False, see=seen.append)
    assert distance(film(watched), on) < 1e-4
    assert len(seen) == 2 * LAYERS


# --- other packs ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("override_first", [True, False])
def test_another_packs_attention_override_is_kept(override_first, model, film, plain, sample, positive, negative):
    """Here one that sharpens all attention: the bend acts on what it makes."""
    called = []

    def sharper(func, q, *args, **kwargs):
        called.append(1)
        return func(q * 1.3, *args, **kwargs)

    def overridden(some):
        some = some.clone()
        some.model_options["transformer_options"][OVERRIDE] = sharper
        return some

    if override_first:
        _, _, changed = assert_dense(sample, overridden(model), KISS, positive, negative, **SQUARE)
    else:
        called.clear()
        assert torch.equal(film(overridden(bent(model, *KISS))), film(bent(overridden(model), *KISS)))
        changed = film(overridden(model))
    assert len(called) > 2 * 2 * LAYERS  # self-attention and text in each step and layer
    assert distance(changed, plain) > 0.05


def test_patches_elsewhere_in_the_block_are_kept(model, plain, sample, positive, negative):
    """An object patch, an output patch and a whole block replaced by a function around it."""
    block = model.model.diffusion_model.blocks[0]
    own = block.self_attn.forward
    some = model.clone()
    some.add_object_patch(
        "diffusion_model.blocks.0.self_attn.forward", lambda *args, **options: 0.5 * own(*args, **options)
    )
    some.set_model_attn2_patch(lambda args: args["x"] * 1.05)
    some.set_model_patch_replace(
        lambda args, extra: {"img": 0.9 * extra["original_block"](args)["img"]}, "dit", "double_block", 1
    )
    _, _, changed = assert_dense(sample, some, KISS, positive, negative, **SQUARE)
    assert distance(changed, plain) > 0.05
    assert block.self_attn.forward == own


@pytest.mark.parametrize("order", ["before", "after"])
def test_a_guidance_that_makes_calls_of_its_own(order, model, sample, positive, negative):
    """Skip Layer Guidance runs the positive once more, without layer 1: bent there, too."""

    def skipping(some):
        return SkipLayerGuidanceDiT.execute(some, 2.0, 0.0, 1.0, "1", "")[0]

    if order == "before":
        report, *_ = assert_dense(sample, skipping(model), KISS, positive, negative, **SQUARE)
    else:
        run = lambda some, *conds, **options: sample(skipping(some), *conds, **options)  # noqa: E731
        report, *_ = assert_dense(run, model, KISS, positive, negative, **SQUARE)
    assert report.bent == 2 * (2 + 1) and not report.warnings


@pytest.mark.parametrize("how", ["patched before", "patched after", "set on the module itself"])
def test_a_text_attention_that_another_pack_has_taken_over_is_refused(how, model, film):
    """As NAG packs do it: a method of their own in the place of the module's forward."""
    site = model.model.diffusion_model.blocks[1].cross_attn

    def nag_forward(self, x, context, **kwargs):
        return type(self).forward(self, x, context, **kwargs)

    method = types.MethodType(nag_forward, site)
    path = "diffusion_model.blocks.1.cross_attn.forward"
    some = model.clone()
    if how == "patched before":
        some.add_object_patch(path, method)
    some = bent(some, *KISS)
    if how == "patched after":
        some.add_object_patch(path, method)
    before = site.forward
    try:
        if how == "set on the module itself":
            site.forward = method
        with pytest.raises(BendError) as refused:
            film(some)
    finally:
        site.forward = before
    assert f"layer 1 has been replaced by {__name__} (" in str(refused.value)
    assert "nag_forward), so its words cannot be found. Remove that pack's node" in str(refused.value)


def test_a_model_on_several_gpus_is_refused(model, film):
    some = bent(model, *KISS)
    some.set_additional_models("multigpu", [model.clone()])
    with pytest.raises(BendError, match="spread over several GPUs cannot be bent yet"):
        film(some)


# --- the end of a run -----------------------------------------------------------------------------------------------


def go_on(step, *_):
    pass


ENDS = {
    "finished": (go_on, None),
    "raised": (fail, Mishap),
    "cancelled": (cancel, comfy.model_management.InterruptProcessingException),
}


def test_the_weights_are_those_that_are_loaded_already(model, film):
    """By ComfyUI's own test: a large model is not loaded anew for a run, nor behind it."""
    some, sampled = bent(model, *KISS), []

    def note(executor, *args, **kwargs):
        sampled.append(executor.class_obj.model_patcher)
        return executor(*args, **kwargs)

    some.add_wrapper_with_key(WrappersMP.OUTER_SAMPLE, "pack", note)
    film(some)
    (within,) = sampled
    assert within is not some
    assert within.clone_has_same_weights(some) and some.clone_has_same_weights(within)


@pytest.mark.parametrize("guest", ["none", "EasyCache inside", "EasyCache outside", "context windows"])
@pytest.mark.parametrize("end", ENDS)
def test_nothing_is_left_of_a_run(end, guest, model, film, plain, positive, negative):
    """The model, the guider and its options are as before, and the run itself is gone."""
    callback, error = ENDS[end]
    some = {
        "none": lambda: bent(model, *KISS),
        "EasyCache inside": lambda: EasyCacheNode.execute(bent(model, *KISS), 0.0, 0.0, 1.0, False)[0],
        "EasyCache outside": lambda: bent(EasyCacheNode.execute(model, 0.0, 0.0, 1.0, False)[0], *KISS),
        "context windows": lambda: bent(
            WanContextWindowsManualNode.execute(model, 5, 0, "standard_static", 1, False, "flat", True)[0], *KISS
        ),
    }[guest]()
    guider = comfy.samplers.CFGGuider(some)
    guider.set_conds(positive, negative)
    guider.set_cfg(5.0)
    options = repr(guider.model_options)

    def once():
        latent = torch.zeros(1, 16, 4, 8, 8)
        sigmas = torch.tensor([1.0, 0.9, 0.7, 0.0])
        sampler = comfy.samplers.sampler_object("euler")
        return guider.sample(latent + 0.5, latent, sampler, sigmas, callback=callback, disable_pbar=True, seed=0)

    with runs() as made:
        if error:
            with pytest.raises(error):
                once()
        else:
            assert torch.equal(once(), once())
    gc.collect()
    assert {run() for run in made} == {None}
    assert untouched(model)
    assert guider.model_patcher is some and repr(guider.model_options) == options
    assert torch.equal(film(model), plain)
