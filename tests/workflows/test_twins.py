"""The twins on the toy: made of their originals, the same graphs, and showing what their notes say."""

import json
import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
import torch
from attention_bending.dev import start_here
from attention_bending.dev.twins import IDS, LOADERS, MARK, OUTPUTS, STEPS, files, make
from attention_bending.dev.workflow_table import ALIKE, HELP, TEMPLATES
from attention_bending.toy import measure, world
from attention_bending.toy.measure import Sighting
from PIL import Image
from workflows.filming import (
    EDITOR_FILES,
    EXAMPLES,
    LOOKED_AT,
    ORIGINALS,
    OTHERS,
    ROOM,
    TWIN_STEPS,
    WANS,
    Prompt,
    Take,
    the,
)

TOY = "AttnBendToyWan"


def exported(name: str) -> Prompt:
    """A workflow in API form as its page exported it."""
    return json.loads((ROOM / f"{name}.json").read_text(encoding="utf-8"))


def test_the_files_are_what_their_originals_make_of_them():
    assert sorted(file.stem for file in files()) == sorted(f"{name}{MARK}" for name in WANS)
    for file, text in files().items():
        assert file.read_text(encoding="utf-8") == text, f"{file.name}: run `python dev workflows`."


def test_each_has_a_picture_and_the_help_pages_take_theirs_from_them():
    assert sorted(TEMPLATES) == sorted(ORIGINALS)
    assert sorted(ALIKE) == sorted(OTHERS)
    assert {name for name, _ in HELP.values()} <= TEMPLATES.keys()


def test_the_page_lists_them_in_the_order_of_the_table():
    assert start_here.FILE.read_text(encoding="utf-8") == start_here.text(), "Run `python dev workflows`."
    assert next(iter(TEMPLATES)) == "Bend one word"


def test_no_two_files_share_a_node_id():
    begun = [template.ids for template in TEMPLATES.values()]
    assert len({*begun}) == len(begun) and all(ids % (2 * IDS) == 0 for ids in begun)
    for name, template in TEMPLATES.items():
        files = {"": template.ids + IDS} | ({} if name in ALIKE else {MARK: template.ids})
        for mark, first in files.items():
            graph = json.loads((EDITOR_FILES / f"{name}{mark}.json").read_text(encoding="utf-8"))
            assert {node["id"] for node in graph["nodes"]} <= set(range(first + 1, first + IDS)), name + mark


@pytest.mark.parametrize("name", EXAMPLES)
def test_it_opens_as_a_whole_and_its_titles_fit(name):
    """At a zoom at which texts are read, on a page of 1600 × 1000."""
    graph = json.loads((EDITOR_FILES / f"{name}.json").read_text(encoding="utf-8"))
    boxes = [(*node["pos"], *node["size"]) for node in graph["nodes"]] + [it["bounding"] for it in graph["groups"]]
    scale, (left, top) = graph["extra"]["ds"]["scale"], graph["extra"]["ds"]["offset"]
    assert scale >= 0.6
    for x, y, width, height in boxes:
        assert (x + left) * scale >= 60 and (x + left + width) * scale <= 1600
        assert (y + top - 30) * scale >= 60 and (y + top + height) * scale <= 1000
    for group in graph["groups"]:
        assert 12.3 * len(group["title"]) + 10 <= group["bounding"][2], group["title"]


def test_a_twin_keeps_its_words_and_follows_its_original():
    original = json.loads((EDITOR_FILES / "Bend one word.json").read_text(encoding="utf-8"))
    first = make(original)
    assert by_id(first)[6]["widgets_values"] == by_id(original)[6 + IDS]["widgets_values"]
    amplify, sampler = by_id(first)[8], by_id(first)[11]
    amplify.update(title="Louder", widgets_values=["red", *amplify["widgets_values"][1:]])
    sampler["widgets_values"][2] = 99
    by_id(first)[14]["pos"] = [5000, 0]
    by_id(original)[13 + IDS]["color"] = "#432"
    twin = make(original, first)
    assert by_id(twin)[8] == amplify
    assert by_id(twin)[11]["widgets_values"][2] == STEPS
    assert by_id(twin)[13]["color"] == "#432"
    assert by_id(twin)[14]["pos"] == [5000, 0]
    assert make(original, twin) == twin


