"""A model call is bent only if it is laid out as the run's: else refused by what was found, or told; never guessed."""

import types

import pytest
import torch
from attention_bending.bending import operators as ops
from attention_bending.bending.bend import Bend
from attention_bending.bending.errors import BendError
from comfy.patcher_extension import WrappersMP
from host.strangers import (
    around,
    cut_in_time,
    enlarged,
    frames_in_front,
    inside,
    on_its_side,
    rows_apart,
    rows_behind,
    rows_in_front,
    rows_twice,
    tiles_in_the_batch,
    tiles_one_by_one,
)
from host.support import (
    KISS,
    ROUNDING,
    SQUARE,
    Dense,
    OwnTokens,
    assert_dense,
    bent,
    distance,
    percent,
    reports,
    said,
    within,
)

WIDE = {"shape": (1, 16, 2, 8, 16)}
FILM = OwnTokens.of(2, 4, 8)
LAYERS = 2

CHANGES = {
    rows_apart: "rows: 2 expected, 1 seen",
    rows_in_front: "rows: 2 expected, 3 seen",
    rows_behind: "rows: 2 expected, 3 seen",
    rows_twice: "rows: 2 expected, 4 seen",
    tiles_in_the_batch: "rows: 2 expected, 4 seen",
    tiles_one_by_one: ("latent width: 16 expected, 8 seen", "queries: 64 expected, 32 seen"),
    on_its_side: ("latent height: 8 expected, 16 seen", "grid of tokens: 2 × 4 × 8 expected, 2 × 8 × 4 seen"),
    enlarged: ("latent width: 16 expected, 32 seen", "queries: 64 expected, 128 seen"),
    cut_in_time: ("latent frames: 2 expected, 1 seen", "queries: 64 expected, 32 seen"),
    frames_in_front: ("latent frames: 2 expected, 3 seen", "queries: 64 expected, 96 seen"),
}
"""What is found before the model is called, and inside it."""


HOW = {
    around: "host.strangers.around.<locals>.wrapper (model function wrapper)",
    inside: "host.strangers.inside.<locals>.wrapper (wrapper diffusion_model)",
}


@pytest.mark.parametrize("how", HOW, ids=lambda how: how.__name__)
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
@pytest.mark.parametrize("passes", ["positive", pytest.param("negative", marks=pytest.mark.slow)])
def test_a_call_laid_out_otherwise_is_refused(passes, change, how, model, positive, sample):
    """By what was found, and whose wrapper it looks like, whichever node came first; the model stays as it was."""
    bend = Bend(ops.Flip(), "kiss", passes=passes)
    some = bent(how(model, change), bend) if passes == "positive" else how(bent(model, bend), change)
    found = CHANGES[change]
    found = found if isinstance(found, str) else found[how is inside]
    steps = []
    with pytest.raises(BendError) as refused:
        sample(some, positive, positive, callback=lambda *_: steps.append(1), **WIDE)
    message = str(refused.value)
    assert message.startswith('Bend 1 of 1, Flip of "kiss": a model call is not laid out as this run\'s. ')
    assert found in message and f"It looks like the work of {HOW[how]}. Remove that node" in message
    assert not steps
    plain = sample(model, positive, positive, steps=1, **WIDE)
    assert torch.equal(plain, sample(model, positive, positive, steps=1, **WIDE))


# --- inside a block -------------------------------------------------------------------------------------------------


def text_in_front(block, args):
    return block({**args, "txt": torch.cat((args["txt"][:, :3], args["txt"]), 1)})


def text_cut(block, args):
    return block({**args, "txt": args["txt"][:, :100]})


def places_cut(block, args):
    half = args["img"].shape[1] // 2
    out = block({**args, "img": args["img"][:, :half], "pe": args["pe"][:, :half]})
    return {"img": torch.cat((out["img"], args["img"][:, half:]), 1)}


BLOCKS = {
    text_in_front: "text keys: 512 expected, 515 seen",
    text_cut: "text keys: 512 expected, 100 seen",
    places_cut: "queries: 64 expected, 32 seen",
}


