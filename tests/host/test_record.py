"""What a run records: exact maps, whatever else happens to the film."""

import gc
import re
import weakref

import comfy.ldm.wan.model
import comfy.sampler_helpers
import comfy.sd
import folder_paths
import pytest
import torch
from attention_bending.bending import operators as ops
from attention_bending.bending.bend import Bend, Bending
from attention_bending.bending.errors import BendError
from attention_bending.bending.text.tokens import resolve
from attention_bending.host.maps.record_store import KEPT, Handle, record_of
from attention_bending.host.maps.recording import Recording
from attention_bending.host.run.attach import patch_model
from attention_bending.host.run.patch import Patch
from attention_bending.host.text.prompt_encoding import KEY
from comfy.ldm.modules.attention import get_attention_function
from comfy_extras.nodes_context_windows import WanContextWindowsManualNode
from core.oracle import bent_attention
from host.support import SEEING, SMALL, bent, prompt, reports, said

MB = 2**20
BLUR = Bend(ops.Blur(1.0), "kiss")
SHAPE = (1, 16, 2, 8, 8)
GRID = (2, 4, 4)


def recording(model, *bends, words="bent words", tokens="", heads=False, applied=True, limit=64 * MB, see=None):
    """A model that records, and its handle."""
    handle = Handle("9", limit)
    kept = Recording(handle, words, tokens, heads)
    if see:
        SEEING[handle] = see
    return patch_model(model, Patch(Bending(bends), applied, "9", kept)), handle


def run(sample, model, positive, negative, **options):
    """The latent, as a sampler node gives it."""
    return {"samples": sample(model, positive, negative, shape=SHAPE, **{"cfg": 1.0, **options})}


class Queries:
    """The queries and keys of each text attention, as the model's own norms give them, by layer."""

    def __init__(self, model):
        self.seen: list[tuple[int, torch.Tensor, torch.Tensor]] = []
        self._hooks, last = [], {}
        for layer, block in enumerate(model.model.diffusion_model.blocks):
            attention = block.cross_attn

            def keep_q(module, inputs, output, layer=layer):
                last[layer] = output.clone()

            def keep_k(module, inputs, output, layer=layer):
                self.seen.append((layer, last[layer], output.clone()))

            self._hooks += [attention.norm_q.register_forward_hook(keep_q)]
            self._hooks += [attention.norm_k.register_forward_hook(keep_k)]

    def close(self):
        for hook in self._hooks:
            hook.remove()

    def maps(self, column: int) -> list[tuple[int, torch.Tensor]]:
        """For each call, its layer and the dense softmax's column in float64, `(H, F, h, w)`."""
        return [(layer, softmax(q, k)[:, :, column].unflatten(1, GRID)) for layer, q, k in self.seen]


def softmax(q, k):
    heads = q.shape[2] // 128
    q, k = (tensor[0].double().unflatten(1, (heads, 128)).transpose(0, 1) for tensor in (q, k))
    return (q @ k.mT / 128**0.5).softmax(-1)


def largest_error(ours, dense, above: float) -> float:
    there = dense > above
    assert there.any()
    return float(((ours.double() - dense).abs() / dense)[there].max())


@pytest.fixture
def kiss_column(positive):
    (encoder,) = positive[0][1][KEY].encoders
    (piece,) = (piece for piece in encoder.pieces if "kiss" in piece.text)
    return piece.column


@pytest.mark.parametrize("kernel", ["pytorch", "sub_quad", "split"])
def test_maps_equal_the_dense_softmax(kernel, model, positive, negative, sample, kiss_column, monkeypatch):
    """Before storage to 1e-5, after it to 1e-3, by any kernel of the host."""
    monkeypatch.setattr(comfy.ldm.wan.model, "optimized_attention", get_attention_function(kernel))
    sightings, queries = [], Queries(model)
    watched, handle = recording(model, BLUR, see=sightings.append, heads=True, applied=False)
    latent = run(sample, watched, positive, negative)
    queries.close()
    dense = queries.maps(kiss_column)
    assert len(sightings) == len(dense) == 4
    record = record_of(handle, latent)
    for sighting, (layer, column) in zip(sightings, dense, strict=True):
        assert sighting.layer == layer
        assert largest_error(sighting.original[0], column, 1e-6) < 1e-5
        for head in range(record.heads):
            stored = record.mean_map(0, False, (sighting.step,), (layer,), (head,))
            assert largest_error(stored, column[head], 1e-4) < 1e-3


