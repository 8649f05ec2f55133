"""Words to click: under the fields of bends, and a prompt's pieces on Bend Prompt; by the mouse, in the real page."""

import json

import pytest
from browser.panels import AT
from browser.words import BEND, PATCH, PROMPT, SAMPLER, Words

pytestmark = pytest.mark.usefixtures("quiet")

NEGATIVE = "7"


@pytest.fixture
def words(desk):
    return Words(desk)


@pytest.mark.quick_in("classic", "nodes 2")
def test_a_bend_shows_the_words_that_it_meets_and_a_click_takes_one(words):
    words.open()
    assert words.on(BEND) == {
        "chips": [
            ["red", "marked on"],
            *([word, "word"] for word in ("a", "circle", "on", "the", "left")),
            *([word, "selector"] for word in ("ALL", "PROMPT", "MARKED", "PADDING", "END")),
        ],
        "notes": [],
        "faults": [],
    }
    place = words.page.evaluate(f"[...({AT})('{BEND}').pos]")
    words.click(BEND, "circle")
    words.becomes(BEND, "red, circle")
    words.has(BEND, "circle", "word on")
    words.click(BEND, "red")
    words.becomes(BEND, "circle")
    words.has(BEND, "red", "marked")
    words.desk.photograph("words to click")
    words.click(BEND, "ALL")
    words.becomes(BEND, "ALL")
    words.has(BEND, "ALL", "selector on")
    words.click(BEND, "left")
    words.becomes(BEND, "left")
    words.has(BEND, "left", "word on")
    words.click(BEND, "left")
    words.becomes(BEND, "")
    words.says(BEND, "Choose a word.")
    assert words.page.evaluate(f"[...({AT})('{BEND}').pos]") == place


def test_a_click_is_undone_in_one_step(words):
    words.open()
    words.page.evaluate("() => void app.extensionManager.workflow.activeWorkflow.changeTracker.captureCanvasState()")
    words.click(BEND, "circle")
    words.becomes(BEND, "red, circle")
    words.page.evaluate("() => void app.extensionManager.command.execute('Comfy.Undo')")
    words.becomes(BEND, "red")
    words.has(BEND, "circle", "word")


def test_a_word_that_is_not_there_is_told_before_a_run_and_near_ones_are_offered(words):
    words.open()
    words.desk.set(BEND, token="circel")
    words.has(BEND, "circel", "wrong on")
    (fault,) = words.on(BEND)["faults"]
    assert fault.startswith('"circel" is not in the prompt. Did you mean "circle"?')
    words.has(BEND, "circle", "offer")
    words.desk.photograph("a word that is not there")
    words.click(BEND, "circle", nth=1)
    words.becomes(BEND, "circle")
    words.has(BEND, "circle", "word on")
    assert words.on(BEND)["faults"] == []
    words.desk.set(BEND, token="two, circle#2")
    words.says(BEND, 'there is no "circle#2"')


def test_chips_follow_what_is_typed_into_the_prompt(words):
    words.open()
    type_into_prompt(words, " and a (green) square")
    words.has(BEND, "green", "marked")
    words.has(PROMPT, "green", "marked on")


def type_into_prompt(words, text):
    """Type at the end of the prompt, with the keyboard."""
    area = words.page.locator("textarea").filter(visible=True).first
    words.page.evaluate(
        f"() => {{ const [x, y] = ({AT})('{PROMPT}').pos; app.canvas.ds.scale = 1;"
        " app.canvas.ds.offset = [300 - x, 150 - y]; app.canvas.setDirty(true, true) }"
    )
    words.desk.drawn()
    area.click()
    words.page.keyboard.press("Control+End")
    words.page.keyboard.type(text)


@pytest.mark.slow
def test_two_fields_have_two_rows(words):
    words.desk.open("Swap two words (toy)")
    words.open_panels()
    (swap,) = words.page.evaluate(
        "app.graph.nodes.filter(node => node.type === 'AttnBendSwap').map(node => String(node.id))"
    )
    words.page.wait_for_function(
        f"id => ({AT})(id).widgets.at(-1).element.querySelectorAll('.ab-label').length === 2", arg=swap, timeout=20_000
    )
    token, other = words.value(swap), words.value(swap, "other")
    words.click(swap, "a", nth=1)
    words.becomes(swap, f"{other}, a", "other")
    assert words.value(swap) == token


def test_a_bend_that_meets_no_words_says_what_to_connect(words):
    words.open()
    words.disconnect(PATCH, "bending")
    words.says(BEND, "Connect bending to a Patch Model")
    words.connect(BEND, "bending", PATCH, "bending")
    words.has(BEND, "circle")
    assert words.on(BEND)["notes"] == []
    words.disconnect(SAMPLER, "model")
    words.says(BEND, "to a sampler")
    words.connect(PATCH, "model", SAMPLER, "model")
    words.connect(NEGATIVE, "CONDITIONING", SAMPLER, "positive")
    words.says(BEND, "does not tell its words")
    words.disconnect(SAMPLER, "positive")
    words.says(BEND, "The sampler has no prompt")
    assert words.on(BEND)["chips"] == [["red", "own on"], ["ALL", "selector"]]


@pytest.mark.slow
def test_a_token_that_a_wire_gives_is_told_and_not_to_be_clicked(words):
    words.open()
    primitive = words.page.evaluate(
        """() => {
            const node = LiteGraph.createNode('PrimitiveString')
            app.graph.add(node)
            node.widgets[0].value = 'circle'
            return String(node.id)
        }"""
    )
    words.connect(primitive, "STRING", BEND, "token")
    words.says(BEND, "token is given by a wire")
    words.has(BEND, "circle", "word on")
    panel = f"({AT})('{BEND}').widgets.at(-1).element"
    assert words.page.evaluate(f"{panel}.querySelectorAll('button.ab-chip').length") == 0


