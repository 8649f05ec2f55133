"""The film of maps: words down, views across, places, frames, captions and the mask, on maps that are known."""

import pytest
import torch
from attention_bending.bending.errors import BendError
from attention_bending.bending.frames.latent_time import in_time
from attention_bending.bending.pictures import drawing
from attention_bending.bending.pictures.drawing import Look
from core.recorded import maps, middle, record, spot

PLAIN = Look(captions=False)


def test_a_film_of_maps_shows_the_word_where_and_when_it_is():
    film = drawing.draw(drawing.choose(record(spot()), show="original"), Look("gray", captions=False))
    assert film.shape == (9, 4 * 96, 6 * 96, 3)  # 64 × 96 pixels, six times
    bright = film.amax((1, 2, 3)) > 0.9
    assert bright.tolist() == [False] + [True] * 4 + [False] * 4
    assert middle(film[3, ..., 0]) == (2.5 * 96 - 0.5, 4.5 * 96 - 0.5)


def test_words_are_down_and_views_across():
    original = torch.zeros(2, 1, 1, 1, 1, 2, 2)
    bent = original.clone()
    original[0, ..., 0, 0], bent[0, ..., 1, 1] = 1, 1
    original[1, ..., 0, 1], bent[1, ..., 1, 0] = 1, 1
    views = drawing.choose(record(original, bent, ("kiss", "sea")))
    film = drawing.draw(views, Look("gray", captions=False), torch.zeros(1, 20, 20, 3))
    step = 20 + drawing.GAP
    assert film.shape == (1, step + 20, step + 20, 3)
    corners = [film[0, r * step :, c * step :, 0][:20, :20][2::15, 2::15] > 0.3 for r in (0, 1) for c in (0, 1)]
    assert [corner.nonzero().tolist() for corner in corners] == [[[0, 0]], [[1, 1]], [[0, 1]], [[1, 0]]]