def test_bent_maps_equal_the_dense_ones(model, positive, negative, sample, kiss_column):
    bends = (Bend(ops.Translate(x=0.25), "kiss"), Bend(ops.Amplify(3.0), "sunset"), Bend(ops.Blur(1.0), "ALL"))
    sightings, queries = [], Queries(model)
    watched, handle = recording(model, *bends, see=sightings.append, applied=False)
    latent = run(sample, watched, positive, negative)
    queries.close()
    columns = [resolve(bend.token, positive[0][1][KEY], 512).columns for bend in bends]
    chain = [
        (bend.operator.key, vars(bend.operator), some, 1.0, True) for bend, some in zip(bends, columns, strict=True)
    ]
    record = record_of(handle, latent)
    for sighting, (layer, q, k) in zip(sightings, queries.seen, strict=True):
        dense = bent_attention(q[0].double().numpy(), k[0].double().numpy(), k[0].double().numpy(), chain, GRID)[1]
        dense = torch.from_numpy(dense[:, kiss_column]).unflatten(0, GRID)
        assert largest_error(sighting.bent[0, 0], dense, 1e-6) < 1e-4
        assert largest_error(record.mean_map(0, True, (sighting.step,), (layer,)), dense, 1e-4) < 2e-3


def test_in_bfloat16_maps_equal_the_dense_softmax(positive, negative, sample, kiss_column):
    path = folder_paths.get_full_path_or_raise("diffusion_models", f"tiny_{SMALL}.safetensors")
    model = comfy.sd.load_diffusion_model(path, model_options={"dtype": torch.bfloat16})
    model.set_model_compute_dtype(torch.bfloat16)
    sightings, queries = [], Queries(model)
    run(sample, bent(model, BLUR, applied=False, see=sightings.append), positive, negative, steps=1)
    queries.close()
    assert queries.seen[0][1].dtype == torch.bfloat16
    for sighting, (_, column) in zip(sightings, queries.maps(kiss_column), strict=True):
        assert largest_error(sighting.original[0], column, 1e-6) < 2e-2


def test_the_film_is_un_bent_to_the_bit_and_both_maps_are_there(model, positive, negative, sample):
    plain = run(sample, model, positive, negative, cfg=5.0)
    watched, handle = recording(model, BLUR, applied=False)
    latent = run(sample, watched, positive, negative, cfg=5.0)
    assert torch.equal(latent["samples"], plain["samples"])
    record = record_of(handle, latent)
    assert record.words == ("kiss",) and record.seen.all()
    original, after = (record.mean_map(0, which, (0, 1), (0, 1)) for which in (False, True))
    assert original.shape == GRID and (after - original).abs().max() > 0.01 * original.max()


@pytest.mark.parametrize("bends", [(), (Bend(ops.Temperature(0.5), "ALL"), BLUR)], ids=["no bend", "a temperature"])
def test_the_original_is_the_un_bent_one(bends, model, positive, negative, sample):
    """Also where a temperature, which acts on the queries, comes first."""
    kept = {"words": "listed words", "tokens": "kiss, sunset", "applied": False}
    plain, handle = recording(model, **kept)
    first = record_of(handle, run(sample, plain, positive, negative))
    assert first.bent is first.original
    other, handle = recording(model, *bends, **kept)
    latent = run(sample, other, positive, negative)
    second = record_of(handle, latent)
    for word in (0, 1):
        expected, found = (record.mean_map(word, False, (0, 1), (0, 1)) for record in (first, second))
        assert torch.allclose(expected, found, rtol=1e-3, atol=1e-7)
    if bends:
        assert not torch.allclose(
            second.mean_map(0, True, (0,), (0,)), second.mean_map(0, False, (0,), (0,)), rtol=0.05
        )


