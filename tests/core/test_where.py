"""Where a bend acts: layers, heads, frames and passes as texts, and masks on the grid."""

import numpy as np
import pytest
import torch
from attention_bending.bending import narrow
from attention_bending.bending import operators as ops
from attention_bending.bending.attention.action import act
from attention_bending.bending.bend import Bend, Bending
from attention_bending.bending.errors import BendError
from attention_bending.bending.frames.grid import Grid
from attention_bending.bending.frames.latent_time import in_time, is_stretched
from attention_bending.bending.frames.layout import FrameLayout
from attention_bending.bending.frames.mask_video import MaskVideo
from attention_bending.bending.time import ranges
from attention_bending.bending.time.windows import SamplingMoment
from core import oracle_film as oracle
from core.test_film import WORDS, check
from hypothesis import given, settings
from hypothesis import strategies as st

LAYERS, HEADS, FRAMES = ranges.LAYERS, ranges.HEADS, ranges.FRAMES

# --- texts -----------------------------------------------------------------------------------------------------------

CHOSEN = [
    ("all", FRAMES, 5, {0, 1, 2, 3, 4}),
    (" ALL ", HEADS, 2, {0, 1}),
    ("0-4", FRAMES, 21, {0, 1, 2, 3, 4}),
    ("-1", FRAMES, 21, {20}),
    ("0-3, 7", HEADS, 12, {0, 1, 2, 3, 7}),
    ("0-3，7、 9", HEADS, 12, {0, 1, 2, 3, 7, 9}),
    ("0%-50%", FRAMES, 4, {0, 1}),
    ("50%-100%", FRAMES, 4, {2, 3}),
    ("0%-50%", FRAMES, 5, {0, 1, 2}),  # frame 2 begins at 40%
    ("50%-100%", FRAMES, 5, {3, 4}),
    ("0% - 12.5%, -1", FRAMES, 8, {0, 7}),
    ("10%-20%", FRAMES, 4, set()),
    ("0-9 & 5-15", FRAMES, 21, {5, 6, 7, 8, 9}),
    ("0-9 & 5-15 & -13, 20", FRAMES, 21, {8}),
    ("0 & 1", HEADS, 2, set()),
    ("early & 0-1", LAYERS, 30, {0, 1}),
]


@pytest.mark.parametrize(("text", "kind", "count", "expected"), CHOSEN)
def test_texts(text, kind, count, expected):
    assert ranges.resolve(text, kind, count) == expected == oracle.numbers(text, count)


REFUSED = [
    ("1-2-3", FRAMES, "'1-2-3' is no frame. Write all, percents such as 0%-50%, or numbers such as 0-5, 13, -1"),
    ("first", HEADS, "heads is 'first', where 'first' is no head"),
    ("early", HEADS, "'early' is no head"),
    ("0%-50%", LAYERS, "is no layer"),
    ("50%", FRAMES, "is no frame"),
    ("50%-20%", FRAMES, "Write a lower and a higher percent, up to 100%"),
    ("50%-120%", FRAMES, "up to 100%"),
    ("4-2", FRAMES, "runs backwards. Write 2-4"),
    ("0, ", HEADS, "'' is no head"),
    ("0 & ", FRAMES, "'' is no frame"),
]


@pytest.mark.parametrize(("text", "kind", "says"), REFUSED)
def test_texts_that_cannot_be_read(text, kind, says):
    with pytest.raises(BendError) as refused:
        ranges.parse(text, kind)
    assert says in str(refused.value) and kind.field in str(refused.value)


@pytest.mark.parametrize(("text", "kind"), [("21", FRAMES), ("-22", FRAMES), ("19-21", FRAMES), ("0 & 30", FRAMES)])
def test_numbers_that_are_not_there(text, kind):
    with pytest.raises(BendError, match=r"this film has no frame -?\d+: its 21 frames are 0 to 20 \(or -21 to -1"):
        ranges.resolve(text, kind, 21)


plain = st.one_of(
    st.just("all"),
    st.integers(-5, 4).map(str),
    st.tuples(st.integers(0, 4), st.integers(0, 4)).map(lambda pair: f"{min(pair)}-{max(pair)}"),
)
percent = (
    st.tuples(st.integers(0, 99), st.integers(1, 100))
    .filter(lambda pair: pair[0] < pair[1])
    .map(lambda pair: f"{pair[0]}%-{pair[1]}%")
)
heads = st.lists(plain, min_size=1, max_size=3).map(", ".join)
aim = st.lists(plain | percent, min_size=1, max_size=3).map(", ".join)


@given(aim, aim, st.integers(5, 60))
def test_two_aims_are_what_they_have_in_common(one, other, count):
    both = ranges.intersect(one, other)
    expected = oracle.numbers(one, count) & oracle.numbers(other, count)
    assert ranges.resolve(both, FRAMES, count) == expected == oracle.numbers(both, count)


