"""Parameters that move: keyframes, curves and lists, and every operator's numbers over frames and steps."""

import math

import pytest
import torch
from attention_bending.bending import narrow
from attention_bending.bending import operators as ops
from attention_bending.bending.api import bend_attention
from attention_bending.bending.attention.chain import plan_chain
from attention_bending.bending.bend import Animation, Bend, Bending
from attention_bending.bending.errors import BendError
from attention_bending.bending.frames.grid import Grid
from attention_bending.bending.frames.layout import FrameLayout
from attention_bending.bending.time.animation import parse_keyframes, sampled_curve
from attention_bending.bending.time.windows import SamplingMoment
from core import oracle_film as oracle
from core.test_bend_attention import SETS, WIDE, tensors
from core.test_film import WORDS, check
from hypothesis import assume, given
from hypothesis import strategies as st

# --- keyframes -------------------------------------------------------------------------------------------------------

READ = [
    ("0: 0, 50%: 45, 100%: 0", "linear", 5, [0, 22.5, 45, 22.5, 0]),
    ("0: 0, 4: 8", "linear", 5, [0, 2, 4, 6, 8]),
    ("0: 0, -1: 8", "linear", 5, [0, 2, 4, 6, 8]),
    ("4: 8\n0: 0", "linear", 5, [0, 2, 4, 6, 8]),  # in any order, on lines
    ("0:0,2:1,", "hold", 4, [0, 0, 1, 1]),
    ("0:0，2:1、", "hold", 4, [0, 0, 1, 1]),
    ("0%: 0, 100%: 1", "ease", 5, [0, 0.15625, 0.5, 0.84375, 1]),
    ("1: 3, 2: 5", "linear", 5, [3, 3, 5, 5, 5]),  # before the first and after the last it stands still
    ("2: 7", "linear", 4, [7] * 4),
    ("25%: 0, 75%: 1", "linear", 4, [0, 1 / 6, 5 / 6, 1]),  # between frames
    ("0: -1.5e1, 1: .5", "linear", 2, [-15, 0.5]),
    ("0%: 45, 100%: 0", "linear", 1, [45]),  # a film of one frame is at its start
    ("0: 0, 28%: 1", "hold", 26, [0] * 7 + [1] * 19),  # 28% of the way is frame 7
]


@pytest.mark.parametrize(("text", "ease", "count", "expected"), READ)
def test_keyframes(text, ease, count, expected):
    track = parse_keyframes(text, ease)
    assert track.values(count) == pytest.approx(expected)
    assert oracle.track(track, count) == pytest.approx(expected)


def test_keyframes_print_as_they_are_written():
    track = parse_keyframes("0:0, 50% : 45,-1: 1e1", "ease")
    assert str(track) == "0: 0, 50%: 45, -1: 10 (ease)" and track.lowest == 0
    assert parse_keyframes("0: 0, 50%: 45, -1: 10", "ease") == track


UNREAD = [
    ("0: 0, fifty: 45", 'keyframes cannot be read at "0: 0,▸ fifty: 45". Write them as 0: 0, 50%: 45, 100%: 0.'),
    ("0: 0, 50%: x, 3: 1", 'at "0: 0,▸ 50%: x, 3: 1"'),
    ("0: 0\n1 2\n3: 3", 'at "0: 0 ▸1 2 3: 3"'),
    ("0 0", 'at "▸0 0"'),
    ("0: 0; 1: 1", 'at "▸0: 0; 1: 1"'),
    ("0.5.1: 0", "cannot be read"),
    ("0: nan", "cannot be read"),
    ("0: inf", "cannot be read"),
    ("0: 1e999", "cannot be read|finite"),
    ("", "keyframes are empty. Write them as"),
    (" , \n", "keyframes are empty"),
    ("120%: 1", "keyframe 120% lies outside 0% to 100%"),
    ("-10%: 1", "keyframe -10% lies outside"),
    ("1: 0, 2: 1, 1: 3", "name one position twice. Give each position one value"),
    ("1: 0, 1.0: 3", "name one position twice"),
]


