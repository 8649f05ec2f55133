"""Every operator against the dense float64 oracle, and its exact identities."""

from dataclasses import asdict

import numpy as np
import pytest
import torch
from attention_bending.bending import operators as ops
from attention_bending.bending.errors import BendError
from attention_bending.bending.operators import OPERATORS
from core.oracle import FUNCTIONS, blur
from hypothesis import given, settings
from hypothesis import strategies as st

GRIDS = [(1, 1), (1, 7), (9, 1), (2, 2), (5, 8), (8, 5), (6, 6), (7, 13)]
CPU = torch.device("cpu")

fractions = st.floats(0, 1, width=32)
padding = st.sampled_from(ops.PADDINGS)
CASES = {
    "amplify": st.builds(ops.Amplify, st.floats(-10, 10, width=32)),
    "regional_mask": st.tuples(fractions, fractions, fractions, fractions, fractions, st.booleans())
    .map(lambda t: (min(t[0], t[2]), min(t[1], t[3]), max(t[0], t[2]), max(t[1], t[3]), t[4], t[5]))
    .filter(lambda t: t[0] < t[2] and t[1] < t[3])
    .map(lambda t: ops.RegionalMask(*t)),
    "blur": st.builds(ops.Blur, st.floats(0.25, 6, width=32), st.sampled_from([0, 3, 5, 9])),
    "sharpen": st.builds(ops.Sharpen, st.floats(0, 20, width=32), st.floats(0.25, 3, width=32), st.booleans()),
    "translate": st.builds(ops.Translate, st.floats(-1, 1, width=32), st.floats(-1, 1, width=32), padding),
    "rotate": st.builds(ops.Rotate, st.floats(-360, 360, width=32), padding, fractions, fractions),
    "spatial_scale": st.builds(ops.SpatialScale, st.floats(0.125, 20, width=32), padding, fractions, fractions),
    "flip": st.builds(ops.Flip, st.sampled_from(list(ops.AXES))),
    "frequency_filter": st.builds(
        ops.FrequencyFilter,
        st.sampled_from(["low", "high", "band", "notch"]),
        st.floats(0, 0.5, width=32),
        st.floats(0.625, 1.5, width=32),
        st.floats(0, 1, width=32),
        st.booleans(),
    ),
}


def picture(height, width, seed=0):
    return np.random.default_rng(seed).random((height, width))


def apply(operator, a):
    pictures = torch.tensor(a, dtype=torch.float32)[None, :, :, None]
    return operator.kernel(*a.shape, CPU)(pictures)[0, :, :, 0].numpy()


def test_cases_cover_every_operator():
    assert set(CASES) == set(OPERATORS) == set(FUNCTIONS)


