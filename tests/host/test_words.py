"""A word's columns are the right ones, seen from outside: only they matter to what the bend leaves."""

import pytest
import torch
from attention_bending.bending import operators as ops
from attention_bending.bending.bend import Bend, Bending
from attention_bending.bending.text.tokens import resolve
from attention_bending.host.run.attach import patch_model
from attention_bending.host.run.patch import Patch
from attention_bending.host.text.prompt_encoding import encode_prompt

CASES = [
    ("a romantic (kiss) at sunset", "kiss"),
    ("a romantic kiss at (sunset)", "romantic"),  # several pieces
    ("a kiss and a second kiss", "kiss#2"),
    ("a (kiss:1.4) at \\(noon\\)", "kiss"),  # ComfyUI encodes a weighted part on its own
    ("二人の花と猫", "花"),
    ("a red rose, a blue rose", "blue rose"),
]


@pytest.mark.parametrize(("text", "token"), CASES)
def test_without_a_word_its_columns_do_not_matter_and_others_do(text, token, tiny_model, tiny_clip, encode, sample):
    conditioning, tokens = encode_prompt(tiny_clip, text)
    columns = list(resolve(token, tokens).columns)
    remove = Bending((Bend(ops.Amplify(0.0), token),))
    model = patch_model(tiny_model(), Patch(remove))

    def film(changed):
        embedding, extra = conditioning[0]
        embedding = embedding.clone()
        embedding[:, changed] = embedding[:, changed].flip(-1)
        return sample(model, [[embedding, extra]], encode(""), shape=(1, 16, 2, 8, 8), steps=1, cfg=1.0)

    unchanged = film([])
    # Rounding: where the word had all but a ten-thousandth of the attention, the rest is known to a hundredth.
    assert (film(columns) - unchanged).abs().max() < 0.05
    neighbour = next(c for c in range(tokens.encoders[0].columns) if c not in columns)
    assert (film([neighbour]) - unchanged).abs().max() > 0.2
    bystanders = [piece.column for piece in tokens.encoders[0].pieces if piece.column not in columns]
    assert (film(bystanders) - unchanged).abs().max() > 0.2


def test_a_changed_embedding_is_a_warning(tiny_model, tiny_clip, encode, sample, caplog):
    conditioning, _ = encode_prompt(tiny_clip, "a romantic (kiss)")
    averaged = [[conditioning[0][0] * 0.5, conditioning[0][1]]]
    with caplog.at_level("WARNING"):
        sample(patch_model(tiny_model(), Patch(Bending((Bend(ops.Blur(), "kiss"),)))), averaged, encode(""), cfg=1.0)
    assert "no longer the embedding that Bend Prompt made" in caplog.text


def test_a_word_in_one_of_two_prompts_is_bent_there_and_the_other_is_listed(
    tiny_model, tiny_clip, encode, sample, caplog
):
    both = encode_prompt(tiny_clip, "a kiss")[0] + encode_prompt(tiny_clip, "a sunset")[0]
    model = patch_model(tiny_model(), Patch(Bending((Bend(ops.Amplify(3.0), "kiss"),))))
    with caplog.at_level("WARNING"):
        bent = sample(model, both, encode(""), cfg=1.0)
    assert 'conditioning 2 ("a sunset") has no "kiss" and is left alone there' in caplog.text
    assert not torch.allclose(bent, sample(tiny_model(), both, encode(""), cfg=1.0))
