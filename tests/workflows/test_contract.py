"""What people's files hold: node ids, input names, their order, types, ranges and defaults, as the server tells them.

Once in plain words, from the issue that asked for them, and once whole, as a snapshot.
"""

import json
import os
import urllib.request

import pytest
from workflows.filming import ROOM

SNAPSHOT = ROOM / "object_info.json"
UPDATE = "UPDATE_OBJECT_INFO"
CATEGORY = "model/patch/attention bending"

PADDING = ("padding", "border", ["border", "zeros", "reflection", "wrap"])
CENTER = [("center_x", 0.5, (0, 1)), ("center_y", 0.5, (0, 1))]
MODES = {
    "AttnBendAmplify": ("Bend: Amplify", [("factor", 2.0, (-10, 10))]),
    "AttnBendRegionalMask": (
        "Bend: Regional Mask",
        [
            *[(edge, default, (0, 1)) for edge, default in (("x1", 0.25), ("y1", 0.25), ("x2", 0.75), ("y2", 0.75))],
            ("feather", 0.1, (0, 1)),
            ("invert", False, None),
        ],
    ),
    "AttnBendBlur": ("Bend: Blur", [("sigma", 2.0, (0, 64)), ("kernel_size", 0, (0, 255))]),
    "AttnBendSharpen": ("Bend: Sharpen", [("amount", 1.0, (0, 20)), ("sigma", 1.0, (0, 64)), ("clamp", True, None)]),
    "AttnBendTranslate": ("Bend: Translate", [("x", 0.25, (-1, 1)), ("y", 0.0, (-1, 1)), PADDING]),
    "AttnBendRotate": ("Bend: Rotate", [("angle", 15.0, (-360, 360)), PADDING, *CENTER]),
    "AttnBendSpatialScale": ("Bend: Spatial Scale", [("factor", 1.5, (0.05, 20)), PADDING, *CENTER]),
    "AttnBendFlip": ("Bend: Flip", [("axis", "horizontal", ["horizontal", "vertical", "both"])]),
    "AttnBendFrequencyFilter": (
        "Bend: Frequency Filter",
        [
            ("kind", "low", ["low", "high", "band", "notch"]),
            ("low", 0.1, (0, 1.5)),
            ("high", 0.5, (0, 1.5)),
            ("rolloff", 0.1, (0, 1)),
            ("keep_mean", True, None),
        ],
    ),
    "AttnBendTime": (
        "Bend: Time",
        [("way", "shift", ["shift", "blur", "reverse", "freeze", "stretch"]), ("amount", 1.0, (-1000, 1000)), PADDING],
    ),
    "AttnBendPaint": ("Bend: Paint", [("mask", None, "MASK"), ("mask_feather", 0.0, (0, 1))]),
    "AttnBendSwap": (
        "Bend: Swap",
        [("other", "", None), ("way", "trade", ["trade", "follow"]), ("mix", 1.0, (0, 1))],
    ),
}
"""Each mode's name and own inputs: their name, default, and range or choices; of a wire the type, and no default."""

FIRST = [("token", "", None)]
COMMON = [
    ("strength", 1.0, (0, 1)),
    ("start_percent", 0.0, (0, 1)),
    ("end_percent", 1.0, (0, 1)),
    ("layers", "all", None),
    ("renormalize", True, None),
]

BENDING = ("bending", None, "BENDING")
AIMS = {
    "AttnBendWhere": (
        "Bend Where",
        [
            *[(name, "all", None) for name in ("layers", "heads", "frames")],
            ("pass", "positive", ["positive", "negative", "both"]),
        ],
        [BENDING, ("mask", None, "MASK"), ("mask_feather", 0.0, (0, 1))],
    ),
    "AttnBendWhen": (
        "Bend When",
        [
            ("unit", "percent", ["percent", "steps"]),
            *[(name, default, (0, 10000)) for name, default in (("start", 0.0), ("end", 1.0))],
            *[(name, 0.0, (0, 10000)) for name in ("fade_in", "fade_out")],
        ],
        [BENDING, ("curve", None, "CURVE")],
    ),
    "AttnBendAnimate": (
        "Bend Animate",
        [
            ("parameter", "strength", None),
            ("over", "frames", ["frames", "steps"]),
            ("keyframes", "0%: 0, 100%: 1", None),
            ("ease", "linear", ["linear", "ease", "hold"]),
        ],
        [
            BENDING,
            ("curve", None, "CURVE"),
            *[(name, default, (-10000, 10000)) for name, default in (("curve_low", 0.0), ("curve_high", 1.0))],
            ("values", None, "FLOAT"),
        ],
    ),
    "AttnBendTemperature": (
        "Bend: Temperature",
        [("temperature", 0.7, (0.05, 20)), *COMMON[:-1]],
        [BENDING],
    ),
}
"""Name, required and optional inputs of the nodes that make or aim bends and are no mode."""

