"""Regional Mask's box: dragged, resized, softened, nudged; box and numbers are one thing."""

import pytest
from browser.hands import Hands
from browser.panels import AT

pytestmark = [pytest.mark.usefixtures("quiet"), pytest.mark.quick_in("classic")]

BEND = "608"
EDGES = ("x1", "y1", "x2", "y2")
NAME = "Compose with regions (toy)"


@pytest.fixture
def box(desk):
    """The first Regional Mask of a template, with a box in the middle."""
    desk.open(NAME)
    hands = Hands(desk, BEND)
    desk.set(BEND, x1=0.25, y1=0.25, x2=0.75, y2=0.75, feather=0.1)
    hands.waits_for(".ab-box", "box => box?.style.left === '25%'")
    desk.page.evaluate("app.extensionManager.workflow.activeWorkflow.changeTracker.captureCanvasState()")
    desk.page.wait_for_timeout(100)  # within 50 ms of it 1.58.1 would take what a hand does into that state
    return hands


@pytest.mark.quick_in("classic", "nodes 2")
@pytest.mark.parametrize("zoom", [pytest.param(0.5, marks=pytest.mark.slow), 1.5])
def test_a_drag_moves_the_box_and_not_the_node(box, zoom):
    box.look(zoom)
    place = box.place()
    box.drag(".ab-region", (0.5, 0.5), (0.6, 0.4))
    assert box.values(*EDGES) == pytest.approx([0.35, 0.15, 0.85, 0.65], abs=0.02)
    assert box.place() == place
    box.desk.photograph(f"a region, zoom {zoom}")
    box.drag(".ab-region", (0.6, 0.4), (0.99, 0.01))
    assert box.values(*EDGES) == pytest.approx([0.5, 0, 1, 0.5], abs=0.011)
    box.undo()
    assert box.values(*EDGES) == pytest.approx([0.35, 0.15, 0.85, 0.65], abs=0.02)
    box.undo()
    assert box.values(*EDGES) == [0.25, 0.25, 0.75, 0.75]


@pytest.mark.parametrize(
    ("edge", "end", "expected"),
    [
        ("nw", (0.1, 0.05), [0.1, 0.05, 0.75, 0.75]),
        pytest.param("n", (0.5, 0.05), [0.25, 0.05, 0.75, 0.75], marks=pytest.mark.slow),
        pytest.param("ne", (0.9, 0.05), [0.25, 0.05, 0.9, 0.75], marks=pytest.mark.slow),
        pytest.param("e", (0.9, 0.5), [0.25, 0.25, 0.9, 0.75], marks=pytest.mark.slow),
        ("se", (0.9, 0.95), [0.25, 0.25, 0.9, 0.95]),
        pytest.param("s", (0.5, 0.95), [0.25, 0.25, 0.75, 0.95], marks=pytest.mark.slow),
        pytest.param("sw", (0.1, 0.95), [0.1, 0.25, 0.75, 0.95], marks=pytest.mark.slow),
        pytest.param("w", (0.1, 0.5), [0.1, 0.25, 0.75, 0.75], marks=pytest.mark.slow),
        ("e", (0.02, 0.5), [0.25, 0.25, 0.26, 0.75]),
        pytest.param("n", (0.5, 0.98), [0.25, 0.74, 0.75, 0.75], marks=pytest.mark.slow),
    ],
)
def test_eight_handles_resize_it(box, edge, end, expected):
    start = [{"w": 0.25, "e": 0.75, "n": 0.25, "s": 0.75}.get(letter) for letter in edge]
    x = next((at for letter, at in zip(edge, start, strict=True) if letter in "we"), 0.5)
    y = next((at for letter, at in zip(edge, start, strict=True) if letter in "ns"), 0.5)
    box.drag(".ab-region", (x, y), end)
    assert box.values(*EDGES) == pytest.approx(expected, abs=0.011)


def test_a_drag_beside_it_draws_another(box):
    box.drag(".ab-region", (0.9, 0.95), (0.8, 0.1))
    assert box.values(*EDGES) == pytest.approx([0.8, 0.1, 0.9, 0.95], abs=0.011)
    box.undo()
    assert box.values(*EDGES) == [0.25, 0.25, 0.75, 0.75]


def test_a_click_changes_nothing(box):
    box.drag(".ab-region", (0.9, 0.9), (0.9, 0.9))
    box.drag(".ab-region", (0.5, 0.5), (0.5, 0.5))
    assert box.values(*EDGES) == [0.25, 0.25, 0.75, 0.75]


def test_the_numbers_move_the_box(box):
    box.desk.set(BEND, x1=0.5, y2=1)
    box.waits_for(".ab-box", "box => box.style.left === '50%' && box.style.height === '75%'")
    box.desk.set(BEND, x1=0.9)
    box.waits_for(".ab-note", "note => note.textContent.includes('no area')")


def test_arrows_nudge_it(box):
    box.part(".ab-region").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowUp", "Shift+ArrowLeft", "Alt+ArrowDown"):
        box.page.keyboard.press(key)
    assert box.values(*EDGES) == pytest.approx([0.17, 0.24, 0.67, 0.75])
    box.undo()
    assert box.values(*EDGES) == pytest.approx([0.17, 0.24, 0.67, 0.74])


