"""Concept Probe: maps of words that are not in the prompt, exact, few bytes, and no bit of the film else."""

import pytest
import torch
from attention_bending.bending.bend import Bending
from attention_bending.bending.errors import BendError
from attention_bending.bending.pictures.drawing import choose
from attention_bending.host.maps.record_store import Handle, record_of
from attention_bending.host.maps.recording import Recording
from attention_bending.host.run import probing
from attention_bending.host.run.attach import patch_model
from attention_bending.host.run.patch import Patch
from attention_bending.host.text.probes import MOST, ONE_ALONE, encode_probes
from attention_bending.host.text.prompt_encoding import encode_prompt
from attention_bending.host.toy import load_toy
from attention_bending.nodes.model import AttnBendModel
from attention_bending.nodes.probes import AttnBendProbes
from attention_bending.toy import measure
from attention_bending.toy.films import Films
from host.recordings import BLUR, GRID, MB, run
from host.support import OVERRIDE, reports, said

from host import encoders

WORDS = ("dog", "red rose")


@pytest.fixture(scope="module")
def probes(tiny_clip):
    with torch.inference_mode():
        return encode_probes(tiny_clip, ", ".join(WORDS), "a {} at night", "5")


def probing_model(model, probes, *bends, words="none", tokens="", heads=False):
    handle = Handle("9", 64 * MB)
    recording = Recording(handle, words, tokens, heads)
    return patch_model(model, Patch(Bending(bends), True, "9", recording, handle, probes)), handle


def executed(node, **given):
    return node.PREPARE_CLASS_CLONE({"hidden_inputs": {"UNIQUE_ID": "5"}}).EXECUTE_NORMALIZED(**given)


class Dense:
    """By layer and call of the text's attention, the shares of the probes' columns among all of their sentence's."""

    def __init__(self, model, probes):
        self.model, self.probes, self.shares = model, probes, {}

    def patched(self):
        clone = self.model.clone()
        clone.model_options["transformer_options"][OVERRIDE] = self.attend
        return clone

    def attend(self, func, q, k, v, heads, *args, transformer_options, **kwargs):
        if k.shape[1] == 512:
            layer = transformer_options["block_index"]
            rows = q[0].double().unflatten(1, (heads, -1))
            shares = [self._share(layer, rows, heads, probe) for probe in self.probes.each]
            self.shares.setdefault(layer, []).append(torch.stack(shares))
        return func(q, k, v, heads, *args, transformer_options=transformer_options, **kwargs)

    def _share(self, layer, rows, heads, probe):
        network = self.model.model.diffusion_model
        attention = network.blocks[layer].cross_attn
        keys = attention.norm_k(attention.k(network.text_embedding(probe.cond["cross_attn"])))[0].double()
        logits = torch.einsum("lhd,thd->hlt", rows, keys.unflatten(1, (heads, -1))) * rows.shape[-1] ** -0.5
        return logits.softmax(-1)[..., list(probe.columns)].sum(-1).unflatten(1, GRID)


def test_a_map_is_the_share_in_a_prompt_of_its_own(model, probes, positive, negative, sample, monkeypatch):
    """Of each step, layer and head; the keys that are kept are few, and told before the model is loaded."""
    kept = []
    of = probing.Sentences.of
    monkeypatch.setattr(probing.Sentences, "of", lambda given: kept.append(of(given)) or kept[-1])
    dense = Dense(model, probes)
    film = run(sample, dense.patched(), positive, negative)
    watched, handle = probing_model(model, probes, heads=True)
    with reports() as made:
        latent = run(sample, watched, positive, negative)
    assert torch.equal(latent["samples"], film["samples"])
    record = record_of(handle, latent)
    assert record.words == ("dog?", "red rose?") and record.probes == (0, 1) and record.bent is record.original
    assert record.columns == tuple(probe.columns for probe in probes.each)
    for layer, calls in dense.shares.items():
        for step, shares in enumerate(calls):
            for word in (0, 1):
                found = record.original.unpack(word, step, layer, range(record.heads)).double()
                assert (found - shares[word]).abs().max() < 1e-3 * shares[word].max()
    (sentences,) = kept
    assert sentences.lengths == tuple(planned.kept for planned in made[0].plan.probes)
    assert max(sentences.lengths) < 16


def test_beside_words_and_bends_of_two_films(model, probes, positive, negative, sample):
    """The bent film's bits do not know of the probes, nor do the words' maps; what a bend changes is no probe's own."""
    given = {"words": "listed words", "tokens": "kiss, sunset"}
    shape = (2, 16, 2, 8, 8)
    films, records = [], []
    for some in (None, probes):
        watched, handle = probing_model(model, some, BLUR, **given)
        films.append(sample(watched, positive, negative, shape=shape))
        records.append(record_of(handle, {"samples": films[-1]}))
    assert torch.equal(*films)
    words, both = records
    assert both.words == ("kiss", "sunset", "dog?", "red rose?") and both.probes == (2, 3)
    for which in (False, True):
        expected, found = (record.mean_map(0, which, (0, 1), (0, 1)) for record in (words, both))
        assert torch.equal(expected, found)
    assert torch.equal(both.mean_map(2, True, (0, 1), (0, 1)), both.mean_map(2, False, (0, 1), (0, 1)))


