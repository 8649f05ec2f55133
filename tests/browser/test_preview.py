"""What a bend does, on its node before the film: asked anew with every change, in both of the page's renderings."""

import json

import pytest
from browser.panels import AT, PANEL

pytestmark = pytest.mark.usefixtures("quiet")

BEND, PATCH, SAMPLER = "8", "9", "11"
"""Nodes of *Bend one word (toy)*."""

FIGURE = f"({AT})(id)?.widgets?.find(widget => widget.name === '{PANEL}')?.element.querySelector('figure')"
CAPTION = f"id => {FIGURE}?.querySelector('figcaption').textContent ?? null"
PICTURE = f"id => {FIGURE}?.querySelector('img').src ?? null"
PIXELS = f"""async id => {{
    const image = {FIGURE}.querySelector('img')
    await image.decode()
    const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight)
    const pen = canvas.getContext('2d')
    pen.drawImage(image, 0, 0)
    const light = (x) => pen.getImageData(x, 0, canvas.width / 2 - 4, canvas.height).data.reduce((a, b) => a + b, 0)
    return [light(0), light(canvas.width / 2 + 4)]
}}"""
MODULE = "await import(`${location.origin}/extensions/attention-bending/%s.js`)"
CARD = "test card: before | after"
TO_ROUTE = "**/attention_bending/preview"


def caption(desk, node, part):
    """Wait until a node's caption says this; all of it."""
    desk.page.wait_for_function(f"([id, part]) => ({CAPTION})(id)?.includes(part)", arg=[node, part], timeout=20_000)
    return desk.page.evaluate(CAPTION, node)


def picture(desk, node):
    return desk.page.evaluate(PICTURE, node)


def renewed(desk, node, before):
    """Wait for another picture than `before`; how light its halves are, before the bend and after."""
    other = f"([id, before]) => ({PICTURE})(id) !== before && {FIGURE}.querySelector('img').naturalWidth > 0"
    desk.page.wait_for_function(other, arg=[node, before], timeout=20_000)
    return desk.page.evaluate(PIXELS, node)


def show(desk, node, scale=1.0):
    """Open a node's panel, and go there."""
    desk.page.evaluate(
        f"""async ([id, scale]) => {{
            const {{ setOpen }} = {MODULE % "panel"}
            const node = ({AT})(id)
            setOpen(node, true)
            app.canvas.ds.scale = scale
            app.canvas.ds.offset = [300 / scale - node.pos[0], 120 / scale - node.pos[1]]
            app.canvas.setDirty(true, true)
        }}""",
        [node, scale],
    )


def change(desk, node, **values):
    """Change widgets as the page's own modules do."""
    desk.page.evaluate(
        f"""async ([id, values]) => {{
            const {{ setValues }} = {MODULE % "values"}
            setValues(({AT})(id), values)
        }}""",
        [node, values],
    )


def settings(desk, **values):
    for name, value in values.items():
        desk.page.evaluate(
            "([id, value]) => app.extensionManager.setting.set(id, value)", [f"AttentionBending.{name}", value]
        )


def added(desk, name, *before, **values):
    """A new node, behind others; its id."""
    return desk.page.evaluate(
        """([name, before, values]) => {
            const node = LiteGraph.createNode(name)
            app.graph.add(node)
            node.pos = [2400, 300]
            const slot = node.inputs.findIndex(({type}) => type === 'BENDING')
            before.forEach(id => app.graph.getNodeById(id).connect(0, node, slot))
            for (const widget of node.widgets) if (widget.name in values) widget.value = values[widget.name]
            return String(node.id)
        }""",
        [name, list(before), values],
    )


def test_a_picture_follows_values_and_wires(desk, tmp_path):
    desk.open()
    show(desk, BEND)
    assert caption(desk, BEND, "card") == CARD
    before, after = desk.page.evaluate(PIXELS, BEND)
    assert after < before  # the word is taken out
    first = picture(desk, BEND)
    change(desk, BEND, factor=3.0)
    before, after = renewed(desk, BEND, first)
    assert after > before
    desk.page.screenshot(path=str(tmp_path / "a bend.png"))

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
    desk.page.screenshot(path=str(tmp_path / "an error.png"))


def test_after_a_run_it_is_of_the_words_own_map(desk, tmp_path):
    desk.open()
    desk.set(PATCH, record="bent words")
    show(desk, BEND)
    assert caption(desk, BEND, "card") == CARD
    first = picture(desk, BEND)
    desk.run()
    assert caption(desk, BEND, "last run") == "red in the last run: before | after"
    before, after = renewed(desk, BEND, first)
    assert after < before
    desk.page.screenshot(path=str(tmp_path / "of the last run.png"))
    change(desk, BEND, token="circle")
    assert caption(desk, BEND, "card") == CARD
    change(desk, BEND, token="red")
    caption(desk, BEND, "last run")
    desk.set(PATCH, record="none")
    desk.set(SAMPLER, seed=77)
    desk.run()
    assert caption(desk, BEND, "gone") == "test card, since the last run's maps are gone: before | after"


