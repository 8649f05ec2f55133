"""Which words are heard at a place: held against dense numbers, cell by cell."""

import pytest
import torch
from attention_bending.bending.errors import BendError
from attention_bending.bending.maps.heard import words_here
from core.recorded import maps, record
from hypothesis import given, settings
from hypothesis import strategies as st

FRAMES, HEIGHT, WIDTH = 3, 4, 6
WORDS = ("PADDING", "kiss", "END", "red rose")


def dense(film, x, y, frame, radius):
    """Lift and share in float64, a cell at a time, off a word's mean film."""
    film = film.double()
    cells = [
        (row, column)
        for row in range(HEIGHT)
        for column in range(WIDTH)
        if ((column + 0.5) - x * WIDTH) ** 2 + ((row + 0.5) - y * HEIGHT) ** 2 <= (radius * min(HEIGHT, WIDTH)) ** 2
        or (row, column) == (min(int(y * HEIGHT), HEIGHT - 1), min(int(x * WIDTH), WIDTH - 1))
    ]
    share = sum(float(film[frame, row, column]) for row, column in cells) / len(cells)
    return share / float(film.abs().mean()), share


@settings(max_examples=50, deadline=None)
@given(
    st.floats(0, 1), st.floats(0, 1), st.integers(0, FRAMES - 1), st.sampled_from((0.0, 0.2, 0.6, 2.0)), st.booleans()
)
def test_lift_and_share_are_those_of_the_cells(x, y, frame, radius, bent):
    before, after = (maps(len(WORDS), 2, 3, 1, FRAMES, HEIGHT, WIDTH, seed=seed) ** 3 for seed in (1, 2))
    found = words_here(record(before, after, words=WORDS), x, y, frame, radius, bent=bent)
    films = dict(zip(WORDS, (after if bent else before).mean((1, 2, 3)), strict=True))
    assert sorted(each.word for each in found) == sorted(WORDS)
    for word, lift, share in found:
        assert (lift, share) == pytest.approx(dense(films[word], x, y, frame, radius), rel=3e-3)
    words = [each for each in found if each.word not in ("PADDING", "END")]
    assert [each.lift for each in words] == sorted((each.lift for each in words), reverse=True)
    assert found[:2] == words  # padding and end come last, whatever their lift


def test_a_word_that_is_heard_everywhere_does_not_win():
    """By share it would: a hundred times the thing's own word."""
    film = torch.zeros(2, 1, 1, 1, FRAMES, HEIGHT, WIDTH)
    film[0] = 0.5
    film[1, ..., 1, 2, 4] = 0.005
    first, second = words_here(record(film, words=("a", "star")), 4.5 / WIDTH, 2.5 / HEIGHT, 1)
    assert (first.word, second.word) == ("star", "a")
    assert first.lift == pytest.approx(FRAMES * HEIGHT * WIDTH, rel=1e-3) and second.lift == pytest.approx(1)
    assert words_here(record(film, words=("a", "star")), 0, 0, 1)[0].word == "a"


def test_after_the_bends_a_word_may_be_heard_less_than_nothing():
    film = maps(1, 1, 1, 1, FRAMES, HEIGHT, WIDTH)
    (here,) = words_here(record(film, -film), 0.5, 0.5, 0)
    assert here.lift < 0 and here.share < 0
    (nothing,) = words_here(record(film, torch.zeros_like(film)), 0.5, 0.5, 0)
    assert nothing[1:] == (0, 0)


def test_a_word_of_which_nothing_was_seen_is_left_out():
    film = maps(2, 1, 1, 1, FRAMES, HEIGHT, WIDTH)
    seen = torch.tensor([True, False])[:, None, None]
    (here,) = words_here(record(film, words=("kiss", "rose"), seen=seen), 0.5, 0.5, 0)
    assert here.word == "kiss"
    assert words_here(record(film, words=("kiss", "rose"), seen=seen & False), 0.5, 0.5, 0) == []


@pytest.mark.parametrize("place", [(-0.1, 0, 0), (0, 1.1, 0), (0, 0, FRAMES), (0, 0, -1), (float("nan"), 0, 0)])
def test_a_place_outside_of_the_film_is_refused(place):
    with pytest.raises(BendError, match=r"is no place of this film: x and y go from 0 to 1, and its 3 latent frames"):
        words_here(record(maps(1, 1, 1, 1, FRAMES, HEIGHT, WIDTH)), *place)
