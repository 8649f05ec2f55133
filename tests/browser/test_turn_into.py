"""A bend turned into another mode by its menu: values, wires, title, colour and place stay, in one undo step."""

import pytest
from browser.hands import Hands
from browser.panels import AT

pytestmark = [pytest.mark.usefixtures("quiet"), pytest.mark.quick_in("classic")]

BEND, PATCH = "8", "9"
SHARED = {"token": "red, ball", "strength": 0.6, "start_percent": 0.1, "end_percent": 0.7, "layers": "2-4"}
STATE = f"""id => {{
    const node = ({AT})(id)
    const from = node.inputs.filter(({{link}}) => link != null).map(({{name, link}}) => {{
        const {{origin_id, origin_slot, target_id, target_slot}} = node.graph.getLink(link)
        return [name, Number(origin_id), Number(origin_slot), String(target_id), node.inputs[target_slot].name]
    }})
    const to = (node.outputs[0].links ?? []).map(link => {{
        const {{origin_id, origin_slot, target_id, target_slot}} = node.graph.getLink(link)
        return [String(origin_id), origin_slot, Number(target_id), Number(target_slot)]
    }})
    const {{title, color, bgcolor, mode, pos}} = node
    const values = Object.fromEntries(node.widgets.filter(({{serialize}}) => serialize !== false)
        .map(({{name, value}}) => [name, value]))
    return {{type: node.type, title, color, bgcolor, mode, pos: [...pos], from, to, values}}
}}"""


def turn(hands, title):
    """By the node's own menu, with the mouse."""
    page = hands.page
    header = page.evaluate(
        f"""id => {{
            const node = ({AT})(id)
            const canvas = app.canvas.canvas.getBoundingClientRect()
            const [x, y] = app.canvas.ds.convertOffsetToCanvas([node.pos[0] + 90, node.pos[1] - 12])
            return [canvas.left + x, canvas.top + y]
        }}""",
        hands.node,
    )
    page.mouse.click(*header, button="right")
    item = page.get_by_text("Turn into …", exact=True).first
    item.wait_for(timeout=5000)
    item.scroll_into_view_if_needed()
    item.hover()
    choice = page.get_by_text(title, exact=True).last
    if not choice.is_visible():
        item.click()
    choice.wait_for(timeout=5000)
    choice.click()
    hands.desk.drawn()


def state(hands):
    return hands.page.evaluate(STATE, hands.node)


@pytest.fixture
def bend(desk):
    desk.open("Chain and stack (toy)")
    node = desk.page.evaluate(
        """() => {
            const stack = app.graph.nodes.find(node => node.type === 'AttnBendStack')
            return String(app.graph.getLink(stack.inputs[0].link).origin_id)
        }"""
    )
    hands = Hands(desk, node)
    desk.set(node, **SHARED)
    desk.page.evaluate(
        f"""id => {{
            Object.assign(({AT})(id), {{title: 'mine', color: '#233', bgcolor: '#355'}})
            app.extensionManager.workflow.activeWorkflow.changeTracker.captureCanvasState()
        }}""",
        node,
    )
    return hands


@pytest.mark.quick_in("classic", "nodes 2")
def test_what_two_modes_share_stays(bend):
    before = state(bend)
    stack = bend.page.evaluate("app.graph.nodes.find(node => node.type === 'AttnBendStack').inputs.length")
    turn(bend, "Bend: Frequency Filter")
    after = state(bend)
    assert after["type"] == "AttnBendFrequencyFilter"
    assert before["from"] + before["to"]
    assert {**after, "type": 0, "values": 0} == {**before, "type": 0, "values": 0}
    assert {name: after["values"][name] for name in SHARED} == SHARED
    bend.desk.drawn()
    assert bend.page.evaluate("app.graph.nodes.find(node => node.type === 'AttnBendStack').inputs.length") == stack
    bend.desk.photograph("turned into another mode")
    exported = bend.desk.editor.export()[bend.node]
    assert exported["class_type"] == "AttnBendFrequencyFilter"
    assert {**exported["inputs"], **SHARED} == exported["inputs"]
    bend.undo()
    assert state(bend) == before


def test_it_still_runs_and_can_be_turned_back(bend):
    bend.desk.set(bend.node, token="star")
    first = state(bend)
    turn(bend, "Bend: Sharpen")
    assert isinstance(bend.desk.run(), dict)
    turn(bend, first["type"].replace("AttnBend", "Bend: "))
    assert {**state(bend), "values": 0} == {**first, "values": 0}
    assert {name: state(bend)["values"][name] for name in SHARED} == {**SHARED, "token": "star"}


@pytest.mark.slow
def test_what_became_of_the_one_before_is_not_said_on_the_other(bend):
    bend.desk.set(bend.node, token="star")
    bend.desk.run()
    bend.waits_for("[data-section=report]", "report => report?.textContent.includes('run')")
    turn(bend, "Bend: Blur")
    bend.desk.set(bend.node, token="nobody")
    bend.desk.run()
    bend.waits_for("[data-section=notice]", "notice => notice.textContent.includes('is not in the prompt')")
    assert bend.desk.said(bend.node) is None


