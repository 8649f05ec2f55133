"""Lists into every input of every node, through ComfyUI's own execution: nothing that goes in is dropped in silence.

A table names what a node makes of a list in the few inputs where that is not one result a value; everywhere else a list
must give what its values give one by one.
"""

import asyncio
import itertools
from typing import Any

import execution
import folder_paths
import pytest
import torch
from attention_bending.bending import operators as ops
from attention_bending.bending.bend import Bend, Bending
from attention_bending.bending.explore import sweep
from attention_bending.bending.files import dump, save
from attention_bending.bending.maps import files as map_files
from attention_bending.host.run.patch import KEY
from attention_bending.host.text.probes import Probes, encode_probes
from attention_bending.host.text.prompt_encoding import KEY as TOKENS
from attention_bending.nodes import AttentionBendingExtension, texts
from comfy_api.latest import io
from core.map_files import made
from core.sweeps import CHAIN, TURN, expanded
from host.support import SMALL, prompt

import nodes

NODES = {node.__name__: node for node in asyncio.run(AttentionBendingExtension().get_node_list())}

RAMP = {"points": [[0, 0], [1, 1]], "interpolation": "linear"}
WIRES = {
    "BENDING": (TURN, Bending((Bend(ops.Rotate(30.0), "rose"),))),
    "MASK": (torch.ones(1, 4, 4), torch.eye(4)[None]),
    "CURVE": (RAMP, {**RAMP, "points": [[0, 1], [1, 0]]}),
    "IMAGE": tuple(torch.rand(5, 32, 48, 3, generator=torch.Generator().manual_seed(i)) for i in range(2)),
    "SWEEP_CELLS": (expanded(TURN, ("angle", "30"), baseline=False), expanded(TURN, ("angle", "60"), baseline=False)),
    "ATTENTION_MAPS": (made(heads=2, seed=1), made(heads=2, seed=2)),
    "LATENT": ({"samples": torch.zeros(1, 16, 2, 8, 8)}, {"samples": torch.ones(1, 16, 2, 8, 8)}),
    "BOOLEAN": (True, False),
}
"""Two values of each type that is no number, choice or text."""

TEXTS = {
    "token": ("kiss", "rose"),
    "other": ("sea", "sun"),
    "layers": ("all", "0"),
    "steps": ("all", "0"),
    "heads": ("all", "0"),
    "frames": ("all", "0"),
    "parameter": ("strength", "angle"),
    "keyframes": ("0: 0", "0: 1"),
    "text": ("a (kiss)", "a (rose)"),
    "record_tokens": ("", "kiss"),
    "word": ("kiss", "rose#2"),
    "words": ("kiss", "rose"),
    "filename_prefix": ("one", "two"),
    "about": ("this", "that"),
    "observations": ("this", "that"),
    "file": ("one.jsonl", "two.jsonl"),
    "label": ("one", "two"),
    "metrics": ("1", "2"),
    "artifacts": ("a", "b"),
    "parameter_1": ("angle", "center_x"),
    "values_1": ("0.25, 0.5", "0.75"),
    "parameter_2": ("strength", "heads"),
    "values_2": ("0; 1", "1"),
    "whole_film": ("", "a film"),
}

GIVEN: dict[str, dict[str, tuple]] = {
    "AttnBendLoad": {"file": ("preset: drift", "two.yaml"), "words": ("", "kiss=sea")},
    "AttnBendLoadText": {"text": (dump(CHAIN), dump(TURN)), "words": ("", "kiss=sea")},
    "AttnBendLoadMaps": {"file": ("one.safetensors", "two.safetensors")},
    "AttnBendMaps": {"words": ("kiss", "rose#2")},
    "AttnBendWhen": {"end": (1.0, 0.5)},
    "AttnBendGrid": {"label": ("only", "other")},
    "AttnBendAnimate": {"values": (0.25, 0.5)},
    "AttnBendCompare": {"a": WIRES["IMAGE"], "b": WIRES["IMAGE"]},
    "AttnBendProbes": {"around": ("a {}", "{}")},
    "AttnBendTimeline": {"text": ("a kiss | a rose", "a rose | a kiss")},
    "AttnBendTokens": {"text": ("a romantic (kiss) at sunset", "a romantic kiss (at sunset)")},
}
"""What a node asks for beside, by its input."""

WITHOUT = {
    "AttnBendGrid": ("label", "cells"),
    "AttnBendAnimate": ("values", "curve"),
    "AttnBendMaps": ("images",),
}
"""Inputs that are only connected where they are looked at: they cannot be together, or hide what others do."""

OTHERWISE: dict[tuple[str, str], Any] = {
    ("AttnBendAnimate", "values"): 1,
    ("AttnBendGrid", "images"): 1,
    ("AttnBendGrid", "label"): 1,
    ("AttnBendGrid", "cells"): "cells is a list of 2, and a sheet has one.",
    ("AttnBendGrid", "numbers"): "numbers is a list of 2, and a sheet has one.",
}
"""Lists that are one value: how many results they give, or what is said of them."""