OTHERS = {
    "AttnBendPrompt": ("Bend Prompt", {"required": ["clip", "text"]}, {"conditioning": "CONDITIONING"}),
    "AttnBendStack": ("Bender Stack", {"required": ["bendings"]}, {"bending": "BENDING"}),
    "AttnBendModel": (
        "Patch Model",
        {
            "required": ["model", "apply_to_output"],
            "optional": ["bending", "record", "record_tokens", "record_heads", "record_limit_mb"],
        },
        {"model": "MODEL", "maps": "ATTENTION_MAPS"},
    ),
    "AttnBendMaps": (
        "Attention Maps",
        {
            "required": [
                *("maps", "words", "show", "layers", "steps", "normalize", "color_map", "opacity", "captions"),
            ],
            "optional": ["latent", "images"],
        },
        {"images": "IMAGE", "mask": "MASK"},
    ),
    "AttnBendMapsGrid": (
        "Attention Maps Grid",
        {
            "required": ["maps", "word", "axes", "show", "layers", "steps", "frames", "color_map", "normalize"],
            "optional": ["latent"],
        },
        {"images": "IMAGE", "json": "STRING"},
    ),
    "AttnBendSaveMaps": (
        "Save Attention Maps",
        {"required": ["maps", "filename_prefix"], "optional": ["latent"]},
        {"path": "STRING"},
    ),
    "AttnBendLoadMaps": ("Load Attention Maps", {"required": ["file"]}, {"maps": "ATTENTION_MAPS", "about": "STRING"}),
    "AttnBendReport": ("Bending Report", {"required": ["maps"], "optional": ["latent"]}, {"report": "STRING"}),
    "AttnBendLoad": (
        "Load Bending",
        {"required": ["file"], "optional": ["words", "bending"]},
        {"bending": "BENDING", "about": "STRING"},
    ),
    "AttnBendSave": (
        "Save Bending",
        {"required": ["bending", "filename_prefix", "format"], "optional": ["about"]},
        {"path": "STRING"},
    ),
    "AttnBendSweep": (
        "Bend Sweep",
        {
            "required": ["bending", "parameter_1", "values_1"],
            "optional": ["parameter_2", "values_2", "baseline", "limit", "seed"],
        },
        {"bending": "BENDING", "label": "STRING", "seed": "INT", "cells": "SWEEP_CELLS"},
    ),
    "AttnBendGrid": (
        "Bend Grid",
        {"required": ["images"], "optional": ["cells", "label", "numbers"]},
        {"film": "IMAGE", "still": "IMAGE", "json": "STRING"},
    ),
    "AttnBendLog": (
        "Experiment Log",
        {
            "required": ["observations", "success", "file"],
            "optional": ["bending", "conditioning", "maps", "latent", "metrics", "label", "seed", "artifacts"],
        },
        {"entry": "STRING"},
    ),
    "AttnBendToyWan": ("Load Toy Wan", {"required": []}, {"model": "MODEL", "clip": "CLIP", "vae": "VAE"}),
    "AttnBendTokens": (
        "Attach Words",
        {"required": ["conditioning", "clip", "text"]},
        {"conditioning": "CONDITIONING"},
    ),
}
"""Name, inputs and outputs of the other nodes."""

TYPES = {bool: "BOOLEAN", int: "INT", float: "FLOAT", str: "STRING", list: "COMBO"}


@pytest.fixture(scope="module")
def nodes(server):
    """What the server tells of our nodes, by id; where the pack lies is another folder in every installation."""
    told = sorted(server.get("/object_info").items())
    ours = {key: info for key, info in told if info.pop("python_module") == "custom_nodes.attention-bending"}
    assert all(key.startswith("AttnBend") for key in ours)
    for key in ("AttnBendLoadMaps", "AttnBendLoad"):
        ours[key]["input"]["required"]["file"][1]["options"] = []  # what files there are
    return ours


def test_these_nodes_are_there(nodes):
    assert {*MODES, *AIMS, *OTHERS} == set(nodes)
    assert {node["category"] for node in nodes.values()} == {CATEGORY}


@pytest.mark.parametrize("key", MODES)
def test_a_mode_is_token_then_its_own_inputs_then_the_common_ones(nodes, key):
    name, own = MODES[key]
    node = nodes[key]
    inputs = [*FIRST, *own, *COMMON]
    assert node["display_name"] == name
    assert node["input_order"]["required"] == [name for name, _, _ in inputs]
    assert node["input_order"]["optional"][0] == "bending"
    assert node["input"]["optional"]["bending"][0] == "BENDING"
    assert (node["output"], node["output_name"]) == (["BENDING"], ["bending"])
    check(node["input"]["required"], inputs)


