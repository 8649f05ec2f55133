"""Compare on the page: both films in step, a line to drag between them, play and pause, stills, and what is said."""

import pytest
from browser.panels import AT

pytestmark = [pytest.mark.usefixtures("quiet"), pytest.mark.quick_in("classic")]

RED, BLUE = 0xFF0000, 0x0000FF
COMPARE = "3"

GRAPH = """([a, b, fps]) => {
    const nodes = [a, b].map(([width, height, batch_size, color], place) => {
        const node = LiteGraph.createNode('EmptyImage')
        app.graph.add(node)
        node.pos = [0, place * 250]
        const values = {width, height, batch_size, color}
        for (const widget of node.widgets) widget.value = values[widget.name]
        return node
    })
    const compare = LiteGraph.createNode('AttnBendCompare')
    app.graph.add(compare)
    compare.pos = [400, 0]
    compare.widgets.find(widget => widget.name === 'fps').value = fps
    nodes.forEach((node, slot) => node.connect(0, compare, slot))
    compare.inputs[0].label = 'un-bent'
    compare.setDirtyCanvas(true, true)
}"""

STAGE = f"({AT})('{COMPARE}').widgets.at(-1).element.querySelector('.ab-compare')"
COLOURS = f"""() => {{
    const canvas = {STAGE}.querySelector('canvas')
    const {{width, height}} = canvas
    return [0.1, 0.9].map(x => [...canvas.getContext('2d').getImageData(width * x, height / 2, 1, 1).data].slice(0, 3))
}}"""


def compared(desk, a, b, fps=8):
    """Films of one colour, each (width, height, frames, colour), compared; what the node says."""
    desk.editor.load({"nodes": [], "links": [], "version": 0.4}, "comparing")
    desk.page.evaluate(GRAPH, [a, b, fps])
    view = "app.canvas.ds.scale = 1; app.canvas.ds.offset = [100, 100]; app.canvas.setDirty(true, true)"
    desk.page.evaluate(f"() => {{ {view} }}")
    desk.run()
    desk.page.wait_for_function(f"() => {STAGE}?.classList.contains('ab-empty') === false", timeout=10_000)
    return desk.said(COMPARE)


def colours(desk):
    """What is red and what is blue at the left and at the right."""
    return [("red" if red > 200 > 60 > blue else "blue" if blue > 200 > 60 > red else (red, blue))
            for red, _, blue in desk.page.evaluate(COLOURS)]  # fmt: skip


@pytest.mark.quick_in("classic", "nodes 2")
def test_a_is_left_of_the_line_and_b_right_and_it_is_dragged(desk):
    assert compared(desk, (96, 64, 8, RED), (96, 64, 8, BLUE)) == "8 frames, 96 × 64"
    page = desk.page
    assert colours(desk) == ["red", "blue"]
    names = f"() => [...{STAGE}.querySelectorAll('span')].map(name => name.textContent)"
    assert page.evaluate(names) == ["un-bent", "b"]
    place = page.evaluate(f"() => [...({AT})('{COMPARE}').pos]")
    left, top, width, height = page.evaluate(
        f"() => {{ const {{x, y, width, height}} = {STAGE}.getBoundingClientRect(); return [x, y, width, height] }}"
    )
    for end, seen in ((0.97, ["red", "red"]), (0.03, ["blue", "blue"])):
        page.mouse.move(left + width / 2, top + height / 2)
        page.mouse.down()
        page.mouse.move(left + width * end, top + height / 2, steps=4)
        page.mouse.up()
        assert colours(desk) == seen
    assert page.evaluate(f"() => [...({AT})('{COMPARE}').pos]") == place
    desk.photograph("compare")
    saved = page.evaluate(f"() => app.graph.serialize().nodes.find(node => node.id == {COMPARE}).widgets_values")
    assert saved == [8]


def test_it_plays_and_is_paused_and_stands_still_out_of_sight(desk):
    compared(desk, (96, 64, 24, RED), (96, 64, 24, BLUE))
    page = desk.page
    time, button = (f"{STAGE}.nextElementSibling.querySelector('{part}')" for part in ("input", "button"))
    moves = f"() => {{ const now = {time}.value; window.seen ??= now; return now !== window.seen }}"
    page.evaluate("() => void (window.seen = undefined)")
    page.wait_for_function(moves, timeout=10_000)
    page.evaluate(f"() => {button}.click()")
    page.wait_for_timeout(300)
    stopped = page.evaluate(f"{time}.value")
    page.wait_for_timeout(400)
    assert page.evaluate(f"{time}.value") == stopped

    page.evaluate(f"() => {button}.click()")
    page.evaluate("() => void (window.seen = undefined)")
    page.wait_for_function(moves, timeout=10_000)
    page.evaluate("() => { app.canvas.ds.offset = [-5000, -5000]; app.canvas.setDirty(true, true) }")
    page.wait_for_timeout(700)
    stopped = page.evaluate(f"{time}.value")
    page.wait_for_timeout(400)
    assert page.evaluate(f"{time}.value") == stopped


@pytest.mark.slow
def test_stills_have_no_bar_and_what_was_made_alike_is_said(desk):
    said = compared(desk, (96, 64, 1, RED), (60, 60, 1, RED))
    assert said == "a picture, 96 × 64\na is 96 × 64, b 60 × 60: b is fitted into a's size."
    hidden = f"() => [...{STAGE}.nextElementSibling.children].map(part => part.checkVisibility())"
    assert desk.page.evaluate(hidden) == [False, False, True]
    said = compared(desk, (96, 64, 9, RED), (96, 64, 5, RED))
    assert said == "5 frames, 96 × 64. a and b are the same to the bit.\na has 9 frames, b 5: the first 5 are shown."
    assert desk.page.evaluate(hidden) == [True, True, True]


@pytest.mark.slow
def test_side_by_side_is_kept_with_the_node(desk):
    compared(desk, (96, 64, 1, RED), (96, 64, 1, BLUE))
    canvas = f"() => {{ const {{width, height}} = {STAGE}.querySelector('canvas'); return [width, height] }}"
    assert desk.page.evaluate(canvas) == [480, 320]
    desk.page.evaluate(f"() => {STAGE}.nextElementSibling.lastChild.click()")
    assert desk.page.evaluate(canvas) == [964, 320] and colours(desk) == ["red", "blue"]
    saved = desk.page.evaluate("app.graph.serialize()")
    assert [node["properties"].get("attention_bending") for node in saved["nodes"]][2] == {"beside": True}
    desk.editor.load(saved, "side by side")
    desk.run()
    desk.page.wait_for_function(f"() => {STAGE}?.querySelector('canvas').width === 964", timeout=10_000)


@pytest.mark.slow
def test_it_comes_back_with_its_workflow_and_goes_with_its_node(desk):
    compared(desk, (96, 64, 4, RED), (96, 64, 4, BLUE))
    path = desk.page.evaluate("app.extensionManager.workflow.activeWorkflow.path")
    desk.editor.load({"nodes": [], "links": [], "version": 0.4}, "another")
    assert desk.page.evaluate("document.querySelectorAll('.ab-compare').length") == 0
    desk.page.get_by_text(path.removeprefix("workflows/").removesuffix(".json"), exact=True).last.click()
    desk.page.wait_for_function(f"() => {STAGE}?.classList.contains('ab-empty') === false", timeout=10_000)
    assert colours(desk) == ["red", "blue"]
    desk.page.evaluate(f"() => app.graph.remove(({AT})('{COMPARE}'))")
    assert desk.page.evaluate("document.querySelectorAll('.ab-compare').length") == 0
