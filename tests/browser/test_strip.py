"""The strip of layers × time: what the fields cover is shown, a drag writes them, the last run's heat lies behind."""

import pytest
from browser.hands import Hands
from browser.panels import AT

pytestmark = pytest.mark.usefixtures("quiet")

BEND, PATCH, SAMPLER = "8", "9", "11"
FIELDS = ("layers", "start_percent", "end_percent")
BOXES = """strip => [...strip.querySelectorAll('.ab-cover > div')].map(({style}) =>
    [style.left, style.width, style.top, style.height].map(parseFloat))"""


@pytest.fixture
def bend(desk):
    """The bend of the toy, whose model has six layers."""
    desk.open(steps=4)
    hands = Hands(desk, BEND)
    hands.waits_for(".ab-caption", "caption => caption?.textContent.startsWith('all 6 layers · 0–100 %')")
    return hands


@pytest.fixture
def alone(desk):
    """A function that makes a node between the bend and Patch Model."""

    def make(kind, **values):
        desk.open(steps=4)
        node = desk.page.evaluate(
            f"""([kind, bend, patch]) => {{
                const node = LiteGraph.createNode(kind)
                app.graph.add(node)
                ;({AT})(bend).connect(0, node, node.inputs.findIndex(({{name}}) => name === 'bending'))
                node.connect(0, ({AT})(patch), ({AT})(patch).inputs.findIndex(({{name}}) => name === 'bending'))
                return String(node.id)
            }}""",
            [kind, BEND, PATCH],
        )
        desk.set(node, **values)
        return Hands(desk, node)

    return make


def caption(hands, told):
    hands.waits_for(".ab-caption", f"caption => caption?.textContent.startsWith({told!r})")


@pytest.mark.parametrize(
    ("layers", "told", "rows"),
    [
        pytest.param("early", "layers 0–1 of 6", [(0, 2)], marks=pytest.mark.slow),
        ("0, 2-3, -1", "layers 0, 2–3, 5 of 6", [(0, 1), (2, 4), (5, 6)]),
        pytest.param("early & 1-5", "layers 1 of 6", [(1, 2)], marks=pytest.mark.slow),
        pytest.param("0-5", "all 6 layers", [(0, 6)], marks=pytest.mark.slow),
    ],
)
def test_what_the_fields_cover_is_shown(bend, layers, told, rows):
    bend.desk.set(BEND, layers=layers, start_percent=0.25, end_percent=0.5)
    caption(bend, f"{told} · 25–50 %")
    boxes = bend.part(".ab-strip").evaluate(BOXES)
    expected = [[25, 25, 100 * first / 6, 100 * (end - first) / 6] for first, end in rows]
    assert [pytest.approx(box, abs=0.01) for box in expected] == boxes


def test_what_is_wrong_is_said(bend):
    bend.desk.set(BEND, layers="foo")
    caption(bend, "layers is 'foo'")
    bend.desk.set(BEND, layers="7")
    caption(bend, "layers is '7', but this model has no layer 7")
    bend.desk.set(BEND, layers="all", start_percent=0.6, end_percent=0.5)
    caption(bend, "the window starts at 0.6 and ends at 0.5")


@pytest.mark.quick_in("classic", "nodes 2")
@pytest.mark.parametrize("zoom", [pytest.param(0.5, marks=pytest.mark.slow), 1.5])
def test_a_drag_writes_layers_and_window(bend, zoom):
    bend.look(zoom)
    place = bend.place()
    bend.drag(".ab-strip", (0.1, 2.5 / 6), (0.6, 4.5 / 6))
    layers, start, end = bend.values(*FIELDS)
    assert layers == "2-4"
    assert (start, end) == pytest.approx((0.1, 0.6), abs=0.02)
    assert bend.place() == place
    caption(bend, "layers 2–4 of 6")
    bend.undo()
    assert bend.values(*FIELDS) == ["all", 0, 1]


