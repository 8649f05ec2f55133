"""Bend Timeline in the host: its one text, and whole samplings against a softmax with an additive mask in float64."""

from dataclasses import dataclass

import comfy.context_windows as windows
import comfy.ldm.wan.model
import numpy as np
import pytest
import torch
from attention_bending.bending.errors import BendError
from attention_bending.bending.text.tokens import resolve
from attention_bending.bending.time.stretch import Stretch
from attention_bending.host.text.prompt_encoding import KEY
from attention_bending.nodes.prompt import AttnBendPrompt, AttnBendTimeline
from comfy.ldm.modules.attention import attention_pytorch
from comfy_extras.nodes_context_windows import WanContextWindowsManualNode
from host.recordings import recording
from host.support import ROUNDING, Dense, OwnTokens, bent, distance, reports, said

TEXT = "a romantic kiss [0%-40%] | a sunset at sea [40%-70%] | a rose [70%-100%]"
SHAPE = (1, 16, 6, 8, 8)
FILM = OwnTokens.of(6, 4, 4)


@pytest.fixture(autouse=True)
def kernel_that_takes_a_bias(monkeypatch):
    monkeypatch.setattr(comfy.ldm.wan.model, "optimized_attention", attention_pytorch)


def timeline(clip, text=TEXT, whole_film="", fade=0.0, outside=0.0, weights="attention", bending=None):
    inputs = {"text": text, "whole_film": whole_film, "fade": fade, "outside": outside, "weights": weights}
    return AttnBendTimeline.PREPARE_CLASS_CLONE(None).execute(clip, bending=bending, **inputs)


@dataclass
class Masked(Dense):
    """The logits of some columns plus the log of a number for each latent frame; `frames` are those of the call."""

    frames: tuple[int, ...] = tuple(range(6))

    def _chain(self, layer, embedding, tokens):
        return [
            (resolve(bend.token, tokens).columns, bend.animations[0].track.values(SHAPE[2], 4)) for bend in self.bends
        ]

    def _row(self, q, k, v, heads, chain, grid):
        bias = np.zeros((len(self.frames), len(k)))
        for columns, gains in chain:
            with np.errstate(divide="ignore"):
                bias[:, list(columns)] += np.log([gains[frame] for frame in self.frames])[:, None]
        bias = bias.repeat(grid[1] * grid[2], 0)
        heads_of = (np.split(tensor.double().cpu().numpy(), heads, axis=1) for tensor in (q, k, v))
        outputs = []
        for query, key, value in zip(*heads_of, strict=True):
            logits = query @ key.T * query.shape[1] ** -0.5 + bias
            e = np.exp(logits - logits.max(1, keepdims=True))
            outputs.append(e @ value / e.sum(1, keepdims=True))
        return torch.from_numpy(np.concatenate(outputs, 1))


def windowed(model):
    settings = 9, 4, windows.ContextSchedules.STATIC_STANDARD, 1, False, windows.ContextFuseMethods.PYRAMID, False
    return WanContextWindowsManualNode.execute(model, *settings)[0]


@pytest.mark.parametrize("put", [lambda model: model, windowed], ids=["whole", "windows"])
@pytest.mark.parametrize(("fade", "outside"), [(0.0, 0.0), (0.2, 0.0), (0.0, 0.3)])
def test_a_film_equals_a_softmax_with_an_additive_mask(fade, outside, put, model, tiny_clip, negative, sample):
    """Over the whole film, also where a call has a window of it."""
    positive, bending = timeline(tiny_clip, whole_film="soft light", fade=fade, outside=outside).result

    def film(options):
        window = options.get("context_window")
        if window is None:
            return FILM
        dense.frames = tuple(window.index_list)
        count = len(dense.frames)
        return OwnTokens.of(count, 4, 4, first=16 * (options["grid_sizes"][0] - count))

    dense = Masked(model, tuple(bending), positive, film)
    expected = sample(put(dense.patched()), positive, negative, shape=SHAPE)
    with reports() as made:
        result = sample(put(bent(model, *bending)), positive, negative, shape=SHAPE)
    assert distance(result, expected) < ROUNDING
    assert distance(expected, sample(put(model), positive, negative, shape=SHAPE)) > 0.05
    assert dense.rows > 0 and set(made[0].ways) == {"biased"} and not said(made[0])


def test_the_report_tells_where_a_scene_was_heard(model, tiny_clip, negative, sample):
    positive, bending = timeline(tiny_clip).result
    with reports() as made:
        sample(bent(model, *bending), positive, negative, shape=SHAPE)
    heard = [line.split(", heard ")[1] for line in made[0].lines]
    assert heard == [
        "in pictures 0–8 (latent frames 0–2)",
        "in pictures 9–12 (latent frames 3–3)",
        "in pictures 13–20 (latent frames 4–5)",
    ]


