"""When a bend acts: windows of percents and steps, fades, curves, and their products."""

import numpy as np
import pytest
import torch
from attention_bending.bending import narrow
from attention_bending.bending import operators as ops
from attention_bending.bending.attention.action import strength_at
from attention_bending.bending.attention.schedule import Schedule
from attention_bending.bending.bend import Animation, Bend, Bending
from attention_bending.bending.errors import BendError
from attention_bending.bending.frames.grid import Grid
from attention_bending.bending.frames.layout import FrameLayout
from attention_bending.bending.frames.mask_video import MaskVideo
from attention_bending.bending.time.animation import parse_keyframes, sampled_curve
from attention_bending.bending.time.windows import SamplingMoment, TimeWindow
from core import oracle_film as oracle
from core.test_bend import flow
from core.test_bend_attention import WIDE, tensors
from core.test_film import GRID, WORDS, bent, check
from hypothesis import given
from hypothesis import strategies as st


def at(step, steps=20):
    """The moment of a step of an even schedule."""
    return SamplingMoment(step / steps, step, steps)


def weights(window, steps=20):
    return [round(window.weight(at(step, steps)), 6) for step in range(steps)]


# --- windows ---------------------------------------------------------------------------------------------------------

INSIDE = [
    (TimeWindow(), range(20)),
    (TimeWindow("percent", 0.0, 0.5), range(10)),  # half-open
    (TimeWindow("percent", 0.5, 1.0), range(10, 20)),
    (TimeWindow("percent", 0.25, 0.3), range(5, 6)),
    (TimeWindow("percent", 0.31, 0.349), range(0)),
    (TimeWindow("percent", 0.25005, 0.5), range(5, 10)),  # with a tolerance
    (TimeWindow("percent", 0.25, 0.50005), range(5, 10)),
    (TimeWindow("steps", 0, 19), range(20)),
    (TimeWindow("steps", 3, 5), range(3, 6)),  # both ends included
    (TimeWindow("steps", 4, 4), range(4, 5)),
    (TimeWindow("steps", 0, 1), range(2)),
    (TimeWindow("steps", 25, 30), range(0)),
]


@pytest.mark.parametrize(("window", "expected"), INSIDE, ids=str)
def test_windows_of_twenty_steps(window, expected):
    assert weights(window) == [float(step in expected) for step in range(20)]
    schedule = Schedule([1 - k / 20 for k in range(21)], flow(1.0))
    assert schedule.window(Bend(ops.Blur(), "kiss", windows=(window,))) == list(expected)


def test_the_last_percent_is_closed():
    end = SamplingMoment(1.0, 3, 4)
    assert TimeWindow("percent", 0.5, 1.0).weight(end) == 1
    assert TimeWindow("percent", 0.5, 0.99).weight(end) == 0


FADES = [
    (TimeWindow("steps", 2, 8, fade_in=3), [0, 0, 0.25, 0.5, 0.75, 1, 1, 1, 1, 0]),
    (TimeWindow("steps", 2, 8, fade_out=1), [0, 0, 1, 1, 1, 1, 1, 1, 0.5, 0]),
    (TimeWindow("steps", 2, 6, fade_in=2, fade_out=4), [0, 0, 1 / 3, 2 / 3, 0.6, 0.4, 0.2, 0, 0, 0]),
    (TimeWindow("percent", 0.2, 0.8, fade_in=0.4), [0, 0, 0, 0.25, 0.5, 0.75, 1, 1, 0, 0]),
    (TimeWindow("percent", 0.2, 0.8, fade_out=0.2), [0, 0, 1, 1, 1, 1, 1, 0.5, 0, 0]),
    (TimeWindow("percent", 0.0, 1.0, fade_out=0.5), [1, 1, 1, 1, 1, 1, 0.8, 0.6, 0.4, 0.2]),
]


@pytest.mark.parametrize(("window", "expected"), FADES, ids=str)
def test_fades(window, expected):
    assert weights(window, 10) == pytest.approx(expected, abs=1e-5)


