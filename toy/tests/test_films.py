"""The toy's films: captions are drawn as they say, and bends of their words show in them."""

import functools
import random

import pytest
import torch
from attention_bending.bending import operators as ops
from attention_bending.bending.bend import Bend, Bending
from attention_bending.host.run.attach import patch_model
from attention_bending.host.run.patch import Patch
from attention_bending.host.text.prompt_encoding import encode_prompt
from attention_bending.host.toy import load_toy
from attention_bending.toy import measure, world
from attention_bending.toy.films import STEPS, Films


@pytest.fixture(autouse=True)
def inference_mode():
    """As ComfyUI runs its nodes."""
    with torch.inference_mode():
        yield


@pytest.fixture(scope="module")
def studio():
    with torch.inference_mode():
        return Films(*load_toy(), lambda clip, caption: encode_prompt(clip, caption)[0])


SEEDS = [0, 1, 2]

FEW_STEPS = STEPS // 2
"""What a bend does is seen as well in these."""


def seen(studio: Films, caption: str, *bends: Bend) -> list[list[measure.Sighting]]:
    """The things in the film of each seed, which are sampled together."""
    model = patch_model(studio.model, Patch(Bending(bends))) if bends else None
    films = studio.films(caption, SEEDS, model, steps=FEW_STEPS)
    return [measure.sightings(film) for film in films]


@pytest.fixture(scope="module")
def unbent(studio):
    """What is seen in the un-bent films of a caption; each is made once."""
    return functools.cache(lambda caption: seen(studio, caption))


def told(seed: int) -> tuple[str, str, str, str]:
    """A caption of one thing, with its shape, colour and place."""
    draw = random.Random(f"told {seed}")
    shape, colour, place = (
        draw.choice(world.SHAPES),
        draw.choice(tuple(world.COLOURS)),
        draw.choice(tuple(world.PLACES)),
    )
    return f"a {colour} {shape} {place}", shape, colour, place


def sightings_of(studio: Films, captions: list[str], steps: int) -> list[list[measure.Sighting]]:
    """The things in the film of each caption, whose seed is its number."""
    latents = [studio.latents(caption, [seed], steps=steps) for seed, caption in enumerate(captions)]
    return [measure.sightings(film) for film in studio.decoded(torch.cat(latents))]


def drawn_right(studio: Films, count: int, steps: int) -> int:
    """How many films of told things show one thing, of that shape and colour, at that place."""
    scenes = [told(seed) for seed in range(count)]
    films = sightings_of(studio, [scene[0] for scene in scenes], steps)
    return sum(is_right(things, *scene[1:]) for things, scene in zip(films, scenes, strict=True))


def is_right(things: list[measure.Sighting], shape: str, colour: str, place: str) -> bool:
    if len(things) != 1 or (things[0].shape, things[0].colour) != (shape, colour):
        return False
    column, row = world.PLACES[place]
    return (column is None or abs(things[0].x - world.COLUMNS[column]) < 0.15) and (
        row is None or abs(things[0].y - world.ROWS[row]) < 0.13
    )


def test_captions_are_drawn_right(studio):
    assert drawn_right(studio, 5, FEW_STEPS) >= 4


@pytest.mark.slow
def test_nine_captions_of_ten_are_drawn_right(studio):
    assert drawn_right(studio, 50, STEPS) >= 45


def two_told(seed: int) -> tuple[str, list[str], list[str]]:
    """A caption of two things, with their colours and shapes, the left one's first."""
    draw = random.Random(f"two told {seed}")
    shapes, colours = draw.sample(world.SHAPES, 2), draw.sample(tuple(world.COLOURS), 2)
    caption = f"a {colours[0]} {shapes[0]} on the left and a {colours[1]} {shapes[1]} on the right"
    return caption, colours, shapes


@pytest.mark.slow
def test_two_things_keep_their_own_colours_and_shapes(studio):
    """Nine of ten colours; of the shapes, squares still come out round."""
    scenes = [two_told(seed) for seed in range(30)]
    seen_things = sightings_of(studio, [scene[0] for scene in scenes], STEPS)
    in_colour = right = 0
    for things, (_, colours, shapes) in zip(seen_things, scenes, strict=True):
        things = sorted(things, key=lambda s: s.x)
        if [s.colour for s in things] == colours:
            in_colour += 1
            right += [s.shape for s in things] == shapes
    assert in_colour >= 27 and right >= 15, (in_colour, right)


TWO = "a red circle on the left and a blue star on the right"


def test_one_word_is_moved_and_the_other_thing_stays(studio, unbent):
    moved = seen(studio, TWO, Bend(ops.Translate(0.0, 0.25), "red, circle"))
    for things, things_moved in zip(unbent(TWO), moved, strict=True):
        before, after = ({s.colour: s for s in sightings} for sightings in (things, things_moved))
        assert after["red"].y - before["red"].y > 0.1
        assert abs(after["blue"].x - before["blue"].x) < 0.03 and abs(after["blue"].y - before["blue"].y) < 0.03


def test_louder_words_carry_their_thing_a_quarter_aside(studio, unbent):
    """The recipe of docs/what-bends-do.md; Translate alone moves one film of three."""
    words, x = "red, circle", 0.25
    chain = [Bend(operator, words, renormalize=False) for operator in (ops.Translate(x, 0.0), ops.Amplify(2.0))]
    for (before, *_), after in zip(unbent("a red circle"), seen(studio, "a red circle", *chain), strict=True):
        red = [s for s in after if s.colour == "red"]
        assert red and all(s.x - before.x > x / 2 for s in red), (before, after)


def test_two_shapes_are_traded(studio):
    """Each thing keeps its colour and its place."""
    for things in seen(studio, TWO, Bend(ops.Swap("star"), "circle")):
        left, right = sorted(things, key=lambda s: s.x)[:2]
        assert (left.shape, right.shape) == ("star", "circle")


OTHER_WAYS = [pytest.param(*way, marks=pytest.mark.slow) for way in ((-0.1, 0.0), (0.0, -0.25))]


@pytest.mark.parametrize("x, y", [(0.1, 0.0), (0.0, 0.25), *OTHER_WAYS])
def test_translate_of_all_goes_the_way_of_the_arrow(studio, unbent, x, y):
    """On a caption that tells no place: one that does speaks against the arrow."""
    ways = []
    moved = seen(studio, "a red circle", Bend(ops.Translate(x, y), "ALL"))
    for (before, *_), after in zip(unbent("a red circle"), moved, strict=True):
        ways += [(s.x - before.x) * x + (s.y - before.y) * y for s in after[:1]]
    assert len(ways) >= 2
    assert sum(ways) / len(ways) > 0.3 * (x * x + y * y)


def test_a_colour_word_amplified_by_nothing_loses_its_colour(studio):
    films = seen(studio, "a red circle on the left", Bend(ops.Amplify(0.0), "red"))
    assert sum(any(s.colour == "red" and s.off < 0.3 for s in things) for things in films) <= 1


@pytest.mark.parametrize("token", ["red, circle", pytest.param("ALL", marks=pytest.mark.slow)])
def test_a_mask_keeps_what_a_word_says_inside(studio, token):
    mask = ops.RegionalMask(0.5, 0.0, 1.0, 1.0, feather=0.0)
    for things in seen(studio, "a red circle", Bend(mask, token)):
        assert all(s.x > 0.45 for s in things if s.colour == "red")
