"""Nodes that were made and deleted leave nothing of ours at work in the page, in both of its renderings."""

import re

import numpy as np
import pytest
from attention_bending.dev.browser import Editor
from browser.desk import thrown
from browser.heap import Heap

pytestmark = pytest.mark.slow

COUNT = 100
OURS = re.compile('class="(attention-bending|ab-)')
"""An element's name in the heap begins as its HTML."""

COUNTED = """(() => {
    const ours = () => String(new Error().stack).includes('/extensions/attention-bending/')
    window.working = {timers: new Set(), observed: new Set(), listened: new Set()}
    const {timers, observed, listened} = working
    const [start, stop] = [setInterval, clearInterval]
    window.setInterval = (...given) => {
        const id = start(...given)
        if (ours()) timers.add(id)
        return id
    }
    window.clearInterval = (id) => { timers.delete(id); stop(id) }
    for (const kind of [ResizeObserver, IntersectionObserver, MutationObserver]) {
        const {observe, unobserve, disconnect} = kind.prototype
        const known = new WeakMap() // by observer, what it looks at
        Object.assign(kind.prototype, {
            observe(element, ...given) {
                observe.call(this, element, ...given)
                if (!ours()) return
                const key = {element}
                known.set(this, [...(known.get(this) ?? []), key])
                observed.add(key)
            },
            unobserve(element) {
                unobserve.call(this, element)
                for (const key of known.get(this) ?? []) if (key.element === element) observed.delete(key)
            },
            disconnect() {
                disconnect.call(this)
                for (const key of known.get(this) ?? []) observed.delete(key)
            },
        })
    }
    const {addEventListener, removeEventListener} = EventTarget.prototype
    const isShared = (target) => !(target instanceof Node) || target === document || target === document.body
    EventTarget.prototype.addEventListener = function (type, call, ...given) {
        if (isShared(this) && ours()) listened.add(call)
        return addEventListener.call(this, type, call, ...given)
    }
    EventTarget.prototype.removeEventListener = function (type, call, ...given) {
        listened.delete(call)
        return removeEventListener.call(this, type, call, ...given)
    }
})()"""
"""Before the page's own scripts: what modules of ours start and do not stop. Elements' own listeners go with them."""

WORKING = "Object.fromEntries(Object.entries(working).map(([kind, all]) => [kind, all.size]))"

MAKE = """([types, count]) => {
    for (let i = 0; i < count; i++) {
        const node = LiteGraph.createNode(types[i % types.length])
        app.graph.add(node)
        node.pos = [(i % 10) * 400, Math.floor(i / 10) * 700]
    }
    Object.assign(app.canvas.ds, {scale: 0.3, offset: [100, 100]})
    app.canvas.setDirty(true, true)
}"""
DELETE = "() => { for (const node of [...app.graph.nodes]) app.graph.remove(node) }"


@pytest.fixture(params=[False, True], ids=["classic", "nodes 2"])
def new_page(editor, server, request):
    """A page that counts from its beginning."""
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


def test_nothing_is_left_at_work_and_no_element_is_held_by_ours(new_page, server):
    """The page itself keeps some deleted nodes, even of core's own: what is theirs is held by them alone."""
    page = new_page
    types = [key for key, info in server.get("/object_info").items() if info["python_module"].endswith("-bending")]
    page.evaluate(DELETE)
    page.wait_for_timeout(500)
    before = page.evaluate(WORKING)
    page.evaluate(MAKE, [types, COUNT])
    page.wait_for_timeout(2000)
    during = page.evaluate(WORKING)
    assert during["observed"] > COUNT > before["observed"] and during["listened"] > 0
    page.evaluate(DELETE)
    page.wait_for_timeout(2000)
    assert page.evaluate(WORKING) == before
    assert page.evaluate("document.querySelectorAll('.attention-bending').length") == 0

    heap = Heap(page)
    nodes = np.flatnonzero((heap.names == "ComfyNode") & (heap.kinds == "object"))
    by = heap.reached(without=nodes)
    ours = [at for at in np.flatnonzero(heap.detached) if OURS.search(heap.names[at])]
    assert ["\n".join(heap.path(at, by)) for at in ours if by[at] >= 0][:3] == []
