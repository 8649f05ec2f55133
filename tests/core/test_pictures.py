"""Pictures of maps: colours, scales, places, times, captions and sheets, on maps whose pictures are known."""

import json
import math

import numpy as np
import pytest
import torch
from attention_bending.bending.errors import BendError
from attention_bending.bending.frames.grid import Grid
from attention_bending.bending.frames.latent_time import in_time
from attention_bending.bending.maps.record import PackedMaps, Record, even_bins
from attention_bending.bending.pictures import drawing, maps_grid, text_rendering
from attention_bending.bending.pictures.drawing import Look
from hypothesis import given
from hypothesis import strategies as st

PLAIN = Look(captions=False)


def record(original, bent=None, words=("kiss",), **fields):
    """Of maps `(W, S, N, P, F, h, w)`."""
    count, steps, layers, heads, *grid = original.shape
    kept = PackedMaps.pack(original)
    made = {
        "columns": tuple((column,) for column in range(count)),
        "grid": Grid(*grid),
        "steps": even_bins(steps, steps),
        "layers": even_bins(layers, layers),
        "heads": heads,
        "original": kept,
        "bent": kept if bent is None else PackedMaps.pack(bent),
        "seen": torch.ones(count, steps, layers, dtype=torch.bool),
    }
    return Record(words, **{**made, **fields})


