"""The numbers of one film against another, against plain float64 code; and the sheet on which films play."""

import json

import numpy as np
import pytest
import torch
from attention_bending.bending import operators as ops
from attention_bending.bending.bend import Bend, Bending
from attention_bending.bending.errors import BendError
from attention_bending.bending.explore import sweep
from attention_bending.bending.pictures import films_grid as sheets
from attention_bending.bending.pictures.compare import compare, movement


def film(seed: int, frames=4, height=24, width=32, channels=3) -> torch.Tensor:
    return torch.rand(frames, height, width, channels, generator=torch.Generator().manual_seed(seed))


def ssim64(f: np.ndarray, g: np.ndarray) -> float:
    """By the paper, pixel by pixel: a gaussian window of 11, mirrored borders."""
    taps = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    window = np.outer(taps, taps) / taps.sum() ** 2
    n = max(1, round(min(f.shape[1:3]) / 256))
    luma = [(film @ np.array([0.299, 0.587, 0.114])) for film in (f, g)]
    found = []
    for one, two in zip(*luma, strict=True):
        h, w = (side // n for side in one.shape)
        one, two = (y[: h * n, : w * n].reshape(h, n, w, n).mean((1, 3)) for y in (one, two))
        a, b = (np.lib.stride_tricks.sliding_window_view(np.pad(y, 5, "reflect"), (11, 11)) for y in (one, two))

        def mean(x):
            return (x * window).sum((-2, -1))

        mu, nu = mean(a), mean(b)
        var, wav, cov = mean(a * a) - mu**2, mean(b * b) - nu**2, mean(a * b) - mu * nu
        c1, c2 = 0.01**2, 0.03**2
        found.append(((2 * mu * nu + c1) * (2 * cov + c2) / ((mu**2 + nu**2 + c1) * (var + wav + c2))).mean())
    return float(np.mean(found))


@pytest.mark.parametrize("shape", [(4, 24, 32), (3, 17, 6), (3, 400, 390)])
def test_the_numbers_are_those_of_plain_double_precision(shape):
    f, g = film(1, *shape), film(2, *shape)
    g = 0.5 * g + 0.5 * f
    found = compare(f, g)
    a, b = f.double().numpy(), g.double().numpy()
    first, second = (lambda x: np.abs(np.diff(x, axis=0)).mean()), (lambda x: np.abs(np.diff(x, 2, axis=0)).mean())
    assert found.change == pytest.approx(np.abs(a - b).mean(), rel=1e-5)
    assert found.ssim == pytest.approx(ssim64(a, b), abs=1e-4)
    assert found.motion == pytest.approx(first(a) / first(b), rel=1e-5)
    assert found.flicker == pytest.approx(second(a) / second(b), rel=1e-5)
    assert compare(f, g, movement(g)) == found


@pytest.mark.parametrize("value", [0.0, 0.5, None])
def test_a_film_is_like_itself(value):
    f = film(1) if value is None else torch.full((3, 12, 12, 3), value)
    found = compare(f, f.clone())
    assert (found.change, found.ssim) == (0, 1)
    assert (found.motion, found.flicker) == ((1, 1) if value is None else (None, None))


def test_black_against_white():
    found = compare(torch.zeros(2, 12, 12, 3), torch.ones(2, 12, 12, 3))
    assert found.change == 1 and found.ssim == pytest.approx(1e-4, rel=1e-3)


def test_what_cannot_be_measured_is_none():
    picture = compare(film(1, 1), film(2, 1))
    assert (picture.motion, picture.flicker) == (None, None) and picture.change == pytest.approx(1 / 3, abs=0.02)
    assert compare(film(1, 2), film(2, 2)).flicker is None
    assert compare(film(1, 3, 5, 40), film(2, 3, 5, 40)).ssim is None
    with pytest.raises(BendError, match="Compare equals"):
        compare(film(1), film(1, 3))


def test_half_precision_and_an_alpha_channel_are_read():
    f, g = film(1, channels=4), film(2, channels=4)
    assert compare(f.half(), g.half()).change == pytest.approx(compare(f[..., :3], g[..., :3]).change, rel=1e-3)


TURN = Bending((Bend(ops.Rotate(15.0), "kiss"),))


def swept(*typed, **options) -> sweep.Sweep:
    return sweep.expand(TURN, sweep.axes(TURN, *typed), **options)


def sheet(cells: sweep.Sweep, **shape) -> sheets.Sheet:
    return sheets.collect([film(i, **shape) for i in range(len(cells.points))], cells)


SWEEPS = [
    swept(("angle", "0, 30, 60")),
    swept(("angle", "0, 30, 60"), baseline=False),
    swept(("angle", "-90:90:7"), ("layers", "0-5; all")),
    swept(("angle", "30, 60"), ("layers", "0-5; all"), baseline=False),
    swept(("seed", "1, 2, 3")),
    swept(("seed", "1, 2, 3"), ("strength", "0, 1")),
    swept(("strength", "0, 1"), ("seed", "1, 2, 3")),
]


@pytest.mark.parametrize("cells", SWEEPS, ids=lambda cells: f"{cells.title}, {len(cells.points)}")
def test_every_film_is_on_the_sheet_once_and_plays(cells):
    """Films of one colour each, that changes from frame to frame: counted in the pixels."""
    count = len(cells.points)
    films = [torch.full((3, 64, 96, 3), 0.0) + torch.tensor([0.3 + 0.02 * i, 0.9, 0.1]) for i in range(count)]
    for i, one in enumerate(films):
        one[1] += torch.tensor([0.0, -0.5, 0.02 * i])
    made = sheets.collect(films, cells)
    moving, still = sheets.draw(made), sheets.draw(made, moving=False)
    assert len(moving) == 3 and len(still) == 1
    assert not any(side % 2 for side in moving.shape[1:3])
    sizes = []
    for i, one in enumerate(films):
        for frame in range(3):
            same = (moving[frame] - one[frame, 0, 0]).abs().amax(-1) < 1e-3
            rows, columns = same.any(1).nonzero()[:, 0], same.any(0).nonzero()[:, 0]
            assert len(rows) and len(columns), (i, frame)
            sizes.append(int(same.sum()))
        assert ((still[0] - one[1, 0, 0]).abs().amax(-1) < 1e-3).any()
    least = min(sizes)
    assert sum(sizes) == 3 * least * (count + (len(cells.same) if cells.points[0].bent is False else 0))


def test_the_un_bent_film_is_at_the_top_left():
    for cells in SWEEPS[0], SWEEPS[2]:
        films = [torch.zeros(1, 64, 96, 3) + i / 30 + 0.2 for i in range(len(cells.points))]
        drawn = sheets.draw(sheets.collect(films, cells), moving=False)[0]
        for i in range(1, len(films)):
            first, other = (((drawn - films[n][0, 0, 0]).abs().amax(-1) < 1e-4).nonzero().amin(0) for n in (0, i))
            assert (first <= other).all() and not torch.equal(first, other)


def test_numbers_are_against_the_un_bent_film_of_the_same_seed():
    cells = SWEEPS[4]
    made = sheet(cells)
    told = json.loads(made.as_json())
    assert [cell["label"] for cell in told["cells"]] == list(cells.labels)
    assert [cell["seed"] for cell in told["cells"]] == [1, 2, 3, 1, 2, 3]
    for i, cell in enumerate(told["cells"]):
        if i < 3:
            assert cell["change"] is cell["ssim"] is cell["motion"] is cell["flicker"] is None
        else:
            assert made.baselines[i] == i - 3
            wanted = compare(made.films[i], made.films[i - 3])
            assert {name: cell[name] for name in ("change", "ssim", "motion", "flicker")} == wanted.as_dict()
    assert told["axes"] == [{"parameter": "seed", "values": ["1", "2", "3"]}] and told["unchanged"] == []


def test_films_without_a_sweep_are_compared_with_the_first():
    made = sheets.collect([film(1), film(2), film(3)], None, ["a", "b", "c"])
    assert made.changes[0] is None and made.changes[2] == compare(film(3), film(1))
    assert len(sheets.draw(made)) == 4
    assert json.loads(sheets.collect([film(1)]).as_json())["cells"][0]["label"] == "film 1"
    assert len(sheets.draw(sheets.collect([film(1)]), False)) == 1


@pytest.mark.parametrize(
    "films, message",
    [
        ([], "no film came in"),
        ([film(1)] * 3, "3 films came in, but cells has 4"),
        ([film(1)] * 3 + [film(1, frames=5)], r"'un-bent' is 32 × 24 × 4 frames, and 'angle 90' is 32 × 24 × 5 frames"),
        ([film(1)] * 3 + [film(1, height=16)], "Sample all with one size and length"),
        ([film(1)] * 3 + [film(1, channels=1)], "Sample all with one size and length"),
    ],
)
def test_films_that_do_not_belong_together_are_refused(films, message):
    with pytest.raises(BendError, match=message):
        sheets.collect(films, swept(("angle", "30, 60, 90")))


def test_a_large_sheet_is_kept_within_its_limits():
    cells = swept(("angle", "10:170:17"), ("layers", "; ".join(map(str, range(12)))), limit=500)
    one = torch.zeros(2, 48, 64, 3)
    made = sheets.Sheet(
        cells, cells.labels, (one,) * len(cells.points), (None,) * len(cells.points), (None,) * len(cells.points)
    )
    for moving, limit in ((True, sheets.LARGEST_FILM), (False, sheets.LARGEST_STILL)):
        assert max(sheets.draw(made, moving).shape[1:3]) <= limit + 8


def test_numbers_can_be_left_out():
    made = sheet(SWEEPS[0])
    assert sheets.draw(made, numbers=False).shape[1] < sheets.draw(made).shape[1]
