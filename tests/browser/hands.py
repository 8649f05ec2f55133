"""What tests of boxes and strips share: nodes in view, and drags over them, as a hand does it."""

from browser.panels import AT

OPEN = f"""async ([id, zoom]) => {{
    const {{setOpen}} = await import('/extensions/attention-bending/panel.js')
    const node = ({AT})(id)
    setOpen(node, true)
    app.canvas.ds.scale = zoom
    app.canvas.ds.offset = [200 / zoom - node.pos[0], 100 / zoom - node.pos[1]]
    app.canvas.setDirty(true, true)
}}"""


class Hands:
    """One node of a desk: its panel open and in view, and what is drawn in it."""

    def __init__(self, desk, node, zoom=1.0):
        self.desk, self.page, self.node = desk, desk.page, node
        self.page.evaluate(f"id => {{ ({AT})(id).pos = [6000, 4000] }}", node)  # where no other covers it
        self.page.evaluate("app.extensionManager.workflow.activeWorkflow.changeTracker.captureCanvasState()")
        self.look(zoom)

    def look(self, zoom):
        """Bring the node into view."""
        self.page.evaluate(OPEN, [self.node, zoom])
        self.desk.drawn()

    def values(self, *names):
        read = f"([id, names]) => names.map(name => ({AT})(id).widgets.find(widget => widget.name === name).value)"
        return self.page.evaluate(read, [self.node, list(names)])

    def place(self):
        return self.page.evaluate(f"id => [...({AT})(id).pos]", self.node)

    def part(self, selector):
        """An element of the node's panel."""
        found = self.page.evaluate_handle(
            f"""([id, selector]) => {{
                const panel = ({AT})(id).widgets.find(widget => widget.name === 'attention_bending').element
                return panel.querySelector(selector)
            }}""",
            [self.node, selector],
        )
        return found.as_element()

    def waits_for(self, selector, told="element => Boolean(element)"):
        self.page.wait_for_function(
            f"""([id, selector]) => {{
                const panel = ({AT})(id)?.widgets?.find(widget => widget.name === 'attention_bending')?.element
                return ({told})(panel?.querySelector(selector))
            }}""",
            arg=[self.node, selector],
            timeout=10_000,
        )

    def seen(self, selector):
        """Where an element is, once the canvas was moved so that it is whole on the screen."""
        box = self.part(selector).bounding_box()
        down = min(0, 960 - box["y"] - box["height"])
        if down:
            move = """down => {
                app.canvas.ds.offset[1] += down / app.canvas.ds.scale
                app.canvas.setDirty(true, true)
            }"""
            self.page.evaluate(move, down)
            self.desk.drawn()
        return self.still(selector)

    def still(self, selector):
        """Where an element is, once it stands there: Nodes 2.0 lay a new node out in their own time."""
        box = None
        for _ in range(50):
            before, box = box, self.part(selector).bounding_box()
            if box == before:
                break
            self.page.wait_for_timeout(100)
        return box

    def drag(self, selector, start, end, steps=6):
        """From one point of an element to another, in fractions of it."""
        box = self.seen(selector)
        (x0, y0), (x1, y1) = ((box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, end))
        self.page.mouse.move(x0, y0)
        self.page.mouse.down()
        self.page.mouse.move(x1, y1, steps=steps)
        self.page.mouse.up()

    def undo(self):
        self.page.evaluate("app.extensionManager.command.execute('Comfy.Undo')")
        self.look(1.0)
