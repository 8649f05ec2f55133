"""Guiders that another node drives through inner_sample, as loop and long-video packs do: the run begins there."""

import gc

import comfy.model_management
import comfy.model_patcher
import comfy.patcher_extension
import comfy.sampler_helpers
import comfy.samplers
import pytest
import torch
from attention_bending.bending import operators as ops
from attention_bending.bending.bend import Bend, Bending
from attention_bending.bending.errors import BendError
from attention_bending.bending.time.windows import TimeWindow
from attention_bending.host.maps.record_store import Handle, record_of
from attention_bending.host.maps.recording import Recording
from attention_bending.host.run.attach import patch_model
from attention_bending.host.run.patch import Patch
from comfy_extras.nodes_model_advanced import ModelSamplingSD3
from host.support import KISS, SQUARE, Mishap, bent, cancel, distance, fail, reports, runs, said

LAYERS = 2
SHAPE = SQUARE["shape"]
SIGMAS = torch.tensor([1.0, 0.95, 0.8, 0.0])
CHAIN = (*KISS, Bend(ops.Blur(), "sunset", windows=(TimeWindow("steps", 1, 2),)))


def guider_of(model, positive, negative, cfg=5.0, kind=comfy.samplers.CFGGuider):
    guider = kind(model)
    guider.set_conds(positive, negative)
    guider.set_cfg(cfg)
    return guider


def noise(seed=0, shape=SHAPE):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def through_sample(guider, seed=0, sigmas=SIGMAS, shape=SHAPE, **kwargs):
    sampler = comfy.samplers.sampler_object("euler")
    return guider.sample(
        noise(seed, shape), torch.zeros(shape), sampler, sigmas, seed=seed, disable_pbar=True, **kwargs
    )


class Driver:
    """Prepares a guider once, and then samples with its inner_sample as often as it likes.

    `merges` whether it copies the options and merges the model's wrappers into them, as ComfyUI's own `sample` does.
    """

    def __init__(self, guider, merges=True):
        self.guider = guider
        self.merges = merges

    def __enter__(self):
        guider = self.guider
        self.options = guider.model_options
        self.prepare_conds()
        if self.merges:
            guider.model_options = comfy.model_patcher.create_model_options_clone(guider.model_options)
            comfy.sampler_helpers.prepare_model_patcher(guider.model_patcher, guider.conds, guider.model_options)
        guider.inner_model, guider.conds, guider.loaded_models = comfy.sampler_helpers.prepare_sampling(
            guider.model_patcher, SHAPE, guider.conds, guider.model_options
        )
        guider.model_patcher.pre_run()
        return self

    def prepare_conds(self):
        self.guider.conds = {
            role: [cond.copy() for cond in conds] for role, conds in self.guider.original_conds.items()
        }

    def sample(self, seed=0, sigmas=SIGMAS, shape=SHAPE, callback=None):
        self.prepare_conds()
        sampler, device = comfy.samplers.sampler_object("euler"), self.guider.model_patcher.load_device
        return self.guider.inner_sample(
            noise(seed, shape), torch.zeros(shape), device, sampler, sigmas, None, callback, True, seed
        )

    def __exit__(self, *_):
        self.guider.model_patcher.cleanup()
        comfy.sampler_helpers.cleanup_models(self.guider.conds, self.guider.loaded_models)
        self.guider.model_options = self.options


@pytest.mark.parametrize("merges", [True, False])
def test_the_film_of_inner_sample_has_the_bits_of_outer_sample(merges, model, positive, negative):
    with reports() as made:
        expected = through_sample(guider_of(bent(model, *CHAIN), positive, negative))
        with Driver(guider_of(bent(model, *CHAIN), positive, negative), merges) as driver:
            film = driver.sample()
    assert torch.equal(film, expected)
    assert str(made[0]) == str(made[1]) and made[1].bent == 3 * LAYERS and not made[1].warnings
    plain = through_sample(guider_of(model, positive, negative))
    assert distance(film, plain) > 0.05


def test_each_sampling_of_a_loop_is_a_run_of_its_own(model, positive, negative):
    """Other seeds, lengths and sizes; the model's other patches stay where they are while it is loaded."""
    (shifted,) = ModelSamplingSD3().patch(model, 3.0)
    settings = [{}, {"seed": 1}, {"sigmas": SIGMAS[1:], "seed": 2}, {"shape": (1, 16, 3, 8, 4)}, {}]
    expected = [through_sample(guider_of(bent(shifted, *CHAIN), positive, negative), **some) for some in settings]
    with Driver(guider_of(bent(shifted, *CHAIN), positive, negative)) as driver, reports() as made:
        sampling = shifted.model.model_sampling
        for some, film in zip(settings, expected, strict=True):
            assert torch.equal(driver.sample(**some), film), some
            assert shifted.model.model_sampling is sampling and sampling.shift == 3.0
    assert [report.bent for report in made] == [6, 6, 4, 6, 6]