@given(st.integers(1, 99), st.integers(1, 81))
def test_percents_part_a_film(percent, count):
    first, second = (ranges.resolve(f"{a}%-{b}%", FRAMES, count) for a, b in ((0, percent), (percent, 100)))
    assert first | second == set(range(count)) and not first & second


# --- a chain that is aimed -------------------------------------------------------------------------------------------

CHAIN = Bending((Bend(ops.Blur(), "kiss", layers="0-9", origin="4"), Bend(ops.Time(), "rose", origin="5")))


def test_aims_narrow_every_bend():
    mask = MaskVideo(torch.ones(1, 2, 2))
    once = narrow.where(CHAIN, "early", "0-3", "0%-50%", "both", mask)
    twice = narrow.where(once, "all", "2", "1-2", "negative", mask)
    blur, time = twice
    assert (blur.layers, time.layers) == ("0-9 & early", "early")
    assert {(b.heads, b.frames, b.passes) for b in twice} == {("0-3 & 2", "0%-50% & 1-2", "negative")}
    assert blur.masks == time.masks == (mask, mask)
    assert [b.origin for b in twice] == ["4", "5"]
    assert narrow.where(CHAIN) != CHAIN and narrow.where(narrow.where(CHAIN)) == narrow.where(
        CHAIN
    )  # it has said a pass
    assert str(blur).endswith(
        f'of "kiss", layers 0-9 & early, heads 0-3 & 2, frames 0%-50% & 1-2, negative pass, {mask}, {mask}'
    )


@pytest.mark.parametrize(
    ("first", "then", "left"),
    [
        (None, "positive", "positive"),
        (None, "both", "both"),
        ("both", "negative", "negative"),
        ("both", "both", "both"),
        ("negative", "both", "negative"),
        ("positive", "positive", "positive"),
    ],
)
def test_passes_in_common(first, then, left):
    bend = Bend(ops.Blur(), "kiss", passes=first)
    assert narrow.where(Bending((bend,)), passes=then).bends[0].passes == left


def test_no_pass_in_common_is_refused():
    positive = narrow.where(CHAIN, passes="positive")
    with pytest.raises(BendError) as refused:
        narrow.where(positive, passes="negative")
    assert str(refused.value) == (
        'Blur of "kiss" (node 4) is aimed at the positive pass, and then at the negative one, which leaves none. '
        "Say positive in every Bend Where behind that one."
    )
    with pytest.raises(BendError, match=r"pass is 'middle'. Choose one of positive, negative, both"):
        Bend(ops.Blur(), "kiss", passes="middle")


# --- masks -----------------------------------------------------------------------------------------------------------


def picture(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(1, 14),
    size=st.tuples(st.integers(1, 13), st.integers(1, 13)),
    feather=st.sampled_from([0.0, 0.1, 0.37, 1.0]),
    grid=st.sampled_from([(1, 3, 5), (3, 4, 4), (4, 2, 7)]),
    length=st.integers(4, 6),
)
def test_masks_equal_the_oracle(n, size, feather, grid, length):
    mask = MaskVideo(picture(n, *size, seed=n), feather)
    film = FrameLayout(Grid(*grid), tuple(range(length - grid[0], length)), length)
    np.testing.assert_allclose(mask.on(film).numpy(), oracle.mask_on(mask, film), atol=2e-6)


def test_a_cell_is_the_mean_of_what_it_covers():
    half = torch.zeros(1, 4, 6)
    half[..., :3] = 1
    on = MaskVideo(half).on(FrameLayout.whole(Grid(1, 2, 4)))[
        0
    ]  # an edge in the middle of 4 cells, whose pixels are 1½
    torch.testing.assert_close(on, torch.tensor([[1.0, 1.0, 0.0, 0.0]] * 2))
    third = MaskVideo(half).on(FrameLayout.whole(Grid(1, 1, 3)))[0]
    torch.testing.assert_close(third, torch.tensor([[1.0, 0.5, 0.0]]))


def test_a_soft_edge_is_a_ramp_centred_on_the_edge():
    half = torch.zeros(1, 20, 40)
    half[..., 20:] = 1
    row = MaskVideo(half, 0.5).on(FrameLayout.whole(Grid(1, 20, 40)))[0, 7]  # ten pixels wide: half the shorter side
    ramp = ((torch.arange(40) + 0.5 - 15) / 10).clamp(0, 1)
    torch.testing.assert_close(row, ramp, atol=1e-5, rtol=0)