@pytest.mark.parametrize("change", BLOCKS, ids=lambda change: change.__name__)
def test_a_block_that_attends_otherwise_is_refused(change, model, positive, negative, sample):
    def replacement(args, extra):
        return change(extra["original_block"], args)

    clone = bent(model, *KISS)
    clone.set_model_patch_replace(replacement, "dit", "double_block", 1)
    with pytest.raises(BendError) as refused:
        sample(clone, positive, negative, **WIDE)
    assert BLOCKS[change] in str(refused.value)
    assert "<locals>.replacement (patches_replace dit)" in str(refused.value)
    # a bend that does not act in that block is not concerned
    first = Bend(ops.Flip(), "kiss", layers="0")
    clone = bent(model, first)
    clone.set_model_patch_replace(replacement, "dit", "double_block", 1)
    plain = model.clone()
    plain.set_model_patch_replace(replacement, "dit", "double_block", 1)
    with reports() as made:
        result = sample(clone, positive, negative, **WIDE)
    assert made[0].bent == 2 and not made[0].warnings
    assert distance(result, sample(Dense(plain, (first,), positive, FILM).patched(), positive, negative, **WIDE)) < (
        ROUNDING
    )


def test_text_put_in_front_before_the_blocks_is_refused(model, positive, negative, sample):
    def lengthened(call, x, t, text):
        return call(x, t, torch.cat((text[:, :3], text), 1))

    for how in HOW:
        with pytest.raises(BendError, match=r"text keys: 512 expected, 515 seen.*It looks like the work of host.str"):
            sample(bent(how(model, lengthened), *KISS), positive, negative, **WIDE)


def test_a_refusal_that_another_node_swallows_is_raised_at_the_end(model, positive, negative, sample):
    def swallows(call, x, t, text):
        try:
            return tiles_one_by_one(call, x, t, text)
        except ValueError:
            return torch.zeros_like(x)

    for how in HOW:
        with pytest.raises(BendError, match=r"expected, 8 seen|expected, 32 seen"):
            sample(how(bent(model, *KISS), swallows), positive, negative, **WIDE)


def test_context_windows_of_another_kind_are_refused(model, positive, negative, sample):
    def windowed(apply_model, args):
        options = {**args["c"]["transformer_options"], "context_window": types.SimpleNamespace(start=0, end=1)}
        return apply_model(args["input"], args["timestep"], **{**args["c"], "transformer_options": options})

    some = bent(model, *KISS)
    some.set_model_unet_function_wrapper(windowed)
    with pytest.raises(
        BendError, match=r"windows of types\.SimpleNamespace are not ComfyUI's own.*Use ComfyUI's Context"
    ):
        sample(some, positive, negative, **WIDE)


def test_a_network_that_attends_in_its_own_way_is_refused(model, positive, negative, sample):
    """As a pack's that puts other forwards on the blocks while the network runs: none of ours is ever called."""

    def own_way(executor, *args, **kwargs):
        modules = [block.cross_attn for block in model.model.diffusion_model.blocks]
        ours = [module.forward for module in modules]
        for module in modules:
            module.forward = types.MethodType(type(module).forward, module)
        try:
            return executor(*args, **kwargs)
        finally:
            for module, forward in zip(modules, ours, strict=True):
                module.forward = forward

    def put(some):
        clone = some.clone()
        clone.add_wrapper_with_key(WrappersMP.DIFFUSION_MODEL, "a pack", own_way)
        return clone

    with pytest.raises(
        BendError, match=r"has reached no text attention of the host's\. It looks .*own_way \(wrapper diff"
    ):
        sample(put(bent(model, *KISS)), positive, negative, **WIDE)
    with reports() as made:  # a record alone breaks nothing
        sample(put(bent(model, *KISS, applied=False, see=lambda sighting: None)), positive, negative, **WIDE)
    assert "2 model calls left un-bent" in said(made[0]) and "has reached no text attention" in said(made[0])


# --- where nothing is to be bent ------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", HOW, ids=lambda how: how.__name__)
@pytest.mark.parametrize("change", [rows_apart, tiles_one_by_one], ids=lambda change: change.__name__)
def test_calls_in_which_no_bend_would_act_are_told(change, how, model, positive, negative, sample):
    """The pack acts in the second half of four steps, the bends in the first: exact there, and said of the others."""
    bends = tuple(Bend(bend.operator, "kiss", renormalize=False, end=0.5) for bend in KISS)
    late = lambda sigma: percent(sigma) > 0.49  # noqa: E731

    def run(some, *conds, **settings):
        return sample(how(some, change, late), *conds, **settings)

    report, *_ = assert_dense(run, model, bends, positive, negative, FILM, active=within(0, 0.5), steps=4, **WIDE)
    assert report.bent == 2 * LAYERS
    (warning,) = report.warnings
    calls = 2 if how is inside else 4
    assert warning.startswith(
        f"{calls} model calls left un-bent, where no bend was to act: a model call is not laid out"
    )


