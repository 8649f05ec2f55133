"""What people could type, wire or share, sane and insane, for hypothesis."""

import asyncio
from typing import Any, NamedTuple

import torch
import yaml
from attention_bending.bending.bend import Bending
from attention_bending.bending.files import dump
from attention_bending.host.maps.record_store import Handle
from attention_bending.host.maps.recording import Recording
from attention_bending.host.run.patch import Patch
from attention_bending.nodes import AttentionBendingExtension
from comfy_api.latest import io
from core import bendings
from core.test_bending_files_refused import KEYS, SOURCES, values
from hypothesis import strategies as st

NODES = {node.__name__: node for node in asyncio.run(AttentionBendingExtension().get_node_list())}
AIMS = ("AttnBendWhere", "AttnBendWhen", "AttnBendAnimate")
MODES = tuple(name for name, node in NODES.items() if {"token", "bending"} <= {i.id for i in node.GET_SCHEMA().inputs})
OTHERS = ("AttnBendSweep", "AttnBendLoad", "AttnBendLoadText", "AttnBendSave", "AttnBendLog", "AttnBendLoadMaps")
"""Nodes of values alone: they need no model, no encoder and no record."""

anything = st.text(max_size=8) | st.text('ab k09 ,、；;#"“”()[]{}:：.-+*%@=_\\/\n\t\0\ud800吻é😀', max_size=12)


def joined(*pieces: str, glue: str = ", ") -> st.SearchStrategy[str]:
    """Pieces that mean something, in an order that may mean nothing, and something else between them."""
    one = st.tuples(st.sampled_from(pieces) | anything, st.sampled_from((glue, "", " ")))
    return st.sampled_from(pieces) | st.lists(one.map("".join), max_size=6).map("".join)


@st.composite
def changed(draw, texts: tuple[str, ...]) -> str:
    """One of the texts, cut and written over in a few places."""
    text = draw(st.sampled_from(texts))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(anything) + text[at + draw(st.integers(0, 4)) :]
    return text


RANGES = ("all", "0-1", "early", "middle", "late", "-1", "0, 1")
AXES = ("0.25:4:8", "0.5:1:3 log", "1, 2", "0%-30%", "kiss; ALL", "on", "all")
PARAMETERS = ("strength", "angle", "x", "factor", "sigma", "token", "layers", "bend 1: angle")
USUAL = {
    "token": ("kiss", "romantic", "kiss, sunset", "ALL", "PROMPT", "PADDING, END", "sunset#1", '"kiss at"'),
    "other": ("sunset", "romantic"),
    "layers": RANGES,
    "heads": ("all", "0"),
    "frames": ("all", "0-1", "0%-50%", "-1"),
    "parameter": PARAMETERS,
    "parameter_1": PARAMETERS,
    "parameter_2": ("", *PARAMETERS),
    "values_1": AXES,
    "values_2": AXES,
    "keyframes": ("0%: 0, 100%: 1", "0: 0, 2: 1.5"),
    "file": ("preset: drift", "preset: mirror early", "log.jsonl"),
    "words": ("", "kiss=rose"),
    "text": SOURCES,
    "filename_prefix": ("bending", "a/b"),
}
"""What a field of that name is meant for; where it is not here, anything is."""

SAME = {"other": "token", "heads": "layers", "frames": "layers", "values_2": "values_1"}
ODD = {
    "token": ("kiss,", "#", '"', "(kiss:1.3)", "kis", "kiss#9", "吻", "red rose#2", "(kiss", "all"),
    "layers": ("5-0", "99", "early & late", "50%-100%"),
    "values_1": ("1e308:-1e308:9", "1:2", "0:4:9 log", "1:1:3", "nan", "%"),
    "keyframes": ("1e9: 1e9", "50%: nan", "0: 0, 0: 1", "now"),
    "file": ("preset: none", "../x.yaml", "a/../b.jsonl", "con.jsonl", "x.yaml", "a/b.jsonl"),
    "words": ("a=b", "=", "kiss", "kiss=,"),
    "filename_prefix": ("con", "a" * 300, "../x", "/x", "%date%"),
}
FUZZED = {name: joined(*USUAL[name], *ODD.get(SAME.get(name, name), ())) for name in USUAL}

