"""The values of a sweep's axis, as they are typed."""

import pytest
from attention_bending.bending import narrow
from attention_bending.bending import operators as ops
from attention_bending.bending.bend import Bend, Bending
from attention_bending.bending.explore import sweep_values as read
from attention_bending.bending.time.windows import TimeWindow
from core.sweeps import expanded, labels
from hypothesis import given
from hypothesis import strategies as st

NUMBERS = [
    ("0, 30, 60", [0, 30, 60]),
    ("-0; .5;1e1", [0, 0.5, 10]),
    ("0:1:3", [0, 0.5, 1]),
    ("-90:90:7", [-90, -60, -30, 0, 30, 60, 90]),
    ("1:0:3", [1, 0.5, 0]),
    ("0.25:4:8", [0.25, 0.786, 1.321, 1.857, 2.393, 2.929, 3.464, 4]),
    ("0.25:4:5 log", [0.25, 0.5, 1, 2, 4]),
    ("-4:-1:3 LOG", [-4, -2, -1]),
    ("100:101:3", [100, 100.5, 101]),
    ("0, 1:2:2, 5", [0, 1, 2, 5]),
    ("1, 2, 1, 1.0", [1, 2]),
    ("1, 2,", [1, 2]),
    ("1\n2", [1, 2]),
    ("1，2；3、 4，", [1, 2, 3, 4]),
]


@pytest.mark.parametrize("text, expected", NUMBERS)
def test_numbers(text, expected):
    assert [value.sets for value in read.numbers("x", text)] == [(("x", number),) for number in expected]


def test_percents_are_fractions_to_the_digit():
    values = read.numbers("strength", "0%, 7%, 30%, 0.5, 0%:100%:3", percents=True)
    assert [value.sets[0][1] for value in values] == [0, 0.07, 0.3, 0.5, 1]


@given(st.floats(-1000, 1000).filter(lambda x: x == 0 or abs(x) > 1e-3), st.floats(1e-2, 1000), st.integers(2, 60))
def test_a_range_is_even_and_its_labels_are_its_numbers(first, length, count):
    values = read.numbers("x", f"{first!r}:{first + length!r}:{count}")
    step = length / (count - 1)
    assert len(values) == count == len(set(labels(values)))
    for i, value in enumerate(values):
        ((_, number),) = value.sets
        assert float(value.label) == number
        assert abs(number - (first + i * step)) <= 0.006 * step + 1e-9 * abs(first)
    assert values[0].sets[0][1] == first and values[-1].sets[0][1] == first + length


@given(st.floats(1e-3, 1e3), st.floats(1.1, 1e3), st.integers(2, 30), st.sampled_from([1, -1]))
def test_a_logarithmic_range_has_even_ratios(first, ratio, count, sign):
    values = read.numbers("x", f"{sign * first!r}:{sign * first * ratio!r}:{count} log")
    assert len(values) == count
    for i, value in enumerate(values):
        exact = sign * first * ratio ** (i / (count - 1))
        gap = abs(exact) * (1 - ratio ** (-1 / (count - 1)))
        assert value.sets[0][1] == pytest.approx(exact, abs=0.006 * gap + 1e-12)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_shown_so_that_it_can_be_read_again(number):
    assert float(read.shown(number)) == number


def test_whole_numbers_are_exact_however_large():
    largest = 2**64 - 1
    assert [v.sets[0][1] for v in read.whole_numbers("seed", f"{largest - 1}, {largest}")] == [largest - 1, largest]
    assert labels(read.whole_numbers("seed", f"0:{largest}:3")) == ["0", str(2**63), str(largest)]
    assert labels(read.whole_numbers("kernel_size", "3:9:4")) == ["3", "5", "7", "9"]
    assert labels(read.whole_numbers("kernel_size", "1:100:3 log")) == ["1", "10", "100"]


def test_texts_are_set_apart_by_any_semicolon():
    assert labels(read.texts("token", "kiss，rose；sea")) == ["kiss，rose", "sea"]
    assert labels(read.texts("token", '"a；b"；sea')) == ['"a；b"', "sea"]


def test_texts_may_hold_commas_and_quoted_ones_semicolons():
    assert labels(read.texts("token", 'kiss, rose ;  red   rose; "a; b"; ALL;')) == [
        "kiss, rose",
        "red rose",
        '"a; b"',
        "ALL",
    ]


WINDOWS = {
    "0-2": (0.0, 1.0, (TimeWindow("steps", 0, 2),)),
    "7": (0.0, 1.0, (TimeWindow("steps", 7, 7),)),
    "0% - 30%": (0.0, 0.3, ()),
    "all": (0.0, 1.0, ()),
}


@pytest.mark.parametrize("text, expected", WINDOWS.items())
@pytest.mark.parametrize("name", ["steps", "percent"])
def test_a_window_replaces_all_that_the_bend_has(name, text, expected):
    bending = narrow.when(Bending((Bend(ops.Rotate(), "kiss", start=0.1, end=0.5),)), TimeWindow("percent", 0.2, 0.4))
    _, point = expanded(bending, (name, text)).points
    (bend,) = point.bending
    assert (bend.start, bend.end, bend.windows) == expected
    assert point.label == f"{name} {text.replace(' ', '')}"
