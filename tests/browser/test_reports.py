"""What nodes say of a run, on the page: of the last, of each film, to its own page and workflow, as text, unsaved."""

import json
from contextlib import contextmanager

import pytest
from attention_bending.dev.browser import Editor
from attention_bending.dev.server import WorkflowError
from browser.desk import SEEDS, Desk, thrown
from browser.panels import AT, PANEL

pytestmark = [pytest.mark.usefixtures("quiet"), pytest.mark.quick_in("classic")]

PROMPT, BEND, PATCH, SAMPLER, UNBENT = "6", "8", "9", "11", "15"
"""Nodes of *Bend one word (toy)*."""
LINE = '1. Amplify(factor=0) of "red": 6 layers × 1 step'
IDLE = "Nothing to bend and nothing to record: the model passes through as it came."
MUTED, BYPASSED = 2, 4


@pytest.mark.quick_in("classic", "nodes 2")
def test_what_stands_there_is_of_the_last_run(desk):
    desk.open()
    before = values(desk)
    desk.run()
    assert desk.said(PATCH) == LINE
    assert desk.said(PROMPT).startswith("marked: red (1)\numt5xxl, 512 columns: 0 ▁a · 1 ▁red")
    assert values(desk) == before
    shown = desk.page.evaluate(f"() => ({AT})('{PATCH}').widgets.at(-1).element.getBoundingClientRect().height")
    assert shown > 10

    desk.run()  # all from the cache
    assert desk.said(PATCH).startswith("No sampling was seen here in the last run:")
    assert desk.said(PATCH).endswith(f"Before that:\n{LINE}")
    assert desk.said(PROMPT).startswith("marked: red (1)")

    desk.set(BEND, mode=MUTED)
    desk.run()
    assert desk.said(PATCH) == IDLE

    desk.set(BEND, mode=0, token="circel")
    assert isinstance(desk.run(), WorkflowError)
    assert desk.said(PATCH).startswith('⚠ This run failed: Bend 1 of 1, Amplify of "circel" (node 8): "circel" is not')
    desk.page.keyboard.press("Escape")

    desk.set(BEND, token="red")
    desk.set(SAMPLER, seed=next(SEEDS))
    desk.run()
    assert desk.said(PATCH) == LINE

    desk.set(PATCH, mode=BYPASSED)
    desk.run()
    assert desk.said(PATCH) == f"This node took no part in the last run. Before that:\n{LINE}"


def values(desk):
    """What a saved file and a prompt hold of our nodes; core's video adds a preview to the prompt."""
    saved = desk.page.evaluate("app.graph.serialize().nodes.map(node => [node.id, node.widgets_values])")
    ours = {key: node for key, node in desk.editor.export().items() if node["class_type"].startswith("AttnBend")}
    return [(key, values) for key, values in saved if str(key) in ours], ours


def test_a_run_says_that_it_has_begun_and_that_it_was_stopped(desk):
    desk.open(steps=500)
    desk.set(UNBENT, steps=1)
    desk.queue()
    desk.hears(PATCH, 'sampling …\n1. Amplify(factor=0) of "red"')
    desk.server.post("/interrupt", {})
    desk.hears(PATCH, "⚠ This run was stopped before its end.")


@pytest.mark.slow
def test_a_text_that_comes_from_the_cache_is_told_again(desk):
    desk.open()
    for text, first in (("a (red) ball", "red (1)"), ("a (blue) ball", "blue (1)"), ("a (red) ball", "red (1)")):
        desk.set(PROMPT, text=text)
        desk.set(BEND, token="ball")
        desk.run()
        assert desk.said(PROMPT).startswith(f"marked: {first}\n")


@pytest.mark.slow
def test_of_a_list_each_film_is_told(desk):
    desk.open("Sweep a bend (toy)")
    desk.set("2609", values_1="15, 30")
    desk.run()
    report = f"({AT})('2610').widgets.at(-1).element.querySelector('[data-section=report]')"
    passages = desk.page.evaluate(f"() => [...{report}.children].map(part => part.innerText)")
    assert passages[0] == f"run 1 of 3:\n{IDLE}"
    assert [part.split("padding")[0] for part in passages[1:]] == [
        "run 2 of 3:\n1. Rotate(angle=15, ",
        "run 3 of 3:\n1. Rotate(angle=30, ",
    ]


@pytest.mark.slow
def test_a_text_is_text(desk):
    """YAML, which Markdown would make headings and lists of."""
    desk.open("A recipe from a file (toy)")
    entry = desk.run()
    (said,) = entry["outputs"]["3016"]["text"]
    assert "\n# A bending" in said and "\n  - mode: swap\n    token: green\n" in said
    assert desk.said("3016").splitlines() == said.splitlines()
    assert desk.page.evaluate(f"() => ({AT})('3016').widgets.at(-1).element.querySelectorAll('h1, li, p').length") == 0


