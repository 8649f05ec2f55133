"""After the run, on the page: what became of each bend, and errors on their own nodes."""

import pytest
from attention_bending.dev.server import WorkflowError
from browser.desk import Desk
from browser.panels import AT, comes, goes, kept, part, press, said

pytestmark = pytest.mark.usefixtures("quiet")

PROMPT, BEND, PATCH, SAMPLER = "6", "8", "9", "11"
"""Nodes of *Bend one word (toy)*."""
RAN = "ran in 6 layers × 1 step"
MUTED = 2


def test_a_bend_shows_what_became_of_it_and_grows_old(desk: Desk):
    desk.open()
    desk.run()
    assert said(desk, BEND) == [[RAN, "ab-badge", False]]
    desk.photograph("after the run")
    factor = desk.page.evaluate(f"({AT})('{BEND}').widgets.find(({{name}}) => name === 'factor').value")
    for value, is_dim in ((0.4, True), (factor, False)):  # it is another bend, and again the one that ran
        desk.set(BEND, factor=value)
        desk.page.wait_for_function(
            f"dim => (({part('report')})('{BEND}').firstChild.style.opacity < 1) === dim", arg=is_dim, timeout=10_000
        )
    desk.run()  # all from the cache
    assert said(desk, BEND) == [[RAN, "ab-badge", True]]
    desk.set(BEND, start_percent=0.61, end_percent=0.615)
    desk.run()
    ((text, look, dim),) = said(desk, BEND)
    assert text.startswith("did not run: no step of this sampler lies in 61.0% to 61.5%")
    assert (look, dim) == ("ab-badge ab-amber", False)
    desk.set(BEND, mode=MUTED)
    desk.run()
    assert [dim for *_, dim in said(desk, BEND)] == [True]
    desk.set(BEND, mode=0, token="circel")
    desk.run()
    assert [dim for *_, dim in said(desk, BEND)] == [True]


def faults(desk, node):
    return [text for text, look, _ in said(desk, node, "notice") if "ab-bad" in look]


def selected(desk):
    return desk.page.evaluate("[...app.canvas.selectedItems].map(({id}) => String(id))")


def apart(desk):
    """Move Patch Model away from the bend above it, which grows."""
    desk.page.evaluate(f"() => {{ const node = ({AT})('{PATCH}'); node.pos = [node.pos[0], node.pos[1] + 300] }}")


@pytest.mark.quick_in("classic", "nodes 2")
def test_an_error_stands_on_the_bend_s_own_node_with_its_cure(desk: Desk):
    desk.open()
    apart(desk)
    desk.set(BEND, token="red, circel")
    desk.page.evaluate("() => { app.canvas.ds.offset = [9000, 9000]; app.canvas.ds.scale = 0.5 }")
    desk.run()
    comes(desk, BEND, "notice", "Did you mean")
    (text,) = faults(desk, BEND)
    assert text.startswith(
        'Bend 1 of 1, Amplify of "red, circel" (node 8): "circel" is not in the prompt. Did you mean'
    )
    desk.page.wait_for_function("() => app.canvas.ds.scale > 0.7", timeout=5000)
    assert selected(desk) == [BEND]
    desk.photograph("an error on its node")
    desk.page.keyboard.press("Escape")
    press(desk, BEND, "notice", "use “red, circle”")
    goes(desk, BEND, "notice")
    assert desk.page.evaluate(f"({AT})('{BEND}').widgets.find(({{name}}) => name === 'token').value") == "red, circle"
    desk.page.evaluate("() => app.extensionManager.command.execute('Comfy.Undo')")
    desk.page.wait_for_function(
        f"() => ({AT})('{BEND}')?.widgets.find(({{name}}) => name === 'token').value === 'red, circel'", timeout=5000
    )


def test_an_edit_of_its_field_takes_an_error_away_and_of_another_does_not(desk: Desk):
    desk.open()
    desk.set(BEND, token="circel")
    desk.run()
    comes(desk, BEND, "notice", "Did you mean")
    desk.set(BEND, factor=0.5)
    desk.page.wait_for_timeout(2500)  # the page looks again by itself
    assert faults(desk, BEND)
    desk.set(BEND, token="circle")
    goes(desk, BEND, "notice")
    desk.set(BEND, token="circel")
    desk.run()
    comes(desk, BEND, "notice", "Did you mean")
    desk.set(PROMPT, text="a circel")  # what was wrong was the prompt
    desk.run()
    goes(desk, BEND, "notice")