def by_id(workflow: dict) -> dict[int, dict]:
    return {node["id"]: node for node in workflow["nodes"]}


def with_ids_of_its_twin(prompt: Prompt) -> Prompt:
    ids = {key: str(int(key) - IDS) for key in prompt}
    prompt = {ids[key]: node for key, node in prompt.items()}
    for node in prompt.values():
        for name, value in node["inputs"].items():
            if isinstance(value, list):
                node["inputs"][name] = [ids[value[0]], value[1]]
    return prompt


@pytest.mark.parametrize("name", WANS)
def test_a_twin_has_the_nodes_and_wires_of_its_original(name):
    """Where that has a loader, it has the toy."""
    original, twin = with_ids_of_its_twin(exported(name)), exported(f"{name}{MARK}")
    toy = the(twin, TOY)
    gone = {key: node["class_type"] for key, node in original.items() if node["class_type"] in LOADERS}
    assert twin.keys() - {toy} == original.keys() - gone.keys()
    slots = {"UNETLoader": "MODEL", "ModelSamplingSD3": "MODEL", "CLIPLoader": "CLIP", "VAELoader": "VAE"}
    for key in twin.keys() - {toy}:
        assert twin[key]["class_type"] == original[key]["class_type"]
        assert twin[key]["inputs"].keys() == original[key]["inputs"].keys()
        for input_, value in original[key]["inputs"].items():
            is_wire, there = isinstance(value, list), twin[key]["inputs"][input_]
            assert isinstance(there, list) == is_wire
            if is_wire:
                assert there == ([toy, OUTPUTS.index(slots[gone[value[0]]])] if value[0] in gone else value)


@pytest.mark.parametrize("name", EXAMPLES)
def test_both_ends_of_each_link_know_of_it(name):
    graph = json.loads((EDITOR_FILES / f"{name}.json").read_text(encoding="utf-8"))
    there = {node["id"]: node for node in graph["nodes"]}
    assert len(there) == len(graph["nodes"]) and max(there) <= graph["last_node_id"]
    assert sorted(node["order"] for node in there.values()) == list(range(len(there)))
    links = {link[0]: link for link in graph["links"]}
    assert len(links) == len(graph["links"]) and max(links) <= graph["last_link_id"]
    for number, source, slot, target, input_, kind in links.values():
        out, into = there[source]["outputs"][slot], there[target]["inputs"][input_]
        assert number in out["links"] and into["link"] == number
        assert out["type"] == kind and {kind, "*"} & {*into["type"].split(",")}
    ends = [number for node in there.values() for out in node["outputs"] for number in out["links"] or ()]
    starts = [entry["link"] for node in there.values() for entry in node["inputs"] if entry["link"] is not None]
    assert sorted(ends) == sorted(starts) == sorted(links)


@pytest.mark.parametrize("name", WANS)
def test_its_prompt_has_only_words_that_the_toy_knows(name):
    known = {word for seed in range(500) for word in world.scene(seed).caption.replace(",", "").split()}
    twin = exported(f"{name}{MARK}")
    (prompt,) = (node for node in twin.values() if node["class_type"] in ("AttnBendPrompt", "AttnBendTimeline"))
    assert {*re.findall("[a-z]+", prompt["inputs"]["text"])} <= known


class Seen(NamedTuple):
    """The things in the un-bent and in the bent film of a twin, the most present and largest first."""

    before: list[Sighting]
    after: list[Sighting]


def of(things: list[Sighting], colour: str, shape: str) -> Sighting | None:
    """The first thing of that colour and shape."""
    return next((thing for thing in things if (thing.colour, thing.shape) == (colour, shape)), None)


