"""A first minute: from the empty page to a bent film of another word and its map, by the mouse alone."""

from io import BytesIO
from urllib.parse import urlencode
from urllib.request import urlopen

import av
import numpy as np
import pytest
from attention_bending.dev.browser import Editor
from browser.desk import photograph, thrown
from browser.panels import AT, PANEL

BEND, PATCH, COMPARE = "8", "9", "17"
"""Nodes of the first template."""
MOST_CLICKS = 12

PART = f"""([id, selector, says]) => {{
    const panel = ({AT})(id)?.widgets?.find(widget => widget.name === '{PANEL}')?.element
    return [...(panel?.querySelectorAll(selector) ?? [])].find(
        part => says === null || part.innerText.trim() === says)
}}"""
"""An element of a node's panel, by what is read on it."""


class Mouse:
    """Nothing but clicks at places that are seen, counted."""

    def __init__(self, page):
        self.page = page
        self.clicks = 0

    def click(self, find):
        """Click at the middle of what `find` finds, once it stands still; whatever covers it takes the click."""
        before, box = None, boxed(find())
        while box is None or box != before:
            self.page.wait_for_timeout(200)
            before, box = box, boxed(find())
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        width, height = (self.page.viewport_size[side] for side in ("width", "height"))
        assert 0 < x < width and 0 < y < height
        self.page.mouse.click(x, y)
        self.clicks += 1

    def click_on(self, node, selector, says=None):
        """Click on what is in a node's panel."""
        part = [node, selector, says]
        self.page.wait_for_function(PART, arg=part, timeout=10_000)
        self.click(lambda: self.page.evaluate_handle(PART, part).as_element())

    def run(self, server):
        """Click Run, and wait for the end; what came out, by node."""
        with self.page.expect_response("**/prompt") as answer:
            self.click(lambda: self.page.get_by_test_id("queue-button"))
        return server.wait(answer.value.json()["prompt_id"])["outputs"]


def boxed(element):
    """Where it is seen; None where it is gone meanwhile."""
    return element and element.bounding_box()


@pytest.fixture(params=[pytest.param(False, marks=pytest.mark.slow), True], ids=["classic", "nodes 2"])
def new_page(editor, server, request):
    """The page as one opens it for the first time, in another browser."""
    page = editor.page.context.browser.new_page(viewport={"width": 1600, "height": 1000})
    try:
        opened = Editor(server, page)
        server.post("/free", {"unload_models": True, "free_memory": True})  # no film is in the cache
        opened.open({"Comfy.VueNodes.Enabled": request.param})
        yield page
        assert thrown(opened) == []
    finally:
        page.context.close()
        server.post("/settings", {"Comfy.VueNodes.Enabled": False})


def films(server, outputs):
    """The un-bent and the bent film of Compare's picture, which stand one above the other, as float arrays."""
    (file,) = outputs[COMPARE]["attention_bending_compare"]
    with urlopen(f"{server.url}/view?{urlencode(file)}") as answer, av.open(BytesIO(answer.read())) as film:
        frames = np.stack([frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]).astype(float)
    half = frames.shape[1] // 2
    return frames[:, :half], frames[:, half:]


def seen(page):
    """Wait until Compare shows its films."""
    ready = f"part => ({PART})(part)?.classList.contains('ab-empty') === false"
    page.wait_for_function(ready, arg=[COMPARE, ".ab-compare", None], timeout=20_000)


def test_from_the_empty_page_to_a_bent_film_of_another_word_and_its_map(new_page, server):
    page, mouse = new_page, Mouse(new_page)

    def shot(name):
        page.mouse.move(800, 970)
        page.wait_for_timeout(700)
        photograph(page, f"a first minute, {mouse.clicks:02} clicks, {name}")

    mouse.click(lambda: page.get_by_role("button", name="Attention Bending: start here"))
    first = page.locator(".ab-start-toy").first
    first.wait_for(timeout=10_000)
    shot("start here")
    mouse.click(lambda: first)
    page.wait_for_function(f"() => ({AT})('{BEND}')?.type === 'AttnBendAmplify'", timeout=10_000)
    shot("the template")
    plain, red = films(server, mouse.run(server))
    seen(page)
    shot("bent")
    mouse.click_on(BEND, ".ab-chip", "red")
    mouse.click_on(BEND, ".ab-chip", "circle")
    mouse.click_on(PATCH, ".ab-switch")
    shot("another word")
    plain_again, circle = films(server, mouse.run(server))
    map_shown = f"part => ({PART})(part)?.width === 160"
    page.wait_for_function(map_shown, arg=[PATCH, ".ab-stage canvas", None], timeout=20_000)
    seen(page)
    shot("another word bent")

    assert mouse.clicks <= MOST_CLICKS
    assert page.evaluate(f"({AT})('{BEND}').widgets.find(({{name}}) => name === 'token').value") == "circle"
    (word,) = page.evaluate_handle(PART, [PATCH, ".ab-words", None]).as_element().query_selector_all("button")
    assert word.inner_text() == "circle"
    assert distance(plain, plain_again) < 1 < distance(plain, red)
    assert distance(circle, red) > 1 < distance(circle, plain)


def distance(a, b):
    """How far apart two films are, of 255."""
    return np.abs(a - b).mean()
