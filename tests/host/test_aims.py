"""Where and when in a real run: passes, heads, frames, masks, steps and motion, each held against dense attention."""

from dataclasses import dataclass, field, replace

import comfy.context_windows as windows
import pytest
import torch
from attention_bending.bending import operators as ops
from attention_bending.bending.bend import Animation, Bend
from attention_bending.bending.errors import BendError
from attention_bending.bending.frames.grid import Grid
from attention_bending.bending.frames.layout import FrameLayout
from attention_bending.bending.frames.mask_video import MaskVideo
from attention_bending.bending.text.tokens import resolve
from attention_bending.bending.time import animation
from attention_bending.bending.time.windows import SamplingMoment, TimeWindow
from attention_bending.host.text.prompt_encoding import KEY
from comfy_extras.nodes_context_windows import WanContextWindowsManualNode
from core import oracle_film as oracle
from host.support import ROUNDING, SMALL, Dense, bent, distance, percent, prompt, reports, said

import nodes

SHAPE = (1, 16, 3, 8, 8)
GRID = Grid(3, 4, 4)
LATENT = {"samples": torch.zeros(SHAPE)}


def picture(*shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(sum(shape)))


MASK, FILM = MaskVideo(picture(1, 10, 9), 0.2), MaskVideo(picture(9, 6, 7))  # nine pictures are three latent frames


@pytest.fixture
def positive(tiny_clip):
    return prompt(tiny_clip, "a romantic (kiss) at sunset")


@pytest.fixture
def negative(tiny_clip):
    return prompt(tiny_clip, "a blurry (rain)")


# --- a dense stand-in that knows passes, moments and films ---------------------------------------------------------


@dataclass
class Played(Dense):
    """`Dense` for bends that are aimed and play. `film` gives the film of a call, whose rows are the last of it."""

    negative: list = field(default_factory=list)
    steps: list = field(default_factory=list)

    def _around(self, func):
        def kernel(q, k, v, heads, *args, transformer_options, **kwargs):
            out = func(q, k, v, heads, *args, transformer_options=transformer_options, **kwargs).clone()
            film, moment = self.film(transformer_options), moment_of(transformer_options)
            layer = transformer_options["block_index"]
            for role, conds in (("positive", self.positive), ("negative", self.negative)):
                for i, (embedding, extras) in enumerate(conds):
                    chain = self._of(role, layer, moment, embedding, extras.get(KEY))
                    keys = self._keys_of(layer, len(self.positive) * (role == "negative") + i, embedding)
                    for row in range(len(k)) if chain and k.shape[1:] == keys.shape[1:] else ():
                        if torch.allclose(k[row], keys[0], rtol=1e-3, atol=1e-3):
                            here = slice(q.shape[1] - film.grid.cells, None)
                            apart = (
                                t.unflatten(1, (heads, -1)).transpose(0, 1) for t in (q[row, here], k[row], v[row])
                            )
                            new, *_ = oracle.bent_attention(*(t.double().numpy() for t in apart), chain, film, moment)
                            out[row, here] = torch.from_numpy(new).transpose(0, 1).flatten(1).to(out)
                            self.rows += 1
                            self.steps.append(moment.step)
            return out

        return kernel

    def _of(self, role, layer, moment, embedding, tokens):
        chain, layers = [], len(self.model.model.diffusion_model.blocks)
        for bend in self.bends:
            acts = (bend.passes or "positive") in (role, "both") and layer in oracle.numbers(bend.layers, layers)
            try:
                words = [resolve(token, tokens, embedding.shape[1]).columns for token in bend.tokens]
            except BendError:
                continue  # a word that this conditioning does not have
            if acts and oracle.strength(bend, moment) > oracle.FAINT:
                chain.append((bend, words))
        return chain


def moment_of(options):
    """The noise levels that a sampler was given, without its last, are its steps."""
    sigmas, sigma = options["sample_sigmas"].tolist(), float(options["sigmas"][0])
    return SamplingMoment(
        percent(sigma), min(range(len(sigmas)), key=lambda k: abs(sigmas[k] - sigma)), len(sigmas) - 1
    )