def loses_its_red(seen: Seen) -> bool:
    (before,), (after,) = seen
    return before.colour == "red" != after.colour and abs(before.x - after.x) < 0.15


def keeps_to_the_halves(seen: Seen) -> bool:
    circle, star = of(seen.after, "red", "circle"), of(seen.after, "blue", "star")
    return len(seen.after) == 2 and circle.x < 0.45 and star.x > 0.55


def is_in_the_box(seen: Seen) -> bool:
    (before,), (after,) = seen
    return before.x < 0.6 < 0.7 < after.x and after.colour == "red"


def loses_its_points(seen: Seen) -> bool:
    (before,), (after,) = seen
    return before.shape == "star" != after.shape and abs(before.x - after.x) < 0.1


def trades_colours(seen: Seen) -> bool:
    circles = [[of(film, colour, "circle") for colour in ("green", "yellow")] for film in seen]
    (green, yellow), (green_now, yellow_now) = circles
    return green.x < 0.4 < 0.6 < yellow.x and yellow_now.x < 0.4 < 0.6 < green_now.x


def moves_one_of_two(seen: Seen) -> bool:
    circle, star = (of(seen.before, *it) for it in (("red", "circle"), ("blue", "star")))
    moved, still = (of(seen.after, *it) for it in (("red", "circle"), ("blue", "star")))
    return moved.y - circle.y > 0.1 and abs(still.x - star.x) < 0.03 and abs(still.y - star.y) < 0.03


def subtracts_the_red(seen: Seen) -> bool:
    circle, star = of(seen.before, "red", "circle"), of(seen.before, "blue", "star")
    still = of(seen.after, "blue", "star")
    return not any(thing.colour == "red" for thing in seen.after) and abs(still.x - star.x) < 0.05 and circle.x < 0.4


def goes_right(seen: Seen) -> bool:
    (before,), (after,) = seen
    return after.x - before.x > 0.1 and (after.colour, after.shape) == (before.colour, before.shape)


SHOWS: dict[str, Callable[[Seen], bool]] = {
    "A recipe from a file": trades_colours,
    "Before and after": moves_one_of_two,
    "Bend one word": loses_its_red,
    "Chain and stack": goes_right,
    "Compose with regions": keeps_to_the_halves,
    "Depth of field": loses_its_points,
    "Early and late": goes_right,
    "Paint a word's place": is_in_the_box,
    "Swap two words": trades_colours,
    "Wan 2.2 two samplers": goes_right,
    "Weigh a word": subtracts_the_red,
}
"""What a program sees of what the notes say, of the seed that stands in the workflow."""


def film_of(server, take: Take) -> torch.Tensor:
    """The film of the only VAE Decode, as it is before it is saved as a video: `(F, 3, H, W)` in 0 … 1."""
    pictures = [
        np.asarray(Image.open(server.output / file["subfolder"] / file["filename"]).convert("RGB"))
        for file in take.outputs["frames"]["images"]
    ]
    return torch.from_numpy(np.stack(pictures)).movedim(3, 1) / 255


def look(server, take: Take) -> list[Sighting]:
    return measure.sightings(film_of(server, take))


@pytest.mark.parametrize(
    "name", [name if f"{name}{MARK}" in LOOKED_AT else pytest.param(name, marks=pytest.mark.slow) for name in SHOWS]
)
def test_the_film_shows_what_the_note_says(server, played, unbent, name):
    twin = f"{name}{MARK}"
    _, bent = played(twin, TWIN_STEPS)
    seen = Seen(look(server, unbent(twin, TWIN_STEPS)), look(server, bent))
    assert SHOWS[name](seen), seen


@pytest.mark.slow
def test_a_prompt_that_changes_changes_the_thing(server, played):
    _, take = played(f"A prompt that changes{MARK}", TWIN_STEPS)
    film = film_of(server, take)
    (first,), (last,) = (measure.sightings(film[part]) for part in (slice(0, 1), slice(-1, None)))
    assert first.colour == "red" != last.colour and last.rgb[2] - last.rgb[0] > 0.2  # more blue than red
