"""Boxes and strips inside a subgraph: the film and the record outside are theirs, and their values go into the run."""

import pytest
from browser.hands import Hands
from browser.panels import AT

pytestmark = pytest.mark.usefixtures("quiet")

BEND, BOX = "8", "608"
"""Of *Bend one word (toy)*, and of *Compose with regions (toy)*."""


@pytest.fixture
def inside(desk):
    """A function that puts a node of a template into a subgraph and opens that; the hands on it, by its inner id."""

    def open_(name, node=BEND, *others):
        desk.open(name, steps=2)
        for key in desk.page.evaluate(
            "app.graph.nodes.filter(({type}) => type === 'AttnBendModel').map(({id}) => `${id}`)"
        ):
            desk.set(key, record="bent words")
        outer, inner = desk.page.evaluate(
            f"""([id, others]) => {{
                const bend = ({AT})(id)
                const {{node}} = app.graph.convertToSubgraph(new Set([bend, ...others.map(id => ({AT})(id))]))
                return [String(node.id), String(node.subgraph.nodes.find(({{type}}) => type === bend.type).id)]
            }}""",
            [node, others],
        )
        desk.page.evaluate("outer => app.canvas.openSubgraph(app.graph.getNodeById(outer).subgraph)", outer)
        desk.drawn()
        return Hands(desk, f"{outer}:{inner}")

    yield open_
    desk.page.evaluate("app.canvas.setGraph(app.rootGraph)")


def test_a_strip(inside):
    bend = inside("Bend one word (toy)")
    bend.waits_for(".ab-caption", "caption => caption?.textContent.startsWith('all 6 layers')")
    bend.drag(".ab-strip", (0.1, 2.5 / 6), (0.6, 4.5 / 6))
    assert bend.values("layers") == ["2-4"]
    bend.desk.run()
    bend.waits_for(".ab-caption", "caption => caption.textContent.includes('heat: red')")
    assert bend.desk.editor.export()[bend.node]["inputs"]["layers"] == "2-4"


@pytest.mark.slow
def test_a_box(inside):
    box = inside("Compose with regions (toy)", BOX)
    box.desk.set(box.node, x1=0.25, y1=0.25, x2=0.75, y2=0.75)
    box.waits_for(".ab-box", "box => box?.style.left === '25%'")
    box.drag(".ab-region", (0.5, 0.5), (0.6, 0.4))
    assert box.values("x1", "y1") == pytest.approx([0.35, 0.15], abs=0.02)
    box.desk.run()
    box.waits_for(".ab-behind > video", "film => film?.videoWidth === 160")


@pytest.mark.slow
def test_a_film_that_comes_out_inside_too(inside):
    """The page names nodes in subgraphs by these."""
    import json

    from workflows.filming import EDITOR_FILES

    saved = json.loads((EDITOR_FILES / "Compose with regions (toy).json").read_text(encoding="utf-8"))
    film = next(str(node["id"]) for node in saved["nodes"] if node["type"] == "SaveVideo")
    box = inside("Compose with regions (toy)", BOX, film)
    box.desk.run()
    box.waits_for(".ab-behind > video", "film => film?.videoWidth === 160")
