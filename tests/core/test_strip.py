"""A film of a map as one picture: frames below each other, each value's own colour, as opaque as it is large."""

import io

import numpy as np
import pytest
import torch
from attention_bending.bending.pictures.drawing import SIGNED, enlarge, heat
from attention_bending.bending.pictures.strip import HIGHEST, strip, strip_size
from PIL import Image

FILM = torch.rand(3, 4, 6, generator=torch.Generator().manual_seed(0))


def pixels(data):
    return torch.from_numpy(np.asarray(Image.open(io.BytesIO(data)).convert("RGBA")).copy())


@pytest.mark.parametrize("colors", ["viridis", "red", SIGNED])
@pytest.mark.parametrize("opacity", [None, 0.7])
def test_each_pixel_has_its_value_s_colour_and_opacity(colors, opacity):
    film = FILM * 2 - 1 if colors == SIGNED else FILM
    picture = pixels(strip(film, colors, (16, 24), opacity))
    assert picture.shape == (3 * 16, 24, 4)
    values = enlarge(film, 16, 24).flatten(0, 1)
    step = 2 / 254 if colors == SIGNED else 1 / 255  # between two neighbours of the palette
    assert (picture[..., :3] / 255 - heat(values, colors)).abs().max() < 0.05
    wanted = torch.full_like(values, 1.0) if opacity is None else values.abs() * opacity
    assert (picture[..., 3] / 255 - wanted).abs().max() <= step + 1 / 255


def test_a_frame_is_a_frame_and_zero_is_not_seen():
    film = torch.zeros(2, 1, 1)
    film[1] = 1
    picture = pixels(strip(film, "viridis", (8, 8), 1.0))
    assert picture[:8, :, 3].max() == 0 and picture[8:, :, 3].min() == 255


@pytest.mark.parametrize(
    "grid, cell, size",
    [
        ((3, 7, 10), 16, (112, 160)),
        ((21, 30, 52), 16, (210, 364)),
        ((5, 60, 500), 16, (46, 384)),
        ((1, 1, 1), 8, (8, 8)),
    ],
)
def test_a_frame_has_whole_cells_and_stays_small(grid, cell, size):
    assert strip_size(grid, cell, 384) == size
    long = strip_size((2000, *grid[1:]), cell, 384)
    assert 2000 * long[0] <= HIGHEST
