"""Bend Timeline's scenes as a strip: they follow the text, and a drag of a border is written into it."""

import pytest
from browser.hands import Hands
from browser.panels import AT

pytestmark = pytest.mark.usefixtures("quiet")

TEXT = "a (red:2) circle | a green one [30%-50%] | a blue circle"
BARS = (
    "strip => [...strip.querySelectorAll('.ab-scene')].map(bar => [bar.textContent, bar.style.left, bar.style.width])"
)


@pytest.fixture
def scenes(desk):
    """A Bend Timeline alone in an empty workflow, with a text."""
    desk.editor.load(
        {"version": 0.4, "nodes": [], "links": [], "groups": [], "last_node_id": 0, "last_link_id": 0}, "new"
    )
    node = desk.page.evaluate(
        """() => {
            const node = LiteGraph.createNode('AttnBendTimeline')
            app.graph.add(node)
            return String(node.id)
        }"""
    )
    desk.set(node, text=TEXT)
    return Hands(desk, node)


def test_scenes_follow_the_text_and_a_drag_is_written_into_it(scenes):
    def shows(*bars):
        told = (
            "strip => strip && JSON.stringify((" + BARS + ")(strip)) === '" + str([*map(list, bars)]).replace("'", '"')
        )
        scenes.waits_for(".ab-scenes", told.replace(", ", ",") + "'")

    shows(("a red circle", "0%", "30%"), ("a green one", "30%", "20%"), ("a blue circle", "50%", "50%"))
    scenes.waits_for("[data-section=strip]", "strip => strip.textContent.includes('Connect bending to a Patch Model')")
    scenes.page.evaluate("app.extensionManager.workflow.activeWorkflow.changeTracker.captureCanvasState()")
    place = scenes.place()
    scenes.drag(".ab-scenes", (0.5, 0.5), (0.7, 0.5))
    shows(("a red circle", "0%", "30%"), ("a green one", "30%", "40%"), ("a blue circle", "70%", "30%"))
    scenes.page.wait_for_function(
        f"([id, text]) => ({AT})(id).widgets.find(({{name}}) => name === 'text').value === text",
        arg=[scenes.node, "a (red:2) circle [0%-30%] | a green one [30%-70%] | a blue circle [70%-100%]"],
        timeout=10_000,
    )
    assert scenes.place() == place
    scenes.desk.photograph("scenes")
    scenes.undo()
    assert scenes.values("text") == [TEXT]
    scenes.waits_for(".ab-scenes")
    scenes.drag(".ab-scenes", (0.3, 0.5), (0.9, 0.5))  # no further than the next border
    scenes.waits_for(".ab-scenes", "strip => strip.querySelector('.ab-scene').style.width === '49%'")
    scenes.desk.set(scenes.node, text="a | ")
    scenes.waits_for("[data-section=strip]", "strip => strip.textContent.includes('scene 2 of 2 is empty')")
    scenes.desk.set(scenes.node, text="{a|b} [0%-40%] | c")
    scenes.waits_for("[data-section=strip]", "strip => strip.textContent.includes('settled when Run is pressed')")
    assert scenes.part(".ab-scene") is None


@pytest.mark.slow
def test_what_became_of_each_scene_is_told_by_its_name(desk):
    desk.open("A prompt that changes (toy)")
    desk.set("4810", length=9)
    desk.run()
    told = desk.said("4806")
    assert "node" not in told
    assert "@1: ran in 6 layers × 1 step" in told and "@2: ran in 6 layers × 1 step" in told