def test_the_pieces_of_a_prompt_and_a_click_marks_a_word(words):
    words.open()
    words.desk.set(PROMPT, text=r"a (red) circle moves, \(a\) (blue:1.3) square")
    words.has(PROMPT, "blue×1.3", "marked on")
    told = words.on(PROMPT)
    assert " ".join(text for text, _ in told["chips"]) == "a red circle moves , ␣ ( a ) blue×1.3 square"
    assert ["moves", "unknown"] in told["chips"]
    assert "of 512 columns are padding" in told["notes"][0]
    words.click(PROMPT, "circle")
    words.becomes(PROMPT, r"a (red) (circle) moves, \(a\) (blue:1.3) square", "text")
    words.has(PROMPT, "circle", "marked on")
    words.desk.photograph("the pieces of a prompt")
    words.click(PROMPT, "blue×1.3")
    words.becomes(PROMPT, r"a (red) (circle) moves, \(a\) blue square", "text")
    words.has(BEND, "circle", "marked")


@pytest.mark.slow
def test_a_prompt_that_is_half_typed_says_why_and_keeps_its_pieces(words):
    words.open()
    words.desk.set(PROMPT, text="a (red circle on the left")
    words.says(PROMPT, "is opened but never closed")
    assert words.on(PROMPT)["chips"][1] == ["red", "marked on"]
    words.says(BEND, "is opened but never closed")


@pytest.mark.slow
def test_an_encoder_that_is_not_known_tells_its_pieces_after_a_run(words):
    """Without a loader there is none to ask; what a run has told of this very text stands there then."""
    words.open()
    words.desk.run()
    words.desk.set(PROMPT, text="a (blue) circle")
    words.disconnect(PROMPT, "clip")
    words.says(PROMPT, "Connect clip")
    words.has(PROMPT, "blue", "marked on")
    words.desk.set(PROMPT, text="a (red) circle on the left")
    words.says(PROMPT, "as in the last run")


@pytest.mark.slow
def test_a_long_prompt_scrolls(words):
    words.open()
    words.desk.set(PROMPT, text=" ".join(f"word{i}" for i in range(200)))
    words.has(BEND, "word199")
    words.has(PROMPT, "word199")
    for node in (PROMPT, BEND):
        words.page.evaluate(f"id => app.canvas.centerOnNode(({AT})(id))", node)
        scrolls = f"""id => {{
            const all = ({AT})(id).widgets.at(-1).element.querySelector('.ab-chips')
            return all.clientHeight > 0 && all.clientHeight <= 120 && all.scrollHeight > 120
        }}"""
        words.page.wait_for_function(scrolls, arg=node, timeout=10_000)


@pytest.mark.slow
def test_inside_of_a_subgraph(words):
    words.open()
    group = words.page.evaluate(
        f"""() => String(app.graph.convertToSubgraph(new Set(['{BEND}', '{PATCH}'].map({AT}))).node.id)"""
    )
    words.open_panels()
    inner = f"{group}:{BEND}"
    words.has(inner, "circle")
    words.click(inner, "circle")
    words.becomes(inner, "red, circle")
    words.page.evaluate("() => void app.canvas.setGraph(app.rootGraph)")
    words.desk.drawn()


def test_nothing_is_saved_and_a_bypassed_bend_keeps_what_it_shows(words):
    words.open()
    saved = words.page.evaluate("JSON.stringify(app.graph.serialize().nodes.map(node => node.widgets_values))")
    words.has(BEND, "circle")
    words.desk.set(BEND, mode=4)
    words.desk.set(PROMPT, text="a (green) sky")
    words.has(PROMPT, "green")
    words.page.wait_for_timeout(500)
    assert ["circle", "word"] in words.on(BEND)["chips"]
    assert json.loads(saved) == json.loads(
        words.page.evaluate("JSON.stringify(app.graph.serialize().nodes.map(node => node.widgets_values))").replace(
            "a (green) sky", "a (red) circle on the left"
        )
    )


def test_a_timeline_tells_its_scenes_and_its_signs_reach_the_server(words):
    words.open()
    text = r'a (red:2) circle "|" \[x\] | a blue circle'
    node = words.page.evaluate(
        f"""([prompt, sampler, text]) => {{
            const scenes = LiteGraph.createNode('AttnBendTimeline')
            app.graph.add(scenes)
            const before = ({AT})(prompt)
            const wire = before.getInputLink(before.findInputSlot('clip'))
            app.graph.getNodeById(wire.origin_id).connect(wire.origin_slot, scenes, 'clip')
            const at = ({AT})(sampler)
            scenes.connect(0, at, at.findInputSlot('positive'))
            scenes.widgets.find(({{name}}) => name === 'text').value = text
            return String(scenes.id)
        }}""",
        [PROMPT, SAMPLER, text],
    )
    words.has(BEND, "@2", "scene")
    words.has(BEND, "blue", "word")
    words.click(BEND, "@2")
    words.becomes(BEND, "red, @2")
    words.desk.set(BEND, token="red@2")
    words.says(BEND, 'there is no "red" in scene 2: it reads "a blue circle".')
    assert words.desk.editor.export()[node]["inputs"]["text"] == text
