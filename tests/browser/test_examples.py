"""The example workflows in ComfyUI's page: they open whole, export to what the other rooms run, and run from there."""

import copy
import json

import pytest
from attention_bending.dev.swap import tiny
from attention_bending.dev.workflows import to_json
from browser.boxes import overlapping
from browser.panels import SAID
from workflows.filming import EDITOR_FILES, FILM, ORIGINALS, ROOM, TWINS

STEPS = 2
SHORTEST = "Bend one word (toy)"
"""The twin that is run in every run of the tests."""


def workflow(name):
    return json.loads((EDITOR_FILES / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", [*ORIGINALS, *(pytest.param(name, marks=pytest.mark.slow) for name in TWINS)])
def test_opens_without_a_missing_node_and_exports_to_its_api_form(editor, name):
    editor.load(workflow(name), name)
    assert editor.missing_nodes() == []
    assert overlapping(editor.page.evaluate("app.graph.nodes.map(node => [node.title, ...node.getBounding()])")) == []
    kept = (ROOM / f"{name}.json").read_text(encoding="utf-8")
    assert to_json(editor.export()) == kept, "If the change is meant, run `python dev workflows`."


BOXES = """() => app.graph.nodes.map(node => {
    const element = document.querySelector(`[data-node-id='${node.id}']`)
    if (!element) return [node.title, ...node.getBounding()]
    const {offsetWidth, offsetHeight} = element
    return [node.title, node.pos[0], node.pos[1] - LiteGraph.NODE_TITLE_HEIGHT, offsetWidth, offsetHeight]
})"""
FRAMES = "app.graph.groups.map(group => [group.title, ...group.pos, ...group.size])"


@pytest.mark.parametrize("is_vue", [False, True], ids=["classic", "nodes 2"])
@pytest.mark.parametrize(
    "name", [name if name == SHORTEST else pytest.param(name, marks=pytest.mark.slow) for name in TWINS]
)
def test_after_a_run_no_node_lies_on_another_or_out_of_its_group(editor, server, name, is_vue):
    page = editor.page
    turn = "on => app.extensionManager.setting.set('Comfy.VueNodes.Enabled', on)"
    page.evaluate(turn, is_vue)
    try:
        editor.load(workflow(name), name)
        before = page.evaluate("app.graph.serialize().nodes.map(node => [node.id, node.pos])")
        page.evaluate(
            """steps => app.graph.nodes.filter(node => node.type.startsWith('KSampler')).forEach(
                node => (node.widgets.find(widget => widget.name === 'steps').value = steps))""",
            2 * STEPS,  # of fewer, too few are late
        )
        with page.expect_response("**/prompt") as answer:
            page.get_by_test_id("queue-button").click()
        server.wait(answer.value.json()["prompt_id"])
        page.wait_for_timeout(2500)  # until pictures and films have come
        boxes = page.evaluate(BOXES)
        assert overlapping(boxes) == []
        frames = page.evaluate(FRAMES)
        grouped = [(box, frame) for box in boxes for frame in frames if is_inside(box[1:3], frame)]
        assert len(grouped) == len(boxes) - 1  # all but the note
        for (title, x, y, width, height), (_, left, top, across, down) in grouped:
            assert x + width <= left + across + 1 and y + height <= top + down + 1, title
        assert page.evaluate("app.graph.serialize().nodes.map(node => [node.id, node.pos])") == before
    finally:
        page.evaluate(turn, False)


def is_inside(place, frame):
    _, left, top, across, down = frame
    return left <= place[0] < left + across and top <= place[1] < top + down


def tiny_workflow(name):
    """The editor's file with tiny loaders and a small film, by the same exchange as the API forms."""
    small = tiny(json.loads((ROOM / f"{name}.json").read_text(encoding="utf-8")), steps=STEPS, **FILM)
    graph = copy.deepcopy(workflow(name))
    for node in graph["nodes"]:
        node["properties"].pop("models", None)
        if str(node["id"]) not in small:
            continue  # notes
        node["type"] = small[str(node["id"])]["class_type"]
        if node["type"] == "TinyUMT5Loader":
            node.update(inputs=[], widgets_values=[])
    return graph, small


def test_queued_from_the_page_it_runs_and_patch_model_shows_its_report(editor, server, tmp_path):
    name = "Chain and stack"
    graph, small = tiny_workflow(name)
    editor.load(graph, name)
    page = editor.page
    page.evaluate(
        """prompt => {
            for (const [id, {inputs}] of Object.entries(prompt))
                for (const widget of app.graph.getNodeById(id).widgets ?? [])
                    if (widget.name in inputs) widget.value = inputs[widget.name]
        }""",
        small,
    )
    exported = editor.export()
    for node in (*exported.values(), *small.values()):
        del node["_meta"]  # titles
    assert exported == small
    with page.expect_response("**/prompt") as answer:
        page.get_by_test_id("queue-button").click()
    assert server.wait(answer.value.json()["prompt_id"])["status"]["status_str"] == "success"

    (patch,) = (key for key, node in small.items() if node["class_type"] == "AttnBendModel")
    (prompt,) = (key for key, node in small.items() if node["class_type"] == "AttnBendPrompt")
    page.wait_for_function(f"id => ({SAID})(id)?.includes('layers ×')", arg=patch, timeout=10_000)
    report = page.evaluate(SAID, patch)
    for part in ('1. Translate(x=0.2, y=0, padding=border) of "fox": 4 layers × 2 steps', "layers middle: 1 layer ×"):
        assert part in report
    assert "marked: fox" in page.evaluate(SAID, prompt)
    editor.screenshot(tmp_path / "after the run.png")
