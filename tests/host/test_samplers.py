"""When a bend acts: in every sampler, guider and window, the calls at its noise levels are bent, and no others."""

from collections import Counter
from dataclasses import replace

import comfy.samplers
import pytest
import torch
from attention_bending.bending import operators as ops
from attention_bending.bending.bend import Bend
from comfy_extras import nodes_custom_sampler as custom
from comfy_extras.nodes_model_advanced import ModelSamplingSD3
from comfy_extras.nodes_perpneg import PerpNeg, PerpNegGuider
from host.support import KISS, SQUARE, Sighting, assert_dense, bent, calls, prompt, reports, said, sample_on, within

import nodes

LAYERS = 2
TINY = (1, 16, 1, 4, 4)


def kiss(start=0.0, end=1.0):
    """`KISS` in a window."""
    return tuple(replace(bend, start=start, end=end) for bend in KISS)


# --- samplers -------------------------------------------------------------------------------------------------------

QUICK = ("euler", "heun", "uni_pc")
NAMES = [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in comfy.samplers.SAMPLER_NAMES]


@pytest.mark.parametrize("name", NAMES)
def test_every_call_belongs_to_its_step_and_a_window_holds_those_at_its_levels(name, model, positive, negative, sample):
    """Correctors and calls off the schedule too; the same seed gives the same film.

    A watch sees step k hold the levels `σₖ ≥ σ > σₖ₊₁`. Not applied, a bend leaves the bits of the un-bent film.
    """
    settings = {"sampler": name, "steps": 4, "shape": SQUARE["shape"]}
    bends, active = kiss(0.2, 0.7), within(0.2, 0.7)
    conds = positive, negative
    report, film, plain = assert_dense(sample, model, bends, *conds, SQUARE["film"], active=active, **settings)
    again, noted = calls(bent(model, *bends))
    assert torch.equal(sample(again, *conds, **settings), film)
    levels = [float(call["timestep"][0]) for call in noted]
    assert report.bent == LAYERS * sum(map(active, levels)) < LAYERS * len(levels)

    seen = []
    watched, noted = calls(bent(model, *kiss(), applied=False, see=seen.append))
    assert torch.equal(sample(watched, *conds, **settings), plain)
    sigmas = [float(sigma) for sigma in noted[0]["c"]["transformer_options"]["sample_sigmas"]]
    steps = []
    for call in noted:
        level = float(call["timestep"][0])
        steps += [k for k in range(len(sigmas) - 1) if sigmas[k] * (1 + 1e-6) >= level > sigmas[k + 1] * (1 + 1e-6)]
    assert len(steps) == len(noted)
    assert Counter(s.step for s in seen) == {step: LAYERS * times for step, times in Counter(steps).items()}
    assert all(not torch.equal(s.original, s.bent) for s in seen)


NOTHING = {
    "strength 0": (Bend(ops.Flip(), "kiss", strength=0.0),),
    "identity": (Bend(ops.Blur(sigma=0.0), "kiss"), Bend(ops.Rotate(angle=360.0), "ALL")),
    "no step in the window": kiss(0.01, 0.02),
    "not applied": kiss(),
}


@pytest.mark.parametrize("name", ["heun", "dpm_fast", "dpmpp_2m_sde", "uni_pc"])
def test_nothing_bent_is_the_same_to_the_bit(name, model, positive, negative, sample):
    settings = {"sampler": name, "shape": SQUARE["shape"]}
    plain = sample(model, positive, negative, **settings)
    for case, bends in NOTHING.items():
        with reports() as made:
            film = sample(bent(model, *bends, applied=case != "not applied"), positive, negative, **settings)
        assert torch.equal(film, plain), case
        assert [report.bent for report in made] == [0], case


# --- windows --------------------------------------------------------------------------------------------------------


def steps_bent(sample, model, bends, positive, negative, **settings) -> list[tuple[int, bool]]:
    """Each call's step, and whether it was bent, as a watch of the first layer saw them."""
    seen = []
    sample(bent(model, *bends, see=seen.append), positive, negative, shape=TINY, **settings)
    return by_step(seen)


def by_step(seen: list[Sighting]) -> list[tuple[int, bool]]:
    return [(s.step, not torch.equal(s.original, s.bent)) for s in seen if s.layer == 0]


WINDOWS = {
    "a": (0.0, 0.5, range(10)),
    "romantic": (0.5, 1.0, range(10, 20)),
    "kiss": (0.0, 0.05, [0]),
    "at": (0.95, 1.0, [19]),
    "sunset": (0.31, 0.349, []),
}
"""A word of the prompt for each: start, end, and the steps of twenty that lie inside."""