_held: dict[str, list] = {}
_taken: dict[str, list] = {}
_alone: dict[tuple, list[list]] = {}


class Taker:
    """Takes all that comes out of an output."""

    INPUT_IS_LIST = OUTPUT_NODE = True
    RETURN_TYPES = ()
    FUNCTION = "take"

    @classmethod
    def INPUT_TYPES(cls):  # noqa: N802, ComfyUI's spelling
        return {"required": {"value": ("*",), "name": ("STRING",)}}

    def take(self, value, name):
        _taken[name[0]] = list(value)
        return {}


class Client:
    """Nobody: what the executor tells its server of."""

    client_id = last_node_id = None

    def send_sync(self, *message):
        pass


def giver(kind: str) -> type:
    """A node with an output list of that type."""

    class Giver:
        RETURN_TYPES = (kind,)
        OUTPUT_IS_LIST = (True,)
        FUNCTION = "give"

        @classmethod
        def INPUT_TYPES(cls):  # noqa: N802
            return {"required": {"name": ("STRING",)}}

        def give(self, name):
            return (_held[name],)

    return Giver


@pytest.fixture(scope="module")
def world(tmp_path_factory, tiny_model, tiny_clip):
    """ComfyUI with our nodes, in folders that hold two files of each kind; and models, which are of two types."""
    folder = tmp_path_factory.mktemp("lists")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("input", "output", "temp", "user"):
            (folder / name).mkdir()
            patch.setattr(folder_paths, f"{name}_directory", str(folder / name))
        for name, seed in (("one", 1), ("two", 2)):
            map_files.save(made(seed=seed), folder / "input" / f"{name}.safetensors")
            save(CHAIN, folder / "input" / f"{name}.yaml")
        for name, node in (*NODES.items(), ("Taker", Taker)):
            patch.setitem(nodes.NODE_CLASS_MAPPINGS, name, node)
        conditioning = [
            prompt(tiny_clip, text) for text in ("a romantic (kiss) at sunset", "a romantic kiss (at sunset)")
        ]
        models = (tiny_model(SMALL), tiny_model("wan21_t2v"))
        probes = tuple(encode_probes(tiny_clip, words, "a {}") for words in ("dog", "cat, dog"))
        encoded = {"CLIP": (tiny_clip, tiny_clip), "CONDITIONING": tuple(conditioning), "CONCEPT_PROBES": probes}
        yield {**WIRES, "MODEL": models, **encoded}


def executed(node: str, given: dict[str, list]) -> list[list]:
    """All that comes out of a node whose inputs all come by wires, as lists. AssertionError with what it raises."""
    types = inputs_of(node)
    graph = {"node": {"class_type": node, "inputs": {name: [f"give {name}", 0] for name in given}}}
    for name, values in given.items():
        kind = types[name].io_type
        nodes.NODE_CLASS_MAPPINGS.setdefault(f"Give {kind}", giver(kind))
        _held[name] = values
        graph[f"give {name}"] = {"class_type": f"Give {kind}", "inputs": {"name": name}}
    takers = [f"take {i}" for i in range(len(NODES[node].GET_SCHEMA().outputs))]
    for i, name in enumerate(takers):
        graph[name] = {"class_type": "Taker", "inputs": {"value": ["node", i], "name": name}}
    _taken.clear()
    executor = execution.PromptExecutor(Client(), execution.CacheType.CLASSIC, {"lru": 0, "ram": 0, "ram_inactive": 0})
    executor.execute(graph, "lists", {}, ["node", *takers])
    for kind, data in executor.status_messages:
        assert kind != "execution_error", data["exception_message"]
    return [_taken[name] for name in takers]


def inputs_of(node: str) -> dict[str, io.Input]:
    """A node's inputs by the names that a graph has; of slots that grow, the first two."""
    inputs = {}
    for one in NODES[node].GET_SCHEMA().inputs:
        if isinstance(one, io.Autogrow.Input):
            inputs |= {f"{one.id}.{one.template.prefix}{i}": one.template.input for i in range(2)}
        else:
            inputs[one.id] = one
    return inputs


def two(world: dict, node: str, name: str, one: io.Input) -> tuple:
    """Two values of an input."""
    if name in GIVEN.get(node, {}):
        return GIVEN[node][name]
    if one.io_type in world:
        return world[one.io_type]
    if one.io_type == "COMBO":
        return tuple(one.options[:2])
    if one.io_type == "STRING":
        return TEXTS[name]
    start = one.default if one.default is not None else one.min or 0
    step = one.step or 1
    return start, start + step if one.max is None or start + step <= one.max else start - step