def test_a_text_can_be_marked_and_the_canvas_zooms_over_it(desk):
    desk.open()
    desk.run()
    page = desk.page
    page.evaluate(
        f"""() => {{
            const [x, y] = ({AT})('{PATCH}').pos
            app.canvas.ds.scale = 1.2
            app.canvas.ds.offset = [200 - x, 100 - y]
            app.canvas.setDirty(true, true)
        }}"""
    )
    panel = f"({AT})('{PATCH}').widgets.at(-1).element"
    page.wait_for_function(f"() => Math.abs({panel}.getBoundingClientRect().width / {panel}.offsetWidth - 1.2) < 0.01")
    x, y, place = page.evaluate(
        f"() => {{ const {{x, y}} = {panel}.getBoundingClientRect(); return [x, y, [...({AT})('{PATCH}').pos]] }}"
    )
    page.mouse.move(x + 8, y + 14)
    page.mouse.down()
    page.mouse.move(x + 120, y + 14, steps=3)
    page.mouse.up()
    assert len(page.evaluate("getSelection().toString()")) > 5
    assert page.evaluate(f"[...({AT})('{PATCH}').pos]") == place
    page.mouse.wheel(0, -100)
    page.wait_for_function("() => app.canvas.ds.scale > 1.2")


def test_inside_of_a_subgraph_and_after_it_was_saved_and_reloaded(desk):
    desk.open()
    group = desk.page.evaluate(
        f"""() => {{
            const {{node}} = app.graph.convertToSubgraph(new Set(['{BEND}', '{PATCH}'].map({AT})))
            return String(node.id)
        }}"""
    )
    inner = f"{group}:{PATCH}"
    desk.run()
    assert desk.said(inner) == LINE
    desk.page.evaluate("id => void app.canvas.openSubgraph(app.graph.getNodeById(id).subgraph)", group)
    desk.drawn()

    saved = json.loads(desk.page.evaluate("JSON.stringify(app.rootGraph.serialize())"))
    assert PANEL not in json.dumps([{**node, "properties": {}} for node in (*saved["nodes"], *inside(saved))])
    assert desk.page.evaluate("app.rootGraph.id") == saved["id"]
    # out of the subgraph: the page's address is its id, and the page goes back to whichever tab has it
    desk.page.evaluate("() => void app.canvas.setGraph(app.rootGraph)")
    desk.drawn()
    desk.editor.load(saved, "reloaded")
    again = desk.page.evaluate("app.rootGraph.serialize()")
    assert [node["widgets_values"] for node in inside(again)] == [node["widgets_values"] for node in inside(saved)]
    desk.set(SAMPLER, seed=next(SEEDS))
    desk.run()
    assert desk.said(inner) == LINE


def inside(workflow):
    (subgraph,) = workflow["definitions"]["subgraphs"]
    return subgraph["nodes"]


def test_undone_and_copied(desk):
    """An undone change keeps the texts; a copy of a node has none."""
    desk.open()
    desk.run()
    desk.page.evaluate(f"() => {{ const node = ({AT})('{PATCH}'); app.graph.add(node.clone()) }}")
    copied = desk.page.evaluate("String(app.graph.nodes.at(-1).id)")
    assert desk.said(copied) is None
    desk.page.evaluate("() => void app.graph.add(LiteGraph.createNode('AttnBendBlur'))")
    desk.page.evaluate("() => void app.extensionManager.workflow.activeWorkflow.changeTracker.captureCanvasState()")
    count = desk.page.evaluate("app.graph.nodes.length")
    desk.page.evaluate("() => void app.extensionManager.command.execute('Comfy.Undo')")
    desk.page.wait_for_function("count => app.graph.nodes.length < count", arg=count, timeout=10_000)
    assert desk.said(PATCH) == LINE and desk.said(copied) is None


def test_another_workflow_in_another_tab_is_told_nothing(desk):
    """Its nodes have the same ids; what was said while it was open is there when one comes back."""
    desk.open(steps=20)
    path = "app.extensionManager.workflow.activeWorkflow.path"
    first = desk.page.evaluate(path)
    prompt = desk.queue()
    desk.open("Mask from a word (toy)")
    desk.server.wait(prompt)
    desk.page.wait_for_timeout(300)
    assert {desk.said(key) for key in desk.page.evaluate("app.graph.nodes.map(node => String(node.id))")} == {None}
    desk.page.get_by_text(first.removeprefix("workflows/").removesuffix(".json"), exact=True).last.click()
    desk.hears(PATCH, LINE.replace("1 step", "20 steps"))


@contextmanager
def stranger(editor, server):
    """Another browser with the same workflow."""
    page = editor.page.context.browser.new_page()
    try:
        other = Editor(server, page)
        other.open()
        desk = Desk(other, server)
        desk.open()
        yield desk
    finally:
        page.context.close()


@pytest.mark.slow
def test_another_page_with_the_same_workflow_is_told_nothing(editor, server):
    with stranger(editor, server) as other:
        other.page.evaluate(
            """() => {
                window.heard = []
                for (const event of ['attention_bending.report', 'progress_text'])
                    app.api.addEventListener(event, ({detail}) => heard.push(detail))
            }"""
        )
        desk = Desk(editor, server)
        desk.open()
        desk.run()
        assert desk.said(PATCH) == LINE
        assert other.page.evaluate("heard") == [] and other.said(PATCH) is None
        other.set(SAMPLER, seed=next(SEEDS))
        other.run()
        assert other.said(PATCH) == LINE and other.page.evaluate("heard.length") > 0
        assert thrown(other.editor) == []