@pytest.mark.parametrize(("text", "says"), UNREAD)
def test_keyframes_that_cannot_be_read_show_the_place(text, says):
    with pytest.raises(BendError) as refused:
        parse_keyframes(text)
    assert any(part in str(refused.value) for part in says.split("|"))


def test_an_ease_that_is_not_there():
    with pytest.raises(BendError, match=r"ease is 'bounce'. Choose one of linear, ease, hold"):
        parse_keyframes("0: 1", "bounce")


@pytest.mark.parametrize("text", ["5: 1", "-6: 1", "0: 0, 4.5: 1"])
def test_keyframes_outside_the_film_are_refused(text):
    with pytest.raises(BendError, match=r"is outside: there are 5, 0 to 4. Percents fit any length"):
        parse_keyframes(text).values(5)


@pytest.mark.parametrize("text", ["-1: 1, 100%: 2", "4: 1, -1: 2"])
def test_two_names_of_one_place_are_refused(text):
    with pytest.raises(BendError, match=r"name one of the 5 positions twice. Give each position one value"):
        parse_keyframes(text).values(5)


positions = st.one_of(st.integers(-30, 30).map(str), st.integers(0, 100).map(lambda percent: f"{percent}%"))
keys = st.lists(st.tuples(positions, st.integers(-90, 90)), min_size=1, max_size=5, unique_by=lambda key: key[0])


@given(keys, st.sampled_from(["linear", "ease", "hold"]), st.integers(1, 25))
def test_keyframes_equal_the_oracle_or_are_outside(written, ease, count):
    track = parse_keyframes(", ".join(f"{position}: {value}" for position, value in written), ease)
    outside = [p for p, _ in written if "%" not in p and not -count <= int(p) < count]
    places = [oracle.place(*key[:2], count) for key in track.keys]
    assume(len(set(places)) == len(places))
    if outside:
        with pytest.raises(BendError):
            track.values(count)
    else:
        assert track.values(count) == pytest.approx(oracle.track(track, count), abs=1e-6)
        assert all(value >= track.lowest for value in track.values(count))


# --- lists and curves ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["list", "curve"])
@given(values=st.lists(st.floats(-90, 90, width=32), min_size=1, max_size=22), count=st.integers(1, 9))
def test_lists_and_curves_equal_the_oracle(name, values, count):
    track = sampled_curve(values, name)
    assert track.values(count, stride=4) == pytest.approx(oracle.track(track, count, "frames"), abs=1e-4)
    assert track.values(count) == pytest.approx(oracle.track(track, count, "steps"), abs=1e-4)


def test_lists_are_fitted_as_masks_are_and_curves_are_read():
    assert sampled_curve(range(9)).values(3, stride=4) == [0, 2.5, 6.5]  # one for each of the video's nine frames
    assert sampled_curve(range(9)).values(3) == [0, 4, 8]  # steps come in no groups
    assert sampled_curve([0, 8]).values(5) == [0, 2, 4, 6, 8]
    assert sampled_curve([3]).values(4) == [3] * 4
    assert sampled_curve(range(9), "curve").values(3) == [0, 4, 8]
    assert sampled_curve(range(9), "curve").values(1) == [0]
    assert sampled_curve([0.1, 0.7]).values(2) == [0.1, 0.7]  # as they are, in double


@pytest.mark.parametrize("values", [[], [1.0, math.nan], [math.inf]])
def test_lists_without_finite_numbers_are_refused(values):
    with pytest.raises(BendError, match="Connect a list of FLOATs"):
        sampled_curve(values)


# --- a chain that moves ----------------------------------------------------------------------------------------------

