"""Two films made alike: sizes, lengths, what is said of it, and the one film in which both are shown."""

import pytest
import torch
from attention_bending.bending.pictures.pairing import LARGEST, paired, shown


def film(frames, height, width, seed=0):
    return torch.rand(frames, height, width, 3, generator=torch.Generator().manual_seed(seed))


def test_equals_are_left_as_they_are():
    a, b = film(3, 8, 10), film(3, 8, 10, seed=1)
    pair = paired(a, b)
    assert torch.equal(pair.a, a) and torch.equal(pair.b, b) and pair.told == ()


def test_of_two_lengths_the_shorter_is_seen_and_a_still_stands_beside_all():
    long, short, still = film(5, 8, 10), film(3, 8, 10, seed=1), film(1, 8, 10, seed=2)
    pair = paired(long, short)
    assert torch.equal(pair.a, long[:3]) and torch.equal(pair.b, short)
    assert pair.told == ("a has 5 frames, b 3: the first 3 are shown.",)
    for a, b in ((still, long), (long, still)):
        pair = paired(a, b)
        assert len(pair.a) == len(pair.b) == 5 and pair.told == ()
    assert torch.equal(pair.b, still.expand(5, -1, -1, -1))


@pytest.mark.parametrize("height, width, top, left", [(8, 8, 0, 4), (4, 16, 2, 0), (16, 32, 0, 0)])
def test_another_size_is_fitted_in_on_black(height, width, top, left):
    """A white picture: where it stands, and that it keeps its shape."""
    pair = paired(film(2, 8, 16), torch.ones(2, height, width, 3))
    expected = torch.zeros(2, 8, 16, 3)
    expected[:, top : 8 - top, left : 16 - left] = 1
    assert torch.allclose(pair.b, expected, atol=1e-6)
    assert pair.told == (f"a is 16 × 8, b {width} × {height}: b is fitted into a's size.",)


def test_alpha_is_left_out_and_half_precision_is_read():
    pair = paired(torch.cat([film(1, 4, 4), film(1, 4, 4)[..., :1]], 3), film(1, 4, 4).half())
    assert pair.a.shape == pair.b.shape == (1, 4, 4, 3) and pair.b.dtype == torch.float32


def test_a_stands_above_b_both_of_even_sides():
    a, b = film(2, 601, 803), film(2, 601, 803, seed=1)
    both = shown(paired(a, b))
    assert both.shape == (2, 1204, 804, 3)
    assert torch.equal(both[:, :601, :803], a) and torch.equal(both[:, 602:1203, :803], b)
    assert torch.equal(both[:, 601, :803], a[:, -1])


def test_a_large_film_is_made_smaller_and_a_small_one_keeps_its_pixels():
    assert shown(paired(film(1, 600, 2048), film(1, 600, 2048))).shape == (1, 600, LARGEST, 3)
    a = film(1, 64, 100)
    both = shown(paired(a, a))
    assert both.shape == (1, 640, 500, 3)
    assert torch.equal(both[:, :320:5, ::5], a) and torch.equal(both[:, 4:320:5, 4::5], a)
