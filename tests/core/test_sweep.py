"""Sweeps: the values of an axis as they are typed, the films that come of them, and what is refused."""

import math

import pytest
import torch
from attention_bending.bending import narrow
from attention_bending.bending import operators as ops
from attention_bending.bending.bend import Bend, Bending
from attention_bending.bending.errors import BendError
from attention_bending.bending.explore import sweep
from attention_bending.bending.frames.mask_video import MaskVideo
from attention_bending.bending.time import animation
from core.sweeps import CHAIN, TURN, expanded
from hypothesis import given, settings
from hypothesis import strategies as st

REFUSED = [
    ("angle", "", "values_1 is empty"),
    ("", "1", "parameter_1 is empty"),
    ("angle", "x", "'x', which is no finite number"),
    ("angle", "nan", "no finite number"),
    ("angle", "1,,2", "nothing between two separators"),
    ("angle", ";", "angle has no values"),
    ("angle", "0:1", "'0:1', which is no finite number"),
    ("angle", "0:1:1", "a single value stands by itself"),
    ("angle", "0:1:99999999999", "asks for 99999999999 values"),
    ("angle", "1:1:3", "starts where it ends"),
    ("angle", "0:4:3 log", "goes to 0 or past it"),
    ("angle", "-1:1:3 log", "goes to 0 or past it"),
    ("angle", "30%", "no finite number"),
    ("factor", "1", 'Rotate, Translate has no parameter "factor". Choose one of angle, padding'),
    ("mask", "1", "has no parameter"),
    ("bend 3: angle", "1", "the bending has 2 bends"),
    ("bend 0: angle", "1", "counted from 1"),
    ("bend 2: angle", "1", 'Translate has no parameter "angle"'),
    ("bend 1: seed", "1", 'Rotate has no parameter "seed"'),
    ("seed", "1.5", "no whole number"),
    ("seed", "-1", "Give whole numbers from 0 to"),
    ("seed", str(2**64), "Give whole numbers from 0 to"),
    ("seed", "1:3:7", "which are 3 different whole numbers"),
    ("steps", "early", "no window of time"),
    ("steps", "3-1", "Make start smaller than end"),
    ("percent", "30%-10%", "at percent 30%-10%: Rotate of .*it starts at 30.0%"),
    ("strength", "0, 2", "at strength 2: Rotate of .*strength is 2"),
    ("layers", "0-5; 5-0", "runs backwards"),
    ("token", 'kiss; "rose', "at token"),
    ("padding", "border; black", "at padding black: .*Choose one of border"),
    ("pass", "none", "Choose one of positive"),
    ("renormalize", "maybe", "Write on, off"),
]


@pytest.mark.parametrize("parameter, values, message", REFUSED)
def test_refusals_name_what_was_asked_and_the_cure(parameter, values, message):
    with pytest.raises(BendError, match=message):
        expanded(CHAIN, (parameter, values))


def test_what_no_sweep_can_do():
    with pytest.raises(BendError, match="the bending has no bends"):
        expanded(Bending(), ("angle", "1"))
    with pytest.raises(BendError, match="the bending has no bends"):
        expanded(Bending(), ("seed", "1, 2"))
    with pytest.raises(BendError, match="values_2 is empty"):
        expanded(TURN, ("angle", "1"), ("layers", " "))
    with pytest.raises(BendError, match="parameter_2 is empty"):
        expanded(TURN, ("angle", "1"), ("", "1"))
    with pytest.raises(BendError, match="nothing bends at any value of angle"):
        expanded(TURN, ("angle", "0, 360"))
    moving = narrow.animate(TURN, "angle", "frames", animation.parse_keyframes("0: 1"))
    with pytest.raises(BendError, match="a Bend Animate moves it in bend 1"):
        expanded(moving, ("angle", "1, 2"))


@pytest.mark.parametrize(
    "one, two",
    [
        ("angle", "bend 1: angle"),
        ("seed", "seed"),
        ("start", "steps"),
        ("percent", "end"),
        ("bend 2: layers", "layers"),
    ],
)
def test_two_axes_that_set_the_same_are_refused(one, two):
    values = {"steps": "0-1", "percent": "0%-50%", "layers": "1", "bend 2: layers": "1"}
    with pytest.raises(BendError, match="both axes set"):
        expanded(CHAIN, *((name, values.get(name, "0")) for name in (one, two)))


