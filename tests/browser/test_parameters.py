"""Bend Animate and Bend Sweep offer the parameters of the bends before them."""

import pytest
from browser.hands import Hands
from browser.panels import AT

pytestmark = pytest.mark.usefixtures("quiet")

CHIPS = """row => [...row.querySelectorAll('.ab-chip')]
    .map(chip => [...chip.children].map(part => part.textContent).join(' '))"""


@pytest.fixture
def node(desk):
    """A function that opens a template's node of a type."""

    def find(name, kind):
        desk.open(name)
        id = desk.page.evaluate("kind => String(app.graph.nodes.find(node => node.type === kind).id)", kind)
        hands = Hands(desk, id)
        hands.waits_for(".ab-chip")
        return hands

    return find


def test_animate_offers_what_moves(node):
    animate = node("Animate a bend (toy)", "AttnBendAnimate")
    chips = animate.part(".ab-chips").evaluate(CHIPS)
    assert chips == ["angle 15", "center x 0.5", "center y 0.5", "strength 1"]
    title = animate.part("[data-parameter=angle]").get_attribute("title")
    assert title == "angle: -360 to 360 degrees"
    assert animate.part(".ab-chip.on").get_attribute("data-parameter") == "angle"
    animate.part("[data-parameter=center_x]").click()
    assert animate.values("parameter") == ["center_x"]
    animate.waits_for(".ab-chip.on", "chip => chip.dataset.parameter === 'center_x'")
    animate.undo()
    assert animate.values("parameter") == ["angle"]


@pytest.mark.slow
def test_the_offer_follows_the_wires_and_the_values(node):
    animate = node("Animate a bend (toy)", "AttnBendAnimate")
    bend = animate.page.evaluate("String(app.graph.nodes.find(node => node.type === 'AttnBendRotate').id)")
    animate.desk.set(bend, angle=40)
    animate.waits_for("[data-parameter=angle]", "chip => chip.textContent.includes('40')")
    animate.page.evaluate(
        f"""([bend, animate]) => {{
            const blur = LiteGraph.createNode('AttnBendBlur')
            app.graph.add(blur)
            blur.connect(0, ({AT})(bend), ({AT})(bend).inputs.findIndex(({{name}}) => name === 'bending'))
        }}""",
        [bend, animate.node],
    )
    animate.waits_for("[data-parameter=sigma]")
    animate.desk.photograph("parameters to choose")
    animate.page.evaluate("bend => app.graph.remove(app.graph.getNodeById(bend))", bend)
    animate.waits_for(".ab-note", "note => note?.textContent.startsWith('Connect a bend')")


def test_sweep_offers_them_on_two_axes(node):
    sweep = node("Sweep a bend (toy)", "AttnBendSweep")
    names = sweep.part("[data-field=parameter_1]").evaluate(
        "row => [...row.children].map(chip => chip.dataset.parameter)"
    )
    assert names[0] == "angle"
    assert {"padding", "strength", "layers", "token", "percent", "seed"} <= {*names}
    sweep.part("[data-field=parameter_1] [data-parameter=strength]").click()
    assert sweep.values("parameter_1", "parameter_2") == ["strength", ""]
    sweep.waits_for("summary", "title => title.textContent === 'axis 1: strength'")
    sweep.part("details:last-child > summary").click()
    sweep.waits_for("details:last-child .ab-chip", "chip => chip.offsetHeight > 0")
    sweep.part("[data-field=parameter_2] [data-parameter=angle]").click()
    assert sweep.values("parameter_1", "parameter_2") == ["strength", "angle"]
    sweep.waits_for("[data-field=parameter_2] .on")
    sweep.part("[data-field=parameter_2] [data-parameter=angle]").click()
    assert sweep.values("parameter_2") == [""]