def test_a_curve_runs_from_the_windows_start_to_its_end():
    curve = (0.0, 1.0, 0.5)
    assert weights(TimeWindow("steps", 2, 6, curve=curve), 10) == [0, 0, 0, 0.5, 1, 0.75, 0.5, 0, 0, 0]
    assert weights(TimeWindow("percent", 0.2, 1.0, curve=curve), 10) == pytest.approx(
        [0, 0, 0, 0.25, 0.5, 0.75, 1, 0.875, 0.75, 0.625], abs=1e-5
    )
    assert weights(TimeWindow("steps", 0, 2, curve=(0.4,)), 3) == [0.4] * 3
    assert weights(TimeWindow("steps", 0, 4, fade_in=1, curve=(1.0, 0.5)), 5) == [0.5, 0.875, 0.75, 0.625, 0.5]
    assert weights(TimeWindow("steps", 0, 2, curve=(-1.0, -1.0, 3.0)), 3) == [0, 0, 1]  # cut to 0 … 1


units = st.one_of(
    st.tuples(st.just("percent"), st.floats(0, 1), st.floats(0, 1), st.floats(0, 2), st.floats(0, 2)),
    st.tuples(st.just("steps"), st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), st.floats(0, 9)),
).filter(lambda said: said[2] - said[1] > 1e-3)
curves = st.none() | st.lists(st.floats(0, 1), min_size=1, max_size=5).map(tuple)
windows = st.builds(lambda said, curve: TimeWindow(*said, curve), units, curves)
moments = st.builds(lambda percent, step: SamplingMoment(percent, step, 10), st.floats(0, 1), st.integers(0, 9))


@given(windows, moments)
def test_windows_equal_the_oracle(window, moment):
    assert window.weight(moment) == pytest.approx(oracle.window(window, moment), abs=1e-9)


@given(st.lists(windows, max_size=3), st.floats(0, 1), moments)
def test_windows_and_strength_multiply(some, strength, moment):
    bend = Bend(ops.Blur(), "kiss", strength, 0.1, 0.9, windows=tuple(some))
    expected = oracle.strength(bend, moment)
    assert strength_at(bend, moment) == pytest.approx(expected if expected > 1e-6 else 0, abs=1e-9)


def test_windows_intersect_in_a_chain():
    chain = Bending((Bend(ops.Blur(), "kiss", end=0.5), Bend(ops.Flip(), "rose")))
    early = narrow.when(narrow.when(chain, TimeWindow("steps", 4, 12)), TimeWindow("percent", 0.0, 0.9, fade_out=0.1))
    schedule = Schedule([1 - k / 20 for k in range(21)], flow(1.0))
    assert [schedule.window(bend) for bend in early] == [list(range(4, 10)), list(range(4, 13))]
    assert str(early.bends[0]).endswith("0.0% to 50.0%, steps 4 to 12, 0.0% to 90.0%, fade out 0.1")


def test_a_percent_is_one_moment_in_two_samplers_and_a_step_is_not():
    """Ten steps in all, of which the first sampler has four; and the same levels in finer steps."""
    sigmas = [flow(5.0)(k / 10) for k in range(11)]
    parts = [Schedule(sigmas[:5], flow(5.0)), Schedule(sigmas[4:], flow(5.0))]
    middle = Bend(ops.Blur(), "kiss", windows=(TimeWindow("percent", 0.2, 0.6),))
    assert [part.window(middle) for part in parts] == [[2, 3], [0, 1]]
    first = Bend(ops.Blur(), "kiss", windows=(TimeWindow("steps", 0, 1),))
    assert [part.window(first) for part in parts] == [[0, 1], [0, 1]]
    fade = TimeWindow("percent", 0.0, 1.0, fade_in=1.0)
    moments = [moment for part in parts for moment in part.moments]
    assert [fade.weight(moment) for moment in moments] == pytest.approx([k / 10 for k in range(10)], abs=1e-5)


@pytest.mark.parametrize("step", range(5))
@pytest.mark.parametrize("name", ["phrase", "padding", "ALL"])
def test_bends_in_their_windows(name, step):
    window = TimeWindow("steps", 1, 3, fade_in=1, curve=(0.5, 1.0, 0.2))
    bend = Bend(ops.Translate(), "w", strength=0.9, windows=(window, TimeWindow("percent", 0.0, 0.9, 0.3)))
    got = check([bend], [WORDS[name]], FrameLayout.whole(Grid(2, 3, 4)), at(step, 5), watch=[3])
    assert np.array_equal(got.maps[3], got.original[3]) == (step not in (1, 2, 3))