def test_a_sweep_over_its_limit_is_refused_with_its_count():
    typed = ("angle", "1:90:9"), ("layers", "0; 1; 2; 3; 4; 5; 6")
    with pytest.raises(BendError, match=r"makes 64 films \(9 of angle × 7 of layers\), more than its limit of 63"):
        expanded(TURN, *typed, limit=63)
    assert len(expanded(TURN, *typed, limit=64).points) == 64
    with pytest.raises(BendError, match="makes 100000000 films"):  # at once, before any is made
        expanded(TURN, ("angle", "1:90:10000"), ("seed", "1:10000:10000"))


def test_films_come_un_bent_first_and_row_by_row():
    cells = expanded(TURN, ("angle", "0, 30, 60"), ("layers", "0-5; 13-18"), seed=7)
    assert cells.labels == (
        "un-bent",
        "angle 30 · layers 0-5",
        "angle 60 · layers 0-5",
        "angle 30 · layers 13-18",
        "angle 60 · layers 13-18",
    )
    assert [(point.column, point.row) for point in cells.points] == [(None, None), (1, 0), (2, 0), (1, 1), (2, 1)]
    assert [point.label for point in cells.same] == ["angle 0 · layers 0-5", "angle 0 · layers 13-18"]
    assert {point.seed for point in cells.points} == {7}
    assert cells.points[0].bending == Bending() and not cells.points[0].bent
    assert cells.points[4].bending == Bending((Bend(ops.Rotate(60.0), "kiss", layers="13-18"),))
    assert [cells.baseline_of(point) for point in cells.points] == [0] * 5
    assert str(cells).splitlines()[0] == "5 films: 4 bent, 1 un-bent"
    assert str(cells).splitlines()[-1].startswith("left out, as nothing in them bends: angle 0 · layers 0-5, angle 0")


def test_without_a_baseline_there_is_none():
    cells = expanded(TURN, ("angle", "0, 30"), baseline=False)
    assert cells.labels == ("angle 30",) and cells.baseline_of(cells.points[0]) is None


@pytest.mark.parametrize("across", [True, False])
def test_each_seed_has_an_un_bent_film_of_its_own(across):
    typed = [("seed", "5, 6"), ("strength", "0, 50%, 1")]
    cells = expanded(TURN, *(typed if across else typed[::-1]))
    assert len(cells.points) == 6 and len(cells.same) == 2
    unbent, bent = cells.points[:2], cells.points[2:]
    assert [point.label for point in unbent] == ["un-bent · seed 5", "un-bent · seed 6"]
    assert [(point.column, point.row) for point in unbent] == (
        [(0, None), (1, None)] if across else [(None, 0), (None, 1)]
    )
    assert all(cells.points[cells.baseline_of(point)].seed == point.seed for point in bent)


def test_there_may_be_more_axes_than_a_sheet_has():
    typed = ("angle", "0, 30, 60"), ("layers", "0-5; 13-18"), ("seed", "5, 6")
    cells = sweep.expand(TURN, [sweep.axis(*axis, TURN) for axis in typed])
    bent = [point for point in cells.points if point.bent]
    assert [point.place for point in bent] == [
        (angle, layers, seed) for seed in (0, 1) for layers in (0, 1) for angle in (1, 2)
    ]
    assert bent[-1].label == "angle 60 · layers 13-18 · seed 6" and bent[-1].seed == 6
    assert [point.place for point in cells.points[:2]] == [(None, None, 0), (None, None, 1)]
    assert all(cells.points[cells.baseline_of(point)].seed == point.seed for point in bent)
    assert len(cells.same) == 4
    twice = [sweep.axis(*axis, TURN) for axis in (*typed, ("bend 1: angle", "1"))]
    with pytest.raises(BendError, match="both axes set angle"):
        sweep.expand(TURN, twice)


def test_a_parameter_is_set_wherever_it_is_or_in_one_bend():
    two = CHAIN + Bending((Bend(ops.Rotate(10.0), "sky"),))
    everywhere = expanded(two, ("angle", "45")).points[1].bending
    assert [bend.operator for bend in everywhere] == [ops.Rotate(45.0), ops.Translate(0.25), ops.Rotate(45.0)]
    cells = expanded(two, ("Bend 3 : Angle", "45"))
    assert [bend.operator for bend in cells.points[1].bending] == [
        ops.Rotate(15.0),
        ops.Translate(0.25),
        ops.Rotate(45.0),
    ]
    assert cells.labels[1] == "bend 3 angle 45"
    assert [bend.layers for bend in expanded(two, ("layers", "3")).points[1].bending] == ["3", "3", "3"]


