"""What bad input gets through the server's queue: an error that names the node and the cure, and nothing left patched.

The model in the server's memory is the same one before and after; only the samplers run anew.
"""

import math
import re

import pytest
import torch
from attention_bending.dev.server import WorkflowError
from workflows.filming import edited, shoot, smallest, the, without_bends, without_pack

WORKFLOW = smallest()
BEND = the(WORKFLOW, "AttnBendAmplify")
PATCH = the(WORKFLOW, "AttnBendModel")
PROMPT = the(WORKFLOW, "AttnBendPrompt")
SAMPLER = the(WORKFLOW, "KSampler")


def bend(kind="AttnBendAmplify", own=None, **inputs):
    """The workflow with other values in its bend, or with a bend of another kind."""
    prompt = edited(WORKFLOW, BEND, **inputs, **({"factor": None} | own if own else {}))
    prompt[BEND]["class_type"] = kind
    return prompt


def prompt_text(text):
    return edited(WORKFLOW, PROMPT, text=text)


def encoded_by_core():
    prompt = edited(WORKFLOW, PROMPT)
    prompt[PROMPT]["class_type"] = "CLIPTextEncode"
    return prompt


def positive_through(kind, **inputs):
    """The workflow with a core node between Bend Prompt and the sampler."""
    prompt = edited(WORKFLOW, SAMPLER, positive=["between", 0])
    return prompt | {"between": {"class_type": kind, "inputs": inputs}}


def chain_of(count):
    """So many times ten times as much of everything, never brought back to 1."""
    prompt, last = edited(WORKFLOW, PATCH), None
    for number in range(count):
        inputs = WORKFLOW[BEND]["inputs"] | {"token": "ALL", "factor": 10.0, "strength": 1.0, "renormalize": False}
        last, before = f"gain {number}", last
        prompt[last] = {
            "class_type": "AttnBendAmplify",
            "inputs": inputs | ({"bending": [before, 0]} if before else {}),
        }
    return edited(prompt, PATCH, bending=[last, 0])


BOX = {"x1": 0.0, "y1": 0.0, "x2": 1.0, "y2": 0.5, "feather": 0.1, "invert": False}
AREA = {"width": 64, "height": 64, "x": 0, "y": 0, "strength": 1.0, "conditioning": [PROMPT, 0]}
ASKED = f'node {SAMPLER} (KSampler): Bend 1 of 1, Amplify of "kiss" (node {BEND}): '
"""How an error begins that only the run can find: the red frame is on the sampler, so the message names the bend."""

