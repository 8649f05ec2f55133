"""Where core shows our fields by itself: on a subgraph's outer node, in the Parameters panel, and in App mode.

There core's plain fields stand alone, and what is typed into them goes in; errors and reports still reach the bend.
"""

import json

import pytest
from attention_bending.dev.server import WorkflowError
from browser.desk import photograph
from browser.panels import AT, PANEL
from workflows.filming import EDITOR_FILES

pytestmark = pytest.mark.usefixtures("quiet")

BEND, PATCH, SAVE = "8", "9", "14"
"""Nodes of *Bend one word (toy)*."""
PROMOTED = ("token", "factor")
MISSPELT = "circel"

OURS = """[...document.querySelectorAll('.attention-bending')].filter(panel => {
    const {left, right, top, bottom} = panel.getBoundingClientRect()
    return panel.checkVisibility() && right > 0 && bottom > 0 && left < innerWidth && top < innerHeight
}).length"""
"""How many panels of ours are seen."""


LOOK = """() => {
    Object.assign(app.canvas.ds, { scale: 1, offset: [-5800, -3800] })
    app.canvas.setDirty(true, true)
}"""
"""At the outer node, where no other of ours is near."""


@pytest.fixture
def outer(desk):
    """A subgraph of bend and Patch Model, with two of the bend's fields on its outer node: its id."""
    desk.open()
    return desk.page.evaluate(
        f"""([ids, names]) => {{
            const bend = ({AT})(ids[0])
            const {{subgraph, node}} = app.graph.convertToSubgraph(new Set(ids.map({AT})))
            const inner = subgraph.nodes.find(({{type}}) => type === bend.type)
            for (const name of names) {{
                const slot = inner.inputs.find(input => input.name === name)
                subgraph.addInput(name, slot.type).connect(slot, inner)
            }}
            node.pos = [6000, 4000];
            ({LOOK})()
            return String(node.id)
        }}""",
        [[BEND, PATCH], list(PROMOTED)],
    )


def panel(desk, node):
    """All that is read on a node of ours."""
    return desk.page.evaluate(
        f"""id => ({AT})(id).widgets.find(({{name}}) => name === '{PANEL}').element.innerText""", node
    )


def test_a_subgraph_s_outer_node_has_core_s_fields_alone(desk, outer):
    page, bend = desk.page, f"{outer}:{BEND}"
    page.wait_for_timeout(500)
    assert page.evaluate("id => app.graph.getNodeById(id).widgets.map(({name}) => name)", outer) == list(PROMOTED)
    assert page.evaluate(OURS) == 0
    desk.photograph("a subgraph's outer node")
    desk.set(outer, token=MISSPELT, factor=2)
    inputs = desk.editor.export()[bend]["inputs"]
    assert (inputs["token"], inputs["factor"]) == (MISSPELT, 2)

    assert isinstance(desk.run(), WorkflowError)
    page.wait_for_function(f"() => app.canvas.graph === ({AT})('{bend}').graph", timeout=10_000)  # the page goes there
    assert 'Did you mean "circle"?' in panel(desk, bend)
    page.evaluate("() => void app.canvas.setGraph(app.rootGraph)")
    desk.set(outer, token="circle")  # which mends it
    page.wait_for_function(
        f"""id => !({AT})(id).widgets.find(({{name}}) => name === '{PANEL}').element.innerText.includes('Did you')""",
        arg=bend,
        timeout=10_000,
    )
    desk.run()
    assert desk.said(bend) == "ran in 6 layers × 1 step"
    assert desk.said(f"{outer}:{PATCH}") == '1. Amplify(factor=2) of "circle": 6 layers × 1 step'
    page.evaluate(LOOK)  # the way to the error's node may have ended after the way back
    page.wait_for_function(f"() => ({OURS}) === 0", timeout=10_000)  # Vue takes a graph's nodes away in its own time


def test_the_parameters_panel_has_core_s_fields_alone(desk, outer):
    """For an outer node, and for the bend itself."""
    page = desk.page
    parameters = page.get_by_test_id("properties-panel")
    page.get_by_label("Toggle properties panel").first.click()
    try:
        for node, graph, names in (
            (outer, "app.rootGraph", list(PROMOTED)),
            (f"{outer}:{BEND}", f"({AT})('{outer}').subgraph", ["strength", "layers"]),
        ):
            page.evaluate(f"() => void app.canvas.setGraph({graph})")
            page.evaluate(f"id => {{ app.canvas.deselectAll(); app.canvas.selectNode(({AT})(id)) }}", node)
            parameters.get_by_text(names[-1], exact=True).wait_for(timeout=10_000)
            shown = parameters.inner_text().splitlines()
            assert {*names} < {*shown} and PANEL not in shown
            assert parameters.locator(".attention-bending").count() == 0
            desk.photograph(f"parameters of {node.replace(':', ' ')}")
    finally:
        page.evaluate("() => { app.canvas.deselectAll(); app.canvas.setGraph(app.rootGraph) }")
        page.get_by_label("Toggle properties panel").first.click()


def test_app_mode_has_core_s_fields_alone(editor, server):
    """App mode is drawn as Nodes 2.0 are, whichever rendering the graph has."""
    workflow = json.loads((EDITOR_FILES / "Bend one word (toy).json").read_text(encoding="utf-8"))
    for node in workflow["nodes"]:
        if node["type"] == "KSampler":
            node["widgets_values"][2] = 1  # step
    fields = [[int(BEND), name] for name in PROMOTED]
    workflow["extra"] |= {"linearMode": True, "linearData": {"inputs": fields, "outputs": [int(SAVE)]}}
    page = editor.page
    run = page.get_by_role("button", name="Run").last
    welcome = page.get_by_role("button", name="Skip", exact=True)  # a newer page's tour of apps, which covers all
    page.add_locator_handler(welcome, lambda button: button.click())
    try:
        editor.load(workflow, "as an app")
        app = page.get_by_test_id("linear-widgets")
        token = app.locator("input").first
        token.wait_for(timeout=10_000)
        assert app.inner_text().split() == list(PROMOTED)
        assert page.evaluate(OURS) == 0
        for typed, told in ((MISSPELT, 'Did you mean "circle"?'), ("circle", "ran in 6 layers × 1 step")):
            token.fill(typed)
            token.press("Tab")
            value = f"([id, typed]) => ({AT})(id).widgets.find(({{name}}) => name === 'token').value === typed"
            page.wait_for_function(value, arg=[BEND, typed], timeout=10_000)
            assert editor.export()[BEND]["inputs"]["token"] == typed
            run.click()
            page.wait_for_function(
                f"([id, told]) => ({AT})(id).widgets.at(-1).element.innerText.includes(told)",
                arg=[BEND, told],
                timeout=30_000,
            )
        photograph(page, "as an app")
        assert page.evaluate(OURS) == 0
    finally:
        page.remove_locator_handler(welcome)
        page.evaluate("() => app.extensionManager.command.execute('Comfy.ToggleLinear')")
        page.evaluate("() => app.extensionManager.setting.set('Comfy.VueNodes.Enabled', false)")
    page.wait_for_function(f"{OURS} > 2")
    assert page.evaluate("app.canvas.ds.scale > 0")