def test_every_kind_of_parameter():
    bending = Bending((Bend(ops.FrequencyFilter(), "kiss"), Bend(ops.Blur(), "kiss"), Bend(ops.Swap("rose"), "kiss")))
    for typed, bend, name, expected in [
        (("kind", "band; high"), 0, "kind", ["band", "high"]),
        (("keep mean", "off"), 0, "keep_mean", [False]),
        (("kernel_size", "3, 5"), 1, "kernel_size", [3, 5]),
        (("other", "sky; red rose"), 2, "other", ["sky", "red rose"]),
    ]:
        points = expanded(bending, typed).points[1:]
        found = [getattr(point.bending.bends[bend].operator, name) for point in points]
        assert found == expected and [type(x) for x in found] == [type(x) for x in expected]


def test_both_axes_are_set_at_once_where_one_alone_would_be_refused():
    late = Bending((Bend(ops.Rotate(), "kiss", start=0.1, end=0.2),))
    cells = expanded(late, ("start", "50%"), ("end", "1"))
    assert (cells.points[1].bending.bends[0].start, cells.points[1].bending.bends[0].end) == (0.5, 1)


def test_a_temperature_has_no_token_and_a_mask_is_no_value():
    temper = Bending((Bend(ops.Temperature(0.5), "ALL"),))
    with pytest.raises(BendError, match='Temperature has no parameter "token"'):
        expanded(temper, ("token", "kiss"))
    both = expanded(temper + TURN, ("token", "rose")).points[1].bending
    assert [bend.token for bend in both] == ["ALL", "rose"]
    with pytest.raises(BendError, match='Paint has no parameter "mask"'):
        expanded(Bending((Bend(ops.Paint(MaskVideo(torch.ones(1, 1))), "kiss"),)), ("mask", "1"))


def test_origins_stay_for_messages():
    bending = Bending((Bend(ops.Rotate(), "kiss", origin="14"),))
    assert expanded(bending, ("angle", "30")).points[1].bending.bends[0].origin == "14"


COUNTS = st.integers(2, 9)


@settings(max_examples=25)
@given(COUNTS, COUNTS, st.booleans(), st.booleans())
def test_a_sweep_has_each_film_once(columns, rows, baseline, through_zero):
    first = 0 if through_zero else 1
    cells = expanded(
        CHAIN, ("bend 1: angle", f"{first}:90:{columns}"), ("x", f"{first}:0.7:{rows}"), baseline=baseline, limit=100
    )
    unchanged = int(through_zero)
    assert len(cells.points) == columns * rows - unchanged + baseline and len(cells.same) == unchanged
    assert len(set(cells.labels)) == len(cells.labels)
    assert len({(point.bending, point.seed) for point in cells.points}) == len(cells.points)
    assert all(not bend.is_identity for point in cells.points for bend in point.bending) or through_zero
    assert hash(cells.points[0]) is not None and cells == expanded(
        CHAIN, ("bend 1: angle", f"{first}:90:{columns}"), ("x", f"{first}:0.7:{rows}"), baseline=baseline, limit=100
    )


def test_the_papers_table():
    """Its sweeps: zoom, angle, translate, blur, sharpen, amplify over steps and layers."""
    steps, layers = ("steps", "all; 0-2; 7-9"), ("layers", "all; 0-5; 13-18; 24-29")
    zoom = Bending((Bend(ops.SpatialScale(), "ALL"),))
    assert len(expanded(zoom, ("factor", "0.25:4:8"), layers).points) == 8 * 4 + 1
    assert len(expanded(TURN, ("angle", "-90:90:7"), steps).points) == 6 * 3 + 1
    assert len(expanded(Bending((Bend(ops.Flip(), "ALL"),)), ("axis", "horizontal; vertical"), steps).points) == 7
    assert (
        len(expanded(Bending((Bend(ops.Amplify(), "kiss"),)), ("factor", "0:5:8"), ("token", "kiss; ALL")).points) == 17
    )
    assert math.prod((8, 3)) + 1 == len(
        expanded(Bending((Bend(ops.Translate(), "kiss"),)), ("x", "-0.75:0.75:8"), steps).points
    )
