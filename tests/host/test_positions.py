"""Where a sampler stands: steps are its own, whatever levels the model is called at; percents are those of the level.

The samplers here are shaped as other packs make them, and run by ComfyUI's own KSAMPLER.
"""

from collections import Counter

import comfy.samplers
import numpy as np
import pytest
import torch
from attention_bending.bending import operators as ops
from attention_bending.bending.bend import Animation, Bend
from attention_bending.bending.time.animation import sampled_curve
from attention_bending.bending.time.position import steps_at
from attention_bending.bending.time.windows import TimeWindow
from attention_bending.host.maps.record_store import Handle, record_of
from attention_bending.host.maps.recording import Recording
from attention_bending.host.run import clock
from attention_bending.host.run.attach import patch_model
from attention_bending.host.run.patch import Patch
from comfy.patcher_extension import WrappersMP
from comfy_extras import nodes_custom_sampler as custom
from host.support import bent, calls, percent, reports, said, sample_on

LAYERS = 2
SHAPE = (1, 16, 1, 4, 4)
FLIP = ops.Flip()


def levels(*percents):
    """Noise levels of the tiny models, whose shift is 8."""
    return torch.tensor([8 * (1 - p) / (1 + 7 * (1 - p)) for p in percents])


TWENTY = levels(*(k / 20 for k in range(21)))
RESTART = levels(0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.5, 0.6, 0.7, 1)
"""Eleven steps; step 7 goes back up."""


def in_steps(first, last, **settings):
    return Bend(FLIP, "kiss", windows=(TimeWindow("steps", first, last),), renormalize=False, **settings)


def sampled(model, positive, sampler, sigmas):
    noise, guider = custom.RandomNoise.execute(0)[0], custom.BasicGuider.execute(model, positive)[0]
    latent = {"samples": torch.zeros(SHAPE)}
    return custom.SamplerCustomAdvanced.execute(noise, guider, sampler, sigmas, latent)[0]["samples"]


def seen_by(model, positive, sampler, sigmas, *bends):
    """Each call's step and whether it was bent, as a watch of the first layer saw them; and the run's report."""
    seen = []
    with reports() as made:
        sampled(bent(model, *bends, see=seen.append), positive, sampler, sigmas)
    return [(s.step, not torch.equal(s.original, s.bent)) for s in seen if s.layer == 0], made[0]


def every(steps, first, last):
    return [(step, first <= step <= last) for step in steps]


def cases(*names, slow):
    """Parameters of a test, some of them run slowly."""
    return [*names, *(pytest.param(name, marks=pytest.mark.slow) for name in slow)]


# --- samplers of other packs ----------------------------------------------------------------------------------------


def euler(model, x, sigmas, extra_args=None, callback=None, disable=None, *, order=None, names=None):
    """Euler along `sigmas` in the given order of steps, each named after its call; noise is added on the way up."""
    order = range(len(sigmas) - 1) if order is None else order
    for number, k in enumerate(order):
        sigma, then = sigmas[k], sigmas[k + 1]
        denoised = model(x, sigma * x.new_ones([x.shape[0]]), **extra_args)
        if callback is not None and names is not None:
            callback({"x": x, "i": names(number, k), "sigma": sigma, "sigma_hat": sigma, "denoised": denoised})
        x = denoised + (x - denoised) * (then / sigma)
    return x


def named_by_number(number, k):
    return number


def named_by_step(number, k):
    return k


def sampler(function=euler, **options):
    return comfy.samplers.KSAMPLER(function, options)


def test_a_schedule_that_goes_back_up(model, positive):
    found, report = seen_by(model, positive, sampler(names=named_by_step), RESTART, in_steps(9, 10))
    assert found == every(range(11), 9, 10)
    assert report.bent == 2 * LAYERS and not report.warnings


@pytest.mark.parametrize("name", cases("euler", "heun", slow=("dpm_2", "dpmpp_2m", "res_multistep", "lcm")))
def test_comfyuis_samplers_on_a_schedule_that_goes_back_up(name, model, positive):
    """Their first calls, at the schedule's own levels, are in its steps in order."""
    found, report = seen_by(model, positive, comfy.samplers.sampler_object(name), RESTART, in_steps(9, 10))
    assert found == every([step for step, _ in found], 9, 10)
    assert list(dict.fromkeys(step for step, _ in found)) == list(range(11))
    assert report.conflict is None


