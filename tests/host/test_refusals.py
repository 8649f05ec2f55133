"""What cannot work is refused before the first step: the bend, what was there, and the cure; nothing stays behind."""

import comfy.ldm.wan.model
import node_helpers
import pytest
import torch
from attention_bending.bending import operators as ops
from attention_bending.bending.bend import Bend, Bending
from attention_bending.bending.errors import BendError
from attention_bending.host.run.attach import patch_model
from attention_bending.host.run.patch import Patch
from comfy.patcher_extension import WrappersMP
from host.support import reports, said


@pytest.fixture(scope="module")
def first():
    """What `plain` keeps."""
    return []


@pytest.fixture
def plain(first, tiny_model, positive, encode, sample):
    """The un-bent film of the first test that asked: whatever was refused since, the model still makes it."""
    if not first:
        first.append(sample(tiny_model(), positive, encode("blurry")))
    return first[0]


def bend(token="kiss", operator=None, **where):
    return Bend(operator or ops.Blur(), token, origin="14", **where)


def patched(model, *bends):
    return patch_model(model, Patch(Bending(bends), node="20"))


REFUSED = {
    "unknown word": ([bend("love")], r'Bend 1 of 1, Blur of "love" \(node 14\): .*kiss.*romantic'),
    "near word": ([bend("kis")], "kiss"),
    "second bend": ([bend(), bend("love")], r"Bend 2 of 2, Blur of \"love\""),
    "missing layer": ([bend(layers="4")], r"node 14.*no layer 4: its 4 layers are 0 to 3"),
    "missing occurrence": ([bend("kiss#2")], "once"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_before_the_first_step(case, tiny_model, positive, encode, sample, plain):
    bends, says = REFUSED[case]
    steps = []
    with pytest.raises(BendError, match=says):
        sample(patched(tiny_model(), *bends), positive, encode("blurry"), callback=lambda *_: steps.append(1))
    assert not steps
    assert torch.equal(plain, sample(tiny_model(), positive, encode("blurry")))


def test_conditioning_without_a_token_map(tiny_model, encode, sample):
    plain = encode("a romantic kiss")
    with pytest.raises(BendError, match=r"not made by Bend Prompt.*Bend Prompt node, or bend ALL"):
        sample(patched(tiny_model(), bend()), plain, encode("blurry"))
    unbent = sample(tiny_model(), plain, encode("blurry"))
    bent = sample(patched(tiny_model(), bend("ALL", ops.Translate())), plain, encode("blurry"))
    assert not torch.allclose(unbent, bent)


def test_conditioning_that_was_joined_after_bend_prompt(tiny_model, positive, encode, sample):
    joined = [[torch.cat((positive[0][0], encode("more")[0][0]), 1), positive[0][1]]]
    with pytest.raises(BendError, match="ConditioningConcat"):
        sample(patched(tiny_model(), bend()), joined, encode("blurry"))
    sample(patched(tiny_model(), bend("ALL")), joined, encode("blurry"), cfg=1.0)


@pytest.mark.parametrize("token", ["kiss", "ALL"])
def test_a_text_that_another_node_lengthens_when_the_sampler_starts(token, tiny_model, positive, encode, sample, plain):
    def lengthen(executor, *args, **kwargs):
        guider = executor.class_obj
        for cond in guider.conds["positive"]:
            cond["cross_attn"] = torch.cat((cond["cross_attn"], cond["cross_attn"]), 1)
        return executor(*args, **kwargs)

    model = patched(tiny_model(), bend(token))
    model.add_wrapper_with_key(WrappersMP.OUTER_SAMPLE, "another pack", lengthen)
    with pytest.raises(BendError, match=r"had 512 tokens when .* another node has changed its text since .*1024\)"):
        sample(model, positive, encode("blurry"))
    assert torch.equal(plain, sample(tiny_model(), positive, encode("blurry")))


def test_a_conditioning_that_another_node_adds_is_told(tiny_model, positive, encode, sample):
    def add(executor, *args, **kwargs):
        guider = executor.class_obj
        guider.conds["positive"].append({**guider.conds["positive"][0], "cross_attn": encode("rain")[0][0]})
        return executor(*args, **kwargs)

    model = patched(tiny_model(), bend())
    model.add_wrapper_with_key(WrappersMP.OUTER_SAMPLE, "another pack", add)
    with reports() as made:
        sample(model, positive, encode("blurry"))
    assert made[0].bent and "another node has added 1 to the positive conditionings: not bent." in said(made[0])


def test_an_area_is_refused_and_a_mask_is_not(tiny_model, positive, encode, sample):
    area = node_helpers.conditioning_set_values(positive, {"area": (8, 8, 0, 0), "strength": 1.0})
    with pytest.raises(BendError, match="limited to an area"):
        sample(patched(tiny_model(), bend()), area, encode("blurry"))
    mask = node_helpers.conditioning_set_values(positive, {"mask": torch.ones(1, 16, 16), "mask_strength": 1.0})
    sample(patched(tiny_model(), bend()), mask, encode("blurry"))


def test_models_that_were_not_checked(tiny_model):
    class Stranger(torch.nn.Module):
        diffusion_model = torch.nn.Identity()

    class WanVideoModel(Stranger):
        pass

    for stranger, says in (
        (Stranger(), r"class Stranger \(Identity\) cannot be bent. What works: Wan 2.1"),
        (WanVideoModel(), "WanVideoWrapper, which samples outside ComfyUI. Load it with ComfyUI's own"),
    ):
        model = tiny_model()
        model.model = stranger
        with pytest.raises(BendError, match=says):
            patched(model, bend())


def test_a_forward_that_another_pack_has_replaced(tiny_model, positive, encode, sample):
    def foreign_forward(x, context, **kwargs):
        return x

    model = patched(tiny_model(), bend())
    model.add_object_patch("diffusion_model.blocks.1.cross_attn.forward", foreign_forward)
    with pytest.raises(BendError, match=r"layer 1 has been replaced by \S*test_refusals \(.*foreign_forward\).*Remove"):
        sample(model, positive, encode("blurry"))


def test_a_film_that_turns_infinite_stops_with_the_bend_to_blame(tiny_model, positive, encode, sample, plain):
    bends = (bend(operator=ops.Blur()), bend("ALL", ops.Amplify(1e38), renormalize=False))
    steps = []
    with pytest.raises(BendError, match=r"Bend 2 of 2, Amplify of ALL \(node 14\).*no longer finite.*Lower"):
        sample(patched(tiny_model(), *bends), positive, encode("blurry"), steps=6, callback=lambda *_: steps.append(1))
    assert len(steps) < 2
    assert torch.equal(plain, sample(tiny_model(), positive, encode("blurry")))


def test_an_error_swallowed_by_foreign_code_is_raised_all_the_same(tiny_model, positive, encode, sample):
    """A chained override that hides errors must not turn a bend into nothing."""

    def hides(func, *args, **kwargs):
        try:
            return func(*args, **kwargs)
        except Exception:
            return args[0]

    class Broken(ops.Blur):
        def kernel(self, height, width, device):
            raise RuntimeError("broken kernel")

    original = comfy.ldm.wan.model.WanT2VCrossAttention.forward
    model = patched(tiny_model(), bend(operator=Broken()))
    model.model_options["transformer_options"]["optimized_attention_override"] = hides
    with pytest.raises(RuntimeError, match="broken kernel"):
        sample(model, positive, encode("blurry"))
    assert comfy.ldm.wan.model.WanT2VCrossAttention.forward is original