def test_the_slider_softens_it(box):
    box.drag(".ab-slider", (0.12, 0.5), (0.6, 0.5))
    (feather,) = box.values("feather")
    assert feather == pytest.approx(0.6, abs=0.05)
    box.undo()
    assert box.values("feather") == [0.1]
    box.desk.set(BEND, feather=0.5)
    box.waits_for(".ab-slider", "slider => slider.value === '0.5'")


@pytest.mark.slow
def test_a_number_that_comes_by_a_wire_is_not_dragged(box):
    box.page.evaluate(
        f"""id => {{
            const node = ({AT})(id), number = LiteGraph.createNode('PrimitiveFloat')
            app.graph.add(number)
            number.connect(0, node, node.inputs.findIndex(input => input.widget?.name === 'x1'))
        }}""",
        BEND,
    )
    box.waits_for(".ab-note", "note => note.textContent.includes('by a wire')")
    box.drag(".ab-region", (0.5, 0.5), (0.6, 0.4))
    assert box.values("y1", "x2", "y2") == [0.25, 0.75, 0.75]


def test_the_frame_is_the_films_and_so_is_its_grid(box):
    """160 × 112 pixels, cells of 16: told by the model's file before any run."""
    read = "frame => [frame.offsetWidth / frame.offsetHeight, frame.querySelector('.ab-grid').style.cssText]"
    box.waits_for(".ab-grid", "grid => grid?.style.getPropertyValue('--columns') === '10'")
    aspect, grid = box.part(".ab-region").evaluate(read)
    assert aspect == pytest.approx(160 / 112, abs=0.02)
    assert "--columns: 10; --rows: 7" in grid
    latent = box.page.evaluate("String(app.graph.nodes.find(node => node.type === 'EmptyHunyuanLatentVideo').id)")
    box.desk.set(latent, width=128, height=240)
    box.waits_for(".ab-region", "frame => Math.abs(frame.offsetWidth / frame.offsetHeight - 128 / 240) < 0.02")
    assert box.part(".ab-region").evaluate("frame => frame.offsetHeight") <= 221


def test_the_last_film_lies_behind_it(box):
    box.desk.run()
    box.waits_for(".ab-behind > video", "film => film?.videoWidth === 160")
    assert box.part(".ab-behind > video").evaluate("film => film.paused")
    frame = box.part(".ab-region").bounding_box()
    box.page.mouse.move(frame["x"] + 20, frame["y"] + 20)
    box.waits_for(".ab-behind > video", "film => !film.paused")
    box.page.mouse.move(5, 500)
    box.waits_for(".ab-behind > video", "film => film.paused")


@pytest.mark.slow
def test_without_a_film_the_words_map_does(box):
    page = box.page
    patch = page.evaluate("String(app.graph.nodes.find(node => node.type === 'AttnBendModel').id)")
    box.desk.set(patch, record="bent words")
    page.evaluate(
        """() => {
            const video = app.graph.nodes.find(node => node.type === 'SaveVideo')
            app.graph.remove(video)
            const decode = app.graph.nodes.find(node => node.type === 'VAEDecode')
            const maps = LiteGraph.createNode('AttnBendMaps')
            app.graph.add(maps)
            app.graph.nodes.find(node => node.type === 'AttnBendModel').connect(1, maps, 0)
            app.graph.nodes.find(node => node.type === 'KSampler').connect(0, maps, 1)
        }"""
    )
    box.desk.run()
    box.waits_for(".ab-behind > img", "map => map?.naturalWidth === 10 && map.naturalHeight === 7")


def test_what_is_dark_is_what_the_operator_silences(box):
    """The picture's own brightness against the operator's weight, at places of the frame."""
    import torch
    from attention_bending.bending.operators import RegionalMask

    box.desk.set(BEND, x1=0.2, y1=0.3, x2=1.0, y2=0.8, feather=0.3)
    box.waits_for(".ab-box", "box => box.style.left === '20%'")
    box.part(".ab-region").evaluate(
        """frame => {
            frame.querySelector('.ab-behind').style.background = '#fff'
            for (const part of ['.ab-grid', '.ab-box']) frame.querySelector(part).style.display = 'none'
            frame.querySelector('.ab-shade').style.background = '#000'
        }"""
    )
    seen = picture(box)
    height, width = seen.shape
    fine = RegionalMask(0.2, 0.3, 1.0, 0.8, 0.3).kernel(height, width, torch.device("cpu"))
    expected = fine(torch.ones(1, height, width, 1))[0, ..., 0]
    assert (seen - expected).abs().mean() < 0.02
    assert (seen - expected).abs().max() < 0.12


def picture(box):
    """The frame's grey levels, from 0 to 1, without its border."""
    import io

    import numpy as np
    import torch
    from PIL import Image

    shot = Image.open(io.BytesIO(box.part(".ab-region").screenshot())).convert("L")
    return torch.from_numpy(np.asarray(shot, np.float32) / 255)[2:-2, 2:-2]