def test_a_record_leaves_out_calls_that_are_laid_out_otherwise(model, positive, negative, sample):
    seen = []
    late = lambda sigma: percent(sigma) > 0.49  # noqa: E731
    plain = sample(inside(model, tiles_one_by_one, late), positive, negative, steps=4, **WIDE)
    with reports() as made:
        recorded = sample(
            inside(bent(model, *KISS, applied=False, see=seen.append), tiles_one_by_one, late),
            positive,
            negative,
            steps=4,
            **WIDE,
        )
    assert torch.equal(recorded, plain)
    assert [sighting.step for sighting in seen] == [0, 0, 1, 1]
    assert "queries: 64 expected, 32 seen" in said(made[0])


def test_rows_of_nobodys_conditioning_are_told_and_not_bent(model, positive, negative, sample):
    """Another node adds a row to the call, and says so: it has no conditioning of this sampler."""

    def marked(some):
        def wrapper(apply_model, args):
            given, x, t = args["c"], args["input"], args["timestep"]
            options = given["transformer_options"]
            more = {"c_crossattn": torch.cat((given["c_crossattn"], given["c_crossattn"][-1:]))}
            more["transformer_options"] = {**options, "uuids": [*options["uuids"], None]}
            return apply_model(torch.cat((x, x[-1:])), torch.cat((t, t[-1:])), **{**given, **more})[: len(x)]

        clone = some.clone()
        clone.set_model_unet_function_wrapper(wrapper)
        return clone

    with reports() as made:
        result = sample(marked(bent(model, *KISS)), positive, negative, **SQUARE_SHAPE)
    expected = sample(Dense(model, KISS, positive, SQUARE["film"]).patched(), positive, negative, **SQUARE_SHAPE)
    assert distance(result, expected) < ROUNDING
    assert made[0].bent == 2 * LAYERS and made[0].foreign_rows == 2
    assert "2 rows came from conditionings of another guider and were left un-bent, as are rows" in said(made[0])


SQUARE_SHAPE = {"shape": SQUARE["shape"]}


def test_a_call_without_a_mark_is_told_and_not_bent(model, positive, negative, sample):
    """A pack that calls the model once more, by itself."""

    def again(some):
        def wrapper(apply_model, args):
            given = args["c"]
            options = {k: v for k, v in given["transformer_options"].items() if k != "uuids"}
            apply_model(args["input"], args["timestep"], **{**given, "transformer_options": options})
            return apply_model(args["input"], args["timestep"], **given)

        clone = some.clone()
        clone.set_model_unet_function_wrapper(wrapper)
        return clone

    plain = sample(bent(model, *KISS), positive, negative, **SQUARE_SHAPE)
    with reports() as made:
        assert torch.equal(sample(again(bent(model, *KISS)), positive, negative, **SQUARE_SHAPE), plain)
    assert made[0].bent == 2 * LAYERS and made[0].foreign_rows == 4


def test_a_call_in_the_middle_of_a_call(model, positive, negative, sample):
    """A block that calls the whole model: what comes after it is bent all the same."""

    def nested(some):
        clone, deep = some.clone(), []

        def replacement(args, extra):
            if not deep:
                deep.append(1)
                options = {**args["transformer_options"], "uuids": []}
                x = torch.zeros(2, *SQUARE["shape"][1:])
                clone.model.apply_model(x, torch.ones(2), None, torch.zeros(2, 512, 4096), None, options)
                deep.clear()
            return extra["original_block"](args)

        clone.set_model_patch_replace(replacement, "dit", "double_block", 0)
        return clone

    plain = sample(bent(model, *KISS), positive, negative, **SQUARE_SHAPE)
    with reports() as made:
        assert torch.equal(sample(nested(bent(model, *KISS)), positive, negative, **SQUARE_SHAPE), plain)
    assert made[0].bent == 2 * LAYERS
