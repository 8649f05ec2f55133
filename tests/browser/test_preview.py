"""What a bend does, on its node before the film: asked anew with every change, in both of the page's renderings."""

import pytest
from browser.panels import AT, PANEL

pytestmark = pytest.mark.usefixtures("quiet")

PROMPT, BEND, PATCH, SAMPLER = "6", "8", "9", "11"
"""Nodes of *Bend one word (toy)*."""

FIGURE = f"({AT})(id)?.widgets?.find(widget => widget.name === '{PANEL}')?.element.querySelector('figure')"
CAPTION = f"id => {FIGURE}?.querySelector('figcaption').textContent ?? null"
PICTURE = f"id => {FIGURE}?.querySelector('img').src ?? null"
CARD = "test card: before | after"


def caption(desk, node, part):
    desk.page.wait_for_function(f"([id, part]) => ({CAPTION})(id)?.includes(part)", arg=[node, part], timeout=20_000)
    return desk.page.evaluate(CAPTION, node)


def renewed(desk, node, before):
    """Wait for another picture than `before`, and for its pixels; where it is now."""
    other = f"([id, before]) => ({PICTURE})(id) !== before && {FIGURE}.querySelector('img').complete"
    desk.page.wait_for_function(other, arg=[node, before], timeout=20_000)
    return desk.page.evaluate(PICTURE, node)


def show(desk, node):
    """Open a node's panel, and go there."""
    desk.page.evaluate(
        f"""async id => {{
            const node = ({AT})(id)
            const {{ setOpen }} = await import(`${{location.origin}}/extensions/attention-bending/panel.js`)
            setOpen(node, true)
            app.canvas.ds.scale = 1
            app.canvas.ds.offset = [300 - node.pos[0], 120 - node.pos[1]]
            app.canvas.setDirty(true, true)
        }}""",
        node,
    )


def test_a_picture_follows_its_values(desk, tmp_path):
    desk.open()
    show(desk, BEND)
    assert caption(desk, BEND, "card") == CARD
    first = desk.page.evaluate(PICTURE, BEND)
    desk.set(BEND, factor=3.0)
    desk.page.evaluate("app.graph.change()")
    second = renewed(desk, BEND, first)
    desk.set(BEND, strength=0.25)
    renewed(desk, BEND, second)
    desk.page.screenshot(path=str(tmp_path / "preview.png"))