token_texts = st.lists(st.sampled_from(USUAL["token"]), min_size=1, max_size=4).map(", ".join) | FUZZED["token"]
prompt_texts = joined("(kiss)", "(kiss:1.3)", r"\(", "(", ")", ":1.3)", "((a) b:2)", "a kiss", "：1.3)", glue=" ")
entries = st.dictionaries(st.sampled_from(KEYS), values, max_size=4)
file_texts = st.one_of(
    changed(SOURCES),
    bendings.bending.map(dump),
    entries.map(yaml.safe_dump),
    entries.map(lambda bend: yaml.safe_dump({"format": "attention-bending", "bends": [bend], "version": 1})),
    anything,
)

TYPES = ("STRING", "COMBO", "INT", "FLOAT", "BOOLEAN", "BENDING", "MASK", "CURVE")

masks = st.builds(torch.full, st.tuples(st.integers(1, 3), *[st.integers(1, 9)] * 2), st.floats(0, 1))
strange_masks = st.builds(
    torch.full,
    st.lists(st.integers(0, 5), max_size=4).map(tuple) | st.just((2, 3, 4)),
    st.sampled_from((0.5, 2.0, -1.0, float("nan"), float("inf"))),
)
curves = st.lists(st.tuples(st.floats(0, 1), st.floats(-1e300, 1e300)).map(list), min_size=2, max_size=4).map(
    lambda points: {"points": sorted(points), "interpolation": "linear"}
)


def usual(one: io.Input) -> st.SearchStrategy:
    """What an input is meant for."""
    if one.io_type == "STRING":
        return st.sampled_from(USUAL[one.id]) if one.id in USUAL else anything
    if one.io_type == "COMBO":
        return st.sampled_from(USUAL["file"] if one.id == "file" else one.options)
    if one.io_type in ("INT", "FLOAT"):
        kind = int if one.io_type == "INT" else float
        low, high = (kind(end) if end is not None else default for end, default in ((one.min, -2), (one.max, 2)))
        near = st.integers(max(low, -3), min(high, 9)) if kind is int else st.floats(max(low, -4.0), min(high, 4.0))
        return near if one.default is None else near | st.just(one.default)
    return {"BOOLEAN": st.booleans(), "BENDING": bendings.bending, "MASK": masks, "CURVE": curves}[one.io_type]


def odd(one: io.Input) -> st.SearchStrategy:
    """What may come into it all the same, by a wire at least: of its type."""
    strange = {"STRING": FUZZED.get(one.id, anything), "COMBO": FUZZED.get(one.id, anything)}
    strange |= {"INT": st.integers(-(2**63), 2**63), "FLOAT": st.floats(), "MASK": strange_masks}
    return strange[one.io_type] if one.io_type in strange else usual(one)


class Use(NamedTuple):
    """A node and what it is given, but for the bending that a chain hands on."""

    node: str
    given: dict[str, Any]

    def execute(self, bending: Bending | None = None) -> io.NodeOutput:
        """As ComfyUI does it."""
        node, given = NODES[self.node], dict(self.given)
        if bending is not None:
            given["bending"] = bending
        if node.GET_SCHEMA().is_input_list:
            given = {name: value if name == "values" else [value] for name, value in given.items()}
        return node.PREPARE_CLASS_CLONE(None).EXECUTE_NORMALIZED(**given)


@st.composite
def use(draw, names: tuple[str, ...]) -> Use:
    """One of these nodes, its optional inputs connected or not; often all in it is usual, else one or two are not."""
    name = draw(st.sampled_from(names))
    inputs = NODES[name].GET_SCHEMA().inputs
    strange = draw(st.lists(st.sampled_from([one.id for one in inputs]), max_size=2))
    given = {}
    for one in inputs:
        if one.io_type in TYPES and (not one.optional or draw(st.booleans())):
            value = odd(one) if one.id in strange else usual(one)
            is_list = name == "AttnBendAnimate" and one.id == "values"
            given[one.id] = draw(st.lists(value, max_size=4) if is_list else value)
    return Use(name, given)


uses = use((*MODES, *AIMS, *OTHERS))
chains = st.lists(use((*MODES, *MODES, *AIMS)), min_size=1, max_size=4)
patches = st.tuples(chains, st.none() | st.none() | token_texts)
"""Nodes one behind the other, and the words that Patch Model is to record."""


def patch_of(chain: list[Use], recorded: str | None) -> Patch:
    """What Patch Model makes of what comes out of the nodes; raises what they raise."""
    bending = Bending()
    for each in chain:
        result = each.execute(bending).result[0]
        bending = result[0] if isinstance(result, list) else result
    handle = Handle("20", 2**26)
    recording = None if recorded is None else Recording(handle, "listed words", recorded)
    return Patch(bending, recording=recording, handle=handle)
