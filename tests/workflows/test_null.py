"""Off means off, the same is the same, and a stack is a chain: to the bit, through the server's queue."""

import pytest
import torch
from workflows.filming import bypassed, edited, example, shoot, smallest, the, without_bends, without_pack

WORKFLOW = smallest()
BEND = the(WORKFLOW, "AttnBendAmplify")
PATCH = the(WORKFLOW, "AttnBendModel")

BENDS = {
    "a": ("AttnBendAmplify", {"factor": 2.5}),
    "b": ("AttnBendTranslate", {"x": 0.25, "y": 0.0, "padding": "wrap"}),
    "c": ("AttnBendBlur", {"sigma": 1.0, "kernel_size": 0}),
}
"""Three bends whose order matters."""


@pytest.fixture(scope="module")
def unbent(server):
    """The film of a ComfyUI without the pack's nodes."""
    return shoot(server, without_pack(WORKFLOW)).film


@pytest.fixture(scope="module")
def bent(server, unbent):
    film = shoot(server, WORKFLOW).film
    assert not torch.equal(film, unbent)
    return film


NOTHING = "changes nothing with these settings"
OFF = {
    "strength 0": ({"strength": 0.0}, "no bends", NOTHING),
    "factor 1": ({"factor": 1.0}, "no bends", NOTHING),
    "a window that no step falls in": (
        {"start_percent": 0.5, "end_percent": 0.6},
        '1. Amplify(factor=2.5) of "kiss", strength 0.8, 50.0% to 60.0%: 0 layers × 0 steps',
        "no step of this sampler lies in 50.0% to 60.0%; its steps are at 0.0%, 33.3%",
    ),
}
"""Settings, and what Patch Model says of them."""


@pytest.mark.parametrize("case", OFF)
def test_off_is_the_same_film_as_without_the_pack_and_is_said(server, unbent, bent, case):
    inputs, line, warning = OFF[case]
    take = shoot(server, edited(WORKFLOW, BEND, **inputs))
    assert torch.equal(take.film, unbent)
    first, second = take.texts[PATCH].splitlines()
    assert first == line
    assert second.startswith(f'⚠ Bend 1 of 1, Amplify of "kiss" (node {BEND}): ')
    assert warning in second


def test_not_applied_is_checked_and_the_same_film(server, unbent, bent):
    take = shoot(server, edited(WORKFLOW, PATCH, apply_to_output=False))
    assert torch.equal(take.film, unbent)
    assert take.texts[PATCH].endswith("checked, not applied")


@pytest.mark.parametrize("name", ["See where a word acts", "Which layer carries the word"])
def test_a_record_leaves_the_film_as_it_is_without_the_pack(server, name):
    recording = example(name)
    assert recording[the(recording, "AttnBendModel")]["inputs"]["record"] != "none"
    assert torch.equal(shoot(server, recording).film, shoot(server, without_pack(recording)).film)


@pytest.mark.parametrize("node, passes", [(BEND, "bending"), (PATCH, "model")], ids=["the only bend", "Patch Model"])
def test_bypassing_leaves_a_valid_graph_and_no_bend(server, unbent, bent, node, passes):
    assert torch.equal(shoot(server, bypassed(WORKFLOW, node, passes)).film, unbent)


def test_the_same_workflow_twice_is_the_same_film(server, bent):
    assert torch.equal(shoot(server, WORKFLOW).film, bent)


def chained(*order):
    """The workflow with these bends in a chain."""
    prompt, last = without_bends(WORKFLOW), None
    for key in order:
        prompt, last = with_bend(prompt, key, last), key
    return edited(prompt, PATCH, bending=[last, 0])


def stacked(slots):
    """The workflow with these bends in slots of a stack: names of bends by number."""
    prompt = without_bends(WORKFLOW)
    for key in slots.values():
        prompt = with_bend(prompt, key, None)
    inputs = {f"bendings.bending_{slot}": [key, 0] for slot, key in slots.items()}
    prompt["stack"] = {"class_type": "AttnBendStack", "inputs": inputs}
    return edited(prompt, PATCH, bending=["stack", 0])


def with_bend(prompt, key, before):
    kind, own = BENDS[key]
    common = WORKFLOW[BEND]["inputs"]
    inputs = {name: common[name] for name in common if name not in ("factor", "bending")} | own
    return edited(prompt | {key: {"class_type": kind, "inputs": inputs}}, key, bending=before and [before, 0])


STACKS = {
    "one slot": {0: "b"},
    "three slots": {0: "a", 1: "b", 2: "c"},
    "slots in any order, with gaps": {10: "c", 0: "a", 2: "b"},
}


def test_an_empty_stack_is_no_bend(server, unbent, bent):
    assert torch.equal(shoot(server, stacked({})).film, unbent)


@pytest.mark.parametrize("case", STACKS)
def test_a_stack_is_the_chain_of_its_slots(server, unbent, case):
    slots = STACKS[case]
    order = [slots[slot] for slot in sorted(slots)]
    stack, chain = shoot(server, stacked(slots)), shoot(server, chained(*order))
    assert torch.equal(stack.film, chain.film)
    assert stack.texts[PATCH] == chain.texts[PATCH]
    assert not torch.equal(stack.film, unbent)


def test_the_order_of_slots_matters(server):
    films = [shoot(server, stacked(slots)).film for slots in ({0: "a", 1: "b", 2: "c"}, {0: "c", 1: "b", 2: "a"})]
    assert not torch.equal(*films)


def test_a_second_patch_model_appends_to_the_first(server):
    prompt = with_bend(chained("a"), "b", None)
    prompt["second"] = {
        "class_type": "AttnBendModel",
        "inputs": {"model": [PATCH, 0], "bending": ["b", 0], "apply_to_output": True},
    }
    twice = shoot(server, edited(prompt, the(prompt, "KSampler"), model=["second", 0]))
    once = shoot(server, chained("a", "b"))
    assert torch.equal(twice.film, once.film)
    assert twice.texts[PATCH] == twice.texts["second"] == once.texts[PATCH]
