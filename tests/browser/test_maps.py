"""The words' maps on Patch Model after a run, over the film, and after the page is opened anew; by the mouse."""

import re

import pytest
from attention_bending.dev.browser import READY
from browser.desk import SEEDS, Desk
from browser.panels import AT, comes, kept, near, part, press

pytestmark = pytest.mark.usefixtures("quiet")

BEND, PATCH, LATENT, SAMPLER, SAVE = "8", "9", "10", "11", "14"
"""Nodes of *Bend one word (toy)*."""
MUTED = 2
CANVAS = f"({part('maps')})('{PATCH}').querySelector('canvas')"
RECORD = "widgets.find(({name}) => name === 'record')"


def inside(desk, selector, read="innerText"):
    """What is read of the elements of Patch Model's maps."""
    maps = f"({part('maps')})('{PATCH}')"
    return desk.page.evaluate(f"() => [...{maps}.querySelectorAll('{selector}')].map(each => each.{read})")


def maps_play(desk):
    """Wait until a map lies over the film."""
    canvas = f"({part('maps')})('{PATCH}').querySelector('canvas')"
    desk.page.wait_for_function(f"() => {canvas}?.width === 160", timeout=20_000)  # that of a frame's maps


INK = """(c => c.width * c.height && c.getContext('2d').getImageData(0, 0, c.width, c.height).data.reduce(
    (sum, value, i) => i % 4 == 3 ? sum + value : sum, 0))({canvas})"""
"""JavaScript: how opaque a canvas is, in all."""


def ink(desk):
    canvas = f"({part('maps')})('{PATCH}').querySelector('canvas')"
    return desk.page.evaluate(f"() => {INK.format(canvas=canvas)}")


def record_of(desk):
    return desk.page.evaluate(f"({AT})('{PATCH}').{RECORD}.value")


def test_one_switch_shows_the_bent_words_over_the_film(desk: Desk):
    desk.open(steps=8)
    desk.set(LATENT, length=9)
    desk.set(BEND, token="red, circle", factor=3)
    near(desk, PATCH)
    press(desk, PATCH, "maps", "Show the bent words")
    assert record_of(desk) == "bent words"
    comes(desk, PATCH, "maps", "Run: the words' maps will play here.")
    desk.run()
    maps_play(desk)
    assert inside(desk, ".ab-words button") == ["red", "circle"]
    assert inside(desk, ".ab-sides button") == ["before", "after"]
    assert inside(desk, ".ab-caption") == ["Over the film that they are of"]
    assert inside(desk, "video", "videoWidth") == [160]
    press(desk, PATCH, "maps", "❚❚")
    before = ink(desk)
    press(desk, PATCH, "maps", "after")
    desk.page.wait_for_function(f"before => {INK.format(canvas=CANVAS)} > 1.1 * before", arg=before, timeout=5000)
    press(desk, PATCH, "maps", "circle")
    desk.drawn()
    assert inside(desk, "[aria-pressed=true]") == ["circle", "after"]

    x, y, width, height = desk.page.evaluate(
        f"() => {{ const box = {CANVAS}.getBoundingClientRect(); return [box.x, box.y, box.width, box.height] }}"
    )
    desk.page.mouse.move(x + width * 0.22, y + height * 0.5, steps=3)  # where the circle is
    comes(desk, PATCH, "maps", "here: ")
    (here,) = inside(desk, ".ab-heard")
    assert re.fullmatch(r"here: (red|circle) \d+\.\d× · (red|circle) \d+\.\d×", here)
    desk.photograph("bent words over the film")
    desk.page.mouse.move(x - 60, y)
    desk.page.wait_for_function(f"() => !({part('maps')})('{PATCH}').querySelector('.ab-heard').innerText")
    desk.page.mouse.move(x + width * 0.22, y + height * 0.5, steps=3)
    comes(desk, PATCH, "maps", here)

    press(desk, PATCH, "maps", "Show the bent words")
    assert record_of(desk) == "none"
    desk.page.wait_for_function(f"() => !{CANVAS}", timeout=5000)
    assert inside(desk, "video, canvas, .ab-words") == []
    press(desk, PATCH, "maps", "Show the bent words")
    maps_play(desk)
    desk.page.wait_for_function(f"() => {INK.format(canvas=CANVAS)} > 0", timeout=5000)


