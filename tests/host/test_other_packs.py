"""Bends around other packs' forwards and overrides: exact, on the way that is known to be, or refused by name."""

from dataclasses import asdict

import comfy.ldm.wan.model
import numpy as np
import pytest
import torch
from attention_bending.bending import operators as ops
from attention_bending.bending.bend import Bend
from attention_bending.bending.errors import BendError
from attention_bending.bending.text.tokens import resolve
from attention_bending.host.families.foreign import kernel_beneath
from attention_bending.host.run.kernel import TORCH_ATTENTION
from comfy.ldm.modules.attention import attention_pytorch, attention_sub_quad, get_attention_function
from comfy_extras.nodes_wan import WanImageToVideo
from core.oracle import bent_attention
from host.support import CHAIN, KEY, KISS, ROUNDING, SQUARE, Dense, assert_dense, bent, distance, reports, said
from host.test_half_sampled import UNBENT, loaded, rms

from host import strangers

LAYERS = 2
SHAPE = {"shape": SQUARE["shape"]}
GRID = SQUARE["film"].grid
NAG = "custom_nodes/ComfyUI-KJNodes.nodes.model_optimization_nodes"


@pytest.fixture(params=["wan22_14b_t2v_high", "wan21_i2v"])
def subject(request, tiny_model, tiny_vae, positive, negative, clip_vision_output):
    """A model of each kind of cross-attention, with its conditionings."""
    model = tiny_model(request.param)
    if "i2v" not in request.param:
        return model, positive, negative
    picture = torch.rand(1, 64, 64, 3, generator=torch.Generator().manual_seed(1))
    conds = WanImageToVideo.execute(positive, negative, tiny_vae, 64, 64, 5, 1, picture, clip_vision_output)[:2]
    return model, *conds


# --- a forward that guides away from another text -------------------------------------------------------------------


@pytest.fixture
def away(encode):
    return encode("grey and dull")[0][0]


@pytest.mark.parametrize("bends", [pytest.param(KISS, marks=pytest.mark.slow), CHAIN], ids=["a word", "a chain"])
@pytest.mark.parametrize("cfg", [pytest.param(1.0, marks=pytest.mark.slow), 5.0])
@pytest.mark.parametrize("whole_batch", [False, True])
def test_bent_under_guidance_away_from_a_text(whole_batch, cfg, bends, subject, away, sample):
    """The text's attention is bent, also where it is made in two halves; the other text's never."""
    model, positive, negative = subject
    some = strangers.guided(model, away, whole_batch)
    report, _, plain = assert_dense(sample, some, bends, positive, negative, **SQUARE, cfg=cfg)
    assert report.bent == 2 * LAYERS and not report.warnings
    assert distance(plain, sample(model, positive, negative, cfg=cfg, **SHAPE)) > 0.05


def test_two_films_that_a_forward_takes_apart(model, positive, negative, away, sample):
    """One conditioning, its two rows in two of the forward's calls."""
    shape = (2, *SQUARE["shape"][1:])
    some, seen = strangers.guided(model, away), []
    assert_dense(sample, some, KISS, positive, negative, SQUARE["film"], batch=2, cfg=1.0, shape=shape)
    sample(bent(some, *KISS, see=seen.append), positive, negative, cfg=1.0, shape=shape)
    assert [sighting.step for sighting in seen] == [0, 0, 1, 1]
    assert all(len(sighting.bent) == 1 for sighting in seen)  # the first film's


def test_a_forward_that_does_not_what_was_read_is_refused(model, positive, negative, away, sample):
    """Under the known name, but it attends to the text once more, or leaves out half the batch."""
    some = strangers.guided(model, away)

    def changed(forward, how):
        def bound(module, x, context, **kwargs):
            if how == "once more":
                forward(module, x, context, **kwargs)
            else:
                x, context = x[:1], context[:1]
            return forward(module, x, context, **kwargs).expand(2, -1, -1)

        return strangers.named(bound, strangers.KJ, "WanCrossAttentionPatch.__get__.<locals>.wrapped_attention")

    original = some.get_model_object("diffusion_model.blocks.0.cross_attn.forward").__func__
    for how, found in (("once more", "made 6 attention calls where 3 were"), ("half", "rows: 2 expected, 1 seen")):
        wrong = strangers.with_forwards(model, lambda layer, how=how: changed(original, how))
        with pytest.raises(
            BendError, match=f"{found}.*looks like the work of ComfyUI-KJNodes.nodes.model_optimization"
        ):
            sample(bent(wrong, *KISS), positive, negative, **SHAPE)