REFUSED = {
    "a word that is not in the prompt": (
        bend(token="love"),
        [
            f'Bend 1 of 1, Amplify of "love" (node {BEND}): "love" is not in the prompt',
            '"kiss" (marked), "a"',
            "sunset",
        ],
    ),
    "a word that is nearly there": (bend(token="kis"), [f"(node {BEND})", 'Did you mean "kiss"?']),
    "a second occurrence of one": (bend(token="kiss#2"), [f"(node {BEND})", "kiss#2", "once"]),
    "an empty token": (
        bend(token=""),
        [f"node {BEND} (AttnBendAmplify)", "token is empty", "Type a word of the prompt", "ALL for every token"],
    ),
    "conditioning of core's text node": (
        encoded_by_core(),
        [ASKED, "not made by Bend Prompt", "Encode the prompt with the Bend Prompt node, or bend ALL"],
    ),
    "conditioning joined after Bend Prompt": (
        positive_through("ConditioningConcat", conditioning_to=[PROMPT, 0], conditioning_from=[PROMPT, 0]),
        [ASKED, "ConditioningConcat"],
    ),
    "conditioning limited to an area": (
        positive_through("ConditioningSetArea", **AREA),
        [
            f"node {SAMPLER} (KSampler)",
            "Remove Conditioning (Set Area)",
            "a mask works (Conditioning (Set Mask), set_cond_area default)",
        ],
    ),
    "a layer that does not exist": (bend(layers="4"), [ASKED, "no layer 4", "its 4 layers are 0 to 3"]),
    "layers that cannot be read": (
        bend(layers="abc"),
        [f"node {BEND} (AttnBendAmplify)", "'abc' is no layer", "Write all, early, middle, late"],
    ),
    "a range that runs backwards": (bend(layers="3-1"), [f"node {BEND} (AttnBendAmplify)", "'3-1'", "Write 1-3"]),
    "a box with no area": (
        bend("AttnBendRegionalMask", BOX | {"y1": 0.5}),
        [f"node {BEND} (AttnBendRegionalMask)", "has no area", "Make y1 smaller than y2"],
    ),
    "an even kernel": (
        bend("AttnBendBlur", {"sigma": 2.0, "kernel_size": 4}),
        [f"node {BEND} (AttnBendBlur)", "kernel_size is 4", "an odd number such as 5"],
    ),
    "an empty band": (
        bend(
            "AttnBendFrequencyFilter",
            {"kind": "band", "low": 0.5, "high": 0.5, "rolloff": 0.1, "keep_mean": True},
        ),
        [f"node {BEND} (AttnBendFrequencyFilter)", "empty", "Make low smaller than high"],
    ),
    "start after end": (
        bend(start_percent=0.6, end_percent=0.4),
        [f"node {BEND} (AttnBendAmplify)", "starts at 60.0% and ends at 40.0%", "Make start_percent smaller"],
    ),
    "not a number": (
        bend(factor=math.nan),
        [f"node {BEND} (AttnBendAmplify)", "factor is nan", "Give it a finite number"],
    ),
    "an infinite number": (bend(factor=math.inf), [f"node {BEND} (AttnBendAmplify)", "factor", "max of 10.0"]),
    "more than all of a bend": (bend(strength=1.5), [f"node {BEND} (AttnBendAmplify)", "strength", "max of 1.0"]),
    "a parenthesis that is never closed": (
        prompt_text("a romantic (kiss at sunset"),
        [f"node {PROMPT} (AttnBendPrompt)", "never closed, at character 12", r"write both, or \( and \)"],
    ),
    "a mark with no word": (prompt_text("a () kiss"), [f"node {PROMPT} (AttnBendPrompt)", "Put a word between"]),
    "a film that turns infinite": (
        chain_of(45),
        [f"node {SAMPLER} (KSampler): Bend 1 of 45", "(node gain 0)", "no longer finite after step 0", "Lower"],
    ),
}
"""The workflow that is queued, and what stands in the error."""


@pytest.fixture(scope="module")
def unbent(server):
    """The film of a ComfyUI without the pack's nodes."""
    return shoot(server, without_pack(WORKFLOW)).film


@pytest.fixture(scope="module")
def plain(server, unbent):
    """A check, for after an accident: the same loaded model without a bend still makes the un-bent film."""

    def is_untouched():
        return torch.equal(shoot(server, without_bends(WORKFLOW)).film, unbent)

    assert is_untouched()
    assert not torch.equal(shoot(server, WORKFLOW).film, unbent)
    return is_untouched


@pytest.mark.parametrize("case", REFUSED)
def test_is_refused_with_the_node_and_the_cure(server, plain, case):
    prompt, says = REFUSED[case]
    with pytest.raises(WorkflowError) as error:
        shoot(server, prompt)
    message = str(error.value).replace(exception_type(error.value) + ": ", "")
    for part in says:
        assert part in message
    assert plain()


def exception_type(error):
    """ComfyUI writes it with the module's whole path, which is another one in every installation."""
    messages = dict(error.details.get("messages", ()))
    return messages.get("execution_error", {}).get("exception_type", "")


def test_an_equal_node_elsewhere_is_told_of_by_its_own_id(server):
    """As where a bend is moved into a subgraph: ComfyUI has what the node before it made in its cache."""
    moved = {key.replace(BEND, "18:8") if key == BEND else key: node for key, node in bend(token="kis").items()}
    moved = edited(moved, PATCH, bending=["18:8", 0])
    for workflow, node in ((bend(token="kis"), BEND), (moved, "18:8")):
        with pytest.raises(WorkflowError, match=re.escape(f'Amplify of "kis" (node {node})')):
            server.queue(workflow)


def test_all_still_works_with_cores_text_node(server, unbent):
    """What the refusal promises."""
    assert not torch.equal(shoot(server, edited(encoded_by_core(), BEND, token="ALL")).film, unbent)


def test_an_interrupted_run_leaves_nothing(server, plain):
    endless = edited(WORKFLOW, SAMPLER, steps=2000)
    with pytest.raises(WorkflowError, match="interrupted"):
        shoot(server, endless, at_step=lambda: server.post("/interrupt", {}))
    assert plain()
