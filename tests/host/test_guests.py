"""Other nodes on the same model: context windows, compile, caches, LoRA, other dtypes; each does its part."""

import gc
from dataclasses import replace
from inspect import signature

import comfy.context_windows as windows
import comfy.hooks
import comfy.ldm.wan.model
import comfy.sd
import folder_paths
import pytest
import torch
from attention_bending.bending.errors import BendError
from comfy.ldm.modules.attention import attention_pytorch
from comfy_api.torch_helpers import set_torch_compile_wrapper
from comfy_extras.nodes_context_windows import ContextWindowsManualNode, WanContextWindowsManualNode
from comfy_extras.nodes_easycache import EasyCacheNode, LazyCacheNode
from comfy_extras.nodes_torch_compile import skip_torch_compile_dict
from host.support import (
    KISS,
    SMALL,
    SQUARE,
    OwnTokens,
    assert_dense,
    bent,
    distance,
    prompt,
    reports,
    runs,
    said,
)

LAYERS = 2
SHAPE = SQUARE["shape"]


def noise(*shape, scale=0.1):
    return scale * torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


# --- context windows: three latent frames of six at a time, 4 × 4 tokens each ---------------------------------------


def wan_windows(model):
    """Frames 0–2, 2–4, 3–5; before those that begin later stands the frame before them, their anchor."""
    settings = 9, 4, windows.ContextSchedules.STATIC_STANDARD, 1, False, windows.ContextFuseMethods.PYRAMID, False
    return WanContextWindowsManualNode.execute(model, *settings)[0]


def manual_windows(model, retain="", causal=True, schedule=windows.ContextSchedules.STATIC_STANDARD, stride=1, dim=2):
    settings = 3, 1, schedule, stride, False, windows.ContextFuseMethods.FLAT, dim, False
    if retain and "latent_retain_index_list" not in signature(ContextWindowsManualNode.execute).parameters:
        pytest.skip("this ComfyUI retains no latent frames")  # since 0.27
    retained = {"latent_retain_index_list": retain} if retain else {}
    return ContextWindowsManualNode.execute(model, *settings, causal_window_fix=causal, **retained)[0]


def after_anchor(options):
    """The film's own three frames are the last of those that the model is given."""
    return OwnTokens.of(3, 4, 4, first=16 * (options["grid_sizes"][0] - 3))


def after_retained(options):
    """The first frame of a window is the film's first, kept there for reference, unless it belongs there."""
    belongs = options["context_window"].index_list[0] == 0
    return OwnTokens.of(3, 4, 4) if belongs else OwnTokens.of(2, 4, 4, first=16)


def around_retained(options):
    """The same of the film's second frame, which stands in the middle."""
    belongs = options["context_window"].index_list[0] == 0
    return OwnTokens.of(3, 4, 4) if belongs else OwnTokens([*range(16), *range(32, 48)], (2, 4, 4))


def scattered(model):
    return manual_windows(model, causal=False, schedule=windows.ContextSchedules.UNIFORM_LOOPED, stride=2)


WINDOWS = {
    "Wan's, with an anchor": (wan_windows, after_anchor),
    "without an anchor": (lambda model: manual_windows(model, causal=False), OwnTokens.of(3, 4, 4)),
    "an anchor that the first frame replaces": (lambda model: manual_windows(model, retain="0"), after_anchor),
    "the first frame retained": (lambda model: manual_windows(model, retain="0", causal=False), after_retained),
    "the second frame retained": (lambda model: manual_windows(model, retain="1", causal=False), around_retained),
    "scattered frames": (scattered, OwnTokens.of(3, 4, 4)),
}


@pytest.mark.parametrize("case", WINDOWS)
def test_context_windows(case, model, positive, negative, sample):
    put, film = WINDOWS[case]

    def run(some, *conds, **settings):
        return sample(put(some), *conds, **settings)

    report, *_ = assert_dense(run, model, KISS, positive, negative, film, shape=(1, 16, 6, 8, 8))
    assert not report.warnings
    seen = []
    run(bent(model, *KISS, see=seen.append), positive, negative, shape=(1, 16, 6, 8, 8))
    assert len(seen) == report.bent
    own = {2, 3} if film in (after_retained, around_retained) else {3}
    assert {s.bent.shape[2] for s in seen} == own


