"""Colours, scale, size and time of pictures of maps, on maps whose pictures are known."""

import math

import numpy as np
import pytest
import torch
from attention_bending.bending.errors import BendError
from attention_bending.bending.frames.latent_time import in_time
from attention_bending.bending.maps.statistics import statistics
from attention_bending.bending.pictures import drawing
from attention_bending.bending.pictures.drawing import Look
from core.recorded import maps, middle, spot
from hypothesis import given
from hypothesis import strategies as st

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
    found = statistics(film)
    assert found["share"] == pytest.approx(plain.mean(), abs=1e-6)
    assert found["entropy"] == pytest.approx(-sum(p * math.log(p) for p in part if p) / math.log(len(plain)), abs=1e-5)
    assert found["max"] == pytest.approx(np.abs(plain).max())


def test_the_ends_of_the_entropy():
    one, even = torch.zeros(2, 3, 4), torch.full((2, 3, 4), 0.1)
    one[1, 2, 3] = 0.5
    assert statistics(one) == {"share": pytest.approx(0.5 / 24), "entropy": 0, "max": 0.5}
    assert statistics(even)["entropy"] == pytest.approx(1)
    assert statistics(torch.zeros(2, 3, 4)) == {"share": 0, "entropy": None, "max": 0}


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
