"""What a run records: exact maps, whatever else happens to the film."""

import re

import comfy.ldm.wan.model
import comfy.sampler_helpers
import comfy.sd
import pytest
import torch
from attention_bending.bending import operators as ops
from attention_bending.bending.bend import Bend
from attention_bending.bending.errors import BendError
from attention_bending.host.maps.record_store import Handle, record_of
from attention_bending.host.maps.recording import Recording
from comfy_extras.nodes_context_windows import WanContextWindowsManualNode
from host.recordings import BLUR, GRID, MB, recording, run
from host.support import bent, prompt, reports, said


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
        ((Bend(ops.Flip(), "MARKED"),), "bent words", "", ("kiss",)),
        ((BLUR,), "prompt words", "", ("a", "romantic", "kiss", "at", "sunset")),
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


def test_prompt_words_are_recorded_beside_the_film(model, positive, negative, sample):
    film = run(sample, model, positive, negative)["samples"]
    watched, handle = recording(model, words="prompt words")
    latent = run(sample, watched, positive, negative)
    assert torch.equal(latent["samples"], film)
    assert len(record_of(handle, latent).words) == 5


def test_of_a_long_prompt_the_words_that_do_not_fit_are_told(model, tiny_clip, negative, sample):
    words = [f"w{number}" for number in range(40)]  # of two tokens or more each
    watched, handle = recording(model, words="prompt words")
    with reports() as made:
        latent = run(sample, watched, prompt(tiny_clip, " ".join(words)), negative, steps=1)
    record = record_of(handle, latent)
    assert 0 < len(record.words) < 40 and len({column for each in record.columns for column in each}) <= 64
    left = ", ".join(f'"{word}"' for word in words if word not in record.words)
    assert f"at most 64 tokens are recorded at once, so that {left} are left out" in said(made[0])


def test_one_bend_meets_whichever_word_a_wildcard_prompt_has_marked(model, tiny_clip, negative, sample):
    """The page picks one of {(kiss)|(sunset)} as it queues: a prompt of its own each time."""
    for text, word in (("a (kiss) at sunset", "kiss"), ("a kiss at (sunset)", "sunset")):
        films = []
        for token in ("MARKED", word):
            watched, handle = recording(model, Bend(ops.Flip(), token))
            films.append(run(sample, watched, prompt(tiny_clip, text), negative))
            assert record_of(handle, films[-1]).words == (word,)
        assert torch.equal(films[0]["samples"], films[1]["samples"])
        plain = run(sample, model, prompt(tiny_clip, text), negative)["samples"]
        assert not torch.equal(films[0]["samples"], plain)
    watched, _ = recording(model, Bend(ops.Flip(), "MARKED"))
    with pytest.raises(BendError, match=r"MARKED selects nothing.*Mark a word in Bend Prompt, as in \(kiss\)"):
        run(sample, watched, prompt(tiny_clip, "a kiss"), negative)


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
    """What is asked of the host grows by the bytes of the sums and maps: its own estimate is for two batches."""
    asked, load = [], comfy.model_management.load_models_gpu

    def note(models, memory_required=0, **options):
        asked.append(memory_required)
        return load(models, memory_required=memory_required, **options)

    monkeypatch.setattr(comfy.model_management, "load_models_gpu", note)
    run(sample, model, positive, negative, steps=1)
    watched, _ = recording(model, words="listed words", tokens="kiss, sunset")
    run(sample, watched, positive, negative, steps=1)
    sums = 2 * 4 * 2 * 2 * 32  # original and bent, float32, words, layers, cells
    maps = 3 * 4 * 32 * (4 + 2)  # logits, shares and what is made of them, float32, cells, columns and two sets
    assert asked[1] - asked[0] == pytest.approx(sums + maps, rel=0.01)
