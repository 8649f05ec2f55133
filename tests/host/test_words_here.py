"""Words Here: what was heard on a thing of a toy's film, as the node tells it and as a bend's token takes it."""

import pytest
import torch
from attention_bending.bending.bend import Bend
from attention_bending.bending.errors import BendError
from attention_bending.bending.maps.heard import words_here
from attention_bending.bending.operators import Amplify
from attention_bending.bending.text.tokens import resolve
from attention_bending.host.maps.record_store import Handle, record_of
from attention_bending.host.text.prompt_encoding import KEY, encode_prompt
from attention_bending.host.toy import load_toy
from attention_bending.nodes.seeing import AttnBendWordsHere
from attention_bending.toy import measure
from attention_bending.toy.films import Films
from host.recordings import recording

CAPTION = "a red circle on the left and a blue star on the right"
STEPS = 10


@pytest.fixture(scope="module")
def seen():
    """A handle and a latent of a recorded film, its things in the middle frame, and the prompt's map."""
    with torch.inference_mode():
        studio = Films(*load_toy(), lambda clip, caption: encode_prompt(clip, caption)[0])
        watched, handle = recording(studio.model, words="prompt words")
        latents = studio.latents(CAPTION, [42], watched, steps=STEPS)
        (film,) = studio.decoded(latents)
        things = measure.blobs(film[len(film) // 2], torch.tensor(measure.field(film)[1]))
        return handle, {"samples": latents}, things, studio.conditioning(CAPTION)[0][1][KEY]


def told(**given):
    node = AttnBendWordsHere.PREPARE_CLASS_CLONE({"hidden_inputs": {}})
    output = node.EXECUTE_NORMALIZED(**{"x": 0.5, "y": 0.5, "frame": 1, "radius": 0.1, **given})
    return *output.args, output.ui.as_dict()["text"][0]


def test_on_a_thing_its_own_two_words_come_first(seen):
    handle, latent, things, tokens = seen
    assert [thing.shape for thing in sorted(things, key=lambda thing: thing.x)] == ["circle", "star"]
    for thing in things:
        own = {"circle": {"red", "circle"}, "star": {"blue", "star"}}[thing.shape]
        first, second, third, *_ = words_here(record_of(handle, latent), thing.x, thing.y, 1, 0.1)
        assert {first.word, second.word} == own and second.lift > 2 * third.lift
        words, each, text = told(maps=handle, latent=latent, x=thing.x, y=thing.y)
        assert {*each} == own and words == ", ".join(each) and text.startswith(f"Heard here: {words}\n")
        assert len(text.splitlines()) == 1 + len(record_of(handle, latent).words)
        assert Bend(Amplify(0.0), words).tokens[0].terms == tuple(
            term for word in each for term in Bend(Amplify(0.0), word).tokens[0].terms
        )
        assert len(resolve(words, tokens).columns) == 2


def test_a_mask_stands_for_the_place(seen):
    handle, latent, things, _ = seen
    (star,) = (thing for thing in things if thing.shape == "star")
    mask = torch.zeros(1, 112, 160)
    mask[:, int(star.y * 112) - 8 : int(star.y * 112) + 8, int(star.x * 160) - 8 : int(star.x * 160) + 8] = 1
    _, each, _ = told(maps=handle, latent=latent, mask=mask, x=0.0, y=0.0)
    assert {*each} == {"blue", "star"}
    with pytest.raises(BendError, match="mask is empty in latent frame 1"):
        told(maps=handle, latent=latent, mask=mask * 0)


def test_where_no_thing_is_no_word_of_one_is_told(seen):
    handle, latent, *_ = seen
    words, each, text = told(maps=handle, latent=latent, x=0.5, y=0.02)
    assert (words, each) == ("", []) and text.startswith("No word is heard here more than in the whole film.\n")


@pytest.mark.parametrize(
    ("given", "message"),
    [({"x": 1.2}, "is no place of this film"), ({"frame": 3}, "its 3 latent frames are 0 to 2")],
)
def test_a_place_outside_is_refused(seen, given, message):
    handle, latent, *_ = seen
    with pytest.raises(BendError, match=message):
        told(maps=handle, latent=latent, **given)


def test_a_patch_model_that_recorded_nothing_is_refused(seen):
    with pytest.raises(BendError, match="has recorded no run yet"):
        told(maps=Handle("9", 1), latent=seen[1])
