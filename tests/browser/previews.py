"""The picture of what a bend does, on its node, as one looks at it."""

from browser.panels import AT, PANEL

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


class Asked:
    """How many pictures the page has asked the server for."""

    def __init__(self, page):
        self.page, self.count, self.open = page, 0, 0
        page.on("request", self.hear_question)
        page.on("requestfinished", self.hear_answer)

    def hear_question(self, request):
        if "bending/preview" in request.url:
            self.count, self.open = self.count + 1, self.open + 1

    def hear_answer(self, request):
        self.open -= "bending/preview" in request.url

    def settled(self):
        """The count once all is answered and nothing more is asked."""
        before = None
        while self.open or self.count != before:
            before = self.count
            self.page.wait_for_timeout(400)
        return self.count

    def stop(self):
        self.page.remove_listener("request", self.hear_question)
        self.page.remove_listener("requestfinished", self.hear_answer)