def assert_played(run, model, bends, positive, negative, film=lambda options: FrameLayout.whole(GRID), plain=None):
    """`run(model, positive, negative)` with these bends is the dense film. Returns the reports and the steps bent."""
    dense = Played(model, bends, positive, film, negative=negative)
    expected = run(dense.patched(), positive, negative)
    with reports() as made:
        result = run(bent(model, *bends), positive, negative)
    assert sum(report.bent for report in made) == dense.rows > 0
    assert distance(result, expected) < ROUNDING, f"{distance(result, expected):.1e} from dense attention"
    assert distance(result, plain if plain is not None else run(model, positive, negative)) > 0.02
    return made, dense.steps


def film_of(sample, **settings):
    return lambda model, *conds: sample(model, *conds, shape=SHAPE, **settings)


# --- aims ----------------------------------------------------------------------------------------------------------


def word(operator, token="kiss", **more):
    return Bend(operator, token, renormalize=False, **more)


def moving(operator, parameter, over, text, **more):
    return word(operator, animations=(Animation(parameter, over, animation.parse_keyframes(text)),), **more)


AIMED = {
    "heads": (word(ops.Amplify(4.0), heads="1"), word(ops.Flip(), "ALL", heads="0")),
    "layers": (word(ops.Amplify(4.0), layers="early & 0-2, -1"),),
    "frames": (word(ops.Amplify(4.0), frames="0, -1"), word(ops.Translate(), "PADDING", frames="30%-100%")),
    "a mask": (word(ops.Amplify(4.0), masks=(MASK,)), word(ops.Rotate(90.0), "ALL", masks=(MASK,))),
    "a film of masks": (word(ops.Amplify(4.0), masks=(FILM, MASK)),),
    "moving over frames": (moving(ops.Amplify(), "factor", "frames", "0: 1, 1: 8, 2: -3"),),
    "moving over steps": (moving(ops.Amplify(), "factor", "steps", "0: 8, 1: -3"),),
    "turning": (
        moving(ops.Rotate(), "angle", "frames", "0%: 0, 100%: 170"),
        moving(ops.Flip(), "strength", "steps", "0: 1"),
    ),
    "time": (word(ops.Time("reverse")), word(ops.Time("shift", 0.5), "ALL")),
    "paint": (word(ops.Paint(FILM), strength=0.8),),
    "swap of heads": (word(ops.Swap("sunset"), heads="1"), word(ops.Swap("romantic", "follow", 0.5))),
    "temperature": (word(ops.Amplify(3.0)), word(ops.Temperature(0.5), "ALL", masks=(MASK,), layers="0")),
    "fading": (
        word(
            ops.Amplify(4.0),
            windows=(TimeWindow("percent", 0, 0.9, 0, 0.6), TimeWindow("steps", 0, 1, curve=(1.0, 0.5))),
        ),
    ),
    "both passes": (word(ops.Flip(), "ALL", passes="both"), word(ops.Amplify(5.0), passes="both")),
    "the negative pass": (word(ops.Amplify(5.0), "rain", passes="negative"), word(ops.Flip(), layers="0")),
}


@pytest.fixture(scope="module")
def plain():
    """The films of models without bends, by file: one of them does for all cases."""
    return {}


@pytest.mark.parametrize("case", AIMED)
def test_equals_dense_attention(case, tiny_model, sample, positive, negative, plain):
    file = "wan21_t2v" if case in ("heads", "layers", "swap of heads") else SMALL  # two heads, four layers
    if file not in plain:
        plain[file] = sample(tiny_model(file), positive, negative, shape=SHAPE)
    made, _ = assert_played(film_of(sample), tiny_model(file), AIMED[case], positive, negative, plain=plain[file])
    warnings = said(made[0])
    if case == "both passes":
        assert warnings.count("\n") == 0
        assert 'negative conditioning 1 ("a blurry rain") has no "kiss" and is left alone there' in warnings
    else:
        assert not warnings


@pytest.mark.parametrize("passes", ["positive", "negative", "both"])
def test_only_the_rows_of_its_pass_change(passes, tiny_model, sample, positive, negative):
    seen = []
    for bends in ((), (Bend(ops.Flip(), "ALL", passes=passes),)):
        model = bent(tiny_model(SMALL), *bends).clone()
        model.set_model_sampler_post_cfg_function(lambda args: seen.append(args) or args["denoised"])
        sample(model, positive, negative, shape=SHAPE, steps=1)
    for name, role in (("cond_denoised", "positive"), ("uncond_denoised", "negative")):
        assert torch.equal(seen[0][name], seen[1][name]) == (passes not in (role, "both"))


