"""In ComfyUI's own page: our nodes with their widgets, in both of its renderings, growing slots, and help."""

import json

import pytest
from browser.boxes import overlapping
from browser.desk import thrown
from workflows.filming import EDITOR_FILES, EXAMPLES, edited, smallest, the

WIDGETS = ("BOOLEAN", "COMBO", "FLOAT", "INT", "STRING")
"""The types of input that the page shows as a widget."""

QUICK = ("Animate a bend", "Before and after", "Chain and stack")
"""Most kinds of nodes are in these."""


@pytest.fixture(scope="module")
def ours(server):
    """What the server tells of our nodes, by id."""
    told = server.get("/object_info").items()
    return {key: info for key, info in told if info["python_module"] == "custom_nodes.attention-bending"}


@pytest.fixture
def empty(editor):
    """The editor with an empty graph."""
    editor.page.evaluate("() => { app.canvas.deselectAll(); app.graph.clear() }")
    yield editor
    assert thrown(editor) == []


@pytest.fixture(scope="module")
def vue(editor):
    """The editor with Nodes 2.0 turned on for the rest of this file, and off again afterwards."""
    setting = "Comfy.VueNodes.Enabled"
    turn = f"on => app.extensionManager.setting.set('{setting}', on)"
    editor.page.evaluate(turn, True)
    yield editor
    editor.page.evaluate(turn, False)


def widget_inputs(node):
    """The names of a node's inputs that are widgets, in order."""
    inputs = (pair for kind in ("required", "optional") for pair in node["input"].get(kind, {}).items())
    return [name for name, (kind, options) in inputs if kind in WIDGETS and not options.get("forceInput")]


def test_each_node_has_its_widgets_in_order_with_their_defaults(empty, ours):
    made = empty.page.evaluate(
        """types => types.map(type => {
            const node = LiteGraph.createNode(type)
            app.graph.add(node)
            return [type, node.title, (node.widgets ?? []).map(widget => [widget.name, widget.value])]
        })""",
        list(ours),
    )
    for key, title, widgets in made:
        assert title == ours[key]["display_name"]
        values = dict(widgets)
        assert [name for name, _ in widgets if name in widget_inputs(ours[key])] == widget_inputs(ours[key])
        for name in widget_inputs(ours[key]):
            kind = "required" if name in ours[key]["input"]["required"] else "optional"
            _, options = ours[key]["input"][kind][name]
            first = next(iter(options.get("options") or ()), "")  # no file to choose: nothing is chosen
            assert (values[name] or "") == (options.get("default", first) or ""), f"{key}.{name}"


def test_bender_stack_grows_a_slot_for_each_that_is_connected(empty):
    slots = """() => app.graph.nodes.at(-1).inputs.map(slot => slot.name)"""
    empty.page.evaluate("() => app.graph.add(LiteGraph.createNode('AttnBendStack'))")
    assert empty.page.evaluate(slots) == ["bendings.bending_0"]
    for count in (1, 2, 3):
        empty.page.evaluate(
            """count => {
                const stack = app.graph.nodes.find(node => node.type === 'AttnBendStack')
                const bend = LiteGraph.createNode('AttnBendBlur')
                app.graph.add(bend)
                bend.connect(0, stack, count - 1)
                app.graph.nodes.push(app.graph.nodes.splice(app.graph.nodes.indexOf(stack), 1)[0])
            }""",
            count,
        )
        empty.page.wait_for_function(f"({slots})().length === {count + 1}", timeout=5000)
        assert empty.page.evaluate(slots) == [f"bendings.bending_{slot}" for slot in range(count + 1)]