def test_the_same_forward_from_elsewhere_is_refused_by_name(model, positive, negative, away, sample):
    some = strangers.guided(model, away)
    forward = some.get_model_object("diffusion_model.blocks.0.cross_attn.forward")
    strangers.named(forward.__func__, "custom_nodes/Another.nodes", forward.__func__.__qualname__)
    says = r"cross-attention of layer 0 has been replaced by Another\.nodes \(WanCrossAttentionPatch.*Remove that pack"
    with pytest.raises(BendError, match=says):
        sample(bent(some, *KISS), positive, negative, **SHAPE)


def test_a_forward_put_on_the_class_is_refused_by_name(model, positive, negative, sample, monkeypatch):
    def everywhere(self, x, context, transformer_options=None, **kwargs):
        return x

    kind = comfy.ldm.wan.model.WanT2VCrossAttention
    monkeypatch.setattr(kind, "forward", everywhere)
    for block in model.model.diffusion_model.blocks:
        monkeypatch.delitem(vars(block.cross_attn), "forward", raising=False)
    with pytest.raises(BendError, match=r"layer 0 has been replaced by \S*test_other_packs \(.*everywhere\)"):
        sample(bent(model, *KISS), positive, negative, **SHAPE)


# --- a forward that masks the text past the override ----------------------------------------------------------------


def mask():
    """`(L, 512)`: in the first frame the first eight tokens weigh less, in the second the next four nothing."""
    weights = torch.zeros(GRID[0], 512)
    weights[0, :8] = -2.0
    weights[1, 8:12] = -1e4
    return weights.repeat_interleave(GRID[1] * GRID[2], 0)


class DenseMasked:
    """Masked and bent attention in float64: each frame's mask is a further entry of the keys that its queries meet."""

    def __init__(self, model, bends, positive):
        self.dense = Dense(model, bends, positive, SQUARE["film"])
        self.positive = positive
        self.rows = 0

    def __call__(self, q, k, v, heads, mask, layer, options):
        out = strangers.torch_attention(q, k, v, heads, mask, layer, options)
        (embedding, extras), *_ = self.positive
        keys = self.dense._keys_of(layer, 0, embedding)
        chain = [
            (bend.operator.key, asdict(bend.operator), resolve(bend.token, extras[KEY], 512).columns, bend.strength,
             bend.renormalize)
            for bend in self.dense.bends
            if bend.layers in ("all", str(layer))
        ]  # fmt: skip
        for row in range(len(k)) if chain else ():
            if torch.allclose(k[row], keys[0], rtol=1e-3, atol=1e-3):
                out[row] = self.row(q[row], k[row], v[row], heads, mask, chain)
                self.rows += 1
        return out

    def row(self, q, k, v, heads, mask, chain):
        frames, per_frame = GRID[0], GRID[1] * GRID[2]
        q, k, v = (np.split(some.double().numpy(), heads, axis=1) for some in (q, k, v))
        depth = q[0].shape[1]
        wider = depth + frames  # the oracle divides by the root of this
        which = np.repeat(np.eye(frames), per_frame, 0) * np.sqrt(wider)
        by_frame = mask[::per_frame].double().numpy().T
        heads = [
            (np.concatenate((a * np.sqrt(wider / depth), which), 1), np.concatenate((b, by_frame), 1), c)
            for a, b, c in zip(q, k, v, strict=True)
        ]
        return torch.from_numpy(np.concatenate([bent_attention(*head, chain, GRID)[0] for head in heads], 1))