@pytest.mark.slow  # on a busy machine the page is not always through with what it asked before
def test_nothing_is_asked_for_what_is_not_seen(desk):
    desk.open()
    asked = []
    desk.page.on("request", lambda request: asked.append(request.url) if "bending/preview" in request.url else None)
    show(desk, BEND, scale=0.2)
    desk.page.wait_for_timeout(700)
    asked.clear()  # what was asked while it opened
    change(desk, BEND, factor=5.0)
    desk.page.wait_for_timeout(700)
    assert asked == []
    show(desk, BEND)
    caption(desk, BEND, "card")
    desk.page.wait_for_timeout(700)
    count = len(asked)
    desk.page.evaluate("() => { app.canvas.ds.offset = [90000, 90000]; app.canvas.setDirty(true, true) }")
    desk.page.wait_for_timeout(700)
    change(desk, BEND, factor=6.0)
    desk.page.wait_for_timeout(700)
    assert len(asked) == count
    show(desk, BEND)
    first = picture(desk, BEND)
    renewed(desk, BEND, first)
    assert len(asked) == count + 1


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


def test_with_previews_off_there_is_no_panel_and_the_file_is_the_same(desk, tmp_path):
    saved = "JSON.stringify(app.graph.serialize().nodes.map(node => [node.id, node.widgets_values, node.size[0]]))"
    desk.open()
    with_them = desk.page.evaluate(saved)
    settings(desk, Previews=False)
    try:
        desk.page.wait_for_function(f"id => !({FIGURE})", arg=BEND)
        desk.open()
        desk.page.wait_for_timeout(300)
        assert desk.page.evaluate(f"id => !({FIGURE})", BEND)
        assert desk.page.evaluate(saved) == with_them
    finally:
        settings(desk, Previews=True)
    show(desk, BEND)
    caption(desk, BEND, "card")
    settings(desk, PreviewSize="small", ColorMap="cividis")
    try:
        wide = (
            f"id => {FIGURE}.getBoundingClientRect().width <= 193 && {FIGURE}.querySelector('img').naturalWidth <= 192"
        )
        desk.page.wait_for_function(wide, arg=BEND, timeout=10_000)
        desk.page.screenshot(path=str(tmp_path / "small.png"))
    finally:
        settings(desk, PreviewSize="medium", ColorMap="viridis")


def test_a_new_nodes_panel_is_closed_where_that_is_wished(desk):
    desk.open()
    is_open = f"async id => ({MODULE % 'panel'}).isOpen(({AT})(id))"
    assert desk.page.evaluate(is_open, added(desk, "AttnBendBlur"))
    settings(desk, Panels=False)
    try:
        assert not desk.page.evaluate(is_open, added(desk, "AttnBendBlur"))
    finally:
        settings(desk, Panels=True)


def test_no_live_maps_where_none_are_wished(desk):
    desk.open(steps=30)
    desk.set(PATCH, record="bent words")
    desk.page.evaluate(
        """() => {
            window.live = []
            app.api.addEventListener('b_preview_with_metadata', ({detail}) => live.push(detail.displayNodeId))
        }"""
    )
    with desk.page.expect_response("**/attention_bending/wishes") as answer:
        settings(desk, LiveMaps=False)
    assert answer.value.json() == {"kept": True}
    desk.set(SAMPLER, seed=901)
    desk.run()
    assert PATCH not in desk.page.evaluate("live")
    with desk.page.expect_response("**/attention_bending/wishes"):
        settings(desk, LiveMaps=True)
    desk.set(SAMPLER, seed=902)
    desk.run()
    assert PATCH in desk.page.evaluate("live")


def test_it_is_there_after_an_undo(desk):
    desk.open()
    show(desk, BEND)
    caption(desk, BEND, "card")
    check = "() => void app.extensionManager.workflow.activeWorkflow.changeTracker.checkState()"
    desk.page.evaluate(check)
    before = picture(desk, BEND)
    change(desk, BEND, factor=2.5)
    renewed(desk, BEND, before)
    desk.page.evaluate("() => void app.extensionManager.command.execute('Comfy.Undo')")
    undone = f"""id => ({AT})(id).widgets.find(({{name}}) => name === 'factor').value === 0
        && {FIGURE}.isConnected && {FIGURE}.querySelector('img').naturalWidth > 0"""
    desk.page.wait_for_function(undone, arg=BEND, timeout=20_000)


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


def test_in_a_subgraph_it_knows_its_run(desk):
    desk.open()
    desk.set(PATCH, record="bent words")
    group = desk.page.evaluate(
        f"""() => String(app.graph.convertToSubgraph(new Set(['{BEND}', '{PATCH}'].map({AT}))).node.id)"""
    )
    desk.set(SAMPLER, seed=31)
    desk.run()
    desk.page.evaluate("id => void app.canvas.openSubgraph(app.graph.getNodeById(id).subgraph)", group)
    desk.page.wait_for_timeout(500)
    inner = f"{group}:{BEND}"
    show(desk, inner)
    caption(desk, inner, "red in the last run")
    desk.page.evaluate("() => void app.canvas.setGraph(app.rootGraph)")
