"""What people's files hold: node ids, input names, their order, types, ranges and defaults, as the server tells them.

The snapshot holds them all; in words stands only what a new node has to keep to.
"""

import json
import os
import urllib.request

import pytest
from workflows.filming import ROOM

SNAPSHOT = ROOM / "object_info.json"
UPDATE = "UPDATE_OBJECT_INFO"
CATEGORY = "model/patch/attention bending"


@pytest.fixture(scope="module")
def object_info(server):
    return server.get("/object_info")


@pytest.fixture(scope="module")
def known(object_info):
    """The fields that this ComfyUI tells of any node, its own or another's."""
    return {field for info in object_info.values() for field in info}


@pytest.fixture(scope="module")
def nodes(object_info):
    """What the server tells of our nodes, by id; where the pack lies is another folder in every installation."""
    told = sorted((key, dict(info)) for key, info in object_info.items())
    ours = {key: info for key, info in told if info.pop("python_module") == "custom_nodes.attention-bending"}
    assert all(key.startswith("AttnBend") for key in ours)
    for key in ("AttnBendLoadMaps", "AttnBendLoad"):
        ours[key]["input"]["required"]["file"][1]["options"] = []  # what files there are
    return ours


def test_a_mode_is_token_then_its_own_inputs_then_the_common_ones(nodes):
    parts = ("", "/prompt", "/bends", "/aim", "/see", "/explore", "/files")
    assert {node["category"] for node in nodes.values()} == {CATEGORY + part for part in parts}
    modes = [node for node in nodes.values() if "token" in node["input"]["required"]]
    assert len(modes) == 12
    for mode in modes:
        first, *own_and_common = mode["input_order"]["required"]
        assert first == "token"
        assert own_and_common[-5:] == ["strength", "start_percent", "end_percent", "layers", "renormalize"]
        assert mode["input_order"]["optional"][0] == "bending"
        assert (mode["output"], mode["output_name"]) == (["BENDING"], ["bending"])


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


def test_nothing_has_changed_since_the_snapshot(nodes, known):
    """In the fields that this ComfyUI knows: older ones lack some."""
    text = json.dumps(nodes, indent=1, ensure_ascii=False) + "\n"
    if os.environ.get(UPDATE):
        SNAPSHOT.write_text(text, encoding="utf-8")
        pytest.skip(f"{SNAPSHOT.name} is written anew: read what changed before it is kept")
    snapshot = json.loads(SNAPSHOT.read_text(encoding="utf-8"))
    kept = {key: {field: told for field, told in node.items() if field in known} for key, node in snapshot.items()}
    changed = [key for key in sorted({*kept, *nodes}) if kept.get(key) != nodes.get(key)]
    assert json.dumps(kept) == json.dumps(nodes), (
        f"{', '.join(changed) or 'the order of something'} is not what {SNAPSHOT.name} says. People's saved workflows "
        f"hold ids, input names, their order and defaults: take nothing away, rename nothing, append inputs at the "
        f"end and optional. If the change is meant, run the test once with {UPDATE}=1 and read the difference."
    )