REFUSED = [
    (("minutes",), "unit is 'minutes'. Choose percent or steps"),
    (("percent", 0, 1.5), "leaves the sampling. Give fractions, 0 to 1"),
    (("percent", -0.5, 1), "leaves the sampling"),
    (("percent", 0.5, 0.5), "starts at 0.5 and ends at 0.5. Make start smaller than end"),
    (("percent", 0.6, 0.5), "Make start smaller than end"),
    (("steps", 6, 5), "starts at 6 and ends at 5. Make start smaller than end"),
    (("percent", 0, 1, -0.1), r"the fades are -0.1 and 0. Give them 0 or more"),
    (("percent", 0, 1, 0, -0.1), "fades are 0 and -0.1"),
    (("steps", 3, 3, 0, 0, (0.0, 1.0)), "a curve needs more than one step, but the window is step 3 alone"),
    (("percent", 0, float("nan")), "0 to 1"),
    (("percent", 0, 1, float("nan")), "fades are nan"),
    (("percent", 0, 1, 0, 0, (0.0, float("nan"))), "curve"),
    (("percent", 0, 1, 0, 0, ()), "curve"),
]


@pytest.mark.parametrize(("said", "says"), REFUSED, ids=str)
def test_windows_that_are_refused(said, says):
    with pytest.raises(BendError, match=says):
        TimeWindow(*said)


# --- what changes nothing now ----------------------------------------------------------------------------------------

NOTHING = MaskVideo(torch.zeros(1, 4, 4))
HALF = torch.tensor([[[1.0, 0.5]]])
STILL = {
    "strength moved to 0 over frames": {"animations": (Animation("strength", "frames", sampled_curve([0.0])),)},
    "strength moved to 0 over steps": {"animations": (Animation("strength", "steps", parse_keyframes("0: 1, 2: 0")),)},
    "empty mask": {"masks": (NOTHING,)},
    "masks that share nothing": {"masks": tuple(MaskVideo(torch.eye(2)[i].expand(1, 2, 2)) for i in (0, 1))},
    "outside its window": {"windows": (TimeWindow("steps", 3, 4),)},
    "start of a fade": {"windows": (TimeWindow("percent", 0.45, 1.0, fade_in=0.2),)},
    "a curve at 0": {"windows": (TimeWindow("percent", curve=(0.0, 0.0, 1.0)),)},
    "frames that have nothing in common": {"frames": "0 & 1-2"},
    "heads that have nothing in common": {"heads": "0 & 1"},
}
STILL_BY_NUMBER = {
    "turned by 0 in this step": (ops.Rotate(), "angle", "steps", "0: 90, 2: 0, 4: 90"),
    "turned by 360 in all frames": (ops.Rotate(), "angle", "frames", "0: 360"),
    "shifted by 0 in all frames": (ops.Time("shift", 2.0), "amount", "frames", "0: 0"),
    "blurred by 0 in this step": (ops.Blur(), "sigma", "steps", "0%: 1, 50%: 0"),
}


def assert_bit_exact(bend, words, dtype=torch.float32):
    qkv = tensors(GRID, WIDE, dtype)
    got = bent(qkv, [bend], [words], FrameLayout.whole(Grid(*GRID)), SamplingMoment(0.45, 2, 5), watch=[3])
    plain = torch.nn.functional.scaled_dot_product_attention(*qkv)
    assert torch.equal(got.output, plain)
    assert torch.equal(got.maps[3], got.original[3])


@pytest.mark.parametrize(
    "operator", [ops.Amplify(3.0), ops.Time(), ops.Paint(MaskVideo(HALF)), ops.Temperature()], ids=str
)
@pytest.mark.parametrize("case", STILL)
def test_no_weight_is_the_same_to_the_bit(case, operator):
    names = ["ALL"] if operator.key == "temperature" else ["phrase"] if operator.key == "paint" else list(WORDS)[::3]
    for name in names:
        assert_bit_exact(Bend(operator, "w", **STILL[case]), WORDS[name])


@pytest.mark.parametrize("case", STILL_BY_NUMBER)
def test_numbers_that_change_nothing_now_are_the_same_to_the_bit(case):
    operator, parameter, over, keys = STILL_BY_NUMBER[case]
    bend = Bend(operator, "w", animations=(Animation(parameter, over, parse_keyframes(keys)),))
    assert not bend.is_identity
    for name in ("word", "padding", "ALL"):
        assert_bit_exact(bend, WORDS[name])
