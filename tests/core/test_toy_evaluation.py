"""What the evaluation makes of two films: who is who, what changed, and the page that tells it."""

import json

import pytest
from attention_bending.dev.toy import cases, evaluate, evaluate_page, measure, world
from attention_bending.dev.toy.log import Log

ALONE = cases.Subject("a red circle", cases.Words("red", "circle"))
RED, BLUE = world.Thing("circle", "red", 0.25, 0.5, 17.0), world.Thing("star", "blue", 0.75, 0.5, 17.0)


def see(*things: world.Thing):
    return measure.sightings(world.film(world.Scene(things, "black", "")))


def thing(shape="circle", colour="red", x=0.25, y=0.5, size=17.0):
    return world.Thing(shape, colour, x, y, size)


def test_the_same_film_has_not_changed():
    row = evaluate.compare(see(RED), see(RED), ALONE)
    assert row["drawn"] and row["present"] and row["dx"] == row["dy"] == 0 and row["area"] == 1
    assert not evaluate_page.changed(row)


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
    row = evaluate.compare(see(RED), see(after), ALONE)
    assert row[name] == value
    assert evaluate_page.changed(row)


def test_a_thing_that_is_gone():
    row = evaluate.compare(see(RED), see(), ALONE)
    assert row["drawn"] and not row["present"] and evaluate_page.changed(row)


def test_a_film_that_was_never_right_counts_for_nothing():
    assert evaluate.compare(see(BLUE), see(RED), ALONE) == {"drawn": False}


def test_of_two_things_each_is_followed():
    row = evaluate.compare(see(RED, BLUE), see(thing(x=0.35), BLUE), ALONE)
    assert row["dx"] == pytest.approx(0.1, abs=0.01) and row["other"]["dx"] == 0
    gone = evaluate.compare(see(RED, BLUE), see(BLUE), ALONE)
    assert not gone["present"] and gone["other"]["present"]


def test_cases_are_told_apart_and_their_settings_fit():
    names = [case.name for case in cases.cases()]
    assert len(names) == len(set(names))
    assert set(cases.MAIN) == set(cases.SETTINGS)
    assert all(number < len(cases.SETTINGS[mode]) for mode, number in cases.MAIN.items())


def test_results_survive_a_line_that_was_cut_short(tmp_path):
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps({"name": "one"}) + "\n" + '{"name": "tw')
    assert evaluate.read(file) == [{"name": "one"}]


def test_a_page_tells_of_every_case_that_was_tried():
    case = next(iter(cases.cases()))
    row = {"name": f"{case.name} | a red circle | 0", **evaluate.compare(see(RED), see(thing(colour="blue")), ALONE)}
    page = evaluate_page.tables([row])
    assert page.startswith("### Amplify")
    assert "| factor 0.0 | its colour | 1 | 100% | 0% | +0.00 | +0.00 | 1.00 | 0% | 100% | — |" in page


def test_a_log_counts_on_after_a_stop(tmp_path):
    file = tmp_path / "log.jsonl"
    file.write_text(json.dumps({"stage": "flow", "step": 5, "seconds": 1000}) + "\n")
    Log(file).write("flow", 10, 100, loss=0.5)
    assert json.loads(file.read_text().splitlines()[1])["seconds"] >= 1000