def test_a_stretch_of_all_the_film_keeps_the_bits(model, tiny_clip, negative, sample):
    positive, bending = timeline(tiny_clip, outside=1.0).result
    plain = sample(model, positive, negative, shape=SHAPE)
    with reports() as made:
        assert torch.equal(sample(bent(model, *bending), positive, negative, shape=SHAPE), plain)
    assert not said(made[0])


def test_of_bent_words_whole_scenes_are_not_recorded_unless_listed(model, tiny_clip, negative, sample):
    positive, bending = timeline(tiny_clip, "a (rose:2) | a kiss").result
    for words, listed, names in (("bent words", "", ["rose@1"]), ("listed words", "@2", ["@2"])):
        some = recording(model, *bending, words=words, tokens=listed)
        with reports() as made:
            sample(some[0] if isinstance(some, tuple) else some, positive, negative, shape=SHAPE)
        assert list(made[0].plan.words) == names


def test_one_picture_is_refused(model, tiny_clip, negative, sample):
    positive, bending = timeline(tiny_clip).result
    with pytest.raises(BendError, match=r'Bend 1 of 3, Amplify of "@1".*this run makes one picture'):
        sample(bent(model, *bending), positive, negative, shape=(1, 16, 1, 8, 8))


def test_a_scene_that_is_too_short_is_told(model, tiny_clip, negative, sample):
    positive, bending = timeline(tiny_clip, "a kiss | a rose [50%-52%] | a sunset").result
    with reports() as made:
        sample(bent(model, *bending), positive, negative, shape=SHAPE)
    assert 'Amplify of "@2": its stretch, 2.0% of the film, fills less than half of any latent frame' in said(made[0])


def test_all_scenes_are_one_text(tiny_clip):
    conditioning, bending = timeline(tiny_clip, whole_film="soft (light)").result
    plain = AttnBendPrompt.PREPARE_CLASS_CLONE(None).execute(
        tiny_clip, "soft light a romantic kiss a sunset at sea a rose"
    )
    assert torch.equal(conditioning[0][0], plain.result[0][0][0])
    tokens = conditioning[0][1][KEY]
    assert [tokens.text[slice(*span)] for span in tokens.scenes] == [
        "soft light",
        "a romantic kiss",
        "a sunset at sea",
        "a rose",
    ]
    assert tokens.marked_words == ("light",)
    assert [bend.token for bend in bending] == ["@1", "@2", "@3"]
    assert [bend.animations[0].track for bend in bending] == [Stretch(0, 0.4), Stretch(0.4, 0.7), Stretch(0.7, 1)]


def test_a_bending_before_it_comes_first(tiny_clip):
    _, first = timeline(tiny_clip).result
    _, both = timeline(tiny_clip, bending=first).result
    assert both.bends == first.bends * 2


def test_weights_go_to_the_attention_or_to_the_encoder(tiny_clip):
    text = "a (red:2) kiss | a (blue:0.5) kiss"
    plain, _ = timeline(tiny_clip, "a red kiss | a blue kiss").result
    attended, bending = timeline(tiny_clip, text).result
    encoded, without = timeline(tiny_clip, text, weights="encoder").result
    assert torch.equal(attended[0][0], plain[0][0]) and not torch.equal(encoded[0][0], plain[0][0])
    assert [(bend.token, bend.operator.factor) for bend in bending] == [
        ("@1", 1.0),
        ("@2", 1.0),
        ("red@1", 2.0),
        ("blue@2", 0.5),
    ]
    assert len(without) == 2
    with pytest.raises(BendError, match="scene 1: The prompt has a weight that moves"):
        timeline(tiny_clip, "a (red:2>0) kiss | a kiss", weights="encoder")


@pytest.mark.parametrize("weight", ["2", "0", "-1", "0>3"])
def test_a_weight_runs(weight, model, tiny_clip, negative, sample):
    positive, bending = timeline(tiny_clip, f"a (red:{weight}) kiss | a blue kiss").result
    _, without = timeline(tiny_clip, "a red kiss | a blue kiss").result
    with reports() as made:
        result = sample(bent(model, *bending), positive, negative, shape=SHAPE)
    assert torch.isfinite(result).all() and not said(made[0])
    assert distance(result, sample(bent(model, *without), positive, negative, shape=SHAPE)) > 0.001
    assert ("biased" in made[0].ways) == (weight != "-1")


def test_what_the_node_says(tiny_clip):
    (shown,) = timeline(tiny_clip, "a kiss [0%-50%] | a rose [60%-100%]").ui.as_dict()["text"]
    lines = shown.splitlines()
    assert lines[0].startswith("@1 · 0%–50% · columns 0–") and lines[0].endswith("tokens · a kiss")
    assert "of 512 columns" in lines[2]
    assert lines[3].startswith("From 50% to 60% of the film no scene is heard")