def test_off_again_record_is_what_it_was_also_after_saving(desk: Desk):
    desk.open()
    desk.set(PATCH, record="listed words", record_tokens="red")
    kept(desk)
    press(desk, PATCH, "maps", "Show the bent words")
    assert record_of(desk) == "bent words"
    desk.page.evaluate("() => app.extensionManager.command.execute('Comfy.Undo')")
    desk.page.wait_for_function(f"() => ({AT})('{PATCH}')?.{RECORD}.value === 'listed words'", timeout=5000)
    near(desk, PATCH)
    press(desk, PATCH, "maps", "Show the bent words")
    desk.editor.load(desk.page.evaluate("JSON.parse(JSON.stringify(app.rootGraph.serialize()))"), "reloaded")
    desk.page.wait_for_function(f"() => ({part('maps')})('{PATCH}')?.querySelector('input').checked", timeout=5000)
    near(desk, PATCH)
    press(desk, PATCH, "maps", "Show the bent words")
    assert record_of(desk) == "listed words"


@pytest.mark.slow
def test_a_record_that_is_gone_says_so(desk: Desk):
    desk.open()
    desk.set(PATCH, record="bent words")
    desk.set(BEND, token="red, circle")
    desk.run()
    maps_play(desk)
    desk.server.post("/free", {"unload_models": True, "free_memory": True})
    desk.page.wait_for_timeout(2000)  # the server does it between prompts
    near(desk, PATCH)
    press(desk, PATCH, "maps", "circle")
    comes(desk, PATCH, "maps", "No maps of the last run are kept")
    assert inside(desk, "video, canvas") == []


MAKE = """([type, from, input]) => {
    const node = LiteGraph.createNode(type)
    app.graph.add(node)
    app.graph.getNodeById(from).connect(0, node, input)
    return String(node.id)
}"""


@pytest.mark.slow
def test_without_a_film_it_says_what_the_map_lies_over(desk: Desk):
    desk.open(steps=2)
    desk.set(LATENT, length=9)
    desk.set(PATCH, record="bent words")
    desk.set(SAVE, mode=MUTED)
    preview = "on => app.extensionManager.setting.set('Comfy.Execution.PreviewMethod', on)"
    desk.page.evaluate(MAKE, ["SaveLatent", int(SAMPLER), "samples"])
    desk.page.evaluate(preview, "none")
    desk.run()
    maps_play(desk)
    assert inside(desk, ".ab-caption")[0].startswith("The map alone: no film of this run comes out")
    assert inside(desk, "img, video", "hidden") == [True, True]
    near(desk, PATCH)
    desk.page.evaluate(preview, "latent2rgb")
    desk.set(SAMPLER, seed=next(SEEDS))
    desk.run()
    comes(desk, PATCH, "maps", "Over the sampler's last preview")
    desk.page.wait_for_function(
        f"() => ({part('maps')})('{PATCH}').querySelector('img').naturalWidth > 0", timeout=5000
    )
    desk.page.evaluate(preview, "default")
    desk.page.evaluate(MAKE, ["PreviewImage", 12, "images"])
    desk.set(SAMPLER, seed=next(SEEDS))
    desk.run()
    comes(desk, PATCH, "maps", "Over the film that they are of")
    image = f"({part('maps')})('{PATCH}').querySelector('img')"
    first = desk.page.evaluate(f"() => {image}.src")
    assert "/view?filename=" in first
    desk.page.wait_for_function(f"first => {image}.src !== first", arg=first, timeout=5000)  # it plays


@pytest.mark.slow
def test_a_page_that_is_reloaded_in_the_middle_of_a_run_hears_its_end(desk: Desk):
    """The browser's tab keeps its name at the server, so that what is told after it is back still comes."""
    desk.open(steps=60)
    desk.set(PATCH, record="bent words")
    kept(desk)
    desk.page.wait_for_timeout(1500)  # the page keeps what is open
    prompt = desk.queue()
    desk.hears(PATCH, "sampling …")
    desk.page.reload()
    desk.page.wait_for_function(READY, timeout=60_000)
    desk.page.wait_for_function(f"() => ({AT})('{PATCH}')", timeout=10_000)
    desk.server.wait(prompt)
    desk.hears(PATCH, "6 layers × 60 steps")
    comes(desk, BEND, "report", "ran in 6 layers × 60 steps")
    maps_play(desk)
    assert inside(desk, ".ab-caption") == ["Over the film that they are of"]


def test_a_page_that_is_opened_anew_shows_the_maps_of_the_run_before(desk: Desk):
    desk.open()
    desk.set(PATCH, record="bent words")
    kept(desk)
    desk.run()
    maps_play(desk)
    desk.page.wait_for_timeout(1500)
    desk.page.reload()
    desk.page.wait_for_function(READY, timeout=60_000)
    maps_play(desk)
    assert inside(desk, ".ab-caption")[0].startswith("The map alone")
    desk.run()  # all from the cache, and the film with it
    comes(desk, PATCH, "maps", "Over the film that they are of")
