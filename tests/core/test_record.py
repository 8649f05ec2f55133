"""A record: half precision that keeps its word, bins, and what was not recorded."""

import pytest
import torch
from attention_bending.bending.errors import BendError
from attention_bending.bending.frames.grid import Grid
from attention_bending.bending.maps.record import PackedMaps, Record, even_bins, span
from attention_bending.bending.maps.statistics import shares
from hypothesis import given
from hypothesis import strategies as st

GRID = Grid(2, 3, 4)


def record(heads=1, steps=((0, 1), (2, 3)), layers=((0, 0), (1, 1), (2, 2)), seen=None, words=("kiss", "red, round")):
    shape = (len(words), len(steps), len(layers), heads, *GRID.shape)
    maps = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    films = PackedMaps.pack(maps)
    seen = torch.ones(shape[:3], dtype=torch.bool) if seen is None else seen
    return Record(words, ((4,),) * len(words), GRID, steps, layers, heads, films, films, seen), maps


@given(st.integers(1, 60), st.integers(1, 60))
def test_bins_are_even_and_hold_everything(count, bins):
    bins = min(count, bins)
    made = even_bins(count, bins)
    assert [number for first, last in made for number in range(first, last + 1)] == list(range(count))
    sizes = {last - first + 1 for first, last in made}
    assert len(made) == bins and max(sizes) - min(sizes) <= 1


@given(st.floats(-6, 2), st.integers(0, 99))
def test_half_precision_keeps_a_thousandth(exponent, seed):
    """Of every entry above a ten-thousandth of the film's largest, at any scale."""
    maps = torch.rand(1, 1, 1, 1, 2, 8, 8, generator=torch.Generator().manual_seed(seed)) ** 4 * 10**exponent
    back = PackedMaps.pack(maps).unpack(0, 0, 0, [0])[0]
    large = maps[0, 0, 0, 0] > 1e-4 * maps.max()
    assert ((back - maps[0, 0, 0, 0]).abs() <= 1e-3 * maps[0, 0, 0, 0])[large].all()
    assert PackedMaps.pack(torch.zeros(1, 1, 1, 1, 2, 3, 4)).unpack(0, 0, 0, [0]).abs().max() == 0


def test_a_film_is_the_mean_of_what_was_seen():
    seen = torch.ones(2, 2, 3, dtype=torch.bool)
    seen[0, 0, 1] = False
    kept, maps = record(seen=seen)
    expected = torch.stack([maps[0, 0, 0, 0], maps[0, 1, 0, 0], maps[0, 1, 1, 0]]).mean(0)
    assert torch.allclose(kept.mean_map(0, False, (0, 1), (0, 1)), expected, rtol=2e-3)
    assert torch.allclose(kept.mean_map(1, False, (0,), (1,)), maps[1, 0, 1, 0], rtol=2e-3)
    with pytest.raises(BendError, match="nothing was recorded in step 0-1 of layer 1: the sampler made no call"):
        kept.mean_map(0, False, (0,), (1,))


def test_words_are_found_as_they_were_asked_for():
    kept, _ = record(words=("kiss", "red, round", "rose#2", "PADDING"))
    assert [kept.word(text) for text in ("kiss", "KISS ", '"red, round"', "red, round", "rose#2", "PADDING")] == [
        *(0, 0, 1, 1, 2, 3)
    ]
    assert kept.chosen_words("rose#2, kiss, kiss") == (2, 0) and kept.chosen_words(" ") == (0, 1, 2, 3)
    assert kept.chosen_words('"red, round", kiss') == (1, 0)
    with pytest.raises(BendError, match='"love" was not recorded; recorded were: kiss, red, round, rose#2, PADDING'):
        kept.word("love")


def test_axes_are_chosen_by_their_own_numbers():
    kept, _ = record()
    assert kept.chosen_steps("1") == (0,) and kept.chosen_steps("1-2") == (0, 1) and kept.chosen_steps("-1") == (1,)
    assert kept.chosen_layers("late") == (2,) and kept.chosen_layers("all") == (0, 1, 2)
    with pytest.raises(BendError, match="has no step 4"):
        kept.chosen_steps("4")
    with pytest.raises(BendError, match="steps is 'late', which none of the 2 recorded steps is"):
        record(steps=((0, 0), (1, 1)))[0].chosen_steps("late")
    assert kept.chosen_heads("all") == (0,)
    with pytest.raises(BendError, match="record_heads"):
        kept.chosen_heads("0")
    heads, maps = record(heads=3)
    assert heads.chosen_heads("1-2") == (1, 2)
    assert torch.allclose(heads.mean_map(0, True, (0,), (0,), (1, 2)), maps[0, 0, 0, 1:].mean(0), rtol=2e-3)
    assert span((2, 2)) == "2" and span((2, 5)) == "2-5"


def test_the_shares_by_step_and_layer_are_means_of_the_maps():
    seen = torch.ones(2, 2, 3, dtype=torch.bool)
    seen[:, 1, 2] = False
    made, maps = record(heads=2, seen=seen)
    dense = maps.double().mean((3, 4, 5, 6))
    for words in ([0], [1], [0, 1]):
        told = shares(made, words)
        assert torch.equal(told.isnan(), ~seen[0])
        assert torch.allclose(told[seen[0]].double(), dense[words].sum(0)[seen[0]], rtol=1e-3)