def maps(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def spot(frames=3, height=4, width=6, at=(1, 2, 4)):
    """One word's maps, zero but for one cell."""
    film = torch.zeros(1, 1, 1, 1, frames, height, width)
    film[0, 0, 0, 0][at] = 0.03125
    return film


def middle(picture):
    """Of what is brightest in `(H, W)`: row and column, in pixels."""
    return tuple((picture > 0.8 * picture.max()).nonzero().float().mean(0).tolist())


# --- colour ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("colors", [*drawing.COLOR_MAPS, drawing.SIGNED])
def test_a_colour_map_is_smooth_and_full(colors):
    table = drawing.palette(colors)
    assert len(table) in (255, 256) and table.min() >= 0 and table.max() <= 1
    assert table.diff(dim=0).abs().max() < 0.05  # no two neighbours that jump
    assert len(table.unique(dim=0)) > 200  # nor steps


@pytest.mark.parametrize(
    "colors, low, high",
    [
        ("viridis", (68, 1, 84), (253, 231, 37)),
        ("plasma", (13, 8, 135), (240, 249, 33)),
        ("turbo", (48, 18, 59), (122, 4, 3)),
        ("cividis", (0, 34, 78), (254, 232, 56)),
        ("hot", (11, 0, 0), (255, 255, 255)),
        ("gray", (0, 0, 0), (255, 255, 255)),
        ("red", (0, 0, 0), (255, 26, 26)),
    ],
)
def test_the_ends_of_the_colour_maps(colors, low, high):
    ends = drawing.heat(torch.tensor([[0.0, 1.0]]), colors)[0] * 255
    torch.testing.assert_close(ends, torch.tensor([low, high]).float(), atol=3.0, rtol=0)


def test_what_lies_outside_has_the_colour_of_the_end():
    inside, outside = (drawing.heat(torch.tensor([values]), "plasma") for values in ([0.0, 1.0], [-3.0, 7.0]))
    assert torch.equal(inside, outside)


def test_a_difference_is_red_for_more_blue_for_less_white_for_none():
    less, same, more = drawing.heat(torch.tensor([[-0.5, 0.0, 0.5]]), drawing.SIGNED)[0]
    assert more[0] > 0.9 and more[2] < 0.1
    assert less[2] > 0.9 and less[0] < 0.1
    assert same.min() > 0.95 and same[0] == pytest.approx(same[2].item(), abs=1e-3)
    values = torch.linspace(-1, 1, 101)[None]
    there, back = drawing.heat(values, drawing.SIGNED), drawing.heat(-values, drawing.SIGNED)
    assert (there.mean(-1) - back.mean(-1)).abs().max() < 0.15  # the two sides are as strong


def test_an_unknown_colour_map_is_refused():
    with pytest.raises(BendError, match=r"color_map is 'magma'\. Choose one of viridis, plasma"):
        Look("magma")
    with pytest.raises(BendError, match=r"opacity is 1\.5"):
        Look(opacity=1.5)
    with pytest.raises(BendError, match=r"normalize is 'sheet'\. Choose one of film, frame"):
        Look(normalize="sheet")


@pytest.mark.parametrize("colors", ["viridis", "red", drawing.SIGNED])
def test_an_overlay_is_the_film_where_it_is_clear_and_the_colour_where_it_is_not(colors):
    film, values = maps(2, 3, 4, 3), maps(3, 4)
    values[0, 0], values[1, 1] = 0.0, 1.0
    assert torch.equal(drawing.overlay(film, values, colors, 0.0), film)
    full = drawing.overlay(film, values, colors, 1.0)
    assert torch.equal(full[:, 0, 0], film[:, 0, 0])
    torch.testing.assert_close(full[:, 1, 1], drawing.heat(values, colors)[1, 1].expand(2, 3))


def test_the_part_of_the_colour_is_opacity_times_the_map():
    film, values = maps(3, 4, 3), torch.linspace(-1, 1, 12).view(3, 4)
    part = (0.5 * values.abs())[..., None]
    expected = film * (1 - part) + drawing.heat(values, drawing.SIGNED) * part
    torch.testing.assert_close(drawing.overlay(film, values, drawing.SIGNED, 0.5), expected)


# --- scale and statistics --------------------------------------------------------------------------------------------


def test_one_scale_for_the_film_and_all_its_views():
    views = torch.tensor([[1.0, 2.0], [3.0, 8.0]])[..., None, None].expand(2, 2, 3, 3)
    assert drawing.peaks(views, "film").tolist() == [8, 8]
    assert drawing.peaks(views, "frame").tolist() == [3, 8]
    assert drawing.normalised(views, torch.tensor([3.0, 8.0]))[:, :, 0, 0].tolist() == [
        [pytest.approx(1 / 3), 0.25],
        [1, 1],
    ]
    assert torch.equal(drawing.normalised(torch.zeros(2, 3, 3), torch.zeros(2)), torch.zeros(2, 3, 3))


@given(seed=st.integers(0, 50), shape=st.sampled_from([(1, 2, 2), (3, 4, 5), (21, 15, 26)]), signed=st.booleans())
def test_statistics(seed, shape, signed):
    film = maps(*shape, seed=seed) ** 4 - (0.3 if signed else 0)
    plain = film.numpy().astype(np.float64).ravel()
    part = np.abs(plain) / np.abs(plain).sum()
    found = drawing.statistics(film)
    assert found["share"] == pytest.approx(plain.mean(), abs=1e-6)
    assert found["entropy"] == pytest.approx(-sum(p * math.log(p) for p in part if p) / math.log(len(plain)), abs=1e-5)
    assert found["max"] == pytest.approx(np.abs(plain).max())


def test_the_ends_of_the_entropy():
    one, even = torch.zeros(2, 3, 4), torch.full((2, 3, 4), 0.1)
    one[1, 2, 3] = 0.5
    assert drawing.statistics(one) == {"share": pytest.approx(0.5 / 24), "entropy": 0, "max": 0.5}
    assert drawing.statistics(even)["entropy"] == pytest.approx(1)
    assert drawing.statistics(torch.zeros(2, 3, 4)) == {"share": 0, "entropy": None, "max": 0}


# --- size and time ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("times", [1, 8, 16])
def test_cells_meet_pixels_by_their_centres(times):
    """A cell's middle pixels are the largest, and its picture is as even as the cell's place is."""
    film = spot()[0, 0, 0, 0]
    large = drawing.enlarge(film, 4 * times, 6 * times)
    assert torch.equal(large[0], torch.zeros_like(large[0]))
    assert middle(large[1]) == ((2 + 0.5) * times - 0.5, (4 + 0.5) * times - 0.5)
    assert large.min() >= film.min() and large.max() <= film.max()  # bicubic alone goes beyond
    flipped = drawing.enlarge(film.flip(1, 2), 4 * times, 6 * times).flip(1, 2)
    torch.testing.assert_close(flipped, large)


def test_a_ramp_stays_a_ramp_and_a_smaller_picture_has_the_same_mean():
    ramp = torch.arange(6.0).expand(1, 4, 6)
    inner = drawing.enlarge(ramp, 40, 60)[0, 20, 15:45]
    torch.testing.assert_close(inner, (torch.arange(15, 45) + 0.5) / 10 - 0.5)
    film = maps(1, 30, 52)
    assert drawing.enlarge(film, 15, 26).mean() == pytest.approx(film.mean().item(), abs=1e-3)


def catmull_rom(values, at):
    """The spline through `values` at the places `at`, in plain float64; beyond the border the last value goes on."""
    sums = []
    for place in at:
        t, first = place % 1, math.floor(place)
        before, left, right, behind = (values[min(max(first + k, 0), len(values) - 1)] for k in (-1, 0, 1, 2))
        slopes = (right - before) / 2, (behind - left) / 2
        curve = 2 * (left - right) + slopes[0] + slopes[1], 3 * (right - left) - 2 * slopes[0] - slopes[1]
        sums.append(left + t * (slopes[0] + t * (curve[1] + t * curve[0])))
    return np.stack(sums)


@pytest.mark.parametrize(
    "cells, pixels", [((3, 4), (48, 64)), ((5, 7), (33, 50)), ((1, 6), (10, 60)), ((4, 4), (4, 4))]
)
def test_a_larger_picture_is_the_spline_through_the_cells(cells, pixels):
    values = maps(1, *cells) * 2 - 1
    down, across = ((np.arange(n) + 0.5) * m / n - 0.5 for m, n in zip(cells, pixels, strict=True))
    expected = catmull_rom(catmull_rom(values[0].double().numpy(), down).T, across).T
    expected = np.clip(expected, values.min().item(), values.max().item())
    np.testing.assert_allclose(drawing.enlarge(values, *pixels)[0].numpy(), expected, atol=2e-6)


@given(length=st.integers(1, 30), times=st.sampled_from(["causal", "same", "more"]), more=st.integers(0, 60))
def test_holding_in_time_is_undone_by_in_time(length, times, more):
    count = {"causal": 4 * (length - 1) + 1, "same": length, "more": 2 * length - 1 + more}[times]
    values = torch.randint(-99, 99, (length, 2, 2), generator=torch.Generator().manual_seed(more)).float()
    shown = drawing.latent_frames(count, length)
    held = values[shown]
    assert len(held) == count and shown[0] == 0 and shown[-1] == (length - 1 if count > 1 else 0)
    torch.testing.assert_close(in_time(held, length), values)
    assert (shown.diff() >= 0).all() and (shown.diff() <= 1).all()


def test_the_frames_of_wan():
    assert drawing.latent_frames(9, 3).tolist() == [0, 1, 1, 1, 1, 2, 2, 2, 2]
    assert drawing.latent_frames(5, 3, stride=2).tolist() == [0, 1, 1, 2, 2]
    assert drawing.latent_frames(6, 3).tolist() == [0, 0, 1, 1, 2, 2]
    assert drawing.latent_frames(2, 5).tolist() == [0, 4]
    assert drawing.latent_frames(1, 5).tolist() == [0]
    assert drawing.latent_frames(7, 1).tolist() == [0] * 7


# --- the film of maps ------------------------------------------------------------------------------------------------


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


# --- text ------------------------------------------------------------------------------------------------------------


@given(text=st.text(max_size=12), size=st.integers(8, 40), width=st.integers(0, 90))
def test_any_text_can_be_written(text, size, width):
    canvas = text_rendering.Canvas(60, 40)
    canvas.write(2, 2, text, size, width=width)
    assert canvas.pixels().shape == (40, 60, 3)


@pytest.mark.parametrize(
    "text", ["kiss", "café", "接吻", "поцелуй", "قبلة", "💋", "\u200bkiss", "\ud800kiss", "⟨U+10FFFE⟩"]
)
def test_words_of_any_script_leave_something_to_read(text):
    canvas = text_rendering.Canvas(300, 40)
    canvas.write(2, 2, text, 20)
    assert (canvas.pixels() - torch.tensor(text_rendering.BACKGROUND) / 255).abs().max() > 0.3


def test_letters_that_no_font_has_are_named(monkeypatch):
    monkeypatch.setattr(text_rendering, "_SYSTEM", ("no such font.ttf",))
    text_rendering._lettered.cache_clear()
    assert text_rendering._lettered("a café: 接", 20)[1] == "a cafe: <U+63A5>"
    text_rendering._lettered.cache_clear()


def test_without_freetype_there_is_still_a_font(monkeypatch):
    small = text_rendering.ImageFont.load_default_imagefont()

    def load_default(size=None):
        if size is not None:
            raise ImportError("no FreeType")
        return small

    monkeypatch.setattr(text_rendering.ImageFont, "load_default", load_default)
    monkeypatch.setattr(text_rendering, "_SYSTEM", ("no such font.ttf",))
    caches = (text_rendering._face, text_rendering._draws, text_rendering._lettered)
    for cache in caches:
        cache.cache_clear()
    canvas = text_rendering.Canvas(200, 40)
    canvas.write(2, 2, "a café 接", 20, width=150)
    assert canvas.pixels().max() > 0.9
    for cache in caches:
        cache.cache_clear()


def test_long_text_is_cut_to_its_width():
    text = "a romantic kiss at sunset"
    cut = text_rendering.fitted(text, 20, 120)
    assert cut.endswith("...") and text.startswith(cut[:-3]) and len(cut) > 6
    assert text_rendering.width_of(cut, 20) <= 120 < text_rendering.width_of(text[: len(cut) - 2] + "...", 20)
    assert text_rendering.fitted("kiss", 20, 120) == "kiss"
    assert text_rendering.fitted("kiss", 20, 1) == ""


# --- the contact sheet -----------------------------------------------------------------------------------------------


def unseen(*shape, missing=(1, 2)):
    kept = record(maps(1, *shape), maps(1, *shape, seed=1))
    kept.seen[0][missing] = False
    return kept


def test_cells_are_the_record_and_their_numbers_its_films():
    kept = unseen(2, 3, 1, 5, 4, 6)
    for show in ("original", "bent", "difference"):
        cells = maps_grid.collect(kept, show=show)
        told = json.loads(cells.as_json())
        assert (told["word"], told["show"]) == ("kiss", show)
        assert told["rows"] == ["step 0", "step 1"] and told["columns"] == ["layer 0", "layer 1", "layer 2"]
        assert told["cells"][1][2] is None and cells.maps[1][2] is None
        for step, layer in ((0, 0), (1, 1)):
            film = drawing.view_of(kept, show, 0, (step,), (layer,))
            assert told["cells"][step][layer] == drawing.statistics(film)
            torch.testing.assert_close(cells.maps[step][layer], film.mean(0, True))
    assert maps_grid.collect(kept, frames="all").maps[0][0].shape == (5, 4, 6)


def test_heads_down_are_means_over_the_steps():
    kept = unseen(2, 3, 4, 1, 4, 6, missing=(slice(None), 2))
    cells = maps_grid.collect(kept, axes="heads × layers", steps="1")
    assert cells.rows == ("head 0", "head 1", "head 2", "head 3")
    torch.testing.assert_close(cells.maps[3][1], kept.mean_map(0, False, (1,), (1,), (3,)))
    assert [row[2] for row in cells.maps] == [None] * 4


def test_what_is_chosen_of_a_binned_record_is_named_by_its_bins():
    kept = record(maps(1, 2, 3, 1, 1, 2, 2), steps=even_bins(7, 2), layers=even_bins(30, 3))
    cells = maps_grid.collect(kept, steps="late", layers="0-12")
    assert cells.rows == ("step 3-6",) and cells.columns == ("layer 0-9", "layer 10-19")


def test_what_cannot_be_shown_is_refused():
    kept = unseen(2, 3, 1, 1, 2, 2)
    for refused, message in (
        ({"axes": "heads × layers"}, "the heads were recorded as their mean. Turn record_heads on"),
        ({"word": "rose"}, '"rose" was not recorded; recorded were: kiss'),
        ({"steps": "1", "layers": "2"}, "nothing was recorded in step 1 of layer 2"),
        ({"layers": "7"}, "this model has no layer 7"),
        ({"show": "side by side"}, "show is 'side by side'"),
        ({"axes": "layers"}, "axes is 'layers'"),
        ({"frames": "0"}, "frames is '0'. Choose one of average, all"),
    ):
        with pytest.raises(BendError, match=message):
            maps_grid.collect(kept, **refused)
    two = record(maps(2, 1, 1, 1, 1, 2, 2), words=("kiss", "sea"))
    assert maps_grid.collect(two).word == "kiss" and maps_grid.collect(two, "sea").word == "sea"
    with pytest.raises(BendError, match="word is 'kiss, sea', which are 2 words"):
        maps_grid.collect(two, "kiss, sea")
    with pytest.raises(BendError, match=r"normalize is 'film'\. Choose one of sheet, cell"):
        maps_grid.sheet(maps_grid.collect(two), normalize="film")
    with pytest.raises(BendError, match="color_map is 'seismic'"):
        maps_grid.sheet(maps_grid.collect(two), "seismic")


def cell_of(sheet, plan, row, column):
    x, y = plan.place(row, column)
    return sheet[:, y : y + plan.height, x : x + plan.width]


def test_a_sheet_has_each_map_in_its_cell():
    original = maps(1, 2, 3, 1, 4, 5, 8) * torch.tensor([[1.0], [0.5]]).view(2, 1, 1, 1, 1, 1)
    kept = record(original)
    kept.seen[0, 1, 2] = False
    for frames, count in (("average", 1), ("all", 4)):
        cells = maps_grid.collect(kept, frames=frames)
        plan = maps_grid._Layout(cells, cells.maps[0][0].shape)
        sheet, own = (maps_grid.sheet(cells, "gray", normalize) for normalize in ("sheet", "cell"))
        assert sheet.shape == own.shape and len(sheet) == count
        assert sheet.shape[1] % 2 == 0 and sheet.shape[2] % 2 == 0
        largest = max(film.max() for row in cells.maps for film in row if film is not None)
        for row, column in ((0, 0), (1, 1)):
            film = cells.maps[row][column]
            for made, scale in ((sheet, largest), (own, film.max())):
                expected = drawing.enlarge(film / scale, plan.height, plan.width)
                torch.testing.assert_close(cell_of(made, plan, row, column)[..., 0], expected, atol=3e-3, rtol=0)
        hatched = cell_of(sheet, plan, 1, 2)
        assert hatched.max() < 0.5 and hatched.std() > 0.02


@pytest.mark.parametrize(
    "steps, layers, heads, frames", [(20, 30, 1, 1), (20, 30, 1, 3), (1, 40, 40, 1), (50, 1, 1, 1)]
)
def test_a_sheet_stays_a_sane_size(steps, layers, heads, frames):
    kept = record(maps(1, steps, layers, heads, frames, 6, 10))
    axes = maps_grid.AXES[heads > 1]
    cells = maps_grid.collect(kept, axes=axes, frames="all")
    sheet = maps_grid.sheet(cells)
    limit = 4000 if frames == 1 else 2000
    assert max(sheet.shape[1:3]) <= limit * 1.05
    assert max(sheet.shape[1:3]) > limit / 2


def test_numbers_that_would_not_fit_are_left_out():
    few, many = (maps_grid.collect(record(maps(1, 1, layers, 1, 2, 4, 4)), frames="all") for layers in (3, 40))
    assert maps_grid._Layout(few, (2, 4, 4)).beneath > 0
    assert maps_grid._Layout(many, (2, 4, 4)).beneath == 0


def test_small_shares_are_short():
    assert maps_grid._numbers({"share": 0.0134, "entropy": 0.876}) == "1.3% · 0.88"
    assert maps_grid._numbers({"share": -1e-7, "entropy": 0.5}) == "~0% · 0.50"
    assert maps_grid._numbers({"share": 0.0, "entropy": None}) == "0% · -"