def test_views_side_by_side_have_one_scale_and_words_their_own():
    original = maps(2, 1, 1, 1, 2, 3, 3)
    views = drawing.choose(record(original, 0.5 * original, ("kiss", "sea")))
    film = drawing.draw(views, Look("gray", captions=False))
    left, right = film[:, :, : film.shape[2] // 2 - 2], film[:, :, film.shape[2] // 2 + 2 :]
    half = left.shape[1] // 2
    torch.testing.assert_close(right[:, : half - 2], left[:, : half - 2] / 2, atol=0.01, rtol=0)
    assert left[:, : half - 2].max() > 0.99 and left[:, half + 2 :].max() > 0.99


def test_per_frame_each_is_as_bright():
    film = torch.ones(1, 1, 1, 1, 3, 2, 2) * torch.tensor([0.2, 1.0, 0.5]).view(3, 1, 1)
    views = drawing.choose(record(film), show="original")
    by_film = drawing.draw(views, Look("gray", "film", captions=False))[[0, 1, 5], 0, 0, 0]
    torch.testing.assert_close(by_film, torch.tensor([0.2, 1.0, 0.5]), atol=0.01, rtol=0)
    assert drawing.draw(views, Look("gray", "frame", captions=False)).min() == 1


def test_means_over_what_is_chosen():
    original = maps(1, 4, 5, 2, 2, 3, 3)
    kept = record(original)
    views = drawing.choose(kept, "KISS", "original", "0, -1", "1-2")
    expected = original[0, 1:3][:, [0, 4]].double().mean((0, 1, 2))
    torch.testing.assert_close(views.values[0, 0].double(), expected, atol=1e-3, rtol=0)
    with pytest.raises(BendError, match='"rose" was not recorded; recorded were: kiss'):
        drawing.choose(kept, "kiss, rose")
    with pytest.raises(BendError, match=r"show is 'both'\. Choose one of original, bent, difference, side by side"):
        drawing.choose(kept, show="both")


def test_a_difference_is_bent_minus_original_in_one_scale():
    original, bent = spot(at=(0, 1, 1)), 0.5 * spot(at=(0, 2, 4))
    views = drawing.choose(record(original, bent), show="difference")
    assert views.values[0, 0, 0, 1, 1] == -0.03125 and views.values[0, 0, 0, 2, 4] == 0.03125 / 2
    red, _, blue = drawing.draw(views, PLAIN)[0, [144, 240], [144, 432]].T
    assert blue[0] > red[0] and red[1] > blue[1]
    unbent = drawing.draw(drawing.choose(record(original), show="difference"), PLAIN)
    assert len(unbent.unique()) <= 3 and unbent.min() > 0.95


def test_where_a_bend_goes_below_zero_the_word_has_signed_colours():
    views = drawing.choose(record(maps(1, 1, 1, 1, 1, 2, 2), -maps(1, 1, 1, 1, 1, 2, 2)))
    original, bent = drawing.draw(views, PLAIN).split([512, 516], 2)
    assert original[..., 0].mean() > original[..., 2].mean() + 0.2
    assert bent[..., 2].mean() > bent[..., 0].mean() + 0.2


@pytest.mark.parametrize("colors", drawing.COLOR_MAPS)
def test_over_a_film_at_opacity_zero_only_the_film_is_seen(colors):
    images = maps(9, 32, 48, 3)
    views = drawing.choose(record(maps(1, 1, 1, 1, 3, 4, 6)), show="original")
    assert torch.equal(drawing.draw(views, Look(colors, opacity=0, captions=False), images), images)
    captioned = drawing.draw(views, Look(colors, opacity=0), images)
    assert torch.equal(captioned[:, :32], images) and captioned.shape[1] > 32
    alpha = torch.cat((images, maps(9, 32, 48, 1)), -1).half()
    assert torch.equal(drawing.draw(views, Look(colors, opacity=0, captions=False), alpha), images.half().float())


def test_the_film_of_maps_has_the_films_frames():
    views = drawing.choose(record(spot()), show="original")
    film = drawing.draw(views, Look("gray", opacity=1, captions=False), torch.zeros(6, 16, 24, 3))
    assert (film.amax((1, 2, 3)) > 0.3).tolist() == [False, False, True, True, False, False]


def test_captions_stand_beneath_and_say_the_scale():
    views = drawing.choose(record(spot(), 2 * spot(), ("kiss",)))
    with_captions, without = drawing.draw(views, Look()), drawing.draw(views, PLAIN)
    height = without.shape[1]
    assert torch.equal(with_captions[:, :height], without)
    strip = with_captions[:, height:]
    assert 16 <= strip.shape[1] <= 64 and strip.shape[1] % 2 == 0
    assert strip.max() > 0.9 and (strip == strip[:1]).all()  # written, and held
    other = drawing.draw(drawing.choose(record(spot(), 4 * spot())), Look())[:, height:]
    assert not torch.equal(other, strip)  # the maximum is another
    moving = drawing.draw(views, Look(normalize="frame"))[:, height:]
    assert not torch.equal(moving[0], moving[1]) and torch.equal(moving[1], moving[4])


def test_the_mask_is_the_first_words_own_map():
    original, bent = maps(2, 1, 1, 1, 3, 4, 6), maps(2, 1, 1, 1, 3, 4, 6, seed=1)
    kept = record(original, bent, ("kiss", "sea"))
    for show, words, source in (
        ("original", "", original[0]),
        ("side by side", "sea", original[1]),
        ("bent", "sea, kiss", bent[1]),
        ("difference", "kiss", (bent[0] - original[0]).clamp(min=0)),
    ):
        mask = drawing.as_mask(drawing.choose(kept, words, show), 9)
        film = source[0, 0, 0] / source.max()
        assert mask.shape == (9, 4, 6) and mask.max() == 1 and mask.min() >= 0
        torch.testing.assert_close(in_time(mask, 3), film, atol=2e-3, rtol=0)
    assert not drawing.as_mask(drawing.choose(record(original), show="difference"), 9).any()
