"""Nodes that were made and deleted leave nothing of ours in the page's memory, in both of its renderings."""

import pytest
from attention_bending.dev.browser import Editor
from browser.desk import thrown

pytestmark = pytest.mark.slow

COUNT = 100

COUNTED = """(() => {
    window.running = new Set()
    window.listening = new Map()
    for (const name of ['Interval', 'Timeout']) {
        const [set, clear] = [window[`set${name}`], window[`clear${name}`]]
        window[`set${name}`] = (call, ...given) => {
            const id = set((...told) => {
                if (name === 'Timeout') running.delete(id)
                return call(...told)
            }, ...given)
            if (String(new Error().stack).includes('/extensions/attention-bending/')) running.add(id)
            return id
        }
        window[`clear${name}`] = (id) => { running.delete(id); clear(id) }
    }
    const {addEventListener, removeEventListener} = EventTarget.prototype
    const count = (target, change) => {
        if (target instanceof Node && target !== document && target !== document.body) return
        window.listening.set(target, (window.listening.get(target) ?? 0) + change)
    }
    EventTarget.prototype.addEventListener = function (...given) {
        if (String(new Error().stack).includes('/extensions/attention-bending/')) count(this, 1)
        return addEventListener.apply(this, given)
    }
    EventTarget.prototype.removeEventListener = function (...given) {
        if (String(new Error().stack).includes('/extensions/attention-bending/')) count(this, -1)
        return removeEventListener.apply(this, given)
    }
})()"""
"""JavaScript before the page's own: counts timers of ours that run, and listeners of ours to what is no element of a node."""

OURS = """function () {
    return this.filter((each) => {
        if (Object.hasOwn(each, 'constructor')) return false // a prototype
        const isPart = each instanceof Element && each.closest('.attention-bending, [data-section], figure')
        return isPart || each.comfyClass?.startsWith('AttnBend')
    }).length
}"""
ALL = "function () { return this.length }"

MAKE = """async ([types, count]) => {
    for (let i = 0; i < count; i++) {
        const node = LiteGraph.createNode(types[i % types.length])
        app.graph.add(node)
        node.pos = [(i % 10) * 400, Math.floor(i / 10) * 700]
    }
    app.canvas.ds.scale = 0.3
    app.canvas.ds.offset = [100, 100]
    app.canvas.setDirty(true, true)
}"""


@pytest.fixture(params=[False, True], ids=["classic", "nodes 2"])
def new_page(editor, server, request):
    """A page whose memory nobody has used."""
    page = editor.page.context.browser.new_page(viewport={"width": 1600, "height": 1000})
    page.add_init_script(COUNTED)
    try:
        opened = Editor(server, page)
        opened.open({"Comfy.VueNodes.Enabled": request.param})
        yield page
        assert thrown(opened) == []
    finally:
        page.context.close()
        server.post("/settings", {"Comfy.VueNodes.Enabled": False})


def left(page):
    """What of ours is in the page's memory, by kind, after the rubbish was taken out."""
    tools = page.context.new_cdp_session(page)
    found = {}
    kinds = {
        "elements": ("Element", OURS),
        "nodes": ("LiteGraph.LGraphNode", OURS),
        "sizes watched": ("ResizeObserver", ALL),
        "sights watched": ("IntersectionObserver", ALL),
    }
    for _ in range(3):
        tools.send("HeapProfiler.collectGarbage")
    for kind, (made, count) in kinds.items():
        prototype = tools.send("Runtime.evaluate", {"expression": f"{made}.prototype"})["result"]["objectId"]
        objects = tools.send("Runtime.queryObjects", {"prototypeObjectId": prototype})["objects"]["objectId"]
        call = {"functionDeclaration": count, "objectId": objects, "returnByValue": True}
        found[kind] = tools.send("Runtime.callFunctionOn", call)["result"]["value"]
        tools.send("Runtime.releaseObject", {"objectId": objects})
    tools.detach()
    found["timers"] = page.evaluate("running.size")
    found["listeners"] = page.evaluate("[...listening.values()].reduce((sum, count) => sum + count, 0)")
    return found


def test_nothing_is_left(new_page, server):
    page = new_page
    types = [key for key, info in server.get("/object_info").items() if info["python_module"].endswith("-bending")]
    page.evaluate("() => app.graph.clear()")

    def make_and_delete(count):
        page.evaluate(MAKE, [types, count])
        page.wait_for_timeout(4000)
        page.evaluate("() => { for (const node of [...app.graph.nodes]) app.graph.remove(node) }")
        page.wait_for_timeout(3000)
        return left(page)

    before = make_and_delete(len(types))  # what is made once, is
    page.evaluate(MAKE, [types, COUNT])
    page.wait_for_timeout(4000)
    there = left(page)
    assert there["elements"] > COUNT and there["nodes"] >= COUNT
    after = make_and_delete(COUNT)
    print(before, there, after)
    assert after == before
    assert after["elements"] == after["nodes"] == 0
