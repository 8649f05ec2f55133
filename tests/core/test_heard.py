"""Which words are heard at a place: held against dense numbers, cell by cell."""

import pytest
import torch
from attention_bending.bending.errors import BendError
from attention_bending.bending.frames.mask_video import MaskVideo
from attention_bending.bending.maps.heard import Heard, check_many, most_heard, table, words_here, words_under
from attention_bending.bending.text.token_field import TokenField
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


OUTSIDE = "is no place of this film: "


@pytest.mark.parametrize(
    ("place", "field", "told"),
    [
        ((-0.1, 0, 0), "x", OUTSIDE + "x and y go from 0 to 1"),
        ((0, 1.1, 0), "y", OUTSIDE + "x and y go from 0 to 1"),
        ((float("nan"), 0, 0), "x", OUTSIDE + "x and y go from 0 to 1"),
        ((0, 0, FRAMES), "frame", OUTSIDE + "its 3 latent frames are 0 to 2"),
        ((0, 0, -1), "frame", OUTSIDE + "its 3 latent frames are 0 to 2"),
        ((0, 0, 0, -0.1), "radius", "radius is -0.1"),
        ((0, 0, 0, float("nan")), "radius", "radius is nan"),
    ],
)
def test_a_place_outside_of_the_film_is_refused(place, field, told):
    with pytest.raises(BendError, match=told) as refused:
        words_here(record(maps(1, 1, 1, 1, FRAMES, HEIGHT, WIDTH)), *place)
    assert refused.value.field == field


# --- under a mask ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("frame", range(FRAMES))
@pytest.mark.parametrize("pictures", [1, FRAMES])
def test_under_a_mask_each_cell_counts_by_its_value(pictures, frame):
    """Two pixels a cell along each side, so that a cell's weight is the mean of four."""
    mask = torch.rand(pictures, 2 * HEIGHT, 2 * WIDTH, generator=torch.Generator().manual_seed(7))
    film = maps(2, 1, 1, 1, FRAMES, HEIGHT, WIDTH)
    found = words_under(record(film, words=("kiss", "rose")), MaskVideo(mask), frame)
    picture = mask[0 if pictures == 1 else frame].double()
    for word, lift, share in found:
        values = film[("kiss", "rose").index(word), 0, 0, 0].double()
        total = weight = 0.0
        for row in range(HEIGHT):
            for column in range(WIDTH):
                cell = float(picture[2 * row : 2 * row + 2, 2 * column : 2 * column + 2].mean())
                total, weight = total + cell * float(values[frame, row, column]), weight + cell
        assert (lift, share) == pytest.approx((total / weight / float(values.mean()), total / weight), rel=3e-3)


def test_an_empty_mask_and_a_frame_outside_are_refused():
    film = record(maps(2, 1, 1, 1, FRAMES, HEIGHT, WIDTH), words=("kiss", "rose"))
    mask = torch.zeros(FRAMES, 8, 8)
    mask[0] = 1
    with pytest.raises(BendError, match="mask is empty in latent frame 1, so that it shows no place"):
        words_under(film, MaskVideo(mask), 1)
    with pytest.raises(BendError, match="its 3 latent frames are 0 to 2"):
        words_under(film, MaskVideo(mask), 3)


# --- for a person, and for a bend's token ---------------------------------------------------------------------------


def test_most_heard_are_those_above_all_others_and_read_back_as_tokens():
    found = [
        Heard(*each) for each in (("red, round", 9.0, 0.1), ("12#th", 4.5, 0.1), ("a", 4.4, 0.3), ("END", 20.0, 0.5))
    ]
    words = most_heard(found)
    assert words == ['"red, round"', '"12#th"']
    assert [str(term) for term in TokenField.parse(", ".join(words)).terms] == ["red, round", "12#th"]
    assert most_heard([Heard("kiss#2", 1.5, 0.1)]) == ["kiss#2"]
    assert most_heard([Heard("a", 1.0, 0.1), Heard("PADDING", 1.3, 0.9)]) == most_heard([]) == []


def test_the_table_has_every_word():
    found = [Heard("star", 12.94, 0.0412), Heard("a", 0.5, 0.2)]
    assert table(found, ["star"]).splitlines() == [
        "Heard here: star",
        "star: 12.9 × the whole film, 4.1% of the attention",
        "a: 0.5 × the whole film, 20.0% of the attention",
    ]
    assert table(found, []).startswith("No word is heard here more than in the whole film.\n")


@pytest.mark.parametrize("words", [("kiss",), ("kiss", "PADDING"), ("END",)])
def test_one_word_alone_has_nothing_to_be_ranked_among(words):
    with pytest.raises(BendError, match=f"the record has {', '.join(words)} alone.*prompt words"):
        check_many(record(maps(len(words), 1, 1, 1, FRAMES, HEIGHT, WIDTH), words=words))
