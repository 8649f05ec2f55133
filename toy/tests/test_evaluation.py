"""What the evaluation makes of two films: who is who, what changed, and the page that tells it."""

import json

import pytest
from attention_bending.toy import cases, judge, kept, measure, page, plots, results, world
from attention_bending.toy.compare import compare
from attention_bending.toy.log import Log
from PIL import Image

ALONE = cases.Subject("a red circle", cases.Words("red", "circle"))
RED, BLUE = world.Thing("circle", "red", 0.25, 0.5, 17.0), world.Thing("star", "blue", 0.75, 0.5, 17.0)


def see(*things: world.Thing):
    return measure.sightings(world.film(world.Scene(things, "black", "")))


def thing(shape="circle", colour="red", x=0.25, y=0.5, size=17.0):
    return world.Thing(shape, colour, x, y, size)


def test_the_same_film_has_not_changed():
    row = compare(see(RED), see(RED), ALONE)
    assert row["drawn"] and row["present"] and row["dx"] == row["dy"] == 0 and row["area"] == 1
    assert not results.changed(row)


@pytest.mark.parametrize(
    "after, name, value",
    [
        (thing(x=0.5), "dx", pytest.approx(0.25, abs=0.01)),
        (thing(y=0.3), "dy", pytest.approx(-0.2, abs=0.01)),
        (thing(size=24.0), "area", pytest.approx((24 / 17) ** 2, rel=0.05)),
        (thing(colour="green"), "colour", False),
        (thing(shape="square"), "shape", False),
    ],
)
def test_a_change_is_told(after, name, value):
    row = compare(see(RED), see(after), ALONE)
    assert row[name] == value
    assert results.changed(row)


def test_a_thing_that_is_gone():
    row = compare(see(RED), see(), ALONE)
    assert row["drawn"] and not row["present"] and results.changed(row)


def test_a_film_that_was_never_right_counts_for_nothing():
    assert compare(see(BLUE), see(RED), ALONE) == {"drawn": False}


def test_of_two_things_each_is_followed():
    row = compare(see(RED, BLUE), see(thing(x=0.35), BLUE), ALONE)
    assert row["dx"] == pytest.approx(0.1, abs=0.01) and row["other"]["dx"] == 0
    gone = compare(see(RED, BLUE), see(BLUE), ALONE)
    assert not gone["present"] and gone["other"]["present"]


def test_cases_are_told_apart_and_their_settings_fit():
    names = [case.name for case in cases.cases()]
    assert len(names) == len(set(names))
    assert set(cases.MAIN) == set(cases.SETTINGS)
    assert all(number < len(cases.SETTINGS[mode]) for mode, number in cases.MAIN.items())


def test_louder_words_are_bent_twice_and_a_swaps_both():
    subject = next(subject for subject in cases.SUBJECTS if subject.other)
    bends_by_case = {
        (case.mode, case.target): cases.bends_of(case, subject) for case in cases.cases() if case.louder != 1
    }
    assert {mode for mode, _ in bends_by_case} == set(cases.SENDING)
    assert all(len(bends) == 2 and not any(bend.renormalize for bend in bends) for bends in bends_by_case.values())
    assert {bends[1].operator.factor for bends in bends_by_case.values()} == {cases.LOUDER}
    assert [bend.token for bend in bends_by_case["translate", cases.WORDS]] == ["red, circle, left"] * 2
    assert [bend.token for bend in bends_by_case["swap", cases.COLOUR]] == ["red", "red, blue"]
    assert all(len(cases.bends_of(case, subject)) == 1 for case in cases.cases() if case.plain)


def test_louder_words_stand_beside_the_plain_ones():
    plain, loud = (
        next(c for c in cases.cases() if (c.mode, c.target, c.louder) == ("translate", cases.WORDS, louder))
        for louder in (1, cases.LOUDER)
    )
    rows = [
        {"name": f"{case.name} | a red circle | 0", "caption": "a red circle", "seed": 0}
        | compare(see(RED), see(after), ALONE)
        for case, after in ((plain, thing()), (loud, thing("square", x=0.4)))
    ]
    text = page.tables(rows)
    assert "| Translate | x 0.1 | its words | 0% of 1 | 100% | — | 100% of 1 | 0% | — |" in text


def test_results_survive_a_line_that_was_cut_short(tmp_path):
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps({"name": "one"}) + "\n" + '{"name": "tw')
    assert kept.read(file) == [{"name": "one"}]


def judged(mode, setting, target, caption, before, after):
    """The verdict on a drawn film of the first thing, or of both, of a caption."""
    subject = next(subject for subject in cases.SUBJECTS if subject.caption == caption)
    row = {"caption": caption, **compare(see(*before), see(*after), subject)}
    return judge.outcome(cases.Case(mode, tuple(setting.items()), target), row)