def plain(value: Any) -> Any:
    """What is compared of an output."""
    if isinstance(value, torch.Tensor):
        return value.shape, value.double().sum().item()
    if hasattr(value, "model_options"):
        return type(value.model).__name__, [patch.bending for patch in value.model_options.get(KEY, ())]
    if isinstance(value, list):  # a conditioning
        return [(plain(tensor), extras.get(TOKENS)) for tensor, extras in value]
    if isinstance(value, Probes):
        return str(value)
    return value if isinstance(value, str | int | Bending | sweep.Sweep) else type(value)


CASES = [(node, name) for node in NODES for name in inputs_of(node)]


def case(node: str, name: str):
    """What all modes have alike is quick on one of them."""
    first = "AttnBendAmplify"
    is_alike = node != first and "strength" in inputs_of(node) and name in inputs_of(first)
    marks = pytest.mark.slow if is_alike and (node, name) not in OTHERWISE else ()
    return pytest.param(node, name, id=f"{node}.{name}", marks=marks)


@pytest.mark.parametrize("node, name", [case(*each) for each in CASES])
def test_a_list_gives_what_its_values_give(node, name, world):
    inputs = inputs_of(node)
    pairs = {key: two(world, node, key, one) for key, one in inputs.items()}
    left_out = {*WITHOUT.get(node, ())} - {name}
    single = {key: [values[0]] for key, values in pairs.items() if key not in left_out}
    expected = OTHERWISE.get((node, name), 2)
    if isinstance(expected, str):
        with pytest.raises(AssertionError) as refusal:
            executed(node, {**single, name: list(pairs[name])})
        assert expected in str(refusal.value)
        return
    if node == "AttnBendGrid" and name == "label":
        single["images"] = list(pairs["images"])  # a label a film
    made_of_both = executed(node, {**single, name: list(pairs[name])})
    if expected == 1 or node in ("AttnBendSave", "AttnBendSaveMaps", "AttnBendLog"):  # which write anew each time
        assert all(len(values) == expected for values in made_of_both)
        return
    with_the_first = node, *sorted(single)
    if with_the_first not in _alone:
        _alone[with_the_first] = executed(node, single)
    with_the_second = executed(node, {**single, name: [pairs[name][1]]})
    for of_both, *of_each in zip(made_of_both, _alone[with_the_first], with_the_second, strict=True):
        assert list(map(plain, of_both)) == list(map(plain, itertools.chain(*of_each)))


def test_the_table_is_of_inputs_that_are_there():
    assert {*OTHERWISE} <= {*CASES} and {*NODES} == {*texts.all_texts()}
    for table in (GIVEN, WITHOUT):
        assert all((node, name) in CASES for node, names in table.items() for name in names)


SWEPT = expanded(TURN, ("strength", "0.25, 0.5, 1"))
"""The un-bent film and three more."""


def test_a_sweep_behind_which_everything_moves():
    """Four bendings go in, four come out, the un-bent one among them; a list of values moves all of them alike."""
    given = {"parameter": ["angle"], "over": ["frames"], "keyframes": ["0: 0, 100%: 90"], "ease": ["linear"]}
    bendings = [point.bending for point in SWEPT.points]
    for more in ({}, {"values": [0.0, 45.0, 90.0]}, {"curve": [RAMP]}):
        (moved,) = executed("AttnBendAnimate", {"bending": bendings, **given, **more})
        assert [len(bending) for bending in moved] == [0, 1, 1, 1]
        assert [bend.strength for bending in moved for bend in bending] == [0.25, 0.5, 1]
        assert {bend.animations[0].parameter for bending in moved for bend in bending} == {"angle"}
    (moved,) = executed("AttnBendAnimate", {"bending": bendings, **given, "keyframes": ["0: 0", "0: 1"]})
    assert [str(bend.animations[0].track) for bending in moved for bend in bending] == ["0: 1 (linear)"] * 3


def test_a_sweep_of_the_very_thing_that_moves_is_refused():
    given = {"parameter": ["strength"], "over": ["frames"], "keyframes": ["0: 0, 100%: 1"], "ease": ["linear"]}
    with pytest.raises(AssertionError, match=r"3 different bendings came in, of which strength, .* leaves 1. Sweep"):
        executed("AttnBendAnimate", {"bending": [point.bending for point in SWEPT.points], **given})


@pytest.mark.parametrize("node", ["AttnBendWhere", "AttnBendWhen", "AttnBendStack", "AttnBendModel", "AttnBendBlur"])
def test_a_sweep_goes_through_every_node_of_a_chain(node, world):
    bendings = [point.bending for point in SWEPT.points]
    given = {key: [two(world, node, key, one)[0]] for key, one in inputs_of(node).items() if one.io_type != "BENDING"}
    wire = next(key for key, one in inputs_of(node).items() if one.io_type == "BENDING")
    first, *_ = executed(node, {**given, wire: bendings})
    assert len(first) == 4
    if node != "AttnBendModel":
        assert [len(bending) for bending in first] == [len(bending) + (node == "AttnBendBlur") for bending in bendings]