@pytest.mark.slow
def test_a_node_that_fails_itself_says_so(desk: Desk):
    desk.open()
    desk.set(BEND, token="")
    desk.run()
    comes(desk, BEND, "notice", "token is empty. Type a word of the prompt")
    desk.page.wait_for_function("() => [...app.canvas.selectedItems].length === 1")
    assert selected(desk) == [BEND]
    desk.set(BEND, strength=0.5)
    goes(desk, BEND, "notice")


def grouped(desk, *nodes):
    """Put nodes into a subgraph; its id."""
    group = f"""() => {{
        const {{node}} = app.graph.convertToSubgraph(new Set({list(nodes)}.map({AT})))
        return String(node.id)
    }}"""
    return desk.page.evaluate(group)


@pytest.mark.slow
def test_inside_of_a_subgraph_the_page_opens_it(desk: Desk):
    desk.open()
    apart(desk)
    group = grouped(desk, BEND, PATCH)
    inner = f"{group}:{BEND}"
    desk.run()
    assert said(desk, inner) == [[RAN, "ab-badge", False]]
    desk.set(inner, token="circel")
    desk.run()
    comes(desk, inner, "notice", "Did you mean")
    desk.page.wait_for_function(
        f"() => app.canvas.graph === ({AT})('{inner}').graph && app.canvas.selectedItems.size === 1", timeout=5000
    )
    assert selected(desk) == [BEND]
    desk.page.wait_for_timeout(1000)  # the view glides there
    at = f"({AT})('{inner}')"
    place = desk.page.evaluate(f"() => app.canvas.convertOffsetToCanvas([...{at}.boundingRect.slice(0, 2)])")
    assert 0 < place[0] < 1600 and 0 < place[1] < 1000
    press(desk, inner, "notice", "use “circle”")
    goes(desk, inner, "notice")
    desk.page.evaluate("() => void app.canvas.setGraph(app.rootGraph)")
    desk.drawn()


def test_another_workflow_s_fault_waits_until_it_is_opened(desk: Desk):
    desk.open(steps=1)
    first = desk.page.evaluate("app.extensionManager.workflow.activeWorkflow.path")
    desk.page.evaluate("() => { app.rootGraph.id = crypto.randomUUID() }")  # no other test's
    desk.set(BEND, token="circel")
    kept(desk)
    prompt = desk.queue()
    desk.open("Mask from a word (toy)")
    with pytest.raises(WorkflowError):
        desk.server.wait(prompt)
    desk.page.wait_for_timeout(300)
    shown = "[...document.querySelectorAll('.ab-bad')].filter(each => each.checkVisibility()).length"
    assert desk.page.evaluate(shown) == 0
    desk.page.evaluate("() => app.extensionManager.command.execute('Workspace.PreviousOpenedWorkflow')")
    assert desk.page.evaluate("app.extensionManager.workflow.activeWorkflow.path") == first
    comes(desk, BEND, "notice", "Did you mean")
    assert len(faults(desk, BEND)) == 1


def test_a_patch_model_that_no_sampler_uses_says_so_before_the_run(desk: Desk):
    desk.open()
    desk.drawn()
    assert said(desk, PATCH, "notice") == said(desk, BEND, "notice") == []
    wire = f"() => {{ const node = ({AT})('{SAMPLER}'); node.disconnectInput(node.findInputSlot('model')) }}"
    desk.page.evaluate(wire)
    comes(desk, PATCH, "notice", "No sampler uses this model: connect it to one.")
    comes(desk, BEND, "notice", "No sampler uses the model of this bend's Patch Model")
    assert [look for _, look, _ in said(desk, PATCH, "notice")] == ["ab-notice ab-amber"]
    desk.set(PATCH, mode=4)  # bypassed: it is not meant to do anything
    goes(desk, PATCH, "notice")
    desk.set(PATCH, mode=0)
    desk.page.evaluate(f"() => ({AT})('{PATCH}').connect(0, ({AT})('{SAMPLER}'), 'model')")
    goes(desk, PATCH, "notice")
    desk.page.evaluate(
        f"() => {{ const node = ({AT})('{PATCH}'); node.disconnectInput(node.findInputSlot('bending')) }}"
    )
    comes(desk, PATCH, "notice", "Until then the model passes through as it came.")
    assert [look for _, look, _ in said(desk, PATCH, "notice")] == ["ab-notice ab-calm"]
    desk.set(PATCH, record="listed words")
    goes(desk, PATCH, "notice")


@pytest.mark.slow
def test_of_a_list_a_bend_is_told_of_each_film(desk: Desk):
    desk.open("Sweep a bend (toy)")
    desk.set("2609", values_1="15, 30")
    bend = desk.page.evaluate("String(app.graph.nodes.find(({type}) => type === 'AttnBendRotate').id)")
    desk.run()
    assert said(desk, bend) == [["all 2 runs:\nran in 6 layers × 1 step", "ab-badge", False]]