TURN = parse_keyframes("0%: 0, 100%: 90")
CHAIN = Bending((Bend(ops.Rotate(), "kiss"), Bend(ops.Blur(), "rose"), Bend(ops.SpatialScale(), "kiss")))


def test_animate_moves_every_bend_that_has_the_parameter():
    moved = narrow.animate(CHAIN, "center_x", "frames", TURN)
    assert [len(bend.animations) for bend in moved] == [1, 0, 1] and moved.bends[1] is CHAIN.bends[1]
    assert str(moved.bends[0]).endswith('of "kiss", center_x over the frames: 0%: 0, 100%: 90 (linear)')
    assert all(bend.animations for bend in narrow.animate(CHAIN, "strength", "steps", TURN))


def test_a_later_animation_of_a_parameter_wins():
    first = narrow.animate(
        narrow.animate(CHAIN, "angle", "frames", sampled_curve([1.0])), "strength", "steps", sampled_curve([0.5])
    )
    second = narrow.animate(first, "angle", "steps", TURN)
    assert second.bends[0].animations == (
        Animation("strength", "steps", sampled_curve([0.5])),
        Animation("angle", "steps", TURN),
    )


def test_a_parameter_that_no_bend_has_is_refused_with_those_there_are():
    with pytest.raises(BendError) as refused:
        narrow.animate(CHAIN, "radius", "frames", TURN)
    assert str(refused.value) == (
        'Blur, Rotate, Spatial Scale has no parameter "radius". '
        "Choose one of angle, center_x, center_y, factor, kernel_size, sigma, strength."
    )
    with pytest.raises(BendError, match=r'Flip has no parameter "axis". Choose one of strength\.'):
        narrow.animate(Bending((Bend(ops.Flip(), "kiss"),)), "axis", "frames", TURN)
    with pytest.raises(BendError, match="an empty bending has no parameter"):
        narrow.animate(Bending(), "angle", "frames", TURN)
    with pytest.raises(BendError, match=r"over is 'time'. Choose frames or steps"):
        narrow.animate(CHAIN, "angle", "time", TURN)


def test_numbers_are_those_of_the_nodes():
    has = {key: cls().numbers for key, cls in {**ops.OPERATORS, **ops.OTHERS}.items() if key != "paint"}
    assert has == {
        "amplify": ("factor",),
        "regional_mask": ("x1", "y1", "x2", "y2", "feather"),
        "blur": ("sigma", "kernel_size"),
        "sharpen": ("amount", "sigma"),
        "translate": ("x", "y"),
        "rotate": ("angle", "center_x", "center_y"),
        "spatial_scale": ("factor", "center_x", "center_y"),
        "flip": (),
        "frequency_filter": ("low", "high", "rolloff"),
        "time": ("amount",),
        "swap": ("mix",),
        "temperature": ("temperature",),
    }


# --- against the oracle ----------------------------------------------------------------------------------------------

VALUES = {
    "factor": (2.5, 0.5, 1.0),
    "amount": (0.0, 2.0, 0.7),
    "angle": (30.0, -75.0, 360.0),
    "sigma": (0.0, 1.5, 0.6),
    "kernel_size": (3, 1, 5),
    "temperature": (0.6, 1.0, 1.8),
    "mix": (0.0, 1.0, 0.4),
    "feather": (0.0, 0.9, 0.3),
    "high": (1.5, 0.7, 0.9),
    "rolloff": (0.0, 0.4, 0.1),
    "strength": (0.0, 1.0, 0.3),
    "x2": (0.9, 0.6, 1.0),
    "y2": (0.9, 0.6, 1.0),
    "": (0.0, 0.2, 0.1),
}
SMALL = FrameLayout.whole(Grid(3, 2, 3))
TIMES = (ops.Time(), ops.Time("blur"), ops.Time("freeze"), ops.Time("stretch", 2.0))
MOVING = [
    (operator, parameter)
    for operator in (
        *(cls() for cls in ops.OPERATORS.values()),
        ops.Time(),
        ops.Time("stretch", 2.0),
        ops.Temperature(),
    )
    for parameter in (*operator.numbers, "strength")
    if (operator, parameter) != (ops.Time("stretch", 2.0), "amount")  # 0 is none
]


