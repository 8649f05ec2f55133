"""The report of a record: its numbers are those of the maps, and its table can be read."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from attention_bending.bending.frames.grid import Grid
from attention_bending.bending.maps.record import PackedMaps, Record, even_bins
from attention_bending.bending.maps.report_text import _width, about, recorded, report_text, runs
from attention_bending.bending.maps.statistics import attention_share, entropy, overall_mean
from core.test_map_files import made
from hypothesis import given
from hypothesis import strategies as st


def constant(*shares: tuple[float, float], words=None, facts=None, **others) -> Record:
    """A record whose words have the same share everywhere: (before, after) of each."""
    shape = (len(shares), 2, 3, 1, 2, 3, 4)
    original, bent = (
        PackedMaps.pack(torch.tensor(each).view(-1, 1, 1, 1, 1, 1, 1).expand(shape))
        for each in zip(*shares, strict=True)
    )
    numbers = tuple((i + 2,) for i in range(len(shares)))
    words = words or tuple(f"word{i}" for i in range(len(shares)))
    bins = even_bins(2, 2), even_bins(3, 3)
    seen = torch.ones(shape[:3], dtype=torch.bool)
    return replace(Record(words, numbers, Grid(2, 3, 4), *bins, 1, original, bent, seen, facts=facts or {}), **others)


def test_share_is_the_mean():
    assert attention_share(torch.tensor([[[0.5, -0.25], [0.0, 0.75]]])) == 0.25


def test_entropy_is_that_of_its_formula():
    film = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0))
    p = film.abs().double().numpy().ravel()
    p /= p.sum()
    assert entropy(film) == pytest.approx(-(p * np.log(p)).sum() / math.log(24), rel=1e-5)


def test_entropy_is_1_everywhere_alike_and_0_in_one_place():
    place = torch.zeros(2, 3, 4)
    place[1, 2, 3] = -7
    assert entropy(torch.full((2, 3, 4), 0.01)) == pytest.approx(1)
    assert entropy(place) == 0
    assert entropy(torch.cat([torch.ones(12), torch.zeros(12)])) == pytest.approx(math.log(12) / math.log(24))


@pytest.mark.parametrize("film", [torch.zeros(2, 3, 4), torch.ones(1, 1, 1)])
def test_entropy_of_what_cannot_spread_is_no_number(film):
    assert math.isnan(entropy(film))


@given(bent=st.booleans(), heads=st.integers(1, 2), seed=st.integers(0, 5))
def test_the_whole_film_is_the_records_mean_over_what_was_seen(bent, heads, seed):
    record = made(heads=heads, seed=seed)
    for word in range(2):
        if record.seen[word].any():
            torch.testing.assert_close(
                overall_mean(record, word, bent), record.mean_map(word, bent, range(2), range(3))
            )
        else:
            assert overall_mean(record, word, bent) is None


def rows(record: Record) -> list[list[str]]:
    """The table of a report, its header included, as cells."""
    lines = report_text(record).splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("word "))
    return [line.split() for line in lines[start : start + 1 + len(record.words)]]


def test_each_word_has_its_columns_and_its_share_and_spread_before_and_after():
    assert rows(constant((0.03125, 0.0625), (1.5, -0.25))) == [
        ["word", "columns", "share", "spread"],
        ["word0", "2", "3.12", "%", "→", "6.25", "%", "1.000", "→", "1.000"],
        ["word1", "3", "150", "%", "→", "-25.0", "%", "1.000", "→", "1.000"],
    ]


def test_a_word_that_a_bend_took_away_has_no_spread():
    assert rows(constant((0.5, 0.0)))[1][2:] == ["50.0", "%", "→", "0.00", "%", "1.000", "→", "–"]


def test_without_a_difference_there_is_one_number_each():
    record = constant((0.25, 0.25))
    record = replace(record, bent=record.original)
    assert "no bend changed them" in report_text(record)
    assert rows(record)[1] == ["word0", "2", "25.0", "%", "1.000"]


def test_a_word_that_was_never_seen_is_told_and_stops_nothing():
    record = constant((0.5, 0.5), (0.5, 0.25))
    record.seen[0] = False
    assert rows(record)[1] == ["word0", "2", "–", "→", "–", "–", "→", "–"]
    assert rows(record)[2][2:4] == ["50.0", "%"]


def test_the_table_is_aligned_also_with_wide_letters():
    record = constant((0.001, 0.5), (0.5, 0.25), (0.5, 1.0), words=("吻", "cafe\u0301", "a\nlong word"))
    lines = [line for line in report_text(record).splitlines() if "→" in line and "%" in line]
    assert len(lines) == 3
    for mark in ("→", "%"):
        assert len({_width(line[: line.index(mark)]) for line in lines}) == 1


def test_the_report_of_the_run_comes_first_and_what_was_recorded_last():
    told = report_text(constant((0.5, 0.25), facts={"report": "1. Amplify: 30 layers × 20 steps\n"}))
    parts = told.split("\n\n")
    assert parts[0] == "1. Amplify: 30 layers × 20 steps"
    assert parts[1].startswith("words, before → after the bends:\nword ")
    assert parts[2] == (
        "recorded: 2 steps, 3 layers, the mean of all heads, on 2 × 3 × 4 places (latent frames × rows × columns), "
        "0.0 MB"
    )
    assert report_text(constant((0.5, 0.25))).startswith("words,")


@pytest.mark.parametrize(
    "changes, says",
    [
        ({"heads": 4}, "4 heads"),
        ({"steps": ((0, 9), (10, 19))}, "recorded: 20 steps as 2 means (0-9, 10-19), 3 layers"),
        ({"steps": ((0, 19),)}, "recorded: 20 steps as 1 mean (0-19), 3 layers"),
        ({"layers": even_bins(30, 10)}, "30 layers as 10 means (0-2, 3-5, 6-8, …, 27-29)"),
        ({"layers": ((7, 7),)}, "2 steps, layer 7,"),
        ({"layers": ((3, 3), (4, 4), (9, 9))}, "2 steps, layers 3-4, 9,"),
        ({"layers": ((0, 0),)}, "2 steps, 1 layer,"),
        ({"facts": {"steps": 20}}, "not recorded: 18 of the run's 20 steps"),
        ({"seen": torch.tensor([[[True, True, True], [True, False, False]]])}, "was seen at 2 of 6 places"),
    ],
)
def test_what_was_not_kept_is_told(changes, says):
    assert says in recorded(replace(constant((0.5, 0.25)), **changes))


def test_the_size_of_the_maps_is_told():
    record = made(grid=(8, 64, 64))
    assert recorded(record).splitlines()[0].endswith(f"columns), {record.nbytes / 2**20:.1f} MB")
    assert "1.5 MB" in recorded(record)


def test_where_all_was_kept_nothing_else_is_told():
    assert len(recorded(constant((0.5, 0.25), facts={"steps": 2})).splitlines()) == 1


@pytest.mark.parametrize(
    "columns, says", [((2,), "2"), ((7, 5, 6, 2), "2, 5-7"), ((), "–"), (tuple(range(5, 512)), "5-511"), ((3, 3), "3")]
)
def test_columns_are_told_as_runs(columns, says):
    assert runs(columns) == says


def test_about_is_a_line_a_fact():
    facts = {"prompt": "a (kiss)", "bending": "one\ntwo", "seed": 0, "steps": 2, "model": "WAN21", "report": "x"}
    record = constant((0.5, 0.25), (0.5, 0.25), words=("kiss", "rose#2"), facts=facts)
    assert about(record).splitlines()[:-1] == [
        "prompt: a (kiss)",
        "bending: one",
        "  two",
        "model: WAN21",
        "seed: 0",
        "steps: 2",
        "words: kiss (2), rose#2 (3)",
    ]
    assert about(replace(record, facts={"seed": None})).splitlines()[0] == "words: kiss (2), rose#2 (3)"