@pytest.mark.parametrize("bends", [pytest.param(KISS, marks=pytest.mark.slow), CHAIN], ids=["a word", "a chain"])
@pytest.mark.parametrize("cfg", [pytest.param(1.0, marks=pytest.mark.slow), 5.0])
def test_bent_under_a_mask_over_the_text(cfg, bends, subject, sample):
    model, positive, negative = subject
    dense = DenseMasked(model, bends, positive)
    expected = sample(strangers.relayed(model, mask(), dense), positive, negative, cfg=cfg, **SHAPE)
    some = strangers.relayed(model, mask())
    plain = sample(some, positive, negative, cfg=cfg, **SHAPE)
    assert distance(plain, sample(model, positive, negative, cfg=cfg, **SHAPE)) > 0.05
    with reports() as made:
        result = sample(bent(some, *bends), positive, negative, cfg=cfg, **SHAPE)
    assert made[0].bent == dense.rows == 2 * LAYERS and not made[0].warnings
    assert distance(result, expected) < ROUNDING and distance(result, plain) > 0.05
    assert made[0].ways == {"masked": 2 * LAYERS} and "ComfyUI-PromptRelay.patches._Cross" in made[0].slow_ways[0]
    assert torch.equal(sample(bent(some, Bend(ops.Amplify(1.0), "kiss")), positive, negative, cfg=cfg, **SHAPE), plain)


def test_a_call_that_has_no_mask_goes_the_common_way(model, positive, negative, sample):
    report, *_ = assert_dense(sample, strangers.relayed(model, None), KISS, positive, negative, **SQUARE)
    assert "masked" not in report.ways


def test_what_is_recorded_under_a_mask_is_the_masked_map(model, positive, negative, sample):
    seen = []
    some = strangers.relayed(model, mask())
    sample(bent(some, *KISS, applied=False, see=seen.append), positive, negative, steps=1, **SHAPE)
    sample(bent(model, *KISS, applied=False, see=seen.append), positive, negative, steps=1, **SHAPE)
    masked, plain = seen[0].original, seen[LAYERS].original
    assert not torch.allclose(masked[:, :, 0], plain[:, :, 0], rtol=0.05)
    assert (masked[:, :, 0] < plain[:, :, 0]).all()  # kiss is among the first eight


def test_a_temperature_under_a_mask_is_refused(model, positive, negative, sample):
    some = strangers.relayed(model, mask())
    says = (
        r"Bend 1 of 1, Temperature of ALL: another node \(ComfyUI-PromptRelay.* lays a mask over the text's attention"
    )
    with pytest.raises(BendError, match=says):
        sample(bent(some, Bend(ops.Temperature(0.5), "ALL")), positive, negative, **SHAPE)


# --- in half floats -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("forward", ["guided", "masked"])
def test_in_the_types_that_models_compute_in(forward, dtype, positive, negative, away, sample, monkeypatch):
    """By torch's kernel: as near to dense attention as the un-bent film is."""
    monkeypatch.setattr(strangers.host, "optimized_attention", attention_pytorch)
    model = loaded(dtype, "cpu").clone()

    def films(bends):
        if forward == "guided":
            some = strangers.guided(model, away.to(dtype))
            return some, Dense(some, bends, positive, SQUARE["film"]).patched()
        return strangers.relayed(model, mask()), strangers.relayed(model, mask(), DenseMasked(model, bends, positive))

    some, dense_unbent = films(UNBENT)
    _, dense_bent = films(CHAIN)
    own = rms(sample(some, positive, negative, **SHAPE), sample(dense_unbent, positive, negative, **SHAPE))
    with reports() as made:
        result = sample(bent(some, *CHAIN), positive, negative, **SHAPE)
    assert made[0].ways == {"told" if forward == "guided" else "masked": 2 * LAYERS}
    assert rms(result, sample(dense_bent, positive, negative, **SHAPE)) < max(2 * own, 1e-5)


# --- overrides ------------------------------------------------------------------------------------------------------

ORDERS = pytest.mark.parametrize(
    "ours_first", [True, pytest.param(False, marks=pytest.mark.slow)], ids=["ours first", "theirs first"]
)


