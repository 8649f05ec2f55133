"""Bend and Bending as values, layers, and the schedule."""

import dataclasses
import math

import pytest
from attention_bending.bending import operators as ops
from attention_bending.bending.attention.schedule import Schedule
from attention_bending.bending.bend import Bend, Bending
from attention_bending.bending.errors import BendError
from attention_bending.bending.time.ranges import LAYERS as LAYER
from attention_bending.bending.time.ranges import resolve
from hypothesis import given
from hypothesis import strategies as st


def test_bends_are_frozen_values():
    a, b = Bend(ops.Blur(), "kiss"), Bend(ops.Blur(), "kiss", origin="7")
    assert a == b and hash(a) == hash(b)  # the node that made it is no part of what it is
    assert a != Bend(ops.Blur(3.0), "kiss")
    with pytest.raises(dataclasses.FrozenInstanceError):
        a.strength = 0.5
    assert "origin" not in repr(b) and "7" not in str(b)


def test_they_print_readably():
    chain = Bending((Bend(ops.Blur(), "kiss"),)) + Bending(
        (Bend(ops.Translate(0.5), "ALL", 0.8, 0.1, 0.5, "early", renormalize=False),)
    )
    assert str(chain).splitlines() == [
        '1. Blur(sigma=2, kernel_size=0) of "kiss"',
        "2. Translate(x=0.5, y=0, padding=border) of ALL, strength 0.8, 10.0% to 50.0%, layers early, not renormalized",
    ]
    assert Bend(ops.Blur(), "kiss", origin="14").title == 'Blur of "kiss" (node 14)'
    assert str(Bending()) == "no bends"


def test_every_operator_has_a_version_of_its_convention():
    assert {operator.convention for operator in ops.OPERATORS.values()} == {1}


def test_a_bending_is_an_ordered_chain():
    one, two = (Bending((Bend(ops.Flip(), word),)) for word in "ab")
    assert [bend.token for bend in one + two] == ["a", "b"]
    assert Bending.join([one, Bending(), two]) == one + two
    assert not Bending() and len(one + two) == 2


REFUSED = [
    ({"token": ""}, "token"),
    ({"strength": 1.5}, "strength is 1.5. Give it a number from 0 to 1"),
    ({"strength": math.nan}, "strength is nan"),
    ({"start": 0.5, "end": 0.5}, "starts at 50.0% and ends at 50.0%"),
    ({"start": 0.9, "end": 0.1}, "Make start_percent smaller than end_percent"),
    ({"layers": "abc"}, "'abc' is no layer"),
    ({"layers": "5-2"}, "Write 2-5"),
    ({"layers": ""}, "is no layer"),
]


@pytest.mark.parametrize(("wrong", "says"), REFUSED, ids=str)
def test_what_can_never_work_is_refused(wrong, says):
    with pytest.raises(BendError, match=says) as refusal:
        Bend(ops.Blur(), **{"token": "kiss", **wrong})
    assert str(refusal.value).startswith("Blur of ")


LAYERS = [
    ("all", 30, set(range(30))),
    ("early", 30, set(range(10))),
    ("middle", 30, set(range(10, 20))),
    ("late", 30, set(range(20, 30))),
    ("Early, LATE", 3, {0, 2}),
    ("0-5, 13, -1", 30, {0, 1, 2, 3, 4, 5, 13, 29}),
    (" 3 - 4 ,-2", 8, {3, 4, 6}),
    ("middle", 1, set()),
    ("early", 4, {0, 1}),
]


@pytest.mark.parametrize(("text", "count", "expected"), LAYERS)
def test_layers(text, count, expected):
    assert resolve(text, LAYER, count) == expected


@given(st.integers(1, 60))
def test_thirds_are_a_partition(count):
    thirds = [resolve(third, LAYER, count) for third in ("early", "middle", "late")]
    assert sum(map(len, thirds)) == count and set().union(*thirds) == set(range(count))


@pytest.mark.parametrize("text", ["30", "-31", "28-30"])
def test_a_layer_that_is_not_there_is_refused(text):
    with pytest.raises(BendError, match="its 30 layers are 0 to 29"):
        resolve(text, LAYER, 30)


def flow(shift):
    """Wan's noise level by percent."""
    return lambda p: 1.0 if p <= 0 else 0.0 if p >= 1 else shift * (1 - p) / (1 + (shift - 1) * (1 - p))


@pytest.mark.parametrize("shift", [1.0, 5.0, 8.0])
def test_half_of_twenty_even_steps_is_ten(shift):
    sigma = flow(shift)
    schedule = Schedule([sigma(k / 20) for k in range(21)], sigma)
    assert schedule.steps == 20
    assert schedule.window(Bend(ops.Blur(), "kiss", end=0.5)) == list(range(10))
    assert schedule.window(Bend(ops.Blur(), "kiss", start=0.5)) == list(range(10, 20))
    assert schedule.window(Bend(ops.Blur(), "kiss", start=0.96)) == []
    assert schedule.reaches(Bend(ops.Blur(), "kiss", start=0.96))


@given(st.floats(0, 1), st.sampled_from([1.0, 3.0, 8.0]))
def test_percent_is_the_inverse_of_the_models_own(percent, shift):
    sigma = flow(shift)
    assert Schedule([1.0, 0.0], sigma).percent(sigma(percent)) == pytest.approx(percent, abs=1e-6)


def test_steps_cover_levels_off_the_schedule():
    schedule = Schedule([1.0, 0.8, 0.5, 0.0], flow(1.0))
    assert [schedule.step(s) for s in (1.2, 1.0, 0.9, 0.8, 0.79, 0.5, 0.1, 0.0)] == [0, 0, 0, 1, 1, 2, 2, 2]


def test_a_part_of_a_schedule_is_reached_only_by_its_windows():
    late = Schedule([0.5, 0.25, 0.0], flow(1.0))  # the second of two samplers
    assert not late.reaches(Bend(ops.Blur(), "kiss", end=0.5))
    assert late.reaches(Bend(ops.Blur(), "kiss", end=0.6))
    early = Schedule([1.0, 0.75, 0.5], flow(1.0))
    assert early.window(Bend(ops.Blur(), "kiss", start=0.4)) == []
    assert not early.reaches(Bend(ops.Blur(), "kiss", start=0.6))