def test_a_record_of_inner_sample_is_found_by_what_it_returned(model, positive, negative):
    handle = Handle("7", 2**26)
    watched = patch_model(model, Patch(Bending(KISS), recording=Recording(handle)))
    with Driver(guider_of(watched, positive, negative)) as driver:
        films = [driver.sample(seed) for seed in (1, 2)]
    records = [record_of(handle, {"samples": film}) for film in films]
    assert [record.facts["seed"] for record in records] == [1, 2]
    through = through_sample(guider_of(watched, positive, negative), seed=2)
    again = record_of(handle, {"samples": through})
    assert torch.equal(records[1].bent.values, again.bent.values)


@pytest.mark.parametrize("end", [None, (fail, Mishap), (cancel, comfy.model_management.InterruptProcessingException)])
def test_nothing_is_left_of_a_run_inside(end, model, positive, negative):
    callback, error = end or (None, None)
    plain = through_sample(guider_of(model, positive, negative))
    some = bent(model, *CHAIN)
    guider = guider_of(some, positive, negative)
    before = repr(guider.model_options), dict(some.object_patches), repr(some.wrappers), dict(some.attachments)
    with Driver(guider, merges=False) as driver, runs() as made:
        film = driver.sample()
        if error:
            with pytest.raises(error):
                driver.sample(callback=callback)
        assert torch.equal(driver.sample(), film)
        gc.collect()
        assert {run() for run in made} == {None}
        sites = [block.cross_attn for block in model.model.diffusion_model.blocks]
        assert all(site.forward.__func__ is type(site).forward for site in sites)
    assert before == (repr(guider.model_options), some.object_patches, repr(some.wrappers), some.attachments)
    assert torch.equal(through_sample(guider_of(model, positive, negative)), plain)


def test_what_cannot_work_is_refused_before_the_first_step(model, tiny_model, positive, negative):
    with Driver(guider_of(bent(model, Bend(ops.Blur(), "love")), positive, negative)) as driver:
        with pytest.raises(BendError, match=r'Bend 1 of 1, Blur of "love".*romantic'):
            driver.sample()
        driver.prepare_conds = lambda: None  # prepared by hand, without what they were made of
        driver.guider.conds = {
            role: [{"model_conds": cond["model_conds"], "uuid": cond["uuid"]} for cond in conds]
            for role, conds in driver.guider.conds.items()
        }
        with pytest.raises(BendError, match=r"CFGGuider.inner_sample\), with conditionings that no longer hold their"):
            driver.sample()
    with Driver(guider_of(bent(model, *KISS), positive, negative)) as driver:
        driver.guider.inner_model = tiny_model("wan22_14b_t2v_low").model
        with pytest.raises(
            BendError, match=r"with another model than the one that Patch Model was put on\. Sample with"
        ):
            driver.sample()


class LoopGuider(comfy.samplers.CFGGuider):
    """One that samples twice within its own outer_sample, the second time from what the first made."""

    def outer_sample(self, noise, latent_image, sampler, sigmas, *args, **kwargs):
        self.inner_model, self.conds, self.loaded_models = comfy.sampler_helpers.prepare_sampling(
            self.model_patcher, noise.shape, self.conds, self.model_options
        )
        self.model_patcher.pre_run()
        unprepared = {role: [cond.copy() for cond in conds] for role, conds in self.conds.items()}
        for _ in range(2):
            self.conds = {role: [cond.copy() for cond in conds] for role, conds in unprepared.items()}
            device = self.model_patcher.load_device
            latent_image = self.inner_sample(noise, latent_image, device, sampler, sigmas, None, None, True, 0)
        self.model_patcher.cleanup()
        return latent_image


def test_a_guider_that_samples_twice_within_one_run(model, positive, negative):
    """Steps begin anew each time."""
    bends = (Bend(ops.Flip(), "kiss", windows=(TimeWindow("steps", 0, 1),)),)
    with Driver(guider_of(bent(model, *bends), positive, negative)) as driver:
        first = driver.sample()
        guider = driver.guider
        driver.prepare_conds()
        euler = comfy.samplers.sampler_object("euler")
        expected = guider.inner_sample(noise(), first, first.device, euler, SIGMAS, None, None, True, 0)
    with reports() as made:
        film = through_sample(guider_of(bent(model, *bends), positive, negative, kind=LoopGuider))
    assert torch.equal(film, expected)
    assert [report.bent for report in made] == [2 * 2 * LAYERS] and not made[0].warnings


class OldGuider(comfy.samplers.CFGGuider):
    """As older packs copied it: predictions pass no wrapper."""

    def __call__(self, *args, **kwargs):
        return self.predict_noise(*args, **kwargs)


@pytest.mark.parametrize("inside", [True, False])
def test_a_guider_without_prediction_wrappers(inside, model, positive, negative):
    bends = (Bend(ops.Flip(), "kiss", windows=(TimeWindow("steps", 1, 1),)),)
    expected = through_sample(guider_of(bent(model, *bends), positive, negative))
    guider = guider_of(bent(model, *bends), positive, negative, kind=OldGuider)
    with reports() as made:
        if inside:
            with Driver(guider) as driver:
                film = driver.sample()
        else:
            film = through_sample(guider)
    assert torch.equal(film, expected)
    assert made[0].bent == LAYERS and not said(made[0])