@pytest.mark.parametrize(
    "mode, setting, target, after, verdict",
    [
        ("amplify", {"factor": 0.0}, cases.COLOUR, thing(colour="green"), True),
        ("amplify", {"factor": 0.0}, cases.COLOUR, thing(), False),
        ("amplify", {"factor": 0.0}, cases.SHAPE, thing(shape="star"), True),
        ("amplify", {"factor": 2.0}, cases.COLOUR, thing(colour="green"), None),
        ("translate", {"x": 0.25}, cases.ALL, thing(x=0.45), True),
        ("translate", {"x": 0.25}, cases.ALL, thing(x=0.3), False),
        ("translate", {"x": -0.25}, cases.ALL, thing(x=0.75), False),
        ("translate", {"x": 0.0, "y": 0.25}, cases.ALL, thing(y=0.7), True),
        ("rotate", {"angle": 180.0}, cases.ALL, thing(x=0.75), True),
        ("flip", {"axis": "horizontal"}, cases.ALL, thing(x=0.75), True),
        ("flip", {"axis": "vertical"}, cases.ALL, thing(), None),  # it is in the middle
        ("spatial_scale", {"factor": 0.5}, cases.ALL, thing(x=0.36), True),
        ("regional_mask", cases.SETTINGS["regional_mask"][0], cases.WORDS, thing(x=0.7), True),
        ("regional_mask", cases.SETTINGS["regional_mask"][0], cases.WORDS, thing(), False),
        ("paint", {"half": "right"}, cases.WORDS, thing(x=0.7), True),
        ("blur", {"sigma": 2.0}, cases.ALL, thing(x=0.7), None),
    ],
)
def test_what_a_bend_says_is_held_against_the_film(mode, setting, target, after, verdict):
    assert judged(mode, setting, target, "a red circle", [RED], [after]) is verdict


def test_a_thing_that_was_inside_already_says_nothing_of_a_mask():
    setting = cases.SETTINGS["regional_mask"][0]
    inside = thing(x=0.75)
    assert judged("regional_mask", setting, cases.WORDS, "a red circle", [inside], [inside]) is None


@pytest.mark.parametrize(
    "target, after, verdict",
    [
        (cases.COLOUR, (thing(colour="blue"), thing("star", "red", 0.75)), True),
        (cases.COLOUR, (thing(colour="blue"), thing("star", "blue", 0.75)), False),
        (cases.SHAPE, (thing("star"), thing("circle", "blue", 0.75)), True),
        (cases.PLACE, (thing(x=0.75), thing("star", "blue", 0.25)), True),
        (cases.PLACE, (RED, BLUE), False),
    ],
)
def test_two_things_have_traded_what_they_should(target, after, verdict):
    caption = "a red circle on the left and a blue star on the right"
    assert judged("swap", {"way": "trade"}, target, caption, [RED, BLUE], after) is verdict


@pytest.mark.parametrize(
    "way, motion, verdict",
    [("reverse", "left", True), ("reverse", "right", False), ("freeze", None, True), ("freeze", "right", False)],
)
def test_a_moving_thing_turns_back_or_stands(way, motion, verdict):
    before, after = (world.Thing("square", "purple", 0.5, 0.5, 17.0, None, way) for way in ("right", motion))
    assert judged("time", {"way": way}, cases.ALL, "a purple square moving right", [before], [after]) is verdict


def test_a_page_tells_of_every_case_that_was_tried():
    case = next(iter(cases.cases()))
    compared = compare(see(RED), see(thing(colour="blue")), ALONE)
    row = {"name": f"{case.name} | a red circle | 0", "caption": "a red circle", "seed": 0, **compared}
    text = page.tables([row])
    line = "| factor 0 | its colour | 1 | 100% of 1 | 100% | 0% | +0.00 | +0.00 | 1.00 | 0% | 100% | 0% | — |"
    assert line in text.split("### Amplify")[1]
    assert "| Amplify | factor 0: the colour, the shape is another; the place is left | 100% of 1 | — |" in text
    assert "| a red circle | 1 of 1 |" in text


def test_the_pictures_are_drawn_from_the_same_rows(tmp_path):
    row = {"caption": "a red circle", "seed": 0, **compare(see(RED), see(thing(x=0.4)), ALONE)}
    tried = [case for case in cases.cases() if cases.fits(case, ALONE)]
    rows = [row | {"name": f"{case.name} | a red circle | 0"} for case in tried]
    plots.write(results.Results(rows), tmp_path)
    for name in ("what-bends-do.png", "what-bends-do-curves.png"):
        assert len(Image.open(tmp_path / name).convert("RGB").getcolors(2**24)) > 20


def test_a_log_counts_on_after_a_stop(tmp_path):
    file = tmp_path / "log.jsonl"
    file.write_text(json.dumps({"stage": "flow", "step": 5, "seconds": 1000}) + "\n")
    Log(file).write("flow", 10, 100, loss=0.5)
    assert json.loads(file.read_text().splitlines()[1])["seconds"] >= 1000
