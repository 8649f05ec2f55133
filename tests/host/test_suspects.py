"""Whose doing it looks like where a call is not laid out as the run's: wrappers, hooks, forwards, the sampler."""

import types

import comfy.ldm.wan.model as wan
import comfy.samplers
import pytest
import torch
from attention_bending.bending.errors import BendError
from comfy.patcher_extension import WrappersMP
from host.support import KISS, SMALL, bent

WIDE = {"shape": (1, 16, 2, 8, 16)}


def test_a_sampler_that_calls_the_model_with_tiles_is_named(model, positive, negative):
    def in_tiles(predict, x, sigmas, extra_args=None, callback=None, disable=None):
        return torch.cat([predict(tile, sigmas[:1], **extra_args) for tile in x.chunk(2, -1)], -1)

    guider = comfy.samplers.CFGGuider(bent(model, *KISS))
    guider.set_conds(positive, negative)
    noise = torch.randn(WIDE["shape"], generator=torch.Generator().manual_seed(0))
    with pytest.raises(BendError, match=r"latent width: 16 expected, 8 seen\. .*<locals>\.in_tiles \(sampler\)"):
        guider.sample(
            noise, torch.zeros_like(noise), comfy.samplers.KSAMPLER(in_tiles), torch.tensor([1.0, 0.0]), seed=0
        )


@pytest.mark.parametrize("kind", [WrappersMP.PREDICT_NOISE, WrappersMP.CALC_COND_BATCH])
def test_tiles_that_are_made_before_the_host_makes_its_batch(kind, model, positive, negative, sample):
    def tiled(executor, *args):
        at = next(i for i, one in enumerate(args) if torch.is_tensor(one))  # the latent is the first tensor
        halves = [executor(*args[:at], tile, *args[at + 1 :]) for tile in args[at].chunk(2, -1)]
        if torch.is_tensor(halves[0]):
            return torch.cat(halves, -1)
        return [torch.cat(pair, -1) for pair in zip(*halves, strict=True)]

    some = bent(model, *KISS)
    some.add_wrapper_with_key(kind, "a pack", tiled)
    with pytest.raises(BendError, match=rf"latent width: 16 expected, 8 seen.*\.tiled \(wrapper {kind}\)"):
        sample(some, positive, negative, **WIDE)


@pytest.mark.parametrize("where", ["hook", "object patch", "class"])
def test_whose_doing_it_looks_like(where, tiny_model, positive, negative, sample, monkeypatch):
    """A hook on a block, a forward put on the network, a class that is exchanged for everyone."""
    model, original = tiny_model(SMALL, fresh=True), wan.WanModel.forward_orig

    def cuts(self, x, t, context, **kwargs):
        return original(self, x, t, context[:, :100], **kwargs)

    if where == "class":
        monkeypatch.setattr(wan.WanModel, "forward_orig", cuts)
    elif where == "object patch":
        model.add_object_patch("diffusion_model.forward_orig", types.MethodType(cuts, model.model.diffusion_model))
    else:
        block = model.model.diffusion_model.blocks[0]

        def cuts(module, args, kwargs):
            return args, {**kwargs, "context": kwargs["context"][:, :100]}

        hook = block.register_forward_pre_hook(cuts, with_kwargs=True)
    try:
        with pytest.raises(
            BendError, match=r"100 seen\. It looks like the work of \S+<locals>\.cuts \((hook|object patch|forward)\)\."
        ):
            sample(bent(model, *KISS), positive, negative, **WIDE)
    finally:
        if where == "hook":
            hook.remove()