def test_frames_and_masks_of_a_context_window_are_the_whole_films(tiny_model, sample, positive, negative):
    """Six latent frames, three at a time, behind the one that stands before them."""
    bends = (
        word(ops.Amplify(5.0), frames="1, 4-5"),
        word(ops.Amplify(3.0), masks=(MaskVideo(picture(21, 5, 5)),)),
        moving(ops.Translate(), "x", "frames", "0: 0, 5: 1", frames="20%-90%"),
        word(ops.Paint(MaskVideo(picture(6, 4, 4))), "sunset"),
    )

    def run(model, *conds):
        settings = 9, 4, windows.ContextSchedules.STATIC_STANDARD, 1, False, windows.ContextFuseMethods.PYRAMID, False
        return sample(WanContextWindowsManualNode.execute(model, *settings)[0], *conds, shape=(1, 16, 6, 8, 8), steps=1)

    def film(options):
        return FrameLayout(GRID, tuple(options["context_window"].index_list), 6)

    made, _ = assert_played(run, tiny_model(SMALL), bends, positive, negative, film)
    assert not made[0].warnings


# --- steps and percents --------------------------------------------------------------------------------------------


def advanced(model, positive, negative, latent, start, end, noise="enable"):
    """KSampler (Advanced): the steps from `start` to `end` of eight."""
    settings = 0, 8, 5.0, "euler", "simple", positive, negative, latent, start, end, "enable"
    return nodes.KSamplerAdvanced().sample(model, noise, *settings)[0]


def in_two(model, positive, negative):
    """Two steps with one sampler, and two with another, as Wan 2.2's two models are used: 0 to 37.5 percent."""
    half = advanced(model, positive, negative, LATENT, 0, 2)
    return advanced(model, positive, negative, half, 2, 4, "disable")["samples"]


TWO = {
    "steps are each sampler's own": (word(ops.Amplify(5.0), windows=(TimeWindow("steps", 1, 2),)), [1, 1]),
    "percents are one moment": (word(ops.Amplify(5.0), windows=(TimeWindow("percent", 0.125, 0.375, 0, 0.4),)), [1, 0]),
    "a curve goes on": (
        word(ops.Amplify(5.0), windows=(TimeWindow("percent", 0.125, 1.0, curve=(0.4, 1.0)),)),
        [1, 0, 1],
    ),
    "keyframes count each sampler's steps": (moving(ops.Amplify(), "factor", "steps", "0: 3, 1: 6"), [0, 1, 0, 1]),
}


@pytest.mark.parametrize("case", TWO)
def test_two_samplers(case, tiny_model, positive, negative, plain):
    bend, steps = TWO[case]
    if "two" not in plain:
        plain["two"] = in_two(tiny_model(SMALL), positive, negative)
    made, bent_steps = assert_played(in_two, tiny_model(SMALL), (bend,), positive, negative, plain=plain["two"])
    assert len(made) == 2 and bent_steps[::2] == steps  # two layers


def test_steps_of_a_sampler_that_begins_late(tiny_model, positive, negative):
    bend = word(ops.Amplify(5.0), windows=(TimeWindow("steps", 0, 1), TimeWindow("percent", 0.0, 0.7)))
    latent = {"samples": picture(*SHAPE)}

    def run(model, *conds):
        return advanced(model, *conds, latent, 5, 8)["samples"]

    _, steps = assert_played(run, tiny_model(SMALL), (bend,), positive, negative)
    assert steps == [0, 0]  # 62.5%; the second step is at 75%


# --- what is refused before the first step -------------------------------------------------------------------------

