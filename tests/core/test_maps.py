"""Time, Paint, Swap and Temperature against the dense oracle, and what each of them keeps."""

import numpy as np
import pytest
import torch
from attention_bending.bending import operators as ops
from attention_bending.bending.api import bend_attention
from attention_bending.bending.attention.chain import BLOCK
from attention_bending.bending.bend import Bend, Bending
from attention_bending.bending.errors import BendError
from attention_bending.bending.frames.grid import Grid
from attention_bending.bending.frames.layout import FrameLayout
from attention_bending.bending.frames.mask_video import MaskVideo
from attention_bending.bending.time.windows import SamplingMoment, TimeWindow
from core import oracle_film as oracle
from core.maps import token_map
from core.test_bend_attention import WIDE, tensors
from core.test_film import PAIRS, WORDS, bent, check
from hypothesis import given
from hypothesis import strategies as st

GRID = (4, 3, 5)
FILM = FrameLayout.whole(Grid(*GRID))


def picture(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def maps(bend, words, columns, film=FILM):
    """The sum of the watched maps before and after, (B, H, F, h, w)."""
    got = bent(tensors(film.grid.shape, WIDE), [bend], [words], film, watch=columns)
    return tuple(sum(some[column] for column in columns) for some in (got.original, got.maps))


# --- time ------------------------------------------------------------------------------------------------------------

LINES = [
    (ops.Time("shift", 1.0), [0, 0, 1, 2]),
    (ops.Time("shift", -2.0), [2, 3, 3, 3]),
    (ops.Time("shift", 1.0, "zeros"), [None, 0, 1, 2]),
    (ops.Time("shift", 1.0, "wrap"), [3, 0, 1, 2]),
    (ops.Time("shift", 2.0, "reflection"), [1, 0, 0, 1]),
    (ops.Time("reverse"), [3, 2, 1, 0]),
    (ops.Time("freeze", 0.0), [0] * 4),
    (ops.Time("freeze", 2.4), [2] * 4),
    (ops.Time("freeze", -1.0), [3] * 4),
    (ops.Time("freeze", 9.0), [3] * 4),
    (ops.Time("freeze", -9.0), [0] * 4),
    (ops.Time("stretch", 1.0), [0, 1, 2, 3]),
    (ops.Time("blur", 0.0), [0, 1, 2, 3]),
]


@pytest.mark.parametrize(("operator", "sources"), LINES, ids=str)
def test_whole_frames_are_moved_exactly(operator, sources):
    expected = torch.zeros(4, 4)
    for frame, source in enumerate(sources):
        if source is not None:
            expected[frame, source] = 1
    assert torch.equal(operator.matrix(4), expected)


def test_halves_and_slow_motion():
    assert ops.Time("shift", 0.5).matrix(3).tolist() == [[1, 0, 0], [0.5, 0.5, 0], [0, 0.5, 0.5]]
    slow = ops.Time("stretch", 2.0).matrix(3)  # about the film's middle, twice as long
    assert slow.tolist() == [[0.5, 0.5, 0], [0, 1, 0], [0, 0.5, 0.5]]
    fast = ops.Time("stretch", 0.5, "zeros").matrix(3)
    assert fast.tolist() == [[0, 0, 0], [0, 1, 0], [0, 0, 0]]


@given(
    st.sampled_from(["shift", "blur", "reverse", "freeze", "stretch"]),
    st.floats(0.0625, 9, width=32),
    st.booleans(),
    st.sampled_from(ops.PADDINGS),
    st.integers(1, 9),
)
def test_time_equals_the_oracle(way, amount, negative, padding, frames):
    amount = -amount if negative and way in ("shift", "freeze") else amount
    matrix = ops.Time(way, amount, padding).matrix(frames).numpy()
    expected = [oracle.time_row(frame, way, amount, padding, frames) for frame in range(frames)]
    np.testing.assert_allclose(matrix, expected, atol=2e-5)
    if padding != "zeros" or way not in ("shift", "stretch"):
        np.testing.assert_allclose(matrix.sum(1), 1, atol=1e-5)
    if way == "blur":
        np.testing.assert_allclose(matrix.sum(0), 1, atol=1e-5)  # the total stays, too


@pytest.mark.parametrize("renormalize", [True, False])
@pytest.mark.parametrize("name", ["phrase", "padding", "ALL"])
@pytest.mark.parametrize("way", ["shift", "blur", "reverse", "freeze", "stretch"])
def test_time_on_words_padding_and_all(way, name, renormalize):
    bend = Bend(ops.Time(way, 1.3, "zeros"), "w", 0.8, renormalize=renormalize)
    check([bend], [WORDS[name]], FILM, watch=[3, 100])


def test_a_film_of_one_frame_stays():
    for way in ("shift", "blur", "reverse", "freeze", "stretch"):
        before, after = maps(Bend(ops.Time(way, 2.0), "w"), WORDS["word"], [3], FrameLayout.whole(Grid(1, 3, 5)))
        torch.testing.assert_close(before, after)


def test_time_lives_inside_a_context_window():
    window = FrameLayout(Grid(3, 3, 4), (4, 5, 6), 12)
    before, after = maps(Bend(ops.Time("reverse"), "w", renormalize=False), WORDS["word"], [3], window)
    assert torch.equal(after, before.flip(2))


# --- paint -----------------------------------------------------------------------------------------------------------

HARD = torch.zeros(4, 3, 5)
HARD[0, :, :2] = 1
HARD[1, 2, 4] = 1
HARD[3] = 0.5
PAINTS = {"one picture": MaskVideo(picture(1, 6, 7), 0.4), "a film, one frame empty": MaskVideo(HARD)}


@pytest.mark.parametrize("renormalize", [True, False])
@pytest.mark.parametrize("name", ["word", "phrase", "other word"])
@pytest.mark.parametrize("mask", PAINTS)
def test_paint(mask, name, renormalize):
    for strength in (1.0, 0.4):
        bend = Bend(ops.Paint(PAINTS[mask]), "w", strength, renormalize=renormalize)
        check([bend], [WORDS[name]], FILM, watch=[3, 4, 7, 100])


def test_the_mask_is_the_words_map_and_each_frames_total_stays():
    before, after = maps(Bend(ops.Paint(MaskVideo(HARD)), "w", renormalize=False), WORDS["phrase"], [3, 4, 5])
    torch.testing.assert_close(after.sum((3, 4)), before.sum((3, 4)))
    for frame in (0, 1, 3):
        share = after[:, :, frame] / after[:, :, frame].sum((2, 3), keepdim=True)
        torch.testing.assert_close(share, (HARD[frame] / HARD[frame].sum()).expand_as(share))
    torch.testing.assert_close(after[:, :, 2], before[:, :, 2])  # nothing is painted there


def test_pieces_keep_their_proportion():
    paint = Bend(ops.Paint(PAINTS["one picture"]), "w")
    got = bent(tensors(GRID, WIDE), [paint], [WORDS["phrase"]], FILM, watch=[3, 4])
    torch.testing.assert_close(got.maps[3] * got.original[4], got.maps[4] * got.original[3], atol=1e-7, rtol=1e-3)


def test_where_all_pieces_are_0_they_share_equally():
    """A box that is emptied, and then painted."""
    empty = Bend(ops.RegionalMask(0.0, 0.0, 0.6, 1.0, 0.0, invert=True), "w", renormalize=False)
    paint = Bend(ops.Paint(MaskVideo(HARD)), "w", renormalize=False)
    got = check([empty, paint], [WORDS["phrase"], WORDS["phrase"]], FILM, watch=[3, 4, 5])
    assert got.maps[3][:, :, 0, :, :2].min() > 0
    for column in (4, 5):
        assert torch.equal(got.maps[column][:, :, 0, :, :2], got.maps[3][:, :, 0, :, :2])


def test_paint_of_more_than_a_block_is_refused():
    q, k, v = tensors(GRID, WIDE)
    paint = Bending((Bend(ops.Paint(MaskVideo(HARD)), "ALL"),))
    with pytest.raises(BendError, match=f"words of at most {BLOCK} tokens in all, but these are {WIDE}"):
        bend_attention(q, k, v, paint, FILM.grid)
    check(list(paint), [[list(range(BLOCK))]], FILM, watch=[3])


# --- swap ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("renormalize", [True, False])
@pytest.mark.parametrize("words", PAIRS, ids=str)
@pytest.mark.parametrize("way", ["trade", "follow"])
@pytest.mark.parametrize("mix", [1.0, 0.3])
def test_swap(way, mix, words, renormalize):
    bend = Bend(ops.Swap("o", way, mix), "w", 0.9, renormalize=renormalize, masks=(PAINTS["one picture"],))
    check([bend], [words], FILM, watch=[3, 7, 9, 100])


def test_trade_and_follow():
    words = [[3, 4], [7]]
    a, new_a = maps(Bend(ops.Swap("o"), "w"), words, [3, 4])
    b, new_b = maps(Bend(ops.Swap("o"), "w"), words, [7])
    torch.testing.assert_close((new_a, new_b), (b, a), atol=1e-6, rtol=1e-5)
    followed, kept = (
        maps(Bend(ops.Swap("o", "follow"), "w", renormalize=False), words, some)[1] for some in ([3, 4], [7])
    )
    torch.testing.assert_close((followed, kept), (b, b), atol=1e-6, rtol=1e-5)
    half = maps(Bend(ops.Swap("o", mix=0.5), "w"), words, [7])[1]
    torch.testing.assert_close(half, (a + b) / 2, atol=1e-6, rtol=1e-5)


def test_swapping_twice_is_nothing_for_words_of_one_piece():
    swap = Bend(ops.Swap("o"), "w")
    got = check([swap, swap], [PAIRS[2], PAIRS[2]], FILM, watch=[3, 100])
    torch.testing.assert_close(got.maps[3], got.original[3])
    again = bent(tensors(GRID, WIDE), [swap, swap], [PAIRS[0], PAIRS[0]], FILM, watch=[7, 9])
    torch.testing.assert_close(again.maps[7] + again.maps[9], again.original[7] + again.original[9])


def test_words_of_a_prompt_by_name():
    tokens = token_map("a", " red", " rose", " and", " a", " kiss", columns=WIDE)
    q, k, v = tensors(GRID, WIDE)
    named = bend_attention(q, k, v, Bending((Bend(ops.Swap("red rose"), "kiss"),)), FILM.grid, tokens)
    counted = bend_attention(q, k, v, Bending((Bend(ops.Swap("o"), "w"),)), FILM.grid, [[[5], [1, 2]]])
    assert torch.equal(named.output, counted.output)


def test_swaps_that_are_refused():
    tokens = token_map("a", " red", " rose", columns=WIDE)
    q, k, v = tensors(GRID, WIDE)
    for token, other, says in (
        ("red rose", "rose", "share a token. Name two words that do not overlap"),
        ("rose", "rose", "share a token"),
        ("rose", "kiss", '"kiss" is not in the prompt'),
        ("kiss", "rose", '"kiss" is not in the prompt'),
        ("rose", "PADDING", f"at most {BLOCK} tokens in all"),
    ):
        with pytest.raises(BendError, match=says):
            bend_attention(q, k, v, Bending((Bend(ops.Swap(other), token),)), FILM.grid, tokens)
    with pytest.raises(BendError, match=r'Swap of "rose": .*token is empty'):
        Bend(ops.Swap(""), "rose")


# --- temperature -----------------------------------------------------------------------------------------------------


def softened(q, k, v, temperature):
    return (q @ k.mT * q.shape[-1] ** -0.5 / temperature).softmax(-1) @ v


@pytest.mark.parametrize("temperature", [0.3, 0.7, 1.5, 4.0])
def test_temperature_is_softmax_of_the_logits_over_it(temperature):
    qkv = tensors(GRID, WIDE)
    got = bent(qkv, [Bend(ops.Temperature(temperature), "ALL")], [WORDS["ALL"]], FILM)
    expected = softened(*(tensor.double() for tensor in qkv), temperature)
    torch.testing.assert_close(got.output.double(), expected, atol=2e-5, rtol=1e-4)


def test_its_weights_are_exponents_and_several_multiply():
    some = [
        Bend(ops.Temperature(0.5), "ALL", 0.5, heads="1"),
        Bend(ops.Temperature(3.0), "ALL", masks=(PAINTS["one picture"],), frames="0-1"),
        Bend(ops.Temperature(0.8), "ALL", windows=(TimeWindow("steps", 0, 3, fade_in=3),)),
    ]
    check(some, [WORDS["ALL"]] * 3, FILM, SamplingMoment(0.25, 1, 4))
    qkv = tensors(GRID, WIDE)
    half = bent(qkv, [Bend(ops.Temperature(0.25), "ALL", 0.5)], [WORDS["ALL"]], FILM).output
    twice = bent(qkv, [Bend(ops.Temperature(2.0), "ALL"), Bend(ops.Temperature(0.25), "ALL")], [WORDS["ALL"]] * 2, FILM)
    once = bent(qkv, [Bend(ops.Temperature(0.5), "ALL")], [WORDS["ALL"]], FILM).output
    torch.testing.assert_close((half, twice.output), (once, once), atol=1e-5, rtol=1e-4)


def test_it_acts_before_all_bends_wherever_it_stands():
    temper = Bend(ops.Temperature(0.6), "ALL")
    others = [Bend(ops.Translate(), "w"), Bend(ops.Amplify(2.0), "w")]
    words = [WORDS["phrase"], WORDS["padding"]]
    films = []
    for at in range(3):
        bends, columns = [*others], [*words]
        bends.insert(at, temper)
        columns.insert(at, WORDS["ALL"])
        films.append(check(bends, columns, FILM, watch=[3]).output)
    assert torch.equal(films[0], films[1]) and torch.equal(films[0], films[2])


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.bfloat16, 5e-2), (torch.float16, 5e-3)])
def test_half_types(dtype, tolerance):
    for operator, name in (
        (ops.Temperature(0.7), "ALL"),
        (ops.Time("blur", 0.7), "padding"),
        (ops.Time(), "ALL"),
        (ops.Paint(PAINTS["one picture"]), "phrase"),
    ):
        check([Bend(operator, "w")], [WORDS[name]], FILM, dtype=dtype, tolerance=tolerance)
    check([Bend(ops.Swap("o"), "w")], [PAIRS[1]], FILM, dtype=dtype, tolerance=tolerance)


# --- bad parameters --------------------------------------------------------------------------------------------------

REFUSED = [
    (lambda: ops.Time("rewind"), "way is 'rewind'. Choose one of shift, blur, reverse, freeze, stretch"),
    (lambda: ops.Time(padding="mirror"), "border, zeros, reflection, wrap"),
    (lambda: ops.Time("blur", -1.0), "amount is -1. Give a blur 0 or more"),
    (lambda: ops.Time("stretch", 0.0), "amount is 0. Give a stretch more than 0"),
    (lambda: ops.Time(amount=float("nan")), "finite"),
    (lambda: ops.Swap("o", "steal"), "trade, follow"),
    (lambda: ops.Swap("o", mix=1.5), "mix is 1.5. Give it a number from 0 to 1"),
    (lambda: ops.Temperature(0.0), "temperature is 0. Give it a number above 0"),
]


@pytest.mark.parametrize(("make", "cure"), REFUSED)
def test_bad_parameters_are_refused_with_a_cure(make, cure):
    with pytest.raises(BendError, match=cure):
        make()