def test_a_restart_within_a_sampler(model, positive):
    """Its repeated steps are those that its callback names."""
    order = [0, 1, 2, 3, 4, 5, 3, 4, 5, 3, 4, 5, 6, 7]
    some = sampler(order=order, names=named_by_step)
    found, report = seen_by(model, positive, some, TWENTY[::2], in_steps(4, 5))
    assert found == every(order, 4, 5)
    assert report.bent == 6 * LAYERS and not report.warnings
    assert "2 layers × 2 steps" in str(report)


def restart(model, x, sigmas, extra_args=None, callback=None, disable=None):
    """A restart after step 5, at levels of its own, and with a callback that counts its calls."""
    between = [float(sigmas[3]) * 0.99, float(sigmas[5]) * 0.97]
    number = 0
    for k in range(len(sigmas) - 1):
        for sigma in (float(sigmas[k]), *(between if k == 5 else ())):
            denoised = model(x, x.new_full([x.shape[0]], sigma), **extra_args)
            callback({"x": x, "i": number, "sigma": sigma, "sigma_hat": sigma, "denoised": denoised})
            number += 1
        x = denoised
    return x


def test_a_restart_that_is_counted_on(model, positive):
    """At its own levels the callback decides, and that is told once; the schedule's levels are the schedule's steps."""
    found, report = seen_by(model, positive, sampler(restart), TWENTY[::2], in_steps(6, 9))
    assert found == every([0, 1, 2, 3, 4, 5, 6, 7, 6, 7, 8, 9], 6, 9)
    assert said(report).count("the sampler stood in its step 6 when it called the model at the noise level") == 1


# others divide by the levels' distance
@pytest.mark.parametrize("name", cases("euler", "heun", slow=("dpm_2", "lcm", "ddpm")))
def test_equal_levels_are_steps_of_their_own(name, model, positive):
    sigmas = levels(0, 0.2, 0.4, 0.4, 0.6, 0.8, 1)
    ours = sampler(names=named_by_step)
    found, report = seen_by(model, positive, ours, sigmas, in_steps(2, 2))
    assert found == every(range(6), 2, 2) and not report.warnings
    found, report = seen_by(model, positive, comfy.samplers.sampler_object(name), sigmas, in_steps(3, 3))
    assert {step for step, _ in found} == set(range(6))
    assert found == every([step for step, _ in found], 3, 3) and report.conflict is None


@pytest.mark.parametrize("names", [None, named_by_step])
def test_without_a_callback_the_level_decides_and_goes_on(names, model, positive):
    found, _ = seen_by(model, positive, sampler(names=names), RESTART, in_steps(9, 10))
    assert found == every(range(11), 9, 10)


def refilling(model, x, sigmas, extra_args=None, callback=None, disable=None):
    """One tensor for all levels."""
    level = torch.empty(x.shape[0])
    for k, sigma in enumerate(sigmas[:-1]):
        level.fill_(sigma)
        denoised = model(x, level, **extra_args)
        callback({"x": x, "i": k, "denoised": denoised})
        x = denoised + (x - denoised) * (sigmas[k + 1] / sigma)
    return x


def test_a_sampler_that_refills_one_tensor(model, positive):
    bends = in_steps(2, 3), Bend(FLIP, "sunset", start=0.75, renormalize=False)
    sigmas = TWENTY[::4]
    found, report = seen_by(model, positive, sampler(refilling), sigmas, *bends)
    assert found == every(range(5), 2, 3)
    assert report.bent == 3 * LAYERS
    film = sampled(bent(model, *bends), positive, sampler(refilling), sigmas)
    assert torch.equal(film, sampled(bent(model, *bends), positive, sampler(names=named_by_step), sigmas))


# --- what stands between sampler and model --------------------------------------------------------------------------