def run(model, bends, override, ours_first, sample, *conds):
    some = strangers.overridden(bent(model, *bends), override) if ours_first else bent(
        strangers.overridden(model, override), *bends
    )  # fmt: skip
    with reports() as made:
        return sample(some, *conds, **SHAPE), made[0]


HANDED_ON = {
    "Model Attention Backend": (lambda: strangers.selected(attention_pytorch), True),
    "GGUF Loader KJ": (strangers.of_torch, True),
    "sparse": (strangers.sparse, False),
    "sparse on the backend": (lambda: strangers.sparse(strangers.selected(attention_pytorch)), True),
}
"""Overrides that are known to hand the text's attention on unchanged, and whether to torch's kernel, or the host's."""


@ORDERS
@pytest.mark.parametrize("case", HANDED_ON)
def test_an_override_that_hands_the_text_on_keeps_the_fast_way(
    case, ours_first, model, positive, negative, sample, monkeypatch
):
    """And it does hand it on: un-bent, the film has the bits of the kernel that is said to run."""
    make, is_torchs = HANDED_ON[case]
    result, report = run(model, CHAIN, make(), ours_first, sample, positive, negative)
    assert report.ways == {"told": 2 * LAYERS} and report.slow_ways == []
    plain = sample(strangers.overridden(model, make()), positive, negative, **SHAPE)
    if is_torchs:
        monkeypatch.setattr(comfy.ldm.wan.model, "optimized_attention", get_attention_function("pytorch"))
    bare = strangers.overridden(model, strangers.sparse()) if "sparse" in case else model
    assert torch.equal(plain, sample(bare, positive, negative, **SHAPE))
    dense = sample(Dense(bare, CHAIN, positive, SQUARE["film"]).patched(), positive, negative, **SHAPE)
    assert distance(result, dense) < ROUNDING


def test_what_is_not_known_to_hand_the_text_on_is_not_taken_for_it():
    q, k = torch.zeros(1, 32, 8), torch.zeros(1, 512, 8)
    for override in (
        strangers.selected(attention_sub_quad),
        strangers.sparse(strangers.quantised()),
        strangers.sparse(strangers.selected(attention_sub_quad)),
        strangers.quantised(),
        strangers.named(lambda func, *args, **kwargs: func(*args, **kwargs), "custom_nodes/Another.nodes", "override"),
    ):
        assert kernel_beneath(override, attention_sub_quad.__wrapped__, q, k) is None
    # as many places as text: it may take this for self-attention
    assert kernel_beneath(strangers.sparse(), attention_sub_quad.__wrapped__, k, k) is None
    assert kernel_beneath(strangers.sparse(), TORCH_ATTENTION, q, k) is TORCH_ATTENTION


@ORDERS
@pytest.mark.parametrize("make", [strangers.quantised, lambda: strangers.sparse(strangers.quantised())])
def test_an_override_that_computes_the_text_is_asked_for_each_part(make, ours_first, model, positive, negative, sample):
    """As near to dense attention as half floats let it be, and the report says what it costs, and whose it is."""
    result, report = run(model, KISS, make(), ours_first, sample, positive, negative)
    assert report.ways == {"masked": 2 * LAYERS}
    (slow,) = report.slow_ways
    assert "attention" in slow and ("sage" in slow or "sparse" in slow) and "two to three times the time" in slow
    bare = strangers.overridden(model, make())
    plain = sample(bare, positive, negative, **SHAPE)
    unquantised = strangers.overridden(model, strangers.sparse()) if "sparse" in slow else model
    dense = sample(Dense(unquantised, KISS, positive, SQUARE["film"]).patched(), positive, negative, **SHAPE)
    assert distance(result, dense) < 0.03 < distance(dense, plain)


@ORDERS
def test_an_override_and_a_forward_of_other_packs_together(ours_first, model, positive, negative, away, sample):
    some = strangers.guided(model, away)
    result, report = run(some, KISS, strangers.selected(attention_pytorch), ours_first, sample, positive, negative)
    assert report.ways == {"told": 2 * LAYERS} and not said(report)
    dense = sample(Dense(some, KISS, positive, SQUARE["film"]).patched(), positive, negative, **SHAPE)
    assert distance(result, dense) < ROUNDING