@pytest.mark.parametrize("shift", [pytest.param(1.0, marks=pytest.mark.slow), 3.0, 8.0])
def test_windows_of_twenty_even_steps(shift, model, positive, negative, sample):
    """With `simple`, a percent is a fraction of the steps, whatever the model's shift. Not renormalised, words do not
    touch each other: one run shows all windows.
    """
    (some,) = ModelSamplingSD3().patch(model, shift)
    seen = {word: [] for word in WINDOWS}
    for word, (start, end, _) in WINDOWS.items():
        bend = Bend(ops.Amplify(4.0), word, start=start, end=end, renormalize=False)
        some = bent(some, bend, see=seen[word].append, watch=word)
    sample(some, positive, negative, shape=TINY, steps=20, cfg=1.0)
    for word, (_, _, inside) in WINDOWS.items():
        assert by_step(seen[word]) == [(k, k in inside) for k in range(20)], word


def test_correctors_at_a_level_share_its_fate(model, positive, negative, sample):
    """heun's second call of step k is made at the next level, where the window has ended, or has not begun."""
    settings = {"sampler": "heun", "steps": 4, "cfg": 1.0}
    calls_of_heun = [0, 1, 1, 2, 2, 3, 3]
    for start, end, inside in ((0.0, 0.25, {0}), (0.25, 0.75, {1, 2}), (0.75, 1.0, {3})):
        found = steps_bent(sample, model, kiss(start, end), positive, negative, **settings)
        assert found == [(k, k in inside) for k in calls_of_heun]


@pytest.mark.parametrize("shift_first", [True, False])
def test_a_shift_on_either_side_of_patch_model(shift_first, model, positive, negative, sample):
    """The window is read with the model's own shift; the model itself keeps none of it."""
    plain = sample(model, positive, negative, shape=SQUARE["shape"])

    def shifted(some, when=True):
        return ModelSamplingSD3().patch(some, 3.0)[0] if when else some

    def run(some, *conds, **settings):
        return sample(shifted(some, not shift_first), *conds, scheduler="normal", steps=5, **settings)

    base, active = shifted(model, shift_first), within(0.3, 0.8, shift=3.0)
    assert_dense(run, base, kiss(0.3, 0.8), positive, negative, **SQUARE, active=active)
    assert torch.equal(sample(model, positive, negative, shape=SQUARE["shape"]), plain)


def test_a_window_that_no_step_falls_in_is_a_warning_that_names_the_steps(model, positive, negative, sample):
    with reports() as made:
        sample(bent(model, *kiss(0.3, 0.4)), positive, negative, steps=4)
    assert made[0].bent == 0
    for number, operator in ((1, "Flip"), (2, "Amplify")):
        assert (
            f'Bend {number} of 2, {operator} of "kiss": no step of this sampler lies in 30.0% to 40.0%; '
            "its steps are at 0.0%, 25.0%, 50.0%, 75.0%." in said(made[0])
        )


def test_calls_off_the_schedule_reach_a_window_that_no_step_falls_in(model, positive, negative, sample):
    """dpm_2 calls once between two steps: bent there, and the warning still stands."""
    settings = {"sampler": "dpm_2", "steps": 3}
    counted, noted = calls(model)
    sample(counted, positive, negative, **settings)
    active = within(0.3, 0.45)
    expected = sum(active(float(call["timestep"][0])) for call in noted)
    with reports() as made:
        sample(bent(model, *kiss(0.3, 0.45)), positive, negative, **settings)
    assert made[0].bent == LAYERS * expected > 0
    assert "no step of this sampler lies in 30.0% to 45.0%" in said(made[0])


def test_steps_are_those_of_this_sampler(model, positive, negative):
    """A KSampler (Advanced) that begins at step 6 of 10: its own steps count from 0, percents are the film's."""
    seen = []
    watched = bent(model, *kiss(0.0, 0.75), see=seen.append)
    latent = {"samples": torch.randn(1, 16, 2, 8, 8, generator=torch.Generator().manual_seed(3))}
    settings = "enable", 0, 10, 5.0, "euler", "simple", positive, negative, latent, 6, 9, "enable"
    with reports() as made:
        nodes.KSamplerAdvanced().sample(watched, *settings)
    found = [(s.step, not torch.equal(s.original, s.bent)) for s in seen if s.layer == 0]
    assert found == [(k, k < 2) for k in range(3)]
    assert made[0].bent == 2 * LAYERS and not made[0].warnings


def on_sigmas(model, positive, sigmas):
    """SamplerCustomAdvanced from a latent that is not empty, along these noise levels."""
    noise, euler = custom.RandomNoise.execute(0)[0], custom.KSamplerSelect.execute("euler")[0]
    guider = custom.BasicGuider.execute(model, positive)[0]
    latent = {"samples": torch.ones(1, 16, 2, 8, 8)}
    return custom.SamplerCustomAdvanced.execute(noise, guider, euler, sigmas, latent)[0]["samples"]