@pytest.mark.slow
def test_a_drag_down_leaves_the_time_and_one_along_the_layers(bend):
    bend.look(1.5)
    bend.desk.set(BEND, start_percent=0.2, end_percent=0.7)
    bend.drag(".ab-strip", (0.5, 5.8 / 6), (0.5, 5.1 / 6))
    assert bend.values(*FIELDS) == ["5", 0.2, 0.7]
    bend.drag(".ab-strip", (0.9, 0.5), (0.3, 0.5))
    layers, start, end = bend.values(*FIELDS)
    assert (layers, start, end) == ("5", pytest.approx(0.3, abs=0.011), pytest.approx(0.9, abs=0.011))
    box = bend.part(".ab-strip").bounding_box()
    bend.page.mouse.click(box["x"] + 30, box["y"] + 10)
    assert bend.values(*FIELDS) == [layers, start, end]
    bend.page.mouse.dblclick(box["x"] + 30, box["y"] + 10)
    assert bend.values(*FIELDS) == ["all", 0, 1]


def test_bend_where_has_layers_alone(alone):
    where = alone("AttnBendWhere", layers="late")
    caption(where, "layers 4–5 of 6")
    assert where.part(".ab-strip").evaluate(BOXES) == [
        [0, 100, pytest.approx(66.67, abs=0.01), pytest.approx(33.33, abs=0.01)]
    ]
    where.look(1.5)
    where.drag(".ab-strip", (0.2, 0.5 / 6), (0.8, 1.5 / 6))
    assert where.values("layers", "heads", "frames") == ["0-1", "all", "all"]


def test_bend_when_has_time_alone_by_percents_and_by_steps(alone):
    when = alone("AttnBendWhen", start=0.25, end=0.5)
    caption(when, "25–50 %")
    when.drag(".ab-strip", (0.5, 0.2), (0.75, 0.9))
    assert when.values("start", "end") == pytest.approx([0.5, 0.75], abs=0.011)
    when.desk.set(when.node, unit="steps", start=1, end=2)
    caption(when, "steps 1–2 of 4")
    assert when.part(".ab-strip").evaluate(BOXES) == [[25, 50, 0, 100]]
    when.drag(".ab-strip", (0.6, 0.2), (0.9, 0.9))
    assert when.values("start", "end") == [2, 3]
    when.desk.set(SAMPLER, steps=8)
    caption(when, "steps 2–3 of 8")


def test_the_heat_of_the_last_run_lies_behind(bend):
    bend.desk.set(PATCH, record="bent words")
    bend.desk.run()
    bend.waits_for(".ab-caption", "caption => caption.textContent.includes('heat: red')")
    pixels = bend.part(".ab-strip canvas").evaluate(
        """canvas => {
            const context = canvas.getContext('2d')
            return [canvas.height, ...[...context.getImageData(0, 0, canvas.width, canvas.height).data]
                .filter((_, i) => i % 4 === 3)]
        }"""
    )
    assert pixels[0] == 6
    assert max(pixels[1:]) == 255
    assert len({*pixels[1:]}) > 6
    bend.desk.photograph("layers and steps")
    box = bend.part(".ab-strip").bounding_box()
    bend.page.mouse.move(box["x"] + box["width"] * 0.1, box["y"] + box["height"] * 0.6)
    bend.waits_for(
        ".ab-caption", "caption => /^layer 3 · 10 % · red: [\\d.]+ % of the attention$/.test(caption.textContent)"
    )
    bend.page.mouse.move(5, 500)
    bend.waits_for(".ab-caption", "caption => caption.textContent.startsWith('all 6 layers')")
    bend.desk.set(BEND, token="ball")
    bend.waits_for(".ab-caption", "caption => !caption.textContent.includes('heat')")


@pytest.mark.slow
def test_of_an_unknown_model_nothing_is_guessed(alone):
    where = alone("AttnBendWhere", layers="2-4")
    where.page.evaluate("app.graph.remove(app.graph.nodes.find(node => node.type === 'AttnBendToyWan'))")
    where.waits_for(".ab-caption", "caption => caption.textContent === 'layers 2-4'")
    where.drag(".ab-strip", (0.2, 0.1), (0.8, 0.9))
    assert where.values("layers") == ["2-4"]


@pytest.mark.slow
def test_it_is_small(bend):
    height = bend.part("[data-section=strip]").evaluate("strip => strip.offsetHeight")
    assert height <= 60