def test_a_temperature_shows_the_same_off_as_on(model, positive, negative, sample):
    """In the first layer of the first step, which is reached before the film can differ."""
    bends, films = (Bend(ops.Temperature(0.5), "ALL"), BLUR), []
    for applied in (True, False):
        watched, handle = recording(model, *bends, applied=applied)
        films.append(record_of(handle, run(sample, watched, positive, negative)).mean_map(0, True, (0,), (0,)))
    assert torch.allclose(*films, rtol=2e-3)


def test_recording_other_words_leaves_the_bent_film(model, positive, negative, sample):
    film = run(sample, bent(model, BLUR), positive, negative)["samples"]
    watched, handle = recording(model, BLUR, words="listed words", tokens="sunset, END")
    latent = run(sample, watched, positive, negative)
    assert (latent["samples"] - film).abs().max() < 1e-4 * film.std()
    assert record_of(handle, latent).words == ("sunset", "END")


def test_a_window_records_the_steps_without_a_bend_too(model, positive, negative, sample):
    late = Bend(ops.Blur(1.0), "kiss", start=0.5)
    watched, handle = recording(model, late)
    record = record_of(handle, run(sample, watched, positive, negative, steps=4))
    assert record.seen.all()
    same = [torch.equal(*(record.mean_map(0, which, (step,), (0, 1)) for which in (False, True))) for step in range(4)]
    assert same[0] and not same[-1]


# --- which words ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bends", "words", "tokens", "expected"),
    [
        ((BLUR, Bend(ops.Flip(), "sunset, kiss")), "bent words", "", ("kiss", "sunset")),
        ((Bend(ops.Flip(), "ALL"),), "bent words", "", ("a", "romantic", "kiss", "at", "sunset")),
        ((), "bent words", "", ("a", "romantic", "kiss", "at", "sunset")),
        ((BLUR,), "marked words", "", ("kiss",)),
        ((BLUR,), "listed words", 'romantic, "kiss at", END', ("romantic", "kiss at", "END")),
        ((Bend(ops.Swap("sunset"), "kiss"),), "bent words", "", ("kiss", "sunset")),
    ],
)
def test_whose_maps_are_kept(bends, words, tokens, expected, model, positive, negative, sample):
    watched, handle = recording(model, *bends, words=words, tokens=tokens)
    record = record_of(handle, run(sample, watched, positive, negative, steps=1))
    assert record.words == expected and all(record.columns)
    assert record.facts["prompt"] == "a romantic kiss at sunset" and record.facts["seed"] == 0
    assert record.chosen_words("") == tuple(range(len(expected)))


@pytest.mark.parametrize(
    ("words", "tokens", "message"),
    [
        ("listed words", "love", 'Recording: .*"love".*prompt'),
        ("listed words", "ALL", "ALL has no map"),
        ("listed words", "PADDING", "at most 64"),
    ],
)
def test_words_that_cannot_be_kept_are_refused(words, tokens, message, model, positive, negative, sample):
    watched, _ = recording(model, BLUR, words=words, tokens=tokens)
    with pytest.raises(BendError, match=message):
        run(sample, watched, positive, negative)


def test_unmarked_and_unmapped_prompts_are_refused(model, tiny_clip, encode, negative, sample):
    watched, _ = recording(model, words="marked words")
    with pytest.raises(BendError, match=r"no word of the positive prompt is marked\. Write \(kiss\)"):
        run(sample, watched, prompt(tiny_clip, "a kiss"), negative)
    watched, _ = recording(model)
    with pytest.raises(BendError, match="Bend Prompt"):
        run(sample, watched, encode("a kiss"), negative)


def test_an_empty_list_is_refused_at_the_node():
    with pytest.raises(BendError, match="record_tokens: token is empty"):
        Recording(Handle("9", MB), "listed words", "")


def test_a_bend_of_the_negative_prompt_alone_is_not_asked_for_its_word(model, positive, tiny_clip, sample):
    bends = (Bend(ops.Blur(), "blurry", passes="both"), BLUR)
    watched, handle = recording(model, *bends)
    latent = run(sample, watched, positive, prompt(tiny_clip, "blurry"), cfg=5.0)
    assert record_of(handle, latent).words == ("kiss",)


# --- layout ---------------------------------------------------------------------------------------------------------