@pytest.mark.slow
def test_a_value_that_the_other_has_not_room_for_stays_its_own(bend):
    turn(bend, "Bend: Translate")
    bend.desk.set(bend.node, padding="wrap", x=0.3)
    turn(bend, "Bend: Time")
    kind = bend.page.evaluate("LiteGraph.registered_node_types.AttnBendTime.nodeData.input.required.padding")
    padding = state(bend)["values"]["padding"]
    choices = kind[0] if isinstance(kind[0], list) else kind[1]["options"]
    assert padding == ("wrap" if "wrap" in choices else choices[0])


@pytest.mark.slow
def test_a_default_title_is_the_new_modes_own(bend):
    bend.page.evaluate(f"id => {{ const node = ({AT})(id); node.title = node.constructor.title }}", bend.node)
    turn(bend, "Bend: Rotate")
    assert state(bend)["title"] == "Bend: Rotate"


@pytest.mark.slow
def test_a_closed_panel_stays_closed(bend):
    opened = "const {setOpen, isOpen} = await import('/extensions/attention-bending/panel.js')"
    bend.page.evaluate(f"async id => {{ {opened}; setOpen(({AT})(id), false) }}", bend.node)
    turn(bend, "Bend: Rotate")
    assert not bend.page.evaluate(f"async id => {{ {opened}; return isOpen(({AT})(id)) }}", bend.node)


@pytest.mark.slow
def test_inside_a_subgraph_its_border_stays(desk):
    desk.open("Bend one word (toy)")
    outer = desk.page.evaluate(
        f"""id => {{
            const bend = ({AT})(id)
            const {{node}} = app.graph.convertToSubgraph(new Set([bend]))
            return String(node.id)
        }}""",
        BEND,
    )
    inner = desk.page.evaluate("outer => String(app.graph.getNodeById(outer).subgraph.nodes[0].id)", outer)
    desk.page.evaluate("outer => app.canvas.openSubgraph(app.graph.getNodeById(outer).subgraph)", outer)
    desk.drawn()
    hands = Hands(desk, f"{outer}:{inner}")
    before = state(hands)
    turn(hands, "Bend: Blur")
    after = state(hands)
    assert after["type"] == "AttnBendBlur"
    assert (after["from"], after["to"]) == (before["from"], before["to"])
    assert after["values"]["token"] == "red"
    desk.page.evaluate("app.canvas.setGraph(app.rootGraph)")
    prompt = desk.editor.export()
    assert prompt[f"{outer}:{inner}"]["class_type"] == "AttnBendBlur"
    assert prompt[PATCH]["inputs"]["bending"] == [f"{outer}:{inner}", 0]
    assert isinstance(desk.run(), dict)


@pytest.mark.slow
def test_a_value_on_a_subgraphs_outer_node_still_goes_in(desk):
    """Given by the subgraph's own input, on which the outer node has a widget."""
    desk.open("Bend one word (toy)")
    outer, inner = desk.page.evaluate(
        f"""id => {{
            const {{subgraph, node}} = app.graph.convertToSubgraph(new Set([({AT})(id)]))
            const [bend] = subgraph.nodes
            subgraph.addInput('strength', 'FLOAT').connect(bend.inputs.find(({{name}}) => name === 'strength'), bend)
            const widget = node.widgets.find(({{name}}) => name === 'strength')
            widget.value = 0.3
            return [String(node.id), String(bend.id)]
        }}""",
        BEND,
    )
    bend = f"{outer}:{inner}"
    assert desk.editor.export()[bend]["inputs"]["strength"] == 0.3
    desk.page.evaluate("outer => app.canvas.openSubgraph(app.graph.getNodeById(outer).subgraph)", outer)
    desk.drawn()
    turn(Hands(desk, bend), "Bend: Blur")
    desk.page.evaluate("app.canvas.setGraph(app.rootGraph)")
    exported = desk.editor.export()[bend]
    assert exported["class_type"] == "AttnBendBlur"
    assert exported["inputs"]["strength"] == 0.3
    widgets = "outer => app.rootGraph.getNodeById(outer).widgets.map(({name, value}) => [name, value])"
    assert ["strength", 0.3] in desk.page.evaluate(widgets, outer)


def test_only_modes_have_the_menu(desk):
    desk.open("Bend one word (toy)")
    offered = desk.page.evaluate(
        """() => ['AttnBendWhere', 'AttnBendStack', 'AttnBendAnimate'].map(type => LiteGraph.createNode(type))
            .concat(app.graph.nodes)
            .filter(node => app.collectNodeMenuItems(node).some(item => item?.content === 'Turn into …'))
            .map(node => node.type)"""
    )
    assert offered == ["AttnBendAmplify"]