def changed(inner, change):
    """A sampler around another, which calls the model at other levels than that one asks for."""

    def function(model, x, sigmas, *, wrapped, **kwargs):
        def lying(x, sigma, **extra_args):
            return model(x, sigma * change(float(sigma.max()), sigmas), **extra_args)

        lying.inner_model, lying.sigmas = model.inner_model, sigmas
        return wrapped.sampler_function(lying, x, sigmas, **kwargs, **wrapped.extra_options)

    return comfy.samplers.KSAMPLER(function, {"wrapped": inner})


def lie(factor, start=0.0, end=1.0):
    """Lying Sigma: one factor between two percents."""
    return lambda sigma, sigmas: 1 + factor * (start <= percent(sigma) + 1e-6 <= end)


def detail(amount):
    """Detail Daemon: a bump over the schedule, highest in its middle."""

    def factor(sigma, sigmas):
        at = int((sigmas[:-1] - sigma).abs().argmin()) / (len(sigmas) - 2)
        return 1 - amount * 0.5 * (1 - np.cos(np.pi * min(1, max(0, 2 * min(at - 0.1, 0.9 - at) / 0.8))))

    return factor


CHANGES = {
    "lower": lie(-0.15),
    "a little lower": lie(-0.01),
    "lower from 10% on": lie(-0.1, 0.1, 0.9),
    "higher": lie(0.1),
    "a little higher": lie(0.004),
    "higher from 25% to 75%": lie(0.05, 0.25, 0.75),
    "less in the middle": detail(0.15),
    "more in the middle": detail(-0.1),
}
QUICK = ("lower", "higher from 25% to 75%", "more in the middle")


@pytest.mark.parametrize("change", cases(*QUICK, slow=[name for name in CHANGES if name not in QUICK]))
def test_changed_levels_keep_their_steps(change, model, positive):
    """Steps are the sampler's; a percent is that of the level which the model is called at, as ComfyUI's own are."""
    some = changed(comfy.samplers.sampler_object("euler"), CHANGES[change])
    found, report = seen_by(model, positive, some, TWENTY, in_steps(5, 9))
    assert found == every(range(20), 5, 9) and report.bent == 5 * LAYERS

    counted, noted = calls(bent(model, Bend(FLIP, "kiss", start=0.25, end=0.5)))
    with reports() as made:
        sampled(counted, positive, some, TWENTY)
    inside = [0.25 - 1e-4 <= percent(float(call["timestep"][0])) < 0.5 - 1e-4 for call in noted]
    assert made[0].bent == LAYERS * sum(inside)


@pytest.mark.parametrize(("change", "told"), [("lower", True), ("a little lower", False), ("a little higher", False)])
def test_a_level_that_is_far_off_is_told_once(change, told, model, positive):
    some = changed(comfy.samplers.sampler_object("euler"), CHANGES[change])
    _, report = seen_by(model, positive, some, TWENTY, in_steps(5, 9))
    assert str(report).count("the sampler stood in its step") == told


@pytest.mark.parametrize("name", cases("heun", slow=("euler", "dpm_2", "dpmpp_sde")))
def test_levels_that_are_changed_within_a_prediction(name, model, positive):
    """Here the sampler's own level is known, and with it each call's step; again the percent is the changed level's."""

    def change(executor, x, timestep, *args, **kwargs):
        return executor(x, timestep * 0.93, *args, **kwargs)

    bends = in_steps(2, 4), Bend(FLIP, "sunset", start=0.4, end=0.7, renormalize=False)
    inner, sigmas = comfy.samplers.sampler_object(name), TWENTY[::2]
    honest, _ = seen_by(model, positive, inner, sigmas, *bends)
    some, noted = calls(model)
    some.add_wrapper_with_key(WrappersMP.PREDICT_NOISE, "pack", change)
    found, report = seen_by(some, positive, inner, sigmas, *bends)
    assert found == honest and report.conflict is None
    inside = [0.4 <= percent(float(call["timestep"][0])) < 0.7 for call in noted]
    both = [some or within for some, (_, within) in zip(inside, found, strict=True)]
    assert report.bent == LAYERS * sum(both)