def test_a_film_shorter_than_a_window(model, positive, negative, sample):
    report, *_ = assert_dense(sample, wan_windows(model), KISS, positive, negative, **SQUARE)
    assert report.bent == 2 * LAYERS


def test_windows_over_the_batch(model, positive, negative, sample):
    """What the manual node's own default, dimension 0, makes: three films of five in a call, every frame in each."""
    some = manual_windows(model, causal=False, dim=0)
    report, *_ = assert_dense(
        sample, some, KISS, positive, negative, OwnTokens.of(2, 4, 4), batch=3, shape=(5, 16, 2, 8, 8)
    )
    assert report.bent == 2 * LAYERS * 2  # steps × layers × windows


def test_windows_over_the_height_are_refused(model, positive, negative, sample):
    """A bend's place is a fraction of the frame, of which a call then has a strip."""
    with pytest.raises(BendError, match=r"(?i)context windows"):
        sample(bent(manual_windows(model, dim=3), *KISS), positive, negative, shape=(1, 16, 2, 8, 8))


# --- torch.compile --------------------------------------------------------------------------------------------------


def compiled(model):
    """As core's TorchCompileModel, which has no backend "eager" to choose."""
    clone = model.clone()
    set_torch_compile_wrapper(clone, backend="eager", options={"guard_filter_fn": skip_torch_compile_dict})
    return clone


@pytest.mark.parametrize("compile_first", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_compiled_a_bend_runs_in_its_step_alone(compile_first, model, positive, negative, sample, monkeypatch):
    """One step of four. Un-bent runs of the same compiled model, between bent ones, are un-bent; no run stays alive."""
    # the default kernel of a CPU asks for free memory, which no graph can hold; as --use-pytorch-cross-attention
    monkeypatch.setattr(comfy.ldm.wan.model, "optimized_attention", attention_pytorch)
    torch.compiler.reset()
    bends = tuple(replace(bend, start=0.25, end=0.5) for bend in KISS)
    settings = {"shape": SHAPE, "steps": 4}
    plain = sample(model, positive, negative, **settings)
    expected = sample(bent(model, *bends), positive, negative, **settings)
    base = compiled(model)
    some = bent(base, *bends) if compile_first else compiled(bent(model, *bends))
    with runs() as made, reports() as told:
        for _ in range(2):
            assert distance(sample(some, positive, negative, **settings), expected) < 1e-4
            assert distance(sample(base, positive, negative, **settings), plain) < 1e-4
    gc.collect()
    assert [report.bent for report in told] == [LAYERS, LAYERS]
    assert [run() for run in made] == [None, None]
    assert distance(expected, plain) > 0.05


# --- caches that answer for the model -------------------------------------------------------------------------------


@pytest.mark.parametrize("cache_first", [True, pytest.param(False, marks=pytest.mark.slow)])
@pytest.mark.parametrize("cache", [EasyCacheNode, LazyCacheNode])
def test_steps_that_a_cache_skips_are_counted_and_told(cache, cache_first, model, positive, negative, sample):
    real = []
    hook = model.model.diffusion_model.blocks[0].register_forward_hook(lambda *_: real.append(1))
    plain = sample(model, positive, negative, steps=8, shape=SHAPE)
    real.clear()

    def cached(some):
        return cache.execute(some, 3.0, 0.0, 1.0, False)[0]

    with reports() as made:
        some = bent(cached(model), *KISS) if cache_first else cached(bent(model, *KISS))
        sample(some, positive, negative, steps=8, shape=SHAPE)
    hook.remove()
    skipped = 8 - len(real)
    assert skipped > 2 and made[0].bent == LAYERS * len(real)
    assert f"{skipped} model calls came from a cache (EasyCache or the like) and were not bent" in said(made[0])
    assert torch.equal(sample(model, positive, negative, steps=8, shape=SHAPE), plain)


@pytest.mark.parametrize("word_first", [True, False])
def test_a_skipped_call_of_two_prompts_of_which_one_is_bent(word_first, model, tiny_clip, positive, negative, sample):
    other = prompt(tiny_clip, "two friends walk in the rain")
    both = positive + other if word_first else other + positive
    with reports() as made:
        cached = EasyCacheNode.execute(bent(model, *KISS), 3.0, 0.0, 1.0, False)[0]
        sample(cached, both, negative, steps=8, shape=SHAPE)
    assert made[0].skipped == 8 - made[0].bent / LAYERS > 2


# --- weights --------------------------------------------------------------------------------------------------------


def lora_file(rank=4):
    """A LoRA on the text attention of both layers."""
    sites = [f"diffusion_model.blocks.{layer}.cross_attn.{part}" for layer in range(LAYERS) for part in ("q", "k", "v")]
    return {
        f"{site}.lora_{end}.weight": noise(*shape, scale=0.3)
        for site in sites
        for end, shape in (("A", (rank, 128)), ("B", (128, rank)))
    }


@pytest.mark.parametrize("lora_first", [True, False])
def test_a_lora_on_either_side(lora_first, model, positive, negative, sample):
    def with_lora(some):
        return comfy.sd.load_lora_for_models(some, None, lora_file(), 1.0, 0.0)[0]

    plain = sample(model, positive, negative, shape=SHAPE)
    if lora_first:
        _, _, changed = assert_dense(sample, with_lora(model), KISS, positive, negative, **SQUARE)
    else:
        run = lambda some, *conds, **settings: sample(with_lora(some), *conds, **settings)  # noqa: E731
        _, _, changed = assert_dense(run, model, KISS, positive, negative, **SQUARE)
    assert distance(changed, plain) > 0.05
    assert torch.equal(sample(model, positive, negative, shape=SHAPE), plain)


def test_a_lora_hooked_to_the_conditioning(model, positive, negative, sample):
    hooks = comfy.hooks.create_hook_lora(lora_file(), 1.0, 0.0)
    hooked = comfy.hooks.set_hooks_for_conditioning(positive, hooks)
    plain = sample(model, positive, negative, shape=SHAPE)
    _, _, changed = assert_dense(sample, model, KISS, hooked, negative, **SQUARE)
    assert distance(changed, plain) > 0.05
    assert torch.equal(sample(model, positive, negative, shape=SHAPE), plain)


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2, torch.bfloat16, torch.float16], ids=str)
def test_weights_of_other_types(dtype, positive, negative, sample):
    """The kinds that Load Diffusion Model offers, and half floats."""
    path = folder_paths.get_full_path_or_raise("diffusion_models", f"tiny_{SMALL}.safetensors")
    model = comfy.sd.load_diffusion_model(path, model_options={"dtype": dtype})
    assert model.model.diffusion_model.blocks[0].cross_attn.k.weight.dtype == dtype
    assert_dense(sample, model, KISS, positive, negative, **SQUARE)


