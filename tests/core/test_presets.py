"""The recipes that come with the pack: each is a bending that does something, and says what that looks like."""

import re

import pytest
import torch
from attention_bending.bending.api import bend_attention
from attention_bending.bending.bend import Bend, Bending
from attention_bending.bending.errors import BendError
from attention_bending.bending.files import dump, load, parse, presets, replace_words
from attention_bending.bending.frames.grid import Grid
from attention_bending.bending.operators import Amplify, Blur, RegionalMask, Sharpen
from attention_bending.bending.time.windows import SamplingMoment

PRESETS = presets()
GRID = Grid(3, 4, 6)
SEED = {
    "amplify a concept": (Bend(Amplify(2.5), "kiss", strength=0.8),),
    "spatial composition": (
        Bend(RegionalMask(0, 0, 1, 0.5, 0.2), "sunset"),
        Bend(RegionalMask(0, 0.5, 1, 1), "people"),
    ),
    "depth of field": (Bend(Sharpen(2), "kiss", strength=0.8), Bend(Blur(3, 7), "background")),
}


def test_there_are_a_dozen_and_the_seeds_three_among_them():
    assert len(PRESETS) >= 12
    assert {title: load(PRESETS[title]).bending.bends for title in SEED} == SEED


@pytest.mark.parametrize("title", PRESETS)
def test_a_preset_says_in_a_line_what_it_looks_like(title):
    loaded = load(PRESETS[title])
    assert re.fullmatch(r"[A-Z][^\n]{30,120}\.", loaded.about)
    assert not loaded.notes
    assert re.fullmatch(r"[a-z]+( [a-z]+)*", title)


@pytest.mark.parametrize("title", PRESETS)
def test_a_preset_bends_something(title):
    """The first moment of a sampling, or a later one, comes out changed and finite."""
    bending = load(PRESETS[title]).bending
    some = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(1, 2, n, 8, generator=some) for n in (GRID.cells, 7, 7))
    columns = [
        [range(7)] if bend.token == "ALL" else [[2 * i + 1] for i in range(len(bend.tokens))] for bend in bending
    ]
    columns = [some if len(some) > 1 else some[0] for some in columns]
    for bend in range(len(bending)):
        one = Bending(bending.bends[bend : bend + 1])
        outputs = [
            bend_attention(q, k, v, one, GRID, columns[bend : bend + 1], moment=SamplingMoment(percent, step, 4)).output
            for step, percent in enumerate((0.0, 0.3, 0.5, 0.9))
        ]
        plain = bend_attention(q, k, v, Bending(), GRID).output
        assert all(output.isfinite().all() for output in outputs)
        assert any(not torch.allclose(output, plain, atol=1e-4) for output in outputs)


@pytest.mark.parametrize("title", PRESETS)
def test_a_preset_can_be_saved_and_its_words_replaced(title):
    bending = load(PRESETS[title]).bending
    assert parse(dump(bending)).bending == bending
    words = {term.text for bend in bending for token in bend.tokens for term in token.terms if not term.selector}
    new = replace_words(bending, ", ".join(f"{word}=new {word}" for word in words))
    after = {term.text for bend in new for token in bend.tokens for term in token.terms if not term.selector}
    assert after == {f"new {word}" for word in words}
    assert [bend.operator.key for bend in new] == [bend.operator.key for bend in bending]


def test_every_preset_looks_different():
    told = [load(file) for file in PRESETS.values()]
    assert len({one.about for one in told}) == len({one.bending for one in told}) == len(told)


def test_a_preset_with_a_typo_would_be_noticed():
    text = PRESETS["drift"].read_text(encoding="utf-8").replace("keyframes", "keyframe")
    with pytest.raises(BendError, match=r'line 10: an animation has no "keyframe"\. Did you mean "keyframes"'):
        parse(text)