def test_what_does_not_fit_is_coarser_and_said(tiny_model, positive, negative, sample):
    model, options = tiny_model("wan21_t2v"), {"words": "listed words", "tokens": "kiss, sunset"}
    fine, handle = recording(model, **options)
    whole = record_of(handle, run(sample, fine, positive, negative, steps=4))
    assert [len(whole.steps), len(whole.layers)] == [4, 4]
    one_film = 2 * 2 * 32  # original and bent, float16, cells
    coarse, handle = recording(model, **options, limit=2 * 4 * one_film)
    with reports() as made:
        latent = run(sample, coarse, positive, negative, steps=4)
    record = record_of(handle, latent)
    assert record.steps == ((0, 1), (2, 3)) and record.layers == ((0, 1), (2, 3))
    assert "4 steps are kept as 2 means (0-1, 2-3); 4 layers are kept as 2 means" in said(made[0])
    for word in (0, 1):
        expected = whole.mean_map(word, False, (0, 1), (2, 3))
        assert torch.allclose(record.mean_map(word, False, (0,), (1,)), expected, rtol=2e-3, atol=1e-7)
        assert torch.allclose(
            record.mean_map(word, False, record.chosen_steps("0"), (1,)), expected, rtol=2e-3, atol=1e-7
        )
    tiny, handle = recording(model, **options, limit=one_film)
    with reports() as made:
        latent = run(sample, tiny, positive, negative, steps=4)
    assert record_of(handle, latent).words == ("kiss",)
    assert "not recorded: sunset" in said(made[0])
    none, _ = recording(model, **options, limit=one_film - 1)
    with pytest.raises(BendError, match=r"record_limit_mb is 0\. Raise it"):
        run(sample, none, positive, negative)


def test_context_windows_fill_the_whole_film(model, positive, negative, sample):
    """Overlapping windows: frames that were seen twice count as means."""
    windows = WanContextWindowsManualNode.execute(model, 9, 5, "standard_static", 1, False, "pyramid", False)[0]
    watched, handle = recording(windows, BLUR)
    shape = (1, 16, 5, 8, 8)
    latent = {"samples": sample(watched, positive, negative, shape=shape, cfg=1.0, steps=1)}
    record = record_of(handle, latent)
    assert record.grid.shape == (5, 4, 4)
    film = record.mean_map(0, False, (0,), (0, 1))
    assert (film.sum((1, 2)) > 0).all() and film.max() <= 1


def test_of_a_batch_the_first_film_is_recorded(model, positive, negative, sample):
    alone, first = recording(model, BLUR)
    record = record_of(first, run(sample, alone, positive, negative, steps=1))
    both, handle = recording(model, BLUR)
    noise = sample(both, positive, negative, shape=(2, 16, 2, 8, 8), cfg=1.0, steps=1)
    assert noise.shape[0] == 2
    batch = record_of(handle, {"samples": noise})
    assert torch.allclose(
        batch.mean_map(0, False, (0,), (0,)), record.mean_map(0, False, (0,), (0,)), rtol=0.02, atol=1e-4
    )


# --- whose record ---------------------------------------------------------------------------------------------------


def test_each_run_finds_its_own_record(model, positive, negative, sample):
    """Seeds 1, 2, 1, and two samplers on one model."""
    watched, handle = recording(model, BLUR)
    latents = [run(sample, watched, positive, negative, seed=seed) for seed in (1, 2, 1)]
    records = [record_of(handle, latent) for latent in latents]
    assert [record.facts["seed"] for record in records] == [1, 2, 1]
    assert records[0] is records[2] is not records[1]
    fewer = run(sample, watched, positive, negative, seed=1, steps=1)
    assert record_of(handle, fewer).facts["steps"] == 1
    with pytest.raises(BendError, match=r"another run of this model.*run the sampler again"):
        record_of(handle, {"samples": latents[0]["samples"] + 1})


def test_equal_twins_do_not_share(model, positive, negative, sample):
    (one, first), (_, second) = recording(model, BLUR), recording(model, BLUR)
    latent = run(sample, one, positive, negative)
    assert record_of(first, latent).words == ("kiss",)
    with pytest.raises(BendError, match="recorded no run yet"):
        record_of(second, latent)
    with pytest.raises(BendError, match="Connect the latent of the sampler"):
        record_of(first, None)