def moving(operator, parameter, over, **more):
    values = VALUES.get(parameter, VALUES[""])
    return Bend(operator, "w", animations=(Animation(parameter, over, sampled_curve(values)),), **more)


@pytest.mark.parametrize("renormalize", [True, False])
@pytest.mark.parametrize("name", ["phrase", "padding", "ALL"])
@pytest.mark.parametrize(("operator", "parameter"), MOVING, ids=str)
def test_over_the_frames(operator, parameter, name, renormalize):
    name = "ALL" if operator.key == "temperature" else name
    check([moving(operator, parameter, "frames", renormalize=renormalize)], [WORDS[name]], SMALL, watch=[3])


@pytest.mark.parametrize("name", ["phrase", "padding", "ALL"])
@pytest.mark.parametrize(("operator", "parameter"), MOVING, ids=str)
def test_over_the_steps(operator, parameter, name):
    name = "ALL" if operator.key == "temperature" else name
    bend = moving(operator, parameter, "steps")
    for step in (0, 2):
        check([bend], [WORDS[name]], SMALL, SamplingMoment(step / 3, step, 3))


def test_several_numbers_at_once_over_frames_and_steps():
    bend = Bend(
        ops.Translate(),
        "w",
        animations=(
            Animation("x", "frames", sampled_curve([0.1, 0.4, -0.2])),
            Animation("y", "steps", parse_keyframes("0: 0, 3: 0.6")),
            Animation("strength", "frames", parse_keyframes("0: 0.2, 2: 1", "hold")),
        ),
    )
    for name in ("word", "padding", "ALL"):
        check([bend], [WORDS[name]], moment=SamplingMoment(0.5, 2, 4), watch=[3])


def test_strength_that_moves_replaces_the_bends_own_and_is_cut_to_0_and_1():
    for over in ("frames", "steps"):
        bend = Bend(ops.Flip(), "w", 0.0, animations=(Animation("strength", over, sampled_curve([-1.0, 0.5, 4.0])),))
        for step in range(3):
            check([bend], [WORDS["word"]], moment=SamplingMoment(step / 3, step, 3))


@pytest.mark.parametrize(
    "track", [sampled_curve([2.0, -1.5, 0.5]), parse_keyframes("0: 1, 2: -2"), sampled_curve([-2, 2], "curve")]
)
@pytest.mark.parametrize("over", ["frames", "steps"])
def test_padding_under_a_factor_that_turns_negative_stays_exact(track, over):
    """Its |weights| are no longer its weights, so it cannot be one share of the output."""
    bends = [Bend(ops.Amplify(2.0), "w", animations=(Animation("factor", over, track),)), Bend(ops.Translate(), "w")]
    words = [WORDS["padding"], WORDS["ALL"]]
    assert bends[0].signed and not plan_chain(list(zip(bends, words, strict=True)), WIDE).groups
    check([*bends, bends[0]], [*words, words[0]], moment=SamplingMoment(0.9, 2, 3), watch=[3, 100])


def test_numbers_that_leave_their_range_are_refused():
    q, k, v = tensors((2, 3, 5), WIDE)
    bend = Bend(ops.Blur(), "w", animations=(Animation("sigma", "frames", sampled_curve([1.0, -1.0])),))
    with pytest.raises(BendError, match=r"Blur: sigma is -1. Give it 0"):
        bend_attention(q, k, v, Bending((bend,)), Grid(2, 3, 5), [SETS["word"]])


def test_whole_numbers_are_rounded():
    assert ops.Blur().moved(kernel_size=2.6, sigma=torch.tensor(1.5).item()) == ops.Blur(1.5, 3)
