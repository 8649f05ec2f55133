"""What is counted of films of scenes and weights, told from films that are drawn; and what the page says of it."""

from dataclasses import replace

import pytest
import torch
from attention_bending.bending.text.scenes import parse_scenes
from attention_bending.toy import language, language_page, page, world
from attention_bending.toy.language import ATTENTION, TIMELINE, Take

CIRCLES = Take(language.SCENES[0], frames=5)


def film(*colours: str, shape: str = "circle", beside: str | None = None) -> torch.Tensor:
    """A film of a third of each colour, at the left, and a star of the colour `beside` at the right."""
    star = [world.Thing("star", beside, 0.75, 0.5, 17.0)] if beside else []
    parts = [[world.Thing(shape, colour, 0.25, 0.5, 17.0), *star] for colour in colours]
    return torch.cat([world.film(world.Scene(tuple(things), "black", ""))[:3] for things in parts])


def row(take: Take, seen: torch.Tensor, seed: int = 0) -> dict:
    return {"name": take.film(seed), **language.seen(seen)}


def told(*rows: dict, of) -> str:
    return of({row["name"]: row for row in rows}).splitlines()[-1]


def test_a_scene_is_nearer_its_colour_or_not():
    bent, unbent = (language.seen(film(*colours)) for colours in (("red", "red", "blue"), ("red", "red", "red")))
    assert bent["turn"] > language_page.TURNED * unbent["turn"]
    assert language_page.nearer(bent, unbent, ("red", "green", "blue")) == [False, False, True]
    assert language_page.nearer(language.seen(torch.zeros(9, 3, 112, 160)), unbent, ("red",) * 3) == [False] * 3


def test_scenes_are_counted_by_film():
    bent, unbent = (
        row(Take(CIRCLES.text, TIMELINE, 5), film("red", "green", "blue")),
        row(CIRCLES, film(*["purple"] * 3)),
    )
    line = told(bent, unbent, of=language_page.scenes)
    assert line == "| each scene in full | 5 | 0 of 3 | 3 of 3 | 3 of 3 | 1 of 1 | 1 of 1 |"


def test_a_colour_that_leaves_is_told_by_the_thing_that_stands_there():
    plain, weighed = Take(language.WEIGHED.format(1)), Take(language.WEIGHED.format("1>0"), ATTENTION)
    before = row(plain, film(*["red"] * 3, beside="blue"))
    line = told(before, row(weighed, film("red", "green", "white", beside="blue")), of=language_page.weights)
    assert line == "| 1 to 0 | attention | 0 of 1 | 1 of 1 | 1 of 1 | 0 of 1 |"
    line = told(before, row(weighed, film(*["red"] * 3, beside="yellow")), of=language_page.weights)
    assert line.endswith("| 0 of 1 | 0 of 1 | 0 of 1 | 1 of 1 |")


def test_ranks_are_counted_by_thing():
    heard = {"name": language.asked(language.ASKED[0], 0), "ranks": [[2, 1], [1, 3]]}
    assert told(heard, of=language_page.words_here).endswith("| 2 of 2 | 1 of 2 |")


def test_films_have_names_of_their_own_and_texts_that_are_read():
    takes = [*language.takes()]
    assert len({take.film(0) for take in takes}) == len(takes)
    assert [len(parse_scenes(text).scenes) for text in language.SCENES + language.WHOLE_FILM] == [3, 3, 3, 3]


def test_the_page_is_filled_between_its_own_marks(tmp_path, monkeypatch):
    file = tmp_path / "page.md"
    file.write_text(f"# Page\n\n{language_page.BEGIN}\nstale\n{language_page.END}\n{page.BEGIN}\nkept\n{page.END}\n")
    monkeypatch.setattr(language_page, "PAGE", file)
    language_page.write(
        [row(CIRCLES, film(*["red"] * 3)), row(Take(CIRCLES.text, TIMELINE, 5), film("red", "red", "blue"))]
    )
    text = file.read_text()
    assert "stale" not in text and "kept" in text and "Words heard" not in text
    assert "| each scene in full | 5 | 1 of 3 | 2 of 3 | 1 of 3 | 0 of 1 | 1 of 1 |" in text


@pytest.mark.slow  # loads the toy and samples
def test_every_way_makes_a_film_and_none_twice(tmp_path):
    with torch.inference_mode():
        studio = language.Language(1, tmp_path / "films.jsonl")
        studio.ask(language.ASKED[0], 0)
        one_of_each = {take.way: take for take in language.takes()}.values()
        for take in one_of_each:
            studio.run(replace(take, frames=3), [0])
        made = {**studio.done}
        again = language.Language(1, tmp_path / "films.jsonl")
        again.ask(language.ASKED[0], 0)
        for take in one_of_each:
            again.run(replace(take, frames=3), [0])
    assert len(made) == 1 + len(one_of_each) == 1 + 6 and again.done.keys() == made.keys()