@pytest.mark.parametrize("key", OPERATORS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_equals_the_oracle(key, data):
    operator = data.draw(CASES[key])
    a = picture(*data.draw(st.sampled_from(GRIDS)), seed=data.draw(st.integers(0, 99)))
    expected = FUNCTIONS[key](a.astype(np.float32).astype(np.float64), **asdict(operator))
    np.testing.assert_allclose(apply(operator, a), expected, atol=1e-5 * max(1, operator.gain))


@pytest.mark.parametrize("key", OPERATORS)
def test_defaults_equal_the_oracle_closely(key):
    operator = OPERATORS[key]()
    a = picture(30, 52)
    expected = FUNCTIONS[key](a.astype(np.float32).astype(np.float64), **asdict(operator))
    np.testing.assert_allclose(apply(operator, a), expected, atol=3e-6)


@pytest.mark.parametrize("key", OPERATORS)
def test_pictures_and_channels_are_independent(key):
    kernel = OPERATORS[key]().kernel(5, 8, CPU)
    pictures = torch.rand(3, 5, 8, 4)
    whole = kernel(pictures.clone())
    for n in range(3):
        for c in range(4):
            alone = kernel(pictures[n : n + 1, :, :, c : c + 1].clone())
            torch.testing.assert_close(whole[n : n + 1, :, :, c : c + 1], alone, atol=2e-6, rtol=1e-5)


@pytest.mark.parametrize("key", OPERATORS)
def test_input_is_left_alone(key):
    pictures = torch.rand(2, 5, 8, 3)
    before = pictures.clone()
    OPERATORS[key]().kernel(5, 8, CPU)(pictures)
    assert torch.equal(pictures, before)


@pytest.mark.parametrize("key", OPERATORS)
def test_linear_and_signed_are_what_they_say(key):
    for operator in (OPERATORS[key](), *([ops.Sharpen(clamp=False)] if key == "sharpen" else [])):
        kernel = operator.kernel(6, 9, CPU)
        a, b = torch.rand(1, 6, 9, 1), torch.rand(1, 6, 9, 1)
        additive = torch.allclose(kernel(2 * a - 3 * b), 2 * kernel(a) - 3 * kernel(b), atol=1e-4)
        assert additive == operator.linear
        spike = torch.zeros(1, 6, 9, 1)
        spike[0, 3, 4] = 1
        assert bool((kernel(spike) < -1e-6).any()) == operator.signed


IDENTITIES = [
    ops.Amplify(1.0),
    ops.RegionalMask(0, 0, 1, 1, 0.5),
    ops.Blur(0.0),
    ops.Blur(3.0, 1),
    ops.Sharpen(0.0),
    ops.Translate(0.0, 0.0),
    ops.Rotate(0.0),
    ops.Rotate(-360.0),
    ops.SpatialScale(1.0),
    ops.FrequencyFilter("low", high=1.5),
    ops.FrequencyFilter("high", low=0.0, keep_mean=True),
    ops.FrequencyFilter("band", low=0.0, high=1.5),
]


@pytest.mark.parametrize("operator", IDENTITIES, ids=str)
def test_identity_parameters(operator):
    assert operator.is_identity
    a = picture(6, 9)
    expected = a if operator == ops.Sharpen(0.0) else FUNCTIONS[operator.key](a, **asdict(operator))
    np.testing.assert_allclose(expected, a, atol=1e-12)  # the oracle agrees that it changes nothing


@pytest.mark.parametrize("operator", [cls() for cls in OPERATORS.values()], ids=str)
def test_defaults_are_no_identity(operator):
    assert not operator.is_identity
    a = picture(12, 9)
    assert np.abs(apply(operator, a) - a).max() > 1e-3


PERMUTATIONS = [
    (ops.Translate(0.25, 0.0, "wrap"), (6, 8), lambda a: np.roll(a, 2, 1)),
    (ops.Translate(-0.5, 1 / 3, "wrap"), (6, 8), lambda a: np.roll(np.roll(a, -4, 1), 2, 0)),
    (ops.Rotate(180.0), (6, 9), lambda a: a[::-1, ::-1]),
    (ops.Rotate(-180.0), (5, 5), lambda a: a[::-1, ::-1]),
    (ops.Rotate(90.0), (7, 7), lambda a: np.rot90(a, -1)),
    (ops.Rotate(-90.0), (6, 6), lambda a: np.rot90(a, 1)),
    (ops.Rotate(450.0), (6, 6), lambda a: np.rot90(a, -1)),
    (ops.Flip("horizontal"), (5, 8), np.fliplr),
    (ops.Flip("vertical"), (5, 8), np.flipud),
    (ops.Flip("both"), (5, 8), lambda a: a[::-1, ::-1]),
]


@pytest.mark.parametrize(("operator", "shape", "expected"), PERMUTATIONS, ids=lambda p: str(p))
def test_exact_permutations(operator, shape, expected):
    a = picture(*shape).astype(np.float32)
    assert np.array_equal(apply(operator, a), expected(a))


@pytest.mark.parametrize("n", [21, 30, 45, 52, 60, 104])
def test_shifts_by_whole_cells_are_exact(n):
    a = picture(3, n).astype(np.float32)
    for cells in range(1, n):
        assert np.array_equal(apply(ops.Translate(cells / n, 0.0, "wrap"), a), np.roll(a, cells, 1))


def spot(height=15, width=21, at=(7, 10)):
    a = np.zeros((height, width))
    a[at] = 1
    return a


def centre(a):
    i, j = np.mgrid[0 : a.shape[0], 0 : a.shape[1]]
    return (a * i).sum() / a.sum(), (a * j).sum() / a.sum()


def test_directions_are_as_displayed():
    assert centre(apply(ops.Translate(2 / 21, 0.0), spot())) == pytest.approx((7, 12), abs=1e-5)
    assert centre(apply(ops.Translate(0.0, 3 / 15), spot())) == pytest.approx((10, 10), abs=1e-5)
    # a spot right of the middle, turned a quarter clockwise, stands below it
    assert centre(apply(ops.Rotate(90.0), spot(at=(7, 14)))) == pytest.approx((11, 10), abs=1e-5)
    # enlarging doubles its distance from the middle and its area
    large = apply(ops.SpatialScale(2.0), spot(at=(7, 13)))
    assert centre(large) == pytest.approx((7, 16), abs=0.01)
    assert large.sum() == pytest.approx(4, abs=0.01)


def test_blur_keeps_constants_and_the_total():
    for sigma in (0.3, 0.8, 2.0, 40.0):
        a = picture(6, 11)
        blurred = apply(ops.Blur(sigma), a)
        assert blurred.sum() == pytest.approx(a.sum(), rel=1e-5)
        np.testing.assert_allclose(apply(ops.Blur(sigma), np.ones((6, 11))), 1, atol=1e-5)


def test_mask_covers_area_exactly_and_leaves_the_frame_border():
    top = apply(ops.RegionalMask(0.0, 0.0, 1.0, 0.5, feather=0.5), np.ones((10, 8)))
    assert top[0].min() == 1 and top[-1].max() == 0  # no fading at the picture's own edge
    for x1, x2 in ((0.1, 0.63), (0.33, 0.34), (0.5, 1.0)):
        hard = apply(ops.RegionalMask(x1, 0.0, x2, 1.0, feather=0.0), np.ones((4, 9)))
        assert hard.sum() / 36 == pytest.approx(x2 - x1, abs=1e-6)


REFUSED = [
    (lambda: ops.Amplify(float("nan")), "finite"),
    (lambda: ops.RegionalMask(0.5, 0, 0.5, 1), "no area"),
    (lambda: ops.RegionalMask(0, 0.9, 1, 0.1), "y1 smaller than y2"),
    (lambda: ops.RegionalMask(0, 0, 1.5, 1), "leaves the frame"),
    (lambda: ops.Blur(-1.0), "sigma is -1"),
    (lambda: ops.Blur(1.0, 4), "odd number such as 5"),
    (lambda: ops.Sharpen(-1.0), "Blur softens"),
    (lambda: ops.Translate(0.1, 0.1, "mirror"), "border, zeros, reflection, wrap"),
    (lambda: ops.Rotate(float("inf")), "finite"),
    (lambda: ops.SpatialScale(0.0), "above 0"),
    (lambda: ops.Flip("diagonal"), "horizontal, vertical, both"),
    (lambda: ops.FrequencyFilter("bandpass"), "low, high, band, notch"),
    (lambda: ops.FrequencyFilter("band", 0.5, 0.5), "is empty"),
]


@pytest.mark.parametrize(("make", "cure"), REFUSED)
def test_bad_parameters_are_refused_with_a_cure(make, cure):
    with pytest.raises(BendError, match=cure):
        make()


@pytest.mark.parametrize(("sigma", "size"), [(30.0, 7), (200.0, 30), (700.0, 5)])
def test_a_blur_wider_than_the_picture_goes_round_it(sigma, size):
    picture = torch.rand(size, 1, generator=torch.Generator().manual_seed(0))
    kernel = ops.Blur(sigma).kernel(size, 1, torch.device("cpu"))
    expected = blur(picture.double().numpy(), sigma, 0)
    np.testing.assert_allclose(kernel(picture[None, ..., None])[0, ..., 0].numpy(), expected, atol=2e-6)


def test_a_blur_of_any_width_costs_no_more_than_the_grid():
    largest = 0

    class Sizes(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            nonlocal largest
            out = func(*args, **(kwargs or {}))
            largest = max([largest, *(t.numel() for t in torch.utils._pytree.tree_leaves(out) if torch.is_tensor(t))])
            return out

    with Sizes():
        kernel = ops.Blur(1e6).kernel(30, 52, torch.device("cpu"))
    assert 0 < largest <= 2 * 52 * 52
    picture = torch.rand(1, 30, 52, 1)
    assert torch.allclose(kernel(picture), picture.mean(), atol=1e-5)
