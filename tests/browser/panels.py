"""What nodes say, on the page."""

PANEL = "attention_bending"
"""The name of the widget."""

AT = """id => id.split(':').reduce(
    (graph, part) => (graph.subgraph ?? graph).getNodeById(part), app.rootGraph)"""
"""The node with an execution id: "19:8" is node 8 inside of subgraph 19."""

SAID = f"""id => {{
    const panel = ({AT})(id)?.widgets?.find(widget => widget.name === '{PANEL}')?.element
    return panel?.querySelector('[data-section=report]')?.innerText || null
}}"""
"""What is read on it, null where it has no panel."""


def part(section):
    """JavaScript: that section of a node's panel, by the node's execution id."""
    return f"""id => ({AT})(id)?.widgets?.find(widget => widget.name === 'attention_bending')
        ?.element.querySelector('[data-section={section}]')"""


def said(desk, node, section="report"):
    """What stands in a section of a node: of each passage its text, its class, and whether it is dim."""
    return desk.page.evaluate(
        f"""id => [...(({part(section)})(id)?.children ?? [])].map(
            each => [each.innerText, each.className, Number(each.style.opacity || 1) < 1])""",
        node,
    )


def comes(desk, node, section, text):
    """Wait until a section of a node says this."""
    desk.page.wait_for_function(
        f"([id, text]) => (({part(section)})(id)?.innerText ?? '').includes(text)", arg=[node, text], timeout=10_000
    )


def goes(desk, node, section):
    desk.page.wait_for_function(f"id => !(({part(section)})(id)?.innerText)", arg=node, timeout=10_000)


def press(desk, node, section, name):
    """Press what has this text in a section, by the mouse, once the page stands still."""
    desk.drawn()
    desk.page.evaluate_handle(
        f"""([id, name]) => [...({part(section)})(id).querySelectorAll('button, label')].find(
            each => each.innerText.trim() === name)""",
        [node, name],
    ).as_element().click(timeout=5000)


def near(desk, node, zoom=1.0):
    """Show a node near the left top corner."""
    desk.page.evaluate(
        f"""([id, zoom]) => {{
            const [x, y] = ({AT})(id).pos
            app.canvas.ds.scale = zoom
            app.canvas.ds.offset = [150 / zoom - x, 120 / zoom - y]
            app.canvas.setDirty(true, true)
        }}""",
        [node, zoom],
    )
    desk.drawn()


def kept(desk):
    """Tell the page that values were set by a script: it keeps them as if by hand."""
    desk.page.evaluate("() => void app.extensionManager.workflow.activeWorkflow.changeTracker.checkState()")
