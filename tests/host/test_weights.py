"""Weights in a prompt that the attention is given: whole samplings, and what is said where nobody connected them."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from attention_bending.bending import narrow
from attention_bending.bending import operators as ops
from attention_bending.bending.bend import Bend, Bending
from attention_bending.bending.errors import BendError
from attention_bending.bending.files import dump, parse
from attention_bending.bending.text.tokens import resolve
from attention_bending.host.text.own_bends import KEY
from attention_bending.nodes.prompt import AttnBendPrompt, AttnBendTimeline
from comfy_api.latest import io
from host.support import ROUNDING, Dense, OwnTokens, bent, distance, reports, said

TEXT = "a (red:{}) rose and a red kiss at (sunset:{})"
SHAPE = (1, 16, 4, 8, 8)
FILM = OwnTokens.of(4, 4, 4)
PICTURE = {"shape": (1, 16, 1, 4, 4), "steps": 1}


def prompt(clip, text, weights="attention", node="6"):
    made = AttnBendPrompt.PREPARE_CLASS_CLONE({"hidden_inputs": {io.Hidden.unique_id: node}})
    return made.execute(clip, text, weights)


@dataclass
class Scaled(Dense):
    """`softmax(logits + log c)` with a c for each column and frame; below 0 the sign stands before the logarithm."""

    def _chain(self, layer, embedding, tokens):
        def gains(bend):
            tracks = [animation.track.values(SHAPE[2], 4) for animation in bend.animations]
            return tracks[0] if tracks else [bend.operator.factor] * SHAPE[2]

        return [(resolve(bend.token, tokens).columns, gains(bend)) for bend in self.bends]

    def _row(self, q, k, v, heads, chain, grid):
        c = np.ones((SHAPE[2], len(k)))
        for columns, gains in chain:
            c[:, list(columns)] *= np.array(gains)[:, None]
        c = c.repeat(grid[1] * grid[2], 0)
        heads_of = (np.split(tensor.double().cpu().numpy(), heads, axis=1) for tensor in (q, k, v))
        outputs = []
        for query, key, value in zip(*heads_of, strict=True):
            logits = query @ key.T * query.shape[1] ** -0.5
            e = c * np.exp(logits - logits.max(1, keepdims=True))
            outputs.append(e @ value / np.abs(e).sum(1, keepdims=True))
        return torch.from_numpy(np.concatenate(outputs, 1))


@pytest.mark.parametrize(
    "weights", [("2", "0.3"), ("0", "1.5"), ("-1.2", "1"), ("1>0", "0>3>0"), ("-1>2", "0")], ids=str
)
def test_a_film_equals_a_softmax_with_an_additive_mask(weights, model, tiny_clip, negative, sample):
    positive, bending = prompt(tiny_clip, TEXT.format(*weights)).result
    dense = Scaled(model, tuple(bending), positive, FILM)
    expected = sample(dense.patched(), positive, negative, shape=SHAPE)
    with reports() as made:
        result = sample(bent(model, *bending), positive, negative, shape=SHAPE)
    assert distance(result, expected) < ROUNDING and dense.rows > 0 and not said(made[0])
    assert distance(expected, sample(model, positive, negative, shape=SHAPE)) > 0.01


def test_the_encoders_weights_keep_their_bits_and_make_no_bend(tiny_clip, encode):
    text = "a (red:1.3) rose at (sunset)"
    for made in (prompt(tiny_clip, text, "encoder"), AttnBendPrompt.PREPARE_CLASS_CLONE(None).execute(tiny_clip, text)):
        conditioning, bending = made.result
        plain = tiny_clip.encode_from_tokens_scheduled(tiny_clip.tokenize("a (red:1.3) rose at sunset"))
        assert torch.equal(conditioning[0][0], plain[0][0])
        assert bending == Bending() and KEY not in conditioning[0][1]


def test_the_attentions_weights_are_bends_of_exactly_those_words(tiny_clip, encode):
    made = prompt(tiny_clip, "a (red:2) rose, a red (kiss at sunset:0.5), a (rose:1>0)")
    conditioning, bending = made.result
    assert torch.equal(conditioning[0][0], encode("a red rose, a red kiss at sunset, a rose")[0][0])
    assert [(bend.token, bend.operator.factor, bend.origin) for bend in bending] == [
        ("red#1", 2.0, "6"),
        ("kiss at sunset", 0.5, "6"),
        ("rose#2", 1.0, "6"),
    ]
    assert made.ui.as_dict()["text"][0].endswith("in the attention: (red#1:2), (kiss at sunset:0.5), (rose#2:1>0)")
    assert prompt(tiny_clip, "a (red) rose").result[1] == Bending()


def test_what_cannot_be_a_weight_is_refused(tiny_clip):
    with pytest.raises(
        BendError, match=r"a weight that moves over the film, '1>0', at character 7.*set weights to atte"
    ):
        prompt(tiny_clip, "a (red:1>0) rose", "encoder")
    for weight in ("20.5", "-10.5", "0>21"):
        with pytest.raises(BendError, match=r'the weight of "red" is -?\d+\.?5?\. Give it a number from -10 to 10'):
            prompt(tiny_clip, f"a (red:{weight}) rose")


def test_in_a_picture_a_weight_that_moves_has_its_first_value(model, tiny_clip, negative, sample):
    positive, bending = prompt(tiny_clip, "a (red:0>2) rose").result
    with reports() as made:
        moving = sample(bent(model, *bending), positive, negative, **PICTURE)
    assert "a picture has one frame, so that factor stays at 0." in said(made[0])
    still = sample(bent(model, Bend(ops.Amplify(0.0), "red")), positive, negative, **PICTURE)
    assert distance(moving, still) < ROUNDING


# --- a forgotten wire ----------------------------------------------------------------------------------------------

OTHER = Bend(ops.Blur(), "ALL", layers="0")


@pytest.fixture
def warned(model, negative, sample):
    """What a run with these bends says of these conditionings, of what nobody has connected."""

    def run(positive, *bends, negative=negative):
        with reports() as made:
            sample(bent(model, *bends), positive, negative, **PICTURE)
        return [warning for warning in made[0].warnings if "Connect the bending" in warning]

    return run


def test_a_weight_that_nobody_connected_is_told(tiny_clip, warned):
    positive, (red, blue) = prompt(tiny_clip, "a (red:2) and a (blue:0.5) rose").result
    (both,) = warned(positive, OTHER)
    assert both == (
        'conditioning 1 ("a red and a blue rose"): (red:2), (blue:0.5) have no bend. Connect the bending output of '
        "Bend Prompt (node 6) to Patch Model."
    )
    assert "(blue:0.5) has no bend" in warned(positive, red, OTHER)[0]
    assert "(red:2) has no bend" in warned(positive, blue, Bend(ops.Amplify(3.0), "red"))[0]
    assert not warned(positive, blue, OTHER, red)


def test_what_reaches_it_in_another_way_is_not_told(tiny_clip, warned):
    """Narrowed, swept, out of a file, of another node with the same text, or on a prompt that is all zeros."""
    positive, bending = prompt(tiny_clip, "a (red:2) rose").result
    assert not warned(positive, *narrow.where(bending, layers="0"))
    assert not warned(positive, Bend(ops.Amplify(0.5), "red", origin="6"))
    assert not warned(positive, *parse(dump(bending)).bending)
    assert not warned(positive, *prompt(tiny_clip, "a (red:2) kiss, no rose", node="9").result[1])
    zeros = [[torch.zeros_like(embedding), extras] for embedding, extras in positive]
    assert not warned(prompt(tiny_clip, "a kiss").result[0], OTHER, negative=zeros)


def test_of_a_negative_prompt_the_pass_counts(tiny_clip, positive, warned):
    other, bending = prompt(tiny_clip, "a (kiss:2)", node="7").result
    (told,) = warned(positive, *bending, negative=other)
    assert told.startswith('negative conditioning 1 ("a kiss"): (kiss:2) has no bend.')
    assert told.endswith("Bend Prompt (node 7) to Patch Model, by a Bend Where with pass negative.")
    assert not warned(positive, *narrow.where(bending, passes="negative"), negative=other)


def test_scenes_that_nobody_connected_are_told(model, tiny_clip, negative, sample):
    made = AttnBendTimeline.PREPARE_CLASS_CLONE({"hidden_inputs": {io.Hidden.unique_id: "8"}})
    positive, bending = made.execute(tiny_clip, "a (red:2) rose | a kiss", "", 0.0, 0.0, "attention").result
    with reports() as told:
        for bends in ([OTHER], bending):
            sample(bent(model, *bends), positive, negative, shape=(1, 16, 3, 4, 4), steps=1)
    assert "scene 1, scene 2, (red@1:2) have no bend. Connect the bending output of Bend Timeline (node 8)" in said(
        told[0]
    )
    assert "Connect the bending" not in said(told[1])