def test_two_patch_models_in_a_row_record_the_whole_chain(model, positive, negative, sample):
    one, first = recording(model, BLUR)
    second = Handle("10", 64 * MB)
    kept = Recording(second, "listed words", "sunset")
    both = patch_model(one, Patch(Bending((Bend(ops.Flip(), "sunset"),)), True, "10", kept))
    latent = run(sample, both, positive, negative)
    assert record_of(first, latent).words == ("kiss", "sunset") and record_of(second, latent).words == ("sunset",)


def test_a_few_runs_are_kept_and_within_the_limit(model, positive, negative, sample):
    watched, handle = recording(model, BLUR)
    latents = [run(sample, watched, positive, negative, seed=seed, steps=1) for seed in range(KEPT + 1)]
    with pytest.raises(BendError, match=f"the last {KEPT} are kept"):
        record_of(handle, latents[0])
    size = record_of(handle, latents[-1]).nbytes
    watched, handle = recording(model, BLUR, limit=2 * size)
    latents = [run(sample, watched, positive, negative, seed=seed, steps=1) for seed in range(3)]
    with pytest.raises(BendError, match="the last 2 are kept"):
        record_of(handle, latents[0])


def test_records_die_with_their_handle(model, positive, negative, sample):
    watched, handle = recording(model, BLUR)
    record = weakref.ref(record_of(handle, run(sample, watched, positive, negative, steps=1)))
    del watched, handle
    gc.collect()
    assert record() is None


def test_a_run_that_fails_leaves_no_record(model, positive, negative, sample):
    watched, handle = recording(model, BLUR)

    def stop(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(sample, watched, positive, negative, callback=stop)
    with pytest.raises(BendError, match="recorded no run yet"):
        record_of(handle, {"samples": torch.zeros(SHAPE)})


# --- what it tells and costs ----------------------------------------------------------------------------------------


def test_the_report_tells_what_changed_and_what_it_cost(model, positive, negative, sample):
    watched, handle = recording(model, BLUR, Bend(ops.Amplify(4.0), "sunset"))
    report = record_of(handle, run(sample, watched, positive, negative)).facts["report"]
    assert re.search(r"1\. Blur.*2 layers × 2 steps", report)
    changed = re.search(r"output changed by ([\d.]+)% on average, most in layer (\d): ([\d.]+)%", report)
    assert float(changed[1]) > 0.1 and float(changed[3]) >= float(changed[1])
    assert re.search(r"took [\d.]+ s of the run's [\d.]+ s; records [\d.]+ MB", report)


def test_the_size_is_stated_before_the_run(model, positive, negative, sample, caplog):
    watched, _ = recording(model, words="listed words", tokens="kiss, sunset")

    def stop(*_):
        raise KeyboardInterrupt

    watched.set_model_unet_function_wrapper(stop)
    with caplog.at_level("INFO"), pytest.raises(KeyboardInterrupt):
        sample(watched, positive, negative, shape=(1, 16, 21, 60, 104), cfg=1.0, steps=1)
    # 2 words, 1 step, 2 layers, 32,760 cells: original and bent, in half precision; their sums in float32
    assert "recording kiss, sunset: 0.5 MB, and 1.0 MB beside the model" in caplog.text


def test_the_host_leaves_room_for_the_sums(model, positive, negative, sample, monkeypatch):
    """What is asked of the host grows by the bytes of the sums: its own estimate is for two batches."""
    asked, load = [], comfy.model_management.load_models_gpu

    def note(models, memory_required=0, **options):
        asked.append(memory_required)
        return load(models, memory_required=memory_required, **options)

    monkeypatch.setattr(comfy.model_management, "load_models_gpu", note)
    run(sample, model, positive, negative, steps=1)
    watched, _ = recording(model, words="listed words", tokens="kiss, sunset")
    run(sample, watched, positive, negative, steps=1)
    sums = 2 * 4 * 2 * 2 * 32  # original and bent, float32, words, layers, cells
    assert asked[1] - asked[0] == pytest.approx(sums, rel=0.01)