def test_the_pictures_own_border_does_not_fade():
    full = MaskVideo(torch.ones(1, 9, 16), 1.0).on(FrameLayout.whole(Grid(1, 3, 4)))
    torch.testing.assert_close(full, torch.ones(1, 3, 4))
    top = torch.zeros(1, 20, 20)
    top[:, :10] = 1
    soft = MaskVideo(top, 0.2).on(FrameLayout.whole(Grid(1, 20, 20)))[0]
    assert (soft[0] == 1).all() and (soft[-1] == 0).all()


def test_films_meet_the_latent_frames():
    numbers = torch.arange(9.0)
    assert in_time(numbers[:1], 3).tolist() == [0, 0, 0]
    assert in_time(numbers[:3], 3).tolist() == [0, 1, 2]
    assert in_time(numbers, 3).tolist() == [0, 2.5, 6.5]  # the first alone, then means of four
    assert in_time(numbers[:5], 3).tolist() == [0, 2, 4]
    assert in_time(numbers[:2], 5).tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert [n for n in range(1, 12) if not is_stretched(n, 3)] == [1, 3, 9]
    assert in_time(picture(81, 2, 2), 21).shape == (21, 2, 2)


def test_masks_are_equal_where_their_values_are():
    one = MaskVideo(picture(2, 3, 4))
    assert one == MaskVideo(picture(2, 3, 4).double().clone()) and hash(one) == hash(MaskVideo(picture(2, 3, 4)))
    assert MaskVideo(torch.ones(3, 4)) == MaskVideo(torch.ones(1, 3, 4) * 7)  # cut to 0 … 1
    assert one != MaskVideo(picture(2, 3, 4, seed=1)) and one != MaskVideo(picture(2, 3, 4), 0.1)
    assert MaskVideo(torch.ones(1, 3, 4)) != MaskVideo(torch.ones(1, 4, 3)) != MaskVideo(torch.ones(2, 2, 3))
    assert str(MaskVideo(torch.ones(2, 3, 4), 0.25)).endswith("(4 × 3, 2 frames, feather 0.25)")
    source = torch.zeros(1, 2, 2)
    kept = MaskVideo(source)
    source += 1
    assert kept == MaskVideo(torch.zeros(1, 2, 2)) and kept.values.sum() == 0  # a value, whatever becomes of the tensor


@pytest.mark.parametrize(
    ("values", "feather", "says"),
    [
        (torch.tensor([[[float("nan")]]]), 0, "not finite"),
        (torch.tensor([[[float("inf")]]]), 0, "not finite numbers. Give one from 0 to 1"),
        (torch.ones(1, 1, 2, 2), 0, r"shape \(1, 1, 2, 2\). Give a MASK: pictures of \(H, W\)"),
        (torch.ones(4), 0, "shape"),
        (torch.ones(0, 4, 4), 0, "shape"),
        (torch.ones(1, 4, 4), 1.5, "mask_feather is 1.5. Give it a number from 0 to 1"),
        (torch.ones(1, 4, 4), float("nan"), "mask_feather is nan"),
    ],
)
def test_masks_that_are_refused(values, feather, says):
    with pytest.raises(BendError, match=says):
        MaskVideo(values, feather)


# --- as weights ------------------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(heads=heads, frames=aim, strength=st.floats(0.01, 1), count=st.integers(0, 2))
def test_all_aims_multiply(heads, frames, strength, count):
    bend = Bend(ops.Blur(), "w", strength, heads=heads, frames=frames, masks=tuple(MASKS[:count]))
    film, moment = FrameLayout(Grid(2, 3, 4), (2, 3), 5), SamplingMoment(0.0, 0, 1)
    action, expected = act(bend, moment, film, 6), oracle.weight(bend, moment, film, 6)
    assert (action is None) == (not expected.any())
    if action is not None:
        weight = torch.as_tensor(action.weight).expand(2, 3, 4, 6, 1)
        np.testing.assert_allclose(weight[..., 0], expected, atol=1e-6)


MASKS = [MaskVideo(picture(1, 5, 5), 0.5), MaskVideo(picture(17, 6, 3, seed=3))]
AIMS = {
    "heads": {"heads": "1"},
    "frames": {"frames": "0, -1"},
    "mask": {"masks": tuple(MASKS[:1])},
    "film of masks": {"masks": tuple(MASKS[1:])},
    "all of them": {"heads": "0", "frames": "33%-100%", "masks": tuple(MASKS), "strength": 0.7},
}


@pytest.mark.parametrize("name", ["phrase", "padding", "ALL"])
@pytest.mark.parametrize("aimed", AIMS)
def test_bends_that_are_aimed(aimed, name):
    for operator in (ops.Translate(), ops.Amplify(3.0), ops.Sharpen()):
        for renormalize in (True, False):
            bend = Bend(operator, "w", renormalize=renormalize, **AIMS[aimed])
            check([bend], [WORDS[name]], watch=[3, 100])