def test_two_patch_models_keep_their_own(model, probes, positive, negative, sample, tiny_clip):
    first, handle = probing_model(model, probes)
    second, other = probing_model(
        first, encode_probes(tiny_clip, "cat, dog", "{}"), words="listed words", tokens="kiss"
    )
    latent = run(sample, second, positive, negative)
    assert record_of(handle, latent).words == ("dog?", "red rose?")
    record = record_of(other, latent)
    assert record.words == ("kiss", "cat?", "dog?")
    assert not torch.equal(
        record.mean_map(2, False, (0,), (0,)), record_of(handle, latent).mean_map(0, False, (0,), (0,))
    )


def test_the_nodes(model, positive, negative, sample, tiny_clip):
    """Where Patch Model records nothing, probes alone make a record; what is to be said of them is in its report."""
    output = executed(AttnBendProbes, clip=tiny_clip, words="kiss", around="a {}")
    (text,) = output.ui.as_dict()["text"]
    assert text.startswith('kiss? in "a kiss": ') and text.endswith(f"⚠ {ONE_ALONE}")
    patched, handle = executed(AttnBendModel, model=model, apply_to_output=True, probes=output.args[0]).args
    with reports() as made:
        latent = run(sample, patched, positive, negative)
    assert record_of(handle, latent).words == ("kiss?",)
    warnings = said(made[0])
    assert f"Concept Probe: {ONE_ALONE}" in warnings and '"kiss" is in the prompt' in warnings


@pytest.mark.parametrize(
    ("words", "around", "message"),
    [
        ("", "a {}", "words is empty"),
        ("dog, ", "a {}", "nothing before or after a comma"),
        ("dog, END", "a {}", "words has END, which is no word"),
        ("dog#2", "a {}", "words has dog#2, which is no word"),
        ("dog", "a", "has no place"),
        ("dog", "{} and {}", "has several places"),
        (", ".join(f"w{n}" for n in range(MOST + 1)), "a {}", f"at most {MOST}"),
    ],
)
def test_what_cannot_be_asked_is_refused(words, around, message, tiny_clip):
    with pytest.raises(BendError, match=message):
        encode_probes(tiny_clip, words, around)


def test_brackets_are_plain_text(tiny_clip):
    (probe,) = encode_probes(tiny_clip, '"dog (big:1.2)"', "a ({})").each
    assert probe.tokens.text == "a (dog (big:1.2))" and probe.label == "dog (big:1.2)?"
    assert all(piece.weight == 1 for piece in probe.tokens.encoder().pieces)


def test_another_models_encoder_is_refused(model, positive, negative, sample):
    clip = encoders.tiny("Cosmos")
    watched, _ = probing_model(model, encode_probes(clip, "dog, cat", "a {}", "5"))
    with pytest.raises(BendError, match="was encoded by Cosmos' T5") as error:
        run(sample, watched, positive, negative)
    assert error.value.node == "5"


def test_a_word_that_the_encoder_has_not_is_told():
    """The toy's knows its world alone: of another word it takes the bytes."""
    _, clip, _ = load_toy()
    probes = encode_probes(clip, "star, dog", "a {}")
    assert [probe.is_unknown for probe in probes.each] == [False, True]
    assert 'has no word for "dog"' in str(probes)


@pytest.mark.slow
def test_probes_against_each_other_name_the_colours_of_the_toys_things():
    studio = Films(*load_toy(), lambda clip, caption: encode_prompt(clip, caption)[0])
    probes = encode_probes(studio.clip, "red, green, blue, yellow", "a {}")
    watched, handle = probing_model(studio.model, probes)
    latents = studio.latents("a red circle on the left and a blue star on the right", [1], watched, steps=8)
    (film,) = studio.decoded(latents)
    record = record_of(handle, {"samples": latents})
    read = choose(record, show="original").values[:, 0, 1]
    things = measure.blobs(film[len(film) // 2], torch.tensor(measure.field(film)[1]))
    assert len(things) == 2
    for thing in things:
        heard = read[:, int(thing.y * read.shape[1]), int(thing.x * read.shape[2])].tolist()
        first, second, *_ = sorted(heard, reverse=True)
        assert record.words[heard.index(first)] == {"circle": "red?", "star": "blue?"}[thing.shape]
        assert first > 1.5 * second
