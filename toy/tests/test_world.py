"""The toy's world and the yardstick that reads it: films as drawn are read as they are."""

import pytest
import torch
from attention_bending.toy import measure, world

SEEDS = range(120)


@pytest.fixture(scope="module")
def read():
    """Scenes, their drawn films, and what is seen in them."""
    scenes = [world.scene(f"test {seed}") for seed in SEEDS]
    return [(scene, film, measure.sightings(film)) for scene in scenes for film in [world.film(scene)]]


def test_a_seed_is_a_scene():
    assert world.scene(3) == world.scene(3) != world.scene(4)
    assert torch.equal(world.film(world.scene(3)), world.film(world.scene(3)))


def test_a_film_has_its_size_and_range(read):
    for _, film, _ in read:
        assert film.shape == (world.FRAMES, 3, world.HEIGHT, world.WIDTH)
        assert film.min() >= 0 and film.max() <= 1


def test_a_caption_tells_nothing_untrue(read):
    for scene, _, _ in read:
        words = scene.caption.replace(",", " ").split()
        for colour in world.COLOURS:
            assert words.count(colour) <= sum(thing.colour == colour for thing in scene.things)
        for shape in world.SHAPES:
            assert words.count(shape) <= sum(thing.shape == shape for thing in scene.things)
        for field in world.FIELDS:
            assert field not in words or scene.field == field
        for place in world.PLACES:
            assert scene.caption.count(place) <= sum((thing.place or "").startswith(place) for thing in scene.things)
        assert "moving" not in words or any(thing.motion for thing in scene.things)


def test_every_thing_is_seen_as_it_was_drawn(read):
    right = wrong = 0
    for scene, film, seen in read:
        assert measure.field(film)[0] == scene.field
        for thing in scene.things:
            near = min(seen, key=lambda s: abs(s.x - thing.x) + abs(s.y - thing.y))
            dx, dy = world.MOTIONS.get(thing.motion, (0.0, 0.0))
            fits = (near.colour, near.shape) == (thing.colour, thing.shape) and near.presence == 1
            fits &= max(abs(near.x - thing.x), abs(near.y - thing.y), abs(near.dx - dx), abs(near.dy - dy)) < 0.02
            right, wrong = right + fits, wrong + (not fits)
        assert len(seen) == len(scene.things)
    assert right / (right + wrong) >= 0.99


def test_a_thing_that_is_nearly_its_fields_colour_is_still_seen(read):
    drawn = world.Thing("square", "blue", 0.5, 0.5, 17.0)
    (seen,) = measure.sightings(world.film(world.Scene((drawn,), "grey", "")))
    assert seen.colour == "blue"


def test_things_of_other_colours_lie_off_the_worlds():
    film = world.film(world.Scene((world.Thing("circle", "red", 0.5, 0.5, 17.0),), "black", ""))
    film = film.mean(1, keepdim=True).expand(-1, 3, -1, -1) * 1.6
    (seen,) = measure.sightings(film)
    assert seen.off > 0.3


def test_nothing_is_seen_in_an_empty_field():
    assert measure.sightings(world.film(world.Scene((), "grey", ""))) == []


def test_things_never_touch_and_stay_in_the_frame(read):
    for scene, _, _ in read:
        for thing in scene.things:
            for frame in range(world.FRAMES):
                x, y = thing.at(frame)
                assert 0.1 * world.WIDTH < x < 0.9 * world.WIDTH
                assert 0.1 * world.HEIGHT < y < 0.9 * world.HEIGHT


def test_an_empty_film_has_its_field_and_no_thing():
    for field, colour in world.FIELDS.items():
        film = world.film(world.Scene((), field, ""))
        name, rgb = measure.field(film)
        assert name == field and rgb == pytest.approx(colour)
        assert measure.sightings(film) == []
