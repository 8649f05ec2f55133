"""A workflow that was saved before nodes had panels opens as it was saved, in both renderings."""

import json
from pathlib import Path

import pytest
from browser.panels import PANEL

pytestmark = pytest.mark.usefixtures("quiet")

SAVED = Path(__file__).with_name("saved_before.json")
"""The first *Compose with regions*: its Patch Model had one widget."""

LOOKS = "Object.fromEntries(app.graph.nodes.map(node => [node.id, [[...node.pos], node.size[0], node.color ?? null]]))"
ON_BENDS = """() => app.graph.nodes.filter(({type}) => type === 'AttnBendRegionalMask').flatMap(({widgets}) =>
    [...widgets.at(-1).element.querySelectorAll('[data-section]')].filter(section => section.checkVisibility()))
    .map(({dataset}) => dataset.section)"""


def test_it_opens_with_its_values_and_with_panels_only_where_it_has_room(desk, tmp_path):
    saved = json.loads(SAVED.read_text(encoding="utf-8"))
    desk.editor.load(saved, "saved before")
    desk.page.wait_for_timeout(2500)  # panels have asked, and looked again
    assert desk.editor.missing_nodes() == []
    looks = desk.page.evaluate(LOOKS)
    assert {int(key): look for key, look in looks.items()} == {
        node["id"]: [node["pos"], node["size"][0], node.get("color")] for node in saved["nodes"]
    }
    assert desk.page.evaluate(ON_BENDS) == []

    exported = desk.editor.export()
    again = {node["id"]: node["widgets_values"] for node in desk.page.evaluate("app.graph.serialize().nodes")}
    for node in saved["nodes"]:
        if node["type"].startswith("AttnBend"):
            names = [slot["widget"]["name"] for slot in node["inputs"] if "widget" in slot]
            values = dict(zip(names, node["widgets_values"], strict=True))
            inputs = exported[str(node["id"])]["inputs"]
            assert {**inputs, **values} == inputs and PANEL not in inputs
            assert again[node["id"]][: len(values)] == node["widgets_values"]
