"""The words under the fields of nodes, as one reads and clicks them."""

from browser.panels import AT

PROMPT, BEND, PATCH, SAMPLER = "6", "8", "9", "11"
"""Nodes of *Bend one word (toy)*."""

WORDS = f"""id => {{
    const place = ({AT})(id).widgets.at(-1).element.querySelector('[data-section=words]')
    const looks = chip => [...chip.classList].filter(name => name !== 'ab-chip').join(' ')
    const text = chip => chip.innerText.replaceAll('\\n', '')
    return {{
        chips: [...place.querySelectorAll('.ab-chip')].map(chip => [text(chip), looks(chip)]),
        notes: [...place.querySelectorAll('.ab-note')].map(note => note.innerText),
        faults: [...place.querySelectorAll('.ab-note.fault')].map(note => note.innerText),
    }}
}}"""


class Words:
    """What stands in the section of words on nodes, and clicks on it."""

    def __init__(self, desk):
        self.desk = desk
        self.page = desk.page

    def open(self, name="Bend one word (toy)"):
        """A template, with the panels of its nodes open."""
        self.desk.open(name)
        self.open_panels()
        self.has(BEND, "red")

    def open_panels(self):
        self.page.evaluate(
            """() => {
                const inside = of => of.nodes.flatMap(node => [node, ...(node.subgraph ? inside(node.subgraph) : [])])
                for (const node of inside(app.rootGraph)) {
                    node.properties.attention_bending = {panel: true}
                    node.onConfigure?.(node.serialize())
                    node.pos = [node.pos[0] * 2, node.pos[1] * 3] // room for what is shown
                }
            }"""
        )

    def on(self, node):
        return self.page.evaluate(WORDS, node)

    def has(self, node, text, kind=None):
        """Wait until there is a chip, of these looks."""
        self.page.wait_for_function(
            f"([id, text, kind]) => ({WORDS})(id).chips.some(([t, k]) => t === text && (kind === null || k === kind))",
            arg=[node, text, kind],
            timeout=20_000,
        )

    def says(self, node, part):
        self.page.wait_for_function(
            f"([id, part]) => ({WORDS})(id).notes.some(note => note.includes(part))", arg=[node, part], timeout=20_000
        )

    def click(self, node, text, nth=0):
        """Bring the node into view, and click a chip of it with the mouse."""
        self.page.evaluate(
            f"""id => {{
                const node = ({AT})(id)
                if (app.canvas.graph !== node.graph) app.canvas.setGraph(node.graph)
                app.canvas.ds.scale = 1
                app.canvas.ds.offset = [300 - node.pos[0], 150 - node.pos[1]]
                app.canvas.bringToFront?.(node)
                app.canvas.setDirty(true, true)
            }}""",
            node,
        )
        self.desk.drawn()
        x, y = self.page.evaluate(
            f"""async ([id, text, nth]) => {{
                const middle = () => {{
                    const place = ({AT})(id).widgets.at(-1).element.querySelector('[data-section=words]')
                    const all = [...place.querySelectorAll('button.ab-chip')]
                    const chip = all.filter(chip => chip.innerText.replaceAll('\\n', '') === text)[nth]
                    const {{x, y, width, height}} = chip.getBoundingClientRect()
                    return [x + width / 2, y + height / 2]
                }}
                // Chips move while what stands above them is still being laid out.
                for (let [at, still] = [middle(), 0]; still < 6; ) {{
                    await new Promise(requestAnimationFrame)
                    const now = middle()
                    still = String(now) === String(at) ? still + 1 : 0
                    at = now
                }}
                return middle()
            }}""",
            [node, text, nth],
        )
        self.page.mouse.click(x, y)

    def value(self, node, name="token"):
        return self.page.evaluate(
            f"([id, name]) => ({AT})(id).widgets.find(widget => widget.name === name).value", [node, name]
        )

    def becomes(self, node, value, name="token"):
        self.page.wait_for_function(
            f"([id, name, value]) => ({AT})(id).widgets.find(widget => widget.name === name).value === value",
            arg=[node, name, value],
            timeout=20_000,
        )

    def connect(self, source, output, target, name):
        self.page.evaluate(
            f"""([source, output, target, name]) => {{
                const [from, to] = [({AT})(source), ({AT})(target)]
                const at = (slots, name) => slots.findIndex(slot => slot.name === name)
                from.connect(at(from.outputs, output), to, at(to.inputs, name))
            }}""",
            [source, output, target, name],
        )

    def disconnect(self, node, name):
        self.page.evaluate(
            f"""([id, name]) => {{
                const node = ({AT})(id)
                node.disconnectInput(node.inputs.findIndex(input => input.name === name))
            }}""",
            [node, name],
        )