@pytest.mark.parametrize("key", AIMS)
def test_a_node_that_aims_bends_takes_and_gives_a_bending(nodes, key):
    name, required, optional = AIMS[key]
    node = nodes[key]
    assert node["display_name"] == name
    assert (node["output"], node["output_name"]) == (["BENDING"], ["bending"])
    for part, inputs in (("required", required), ("optional", optional)):
        assert node["input_order"][part] == [name for name, _, _ in inputs]
        check(node["input"][part], inputs)


def check(told, inputs):
    """Each input's type, default, and range or choices; a wire that the page has a widget for is kept a socket."""
    for name, default, allows in inputs:
        kind, options = told[name]
        if isinstance(allows, str):
            assert kind == allows, name
            assert kind not in ("CURVE", "FLOAT") or options.get("forceInput"), name
            continue
        assert kind == TYPES[list if isinstance(allows, list) else type(default)], name
        if isinstance(allows, list):
            assert options["options"] == allows
            assert options.get("default", allows[0]) == default == allows[0]
        else:
            assert options["default"] == default
            assert allows is None or (options["min"], options["max"]) == allows


def test_details_of_the_common_inputs(nodes):
    for key in MODES:
        required = nodes[key]["input"]["required"]
        assert required["token"][1]["placeholder"]
        assert {required[name][1]["step"] for name in ("start_percent", "end_percent")} == {0.001}
        advanced = {name for name, (_, options) in required.items() if options.get("advanced")}
        assert advanced == {"center_x", "center_y"} & set(required)


@pytest.mark.parametrize("key", OTHERS)
def test_the_nodes_that_are_no_mode(nodes, key):
    name, inputs, outputs = OTHERS[key]
    node = nodes[key]
    assert node["display_name"] == name
    assert node["input_order"]["required"] == inputs["required"]
    optional = inputs.get("optional", [])
    assert node["input_order"].get("optional", [])[: len(optional)] == optional
    assert dict(zip(node["output_name"], node["output"], strict=True)) == outputs


def test_their_inputs(nodes):
    text = nodes["AttnBendPrompt"]["input"]["required"]["text"]
    assert (text[0], text[1]["multiline"], text[1]["dynamicPrompts"]) == ("STRING", True, True)
    assert nodes["AttnBendPrompt"]["input"]["required"]["clip"][0] == "CLIP"
    model = nodes["AttnBendModel"]["input"]
    assert (model["required"]["model"][0], model["optional"]["bending"][0]) == ("MODEL", "BENDING")
    assert model["required"]["apply_to_output"][1]["default"] is True
    template = nodes["AttnBendStack"]["input"]["required"]["bendings"][1]["template"]
    assert (template["prefix"], template["min"], template["max"]) == ("bending_", 0, 50)
    assert [kind for kind, _ in template["input"]["required"].values()] == ["BENDING"]


def test_everything_is_explained(nodes):
    for key, node in nodes.items():
        assert node["description"].endswith("."), key
        assert node["search_aliases"], key
        for kind in ("required", "optional"):
            for name, (_, options) in node["input"].get(kind, {}).items():
                assert options.get("tooltip", "").endswith("."), f"{key}.{name}"
        assert len(node["output_tooltips"]) == len(node["output"]), key
        assert all(tooltip.endswith(".") for tooltip in node["output_tooltips"]), key


def test_the_server_has_a_help_page_for_each(server, nodes):
    for key, node in nodes.items():
        with urllib.request.urlopen(f"{server.url}/extensions/attention-bending/docs/{key}.md") as answer:
            assert answer.read().decode().startswith(f"# {node['display_name']}\n"), key


def test_nothing_has_changed_since_the_snapshot(nodes):
    text = json.dumps(nodes, indent=1, ensure_ascii=False) + "\n"
    if os.environ.get(UPDATE):
        SNAPSHOT.write_text(text, encoding="utf-8")
        pytest.skip(f"{SNAPSHOT.name} is written anew: read what changed before it is kept")
    kept = json.loads(SNAPSHOT.read_text(encoding="utf-8"))
    changed = [key for key in sorted({*kept, *nodes}) if kept.get(key) != nodes.get(key)]
    assert json.dumps(kept) == json.dumps(nodes), (
        f"{', '.join(changed) or 'the order of something'} is not what {SNAPSHOT.name} says. People's saved workflows "
        f"hold ids, input names, their order and defaults: take nothing away, rename nothing, append inputs at the "
        f"end and optional. If the change is meant, run the test once with {UPDATE}=1 and read the difference."
    )