@pytest.mark.parametrize("key", [pytest.param("AttnBendRegionalMask", marks=pytest.mark.slow), "AttnBendModel"])
def test_the_info_button_opens_our_help_page(empty, ours, key):
    page = empty.page
    place = page.evaluate(
        """type => {
            const node = LiteGraph.createNode(type)
            app.graph.add(node)
            app.canvas.ds.reset()
            node.pos = [700, 300]
            app.canvas.setDirty(true, true)
            const [x, y] = app.canvas.ds.convertOffsetToCanvas([node.pos[0] + 100, node.pos[1] - 15])
            const canvas = app.canvas.canvas.getBoundingClientRect()
            return [canvas.left + x, canvas.top + y]
        }""",
        key,
    )
    button = page.get_by_test_id("info-button")
    button.wait_for(state="detached", timeout=5000)
    for _ in range(10):  # a click before the node is drawn hits nothing
        if not button.count():
            page.mouse.click(*place)
            page.wait_for_timeout(300)
    button.click(timeout=5000)
    help_page = page.locator(".node-help-content")
    help_page.get_by_role("heading", name="Recipe").wait_for(timeout=10_000)
    assert help_page.get_by_role("heading").first.inner_text() == ours[key]["display_name"]
    pictures = help_page.locator("img")
    for i in range(pictures.count()):
        page.wait_for_function("image => image.naturalWidth > 0", arg=pictures.nth(i).element_handle(), timeout=5000)
    page.get_by_label("Toggle properties panel").first.click()


def test_the_node_shows_the_maps_while_the_sampler_runs(editor):
    """On Patch Model itself, which has long been executed by then."""
    prompt = smallest(steps=6)
    prompt = edited(prompt, the(prompt, "AttnBendModel"), record="bent words")
    page = editor.page
    workflow = json.loads((EDITOR_FILES / "Bend one word.json").read_text(encoding="utf-8"))
    editor.load(workflow, "Bend one word")
    shown = page.evaluate(
        """prompt => new Promise(resolve => {
            const shown = []
            app.api.addEventListener('b_preview_with_metadata', ({detail}) => shown.push(detail.displayNodeId))
            app.api.addEventListener('execution_success', () => resolve(shown))
            app.api.addEventListener('execution_error', ({detail}) => resolve([detail.exception_message]))
            app.api.queuePrompt(-1, {output: prompt, workflow: {}})
        })""",
        prompt,
    )
    patch = the(prompt, "AttnBendModel")
    assert patch in shown
    pictures = "id => app.nodePreviewImages[id]?.length ?? app.graph.getNodeById(id)?.imgs?.length ?? 0"
    assert page.evaluate(pictures, patch) == 1
    assert thrown(editor) == []


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in EXAMPLES]
)
def test_nodes_2_shows_an_example_with_all_widgets_and_no_overlap(vue, ours, name):
    vue.load(json.loads((EDITOR_FILES / f"{name}.json").read_text(encoding="utf-8")), name)
    page = vue.page
    page.evaluate("() => app.extensionManager.command.execute('Comfy.Canvas.FitView')")
    nodes = page.evaluate("app.graph.nodes.map(node => [String(node.id), node.type, node.title])")
    page.wait_for_function(
        "nodes => nodes.every(([id]) => document.querySelector(`[data-node-id='${id}']`))", arg=nodes
    )
    assert overlapping(page.evaluate(BOXES)) == []
    for key, kind, title in nodes:
        node = page.locator(f"[data-node-id='{key}']")
        assert title in node.inner_text()
        if kind in ours:
            advanced = set(advanced_inputs(ours[kind]))
            for widget in widget_inputs(ours[kind]):
                assert is_shown(node, widget) != (widget in advanced), f"{kind}.{widget}"
            if advanced:
                node.get_by_text("Show advanced inputs").click()
                node.get_by_text("Hide advanced inputs").wait_for(timeout=5000)
                assert all(is_shown(node, widget) for widget in advanced)
    assert thrown(vue) == []


BOXES = """() => app.graph.nodes.map(node => {
    const {x, y, width, height} = document.querySelector(`[data-node-id='${node.id}']`).getBoundingClientRect()
    return [node.title, x, y, width, height]
})"""


def advanced_inputs(node):
    inputs = (pair for kind in ("required", "optional") for pair in node["input"].get(kind, {}).items())
    return [name for name, (_, options) in inputs if options.get("advanced")]


def is_shown(node, widget):
    """Whether a node of Nodes 2.0 has the widget: most have their name beside them, a text area in it."""
    return bool(node.locator(f"[aria-label='{widget}']").count()) or widget in node.inner_text().splitlines()