# --- other networks in the model's place ----------------------------------------------------------------------------


def on_a_copy_of_the_model(model, other):
    """As packs for several GPUs do it: calls are made by another model of the same weights, here all but the first."""
    some, calls = model.clone(), []

    def call(apply_model, call):
        calls.append(call)
        chosen = apply_model if len(calls) == 1 else other.model.apply_model
        return chosen(call["input"], call["timestep"], **call["c"])

    some.set_model_unet_function_wrapper(call)
    return some


def on_a_copy_of_the_network(model, other):
    some, calls = model.clone(), []
    own = model.model.diffusion_model.forward

    def forward(*args, **kwargs):
        calls.append(args)
        return (own if len(calls) == 1 else other.model.diffusion_model.forward)(*args, **kwargs)

    some.add_object_patch("diffusion_model.forward", forward)
    return some


@pytest.mark.parametrize("copied", [on_a_copy_of_the_model, on_a_copy_of_the_network])
@pytest.mark.parametrize("copy_first", [True, False])
def test_calls_that_a_copy_makes_are_told_as_such(copied, copy_first, model, tiny_model, positive, negative, sample):
    other = tiny_model(SMALL, fresh=True)
    with reports() as made:
        some = bent(copied(model, other), *KISS) if copy_first else copied(bent(model, *KISS), other)
        sample(some, positive, negative, steps=4, shape=SHAPE)
    assert made[0].bent == LAYERS and "cache" not in said(made[0])
    assert "3 model calls ran on another network (WanModel) than that of the model which Patch" in said(made[0])
