"""Every member of every family: exact, counted, and the model as it was; whatever is laid out otherwise is refused."""

from dataclasses import replace
from functools import cache

import comfy.model_patcher
import numpy as np
import pytest
import torch
from attention_bending.bending import operators as ops
from attention_bending.bending.bend import Bend, Bending
from attention_bending.bending.errors import BendError
from attention_bending.host.maps.record_store import Handle, record_of
from attention_bending.host.maps.recording import Recording
from attention_bending.host.run.attach import patch_model
from attention_bending.host.run.patch import Patch
from host.support import KISS, ROUNDING, bent, distance, reports

from .dense import Dense
from .member import Member
from .table import MEMBERS

CHAIN = (
    Bend(ops.Translate(x=0.25, y=-0.3, padding="reflection"), "kiss"),
    Bend(ops.Blur(sigma=0.8), "ALL", strength=0.7),
    Bend(ops.Amplify(3.0), "PADDING"),
)
"""A word, all tokens, and many tokens: each way that the algebra knows."""

STEPS, CFG = 2, 4.0

members = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * member.slow) for name, member in MEMBERS.items()]
)


@cache
def built(member: Member) -> comfy.model_patcher.ModelPatcher:
    return member.build()


@pytest.fixture
def member(name) -> Member:
    return MEMBERS[name]


@pytest.fixture
def film(member, sample):
    """A function that samples the member's film with a model that is patched, or not."""

    def run(model, positive=1, negative=2, films=1, **options):
        conds = member.conditioning(positive), member.conditioning(negative)
        own = {"latent": member.latent(films), "noise_mask": member.mask, "steps": STEPS, "cfg": CFG}
        samples = sample(model, *conds, **{**own, **options})
        return samples.unbind()[0] if samples.is_nested else samples

    return run


def held(film, member, bends, films=1, active=lambda sigma: True, **options):
    """Bend, and hold the film against the dense one: the same film, as many bent rows, and a real change."""
    model, dense = built(member), Dense(member, bends, active)
    expected = film(dense.patched(model), films=films, **options)
    with reports() as made:
        result = film(bent(model, *bends), films=films, **options)
    (report,) = made
    assert report.bent * films == dense.rows > 0, f"{report.bent} sites bent, {dense.rows} rows of {films} expected"
    assert distance(result, expected) < ROUNDING, f"{distance(result, expected):.1e} from dense attention"
    assert distance(result, film(model, films=films, **options)) > 0.05
    return report, result


@members
@pytest.mark.parametrize("bends", [KISS, CHAIN], ids=["a word", "a chain"])
def test_equals_dense_attention(bends, name, member, film):
    report, _ = held(film, member, bends)
    assert report.bent == STEPS * member.calls
    silent = [bend for bend in bends if set(member.means(bend.token)) <= set(member.shut)]
    assert len(report.warnings) == len(silent)
    assert all("the model masks all of these tokens" in warning for warning in report.warnings)


@members
def test_two_films_in_a_window_with_the_passes_apart(name, member, film, monkeypatch):
    """The second of two steps alone; ComfyUI asks the model once for each pass where memory is short."""
    monkeypatch.setattr(comfy.model_patcher.ModelPatcher, "get_free_memory", lambda patcher, device: 0)
    half = built(member).get_model_object("model_sampling").percent_to_sigma(0.3)
    bends = tuple(replace(bend, start=0.3) for bend in KISS)
    report, _ = held(film, member, bends, films=1 + member.batches, active=lambda sigma: sigma <= half)
    assert report.bent == (STEPS - 1) * member.calls


@members
def test_null_bits_a_record_and_the_model_as_it_was(name, member, film):
    """A bend of no strength, and one that is only recorded, leave the bits; a record shows the film's own grid."""
    model = built(member)
    plain, handle = film(model), Handle(None, 2**26)
    null = bent(model, *(replace(bend, strength=0.0) for bend in CHAIN))
    seen = Patch(Bending(KISS), False, recording=Recording(handle, "listed words", "kiss"), handle=handle)
    for some in (null, patch_model(model, seen), model):
        assert torch.equal(film(some), plain)
    record, dense = record_of(handle, {"samples": plain}), Dense(member, ())
    film(dense.patched(model))
    assert record.grid.shape == member.grid and len(record.steps) == STEPS
    if len(record.layers) == member.calls:  # else some layers have several
        maps = record.original.values.float() * record.original.peaks.float()
        seen = maps.mean((1, 2, 3)).flatten().numpy()
        assert np.abs(seen - np.mean(dense.maps, 0)).max() < 1e-3 * np.max(dense.maps)
    modules = (module for module in model.model.diffusion_model.modules() if "forward" in vars(module))
    assert all(module.forward.__func__ is type(module).forward for module in modules)
    assert not model.object_patches


@members
@pytest.mark.parametrize("cut", ["queries", "text keys"])
def test_other_counts_are_refused(cut, name, member, film):
    """One row of the film, or one column of the text, is kept from an attention."""
    model = built(member)
    module = model.model.diffusion_model.get_submodule(member.site)

    def fewer(module, args, kwargs):
        if cut == "queries":
            return (args[0][:, :-1], *args[1:]), kwargs
        if len(args) > 1:
            return (args[0], args[1][:, :-1], *args[2:]), kwargs
        return args, {**kwargs, "context": kwargs["context"][:, :-1]}

    def filled(module, args, kwargs, output):
        return torch.cat((output, output[:, -1:]), 1) if cut == "queries" else output

    hooks = [
        module.register_forward_pre_hook(fewer, with_kwargs=True),
        module.register_forward_hook(filled, with_kwargs=True),
    ]
    count = member.queries if cut == "queries" else member.keys
    try:
        with pytest.raises(BendError, match=f"{cut}: {count} expected, {count - 1} seen"):
            film(bent(model, *KISS))
    finally:
        for hook in hooks:
            hook.remove()