@pytest.mark.parametrize(
    "start, end, inside", [(0.0, 1.0, {0, 1, 2, 3}), (0.2, 0.7, {2, 3}), (0.0, 0.5, {3}), (0.75, 1.0, {0, 1})]
)
def test_sampling_backwards(start, end, inside, model, positive):
    """From the finished film to noise, as FlipSigmas does: the moments 100, 75, 50 and 25 percent, in this order."""
    (sigmas,) = custom.FlipSigmas.execute(custom.BasicScheduler.execute(model, "simple", 4, 1.0)[0])
    seen = []
    with reports() as made:
        on_sigmas(bent(model, *kiss(start, end), see=seen.append), positive, sigmas)
    found = [(s.step, not torch.equal(s.original, s.bent)) for s in seen if s.layer == 0]
    assert found == [(k, k in inside) for k in range(4)]
    assert made[0].bent == LAYERS * len(inside) and not made[0].warnings


def test_a_sampler_without_steps(model, positive):
    """The end of a split sigma list: nothing to bend, and nothing to blame."""
    (sigmas, _) = custom.SplitSigmas.execute(custom.BasicScheduler.execute(model, "simple", 4, 1.0)[0], 0)
    with reports() as made:
        on_sigmas(bent(model, *KISS), positive, sigmas)
    assert made[0].bent == 0 and "its steps are at ." not in said(made[0])


# --- guiders --------------------------------------------------------------------------------------------------------

GUIDERS = {
    "BasicGuider": lambda model, positive, *_: custom.BasicGuider.execute(model, positive),
    "CFGGuider": lambda model, *conds: custom.CFGGuider.execute(model, *conds[:2], 5.0),
    "DualCFGGuider": lambda *conds: dual_cfg(*conds, "regular"),
    "DualCFGGuider, nested": lambda *conds: dual_cfg(*conds, "nested"),
    "PerpNegGuider": lambda *conds: PerpNegGuider.execute(*conds, 5.0, 1.0),
}


def dual_cfg(model, positive, negative, other, style):
    return custom.DualCFGGuider.execute(model, positive, other, negative, 4.0, 3.0, style)


@pytest.mark.parametrize("name", GUIDERS)
def test_guiders_bend_their_positive_alone(name, model, tiny_clip, positive, negative):
    """`other` has the word, too; it stands in another list."""
    other = prompt(tiny_clip, "a (kiss) in the rain")

    def run(some, positive, negative):
        return sample_on(GUIDERS[name](some, positive, negative, other)[0])

    report, *_ = assert_dense(run, model, kiss(), positive, negative, SQUARE["film"])
    assert report.bent == 3 * LAYERS and not report.warnings


def test_one_conditioning_in_two_roles_is_bent_in_one(model, positive, negative):
    """In the middle of DualCFGGuider it cancels the positive, to the bit, unless only one of them is bent."""
    seen = []

    def run(some, cfg):
        some = some.clone()
        some.set_model_sampler_post_cfg_function(lambda args: seen.append(args["cond_denoised"]) or args["denoised"])
        return sample_on(
            custom.DualCFGGuider.execute(some, positive, positive, negative, cfg, 3.0, "regular")[0], steps=1
        )

    assert torch.equal(run(model, 0.0), run(model, 4.0))
    with reports() as made:
        assert not torch.allclose(run(bent(model, *kiss()), 0.0), run(bent(model, *kiss()), 4.0), atol=0.01)
    assert [report.bent for report in made] == [LAYERS, LAYERS]
    assert all(torch.equal(middle, seen[0]) for middle in seen)


@pytest.mark.parametrize("negative_model", ["another", "the same file, un-bent", "the same file, bent"])
def test_a_second_model_for_the_negative_pass(negative_model, model, tiny_model, positive, negative):
    """DualModelGuider lets the second model use the first one's options; the first alone is bent."""
    second = {
        "another": lambda: tiny_model("wan22_14b_t2v_low"),
        "the same file, un-bent": lambda: model,
        "the same file, bent": lambda: bent(model, *kiss()),
    }[negative_model]()

    def run(some, positive, negative):
        return sample_on(custom.DualModelGuider.execute(some, positive, 5.0, second, negative)[0])

    report, *_ = assert_dense(run, model, kiss(), positive, negative, SQUARE["film"])
    assert report.bent == 3 * LAYERS


def test_conditionings_that_are_not_the_guiders_are_left_un_bent_and_counted(
    model, tiny_clip, positive, negative, sample
):
    """The old Perp-Neg node makes model calls with a conditioning of its own, which has the word."""
    empty = prompt(tiny_clip, "a (kiss) in the rain")

    def run(some, positive, negative, **settings):
        return sample(PerpNeg.execute(some, empty, 1.0)[0], positive, negative, **settings)

    report, *_ = assert_dense(run, model, kiss(), positive, negative, **SQUARE)
    assert (report.bent, report.foreign_rows) == (2 * LAYERS, 2)
    assert "2 rows came from conditionings of another guider and were left un-bent" in said(report)
