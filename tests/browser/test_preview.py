"""What a bend does, on its node before the film: asked anew with every change, in both of the page's renderings."""

import json

import pytest
from browser.desk import SEEDS
from browser.panels import AT, PANEL
from browser.previews import FIGURE, PIXELS, Asked, added, caption, change, picture, renewed, show

pytestmark = pytest.mark.usefixtures("quiet")

BEND, PATCH, SAMPLER = "8", "9", "11"
"""Nodes of *Bend one word (toy)*."""
CARD = "test card: before | after"
TO_ROUTE = "**/attention_bending/preview"


@pytest.mark.quick_in("classic", "nodes 2")
def test_a_picture_follows_values_and_wires(desk):
    desk.open()
    show(desk, BEND)
    assert caption(desk, BEND, "card") == CARD
    before, after = desk.page.evaluate(PIXELS, BEND)
    assert after < before  # the word is taken out
    first = picture(desk, BEND)
    change(desk, BEND, factor=3.0)
    before, after = renewed(desk, BEND, first)
    assert after > before
    desk.photograph("before the film")

    second = picture(desk, BEND)
    moving = added(desk, "AttnBendAnimate", BEND, parameter="factor", keyframes="0%: 0, 100%: 3")
    with desk.page.expect_response(TO_ROUTE) as answer:
        desk.page.evaluate(f"([from, to]) => ({AT})(from).connect(0, ({AT})(to), 'bending')", [moving, PATCH])
    renewed(desk, BEND, second)
    assert json.loads(answer.value.headers["attention-bending-told"])["pictures"] == 10

    show(desk, moving)
    assert caption(desk, moving, "card") == CARD
    third = picture(desk, moving)
    change(desk, moving, parameter="angle")
    assert 'Amplify has no parameter "angle"' in caption(desk, moving, "angle")
    assert picture(desk, moving) == third


def test_after_a_run_it_is_of_the_words_own_map(desk):
    desk.open()
    desk.set(PATCH, record="bent words")
    show(desk, BEND)
    assert caption(desk, BEND, "card") == CARD
    first = picture(desk, BEND)
    desk.run()
    assert caption(desk, BEND, "last run") == "red in the last run: before | after"
    before, after = renewed(desk, BEND, first)
    assert after < before
    desk.photograph("a word's own map, before and after")
    change(desk, BEND, token="circle")
    assert caption(desk, BEND, "card") == CARD
    change(desk, BEND, token="red")
    caption(desk, BEND, "last run")
    desk.set(PATCH, record="none")
    desk.set(SAMPLER, seed=next(SEEDS))
    desk.run()
    assert caption(desk, BEND, "gone") == "test card, since the last run's maps are gone: before | after"


def test_nothing_is_asked_for_what_is_not_seen(desk):
    asked = Asked(desk.page)
    try:
        desk.open()
        show(desk, BEND, scale=0.2)
        count = asked.settled()
        change(desk, BEND, factor=5.0)
        assert asked.settled() == count
        show(desk, BEND)
        caption(desk, BEND, "card")
        count = asked.settled()
        desk.page.evaluate("() => { app.canvas.ds.offset = [90000, 90000]; app.canvas.setDirty(true, true) }")
        desk.drawn()
        change(desk, BEND, factor=6.0)
        assert asked.settled() == count
        first = picture(desk, BEND)
        show(desk, BEND)
        renewed(desk, BEND, first)
        assert asked.settled() == count + 1
    finally:
        asked.stop()


@pytest.mark.slow
def test_one_question_at_a_time_and_the_newest_counts(desk):
    desk.open()
    show(desk, BEND)
    caption(desk, BEND, "card")
    open_now, most, bodies = [], [], []

    def slowly(route):
        open_now.append(route)
        most.append(len(open_now))
        bodies.append(json.loads(route.request.post_data))
        answer = route.fetch()
        open_now.remove(route)
        route.fulfill(response=answer)

    desk.page.route(TO_ROUTE, slowly)
    try:
        for factor in range(10):
            first = picture(desk, BEND)
            change(desk, BEND, factor=factor + 0.5)
            desk.page.wait_for_timeout(40)
        renewed(desk, BEND, first)
        desk.page.wait_for_timeout(1500)
    finally:
        desk.page.unroute(TO_ROUTE)
    assert max(most) == 1
    assert bodies[-1]["node"]["inputs"]["factor"] == 9.5


@pytest.mark.slow
def test_it_is_there_after_an_undo(desk):
    desk.open()
    show(desk, BEND)
    caption(desk, BEND, "card")
    check = "() => void app.extensionManager.workflow.activeWorkflow.changeTracker.captureCanvasState()"
    desk.page.evaluate(check)
    before = picture(desk, BEND)
    change(desk, BEND, factor=2.5)
    renewed(desk, BEND, before)
    desk.page.evaluate("() => void app.extensionManager.command.execute('Comfy.Undo')")
    undone = f"""id => ({AT})(id).widgets.find(({{name}}) => name === 'factor').value === 0
        && {FIGURE}.isConnected && {FIGURE}.querySelector('img').naturalWidth > 0"""
    desk.page.wait_for_function(undone, arg=BEND, timeout=20_000)


@pytest.mark.slow
def test_nodes_made_and_deleted_leave_nothing(desk):
    desk.open()
    show(desk, BEND)
    caption(desk, BEND, "card")
    left = desk.page.evaluate(
        f"""async () => {{
            const made = []
            for (let i = 0; i < 20; i++) {{
                const node = LiteGraph.createNode('AttnBendBlur')
                app.graph.add(node)
                made.push(new WeakRef(node.widgets.find(w => w.name === '{PANEL}').element.querySelector('img')))
                app.graph.remove(node)
            }}
            await new Promise(resolve => setTimeout(resolve, 500))
            return made.filter(image => image.deref()?.src).length
        }}"""
    )
    assert left == 0


@pytest.mark.slow
def test_in_a_subgraph_it_knows_its_run(desk):
    desk.open()
    desk.set(PATCH, record="bent words")
    group = desk.page.evaluate(
        f"""() => String(app.graph.convertToSubgraph(new Set(['{BEND}', '{PATCH}'].map({AT}))).node.id)"""
    )
    desk.set(SAMPLER, seed=next(SEEDS))
    desk.run()
    desk.page.evaluate("id => void app.canvas.openSubgraph(app.graph.getNodeById(id).subgraph)", group)
    desk.drawn()
    inner = f"{group}:{BEND}"
    show(desk, inner)
    caption(desk, inner, "red in the last run")
    desk.page.evaluate("() => void app.canvas.setGraph(app.rootGraph)")