@pytest.mark.parametrize("name", cases("uni_pc", slow=("heun", "dpm_2", "dpmpp_sde")))
def test_changed_levels_of_samplers_with_several_calls_a_step(name, model, positive):
    """As many of their calls are in each step as where nothing is changed, but for what lies near a step's edge."""
    inner = comfy.samplers.sampler_object(name)
    sigmas = TWENTY[::2]
    honest, _ = seen_by(model, positive, inner, sigmas, in_steps(3, 5))
    for change in (lie(-0.15), lie(-0.02), lie(0.1)):
        found, _ = seen_by(model, positive, changed(inner, change), sigmas, in_steps(3, 5))
        assert found == every([step for step, _ in found], 3, 5)
        off = [a - b for (a, _), (b, _) in zip(found, honest, strict=True)]
        assert set(off) <= {-1, 0, 1} and len(off) / 2 <= off.count(0), (name, Counter(off))


def test_a_sampler_with_steps_of_its_own_goes_by_the_level_also_inside_another(model, positive):
    """dpm_adaptive is handed two levels; what its callback counts are other steps than the schedule's."""
    inner = comfy.samplers.sampler_object("dpm_adaptive")
    alone, report = seen_by(model, positive, inner, TWENTY, in_steps(10, 19))
    assert {step for step, _ in alone} > {0, 19} and report.conflict is None
    within, _ = seen_by(model, positive, changed(inner, lie(0.0)), TWENTY, in_steps(10, 19))
    assert within == alone == every([step for step, _ in alone], 10, 19)


# --- what else counts by steps --------------------------------------------------------------------------------------


def test_an_animation_and_a_record_go_by_the_steps_of_a_restart(model, positive):
    """A step that is made three times is one place of the record: the mean over all of its calls."""
    order = [0, 1, 2, 1, 2, 1, 2, 3]
    sigmas = TWENTY[::5]
    handle, seen = Handle("7", 2**26), []
    strengths = Animation("strength", "steps", sampled_curve((0.0, 1.0, 0.0, 1.0)))
    watched = bent(model, Bend(FLIP, "kiss", animations=(strengths,)), see=seen.append)
    kept = patch_model(watched, Patch(bending=(), recording=Recording(handle, "listed words", "kiss")))
    film = sampled(kept, positive, sampler(order=order, names=named_by_step), sigmas)
    found = [(s.step, not torch.equal(s.original, s.bent)) for s in seen if s.layer == 0]
    assert found == [(step, step in (1, 3)) for step in order]
    record = record_of(handle, {"samples": film})
    for step in range(4):
        maps = [s.bent[0].mean(0) for s in seen if s.step == step and s.layer == 1]
        assert len(maps) == order.count(step)
        kept_map = record.mean_map(0, True, [step], [1])
        assert torch.allclose(kept_map, torch.stack(maps).mean(0), atol=1e-4)


# --- ComfyUI's own samplers, told the truth -------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", comfy.samplers.SAMPLER_NAMES)
def test_the_level_and_the_callback_of_comfyuis_samplers_agree(name, model, positive):
    counted, noted = calls(model)
    found, report = seen_by(counted, positive, comfy.samplers.sampler_object(name), TWENTY[::2], in_steps(3, 5))
    by_level = [steps_at(TWENTY[::2].tolist(), float(call["timestep"][0]))[0] for call in noted]
    assert found == every(by_level, 3, 5)
    assert report.conflict is None and not report.warnings


def test_a_level_is_read_once_for_a_prediction(model, positive, negative, monkeypatch):
    """On a GPU reading it waits for the device. Here each conditioning has a model call of its own."""
    read = []
    monkeypatch.setattr(clock, "float", lambda sigma: read.append(1) or float(sigma), raising=False)
    monkeypatch.setattr(model.model, "memory_required", lambda *args, **kwargs: 1e18)
    some, noted = calls(bent(model, in_steps(0, 3)))
    guider = custom.CFGGuider.execute(some, positive, negative, 5.0)[0]
    sample_on(guider, steps=3, shape=SHAPE)
    assert (len(read), len(noted)) == (3, 6)