BAD = {
    "heads": (word(ops.Flip(), heads="2"), "heads is '2', but this model has no head 2: its 2 heads are 0 to 1"),
    "layers": (word(ops.Flip(), layers="early & 4"), "this model has no layer 4: its 4 layers are 0 to 3"),
    "frames": (word(ops.Flip(), frames="0-3"), "this film has no frame 3: its 3 frames are 0 to 2"),
    "a keyframe": (moving(ops.Rotate(), "angle", "frames", "0: 0, 3: 9"), "keyframe 3 is outside: there are 3, 0 to 2"),
    "a step": (moving(ops.Rotate(), "angle", "steps", "0: 0, 4: 9"), "keyframe 4 is outside: there are 4, 0 to 3"),
    "a number": (moving(ops.Blur(), "sigma", "frames", "0: 1, 2: -1"), "sigma is -1"),
    "a number late": (moving(ops.Blur(), "sigma", "steps", "0: 1, 3: -1"), "sigma is -0.333333"),
    "Swap": (Bend(ops.Swap("rose"), "kiss"), '"rose" is not in the prompt'),
    "Swap's first": (Bend(ops.Swap("kiss"), "rose"), '"rose" is not in the prompt'),
    "words that overlap": (Bend(ops.Swap("kiss"), "romantic kiss", start=0.5), "share a token"),
    "too many words": (Bend(ops.Paint(MASK), "PADDING", start=0.5), "words of at most 64 tokens"),
    "a curve": (
        word(ops.Flip(), windows=(TimeWindow("percent", 0.2, 0.3, curve=(0.0, 1.0)),)),
        "needs more than one step",
    ),
    "a negative word": (word(ops.Flip(), passes="negative"), '"kiss" is not in the prompt'),
}


@pytest.mark.parametrize("case", BAD)
def test_refused_before_the_first_step(case, tiny_model, sample, positive, negative):
    bend, says = BAD[case]
    bend, steps = replace(bend, origin="14"), []
    with pytest.raises(BendError) as refused:
        model = bent(tiny_model(), Bend(ops.Blur(), "kiss"), bend)
        sample(model, positive, negative, shape=SHAPE, steps=4, callback=lambda *_: steps.append(1))
    assert says in str(refused.value)
    assert str(refused.value).startswith(f"Bend 2 of 2, {bend.operator.name} of ") and "(node 14)" in str(refused.value)
    assert not steps


def test_numbers_that_move_together_are_checked_together(tiny_model, sample, positive, negative):
    """A box that slides across the frame leaves the box it started from."""
    box = word(ops.RegionalMask(0.0, 0.0, 0.3, 1.0))
    slides = {name: animation.parse_keyframes(keys) for name, keys in (("x1", "0: 0, 2: 0.7"), ("x2", "0: 0.3, 2: 1"))}
    box = replace(box, animations=tuple(Animation(name, "frames", track) for name, track in slides.items()))
    assert_played(film_of(sample), tiny_model(SMALL), (box,), positive, negative)


# --- what is said --------------------------------------------------------------------------------------------------

SAID = {
    "a mask is stretched": (word(ops.Flip(), masks=(MaskVideo(picture(5, 4, 4)),)), "mask of 5 frames is stretched"),
    "a painted one": (word(ops.Paint(MaskVideo(picture(4, 4, 4)))), "mask of 4 frames is stretched to the"),
    "a list": (
        word(ops.Flip(), animations=(Animation("strength", "frames", animation.sampled_curve([0.0, 1.0])),)),
        "2 values of strength are stretched to 3 frames",
    ),
    "no frame": (word(ops.Flip(), frames="0 & 1-2"), "frames (0 & 1-2) have nothing in common"),
    "no head": (word(ops.Flip(), heads="0 & 1"), "heads (0 & 1) have nothing in common"),
    "no step": (word(ops.Flip(), windows=(TimeWindow("steps", 7, 9),)), "no step of this sampler lies in steps 7 to 9"),
    "windows apart": (word(ops.Flip(), end=0.3, windows=(TimeWindow("percent", 0.6, 1.0),)), "lies in 0.0% to 30.0%"),
}


@pytest.mark.parametrize("case", SAID)
def test_said_once_in_the_report(case, tiny_model, sample, positive, negative):
    bend, says = SAID[case]
    with reports() as made:
        sample(bent(tiny_model(), bend), positive, negative, shape=SHAPE, cfg=1.0)
    assert said(made[0]).count(says) == 1, said(made[0])
