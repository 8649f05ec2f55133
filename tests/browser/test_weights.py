"""Weights that the attention is given, as chips on Bend Prompt: read by the server while they are typed."""

import pytest
from browser.panels import AT
from browser.test_words import BEND, PATCH, PROMPT, words  # noqa: F401, a fixture

pytestmark = pytest.mark.usefixtures("quiet")


def test_weights_stand_on_the_chips_and_a_click_takes_one_out(words):  # noqa: F811
    words.open()
    words.desk.set(PROMPT, text="a (red:1>0) circle on the (left:-2), a (blue:1.3) square", weights="attention")
    for chip in ("red1 > 0", "left×-2", "blue×1.3"):
        words.has(PROMPT, chip, "marked on")
    words.says(PROMPT, "Connect bending to a Patch Model")
    words.connect(PROMPT, "bending", PATCH, "bending")
    words.page.wait_for_function(
        f"id => !({AT})(id).widgets.at(-1).element.innerText.includes('Connect bending')", arg=PROMPT, timeout=10_000
    )
    words.connect(BEND, "bending", PATCH, "bending")
    words.desk.photograph("weights")
    words.click(PROMPT, "red1 > 0")
    words.becomes(PROMPT, "a red circle on the (left:-2), a (blue:1.3) square", "text")
    words.desk.set(PROMPT, text="a (red:1>0) circle", weights="encoder")
    words.says(PROMPT, "or set weights to attention")
    words.desk.set(PROMPT, text="a (red:11) circle", weights="attention")
    words.says(PROMPT, "Give it a number from -10 to 10")
