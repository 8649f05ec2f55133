"""The page of a study of 5,000 cells, opened from disk in Chromium."""

import re

import pytest
from attention_bending.dev.browser import CHROMIUM_CURE, FLAGS, find_chromium
from attention_bending.study import study_file
from attention_bending.study.graph import FILES, MAPS
from attention_bending.study.page import build
from attention_bending.study.store import Store
from study.films import WHY, pretended

STUDY = """
format: attention-bending-study
workflow: toy.json
prompts:
  - {text: "a (red) circle on the left", subject: red}
  - {text: "a (blue) star on the right", subject: blue}
seeds: [1, 2, 3, 4, 5, 6]
each: {token: "ALL; subject", steps: "all; 0-2; 7-9", layers: "all; 0-5; 13-18; 24-29"}
bends:
  - {mode: spatial_scale, factor: "0.25:4:8"}
  - {mode: amplify, factor: "0, 0.25, 0.5, 1, 2, 3, 4, 5, 6"}
  - {mode: translate, x: "-0.25, 0.25", y: 0, each: {token: ALL, steps: all, layers: all}}
version: 1
"""
MIXED = """
format: attention-bending-study
workflow: toy.json
prompts:
  - {text: "a (red) (circle) on the left", subject: red}
  - {text: "a (red) (circle) on the left", subject: circle}
seeds: [123456, 123457, 9007199254740992, 9007199254740993]
each: {token: subject, steps: all, layers: all}
bends:
  - {mode: translate, x: "-0.25, 0, 0.25"}
  - {mode: translate, y: "-0.25, 0, 0.25", x: 0}
version: 1
"""
"""One text with two subjects, seeds that JavaScript's numbers cannot tell apart, one mode with two parameters."""
CELLS, REFUSED, UNBENT = 12 * (24 * 17 + 2), 3, 12 * 24

pytestmark = pytest.mark.skipif(not find_chromium(), reason=CHROMIUM_CURE)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("page") / "two words")
    return build(store, pretended(study_file.parse(STUDY), store, refused=REFUSED))


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=find_chromium(), args=list(FLAGS))
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def mixed_file(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("mixed") / "mixed")
    built = build(store, pretended(study_file.parse(MIXED), store))
    for maps in store.cells.glob(f"*/{FILES[MAPS]}"):
        maps.unlink(missing_ok=True)  # lost once the page was made
    return built


@pytest.fixture
def opener(browser):
    """A function from a page's file to one that opens it with what stands behind its #; no script of it fails."""
    page, errors = browser.new_page(viewport={"width": 1600, "height": 1000}), []
    page.on("pageerror", lambda error: errors.append(str(error)))

    def at(file):
        def opened(behind: str = ""):
            page.goto("about:blank")
            page.goto(f"{file.as_uri()}#{behind}")
            return page

        return opened

    yield at
    page.close()
    assert not errors


@pytest.fixture
def at(opener, file):
    return opener(file)


@pytest.fixture
def mixed(opener, mixed_file):
    return opener(mixed_file)


def elements(page) -> int:
    return page.evaluate("document.querySelectorAll('*').length")


def address(page) -> str:
    """As the page itself has it: the browser tells it later."""
    return page.evaluate("location.href")


def names(page) -> list[str]:
    """Of the films in sight, without the un-bent ones."""
    return page.evaluate("[...document.querySelectorAll('.card:not(.unbent)')].map(card => card.ariaLabel)")


def test_5000_cells_scroll_with_under_500_elements(at):
    page = at()
    assert page.locator("#count").text_content() == f"{CELLS} films, {REFUSED} of them refused, failed or missing"
    assert elements(page) < 500
    seen = set(names(page))
    for part in (0.3, 0.7, 1):
        page.evaluate("part => { const m = document.querySelector('main'); m.scrollTop = part * m.scrollHeight }", part)
        page.wait_for_function(
            "seen => { const m = document.querySelector('main'), at = m.getBoundingClientRect();"
            "const cards = [...m.querySelectorAll('.card:not(.unbent)')].map(card => card.ariaLabel);"
            "return document.elementFromPoint(at.right - 60, at.bottom - 60) !== m"
            " && cards.every(name => !seen.includes(name)) }",
            arg=[*seen],
        )
        assert elements(page) < 500 and not seen & set(names(page))
        seen |= set(names(page))
    assert any(name.startswith("Translate x 0.25, y 0") for name in seen)


def test_each_row_has_its_unbent_film_first(at):
    first = "[...document.querySelectorAll('.row .card:first-of-type')].map(card => card.ariaLabel)"
    assert set(at("group=prompt").evaluate(first)) == {"un-bent · a (red) circle on the left · seed 1 · change 0"}


def test_filters_sort_and_link_agree(at):
    page = at()
    page.get_by_role("button", name="amplify").click()
    page.get_by_role("button", name="0-5").click()
    page.keyboard.press("/")
    page.keyboard.type("bl")
    page.locator("#find").fill("blue subject")
    page.locator("#sort").select_option("-change")
    count = 6 * 3 * 9
    assert page.locator("#count").text_content() == f"{count} of {CELLS} films"
    there, link = names(page), address(page)
    assert all(name.startswith("Amplify") and "subject" in name and "layers 0-5" in name for name in there)
    changes = [float(name.rpartition(" ")[2]) for name in there]
    assert changes == sorted(changes, reverse=True)
    page = at(link.partition("#")[2])
    assert names(page) == there
    page.get_by_role("button", name="All films").click()
    assert page.locator("#count").text_content().startswith(f"{CELLS} films")


def test_what_was_refused_and_what_does_not_bend(at):
    page = at("is.status=refused")
    assert len(names(page)) == REFUSED and all(WHY in name for name in names(page))
    page.locator(".card.refused").first.click()
    assert page.locator("dialog .no-film").text_content() == WHY
    assert at("is.status=un-bent").locator("#count").text_content() == f"{UNBENT} of {CELLS} films"


STATE = "[...document.querySelectorAll('dialog video')].map(film => [film.currentTime, film.paused])"


def test_a_film_plays_beside_the_unbent_one_in_step(at):
    page = at("find=red+subject&is.mode=amplify")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    name = page.evaluate("document.activeElement.ariaLabel")
    page.keyboard.press("Enter")
    assert page.locator("dialog figcaption").all_text_contents() == ["un-bent", "bent", "maps of its words"]
    page.wait_for_function(f"() => {STATE}.every(([time, paused]) => time > 0.3 && !paused)")
    page.keyboard.press("Space")
    page.wait_for_function(f"() => {STATE}.every(([time, paused], _, all) => paused && time === all[0][0])")
    paused = page.evaluate(STATE)[0][0]
    page.keyboard.press(".")
    page.wait_for_function(f"was => {STATE}.every(([time]) => Math.abs(time - was - 1 / 16) < 0.001)", arg=paused)
    title, link = page.locator("#title").text_content(), address(page)
    assert title in name and "key=cell" in link
    page.keyboard.press("ArrowRight")
    assert page.locator("#title").text_content() != title
    page.keyboard.press("Escape")
    assert not page.locator("dialog").is_visible() and "key=" not in address(page)
    assert page.evaluate("document.activeElement.classList.contains('card')")
    assert at(link.partition("#")[2]).locator("#title").text_content() == title


def test_holding_b_shows_the_unbent_films(at):
    page = at("is.mode=spatial_scale&is.seed=2")
    posters = "[...new Set([...document.querySelectorAll('.card img')].map(image => image.getAttribute('src')))]"
    before = page.evaluate(posters)
    page.keyboard.down("b")
    held = page.evaluate(posters)
    page.keyboard.up("b")
    assert len(held) == 1 and held[0] in before and page.evaluate(posters) == before
    page.keyboard.press("ArrowRight")
    page.keyboard.down("B")  # with Caps Lock, or Shift
    assert page.evaluate(posters) == held
    page.keyboard.up("b")
    assert page.evaluate(posters) == before
    assert page.evaluate("document.activeElement.classList.contains('card')")


def test_curves_of_a_metric_lead_to_their_films(at):
    page = at("view=curves&metric=ssim&is.mode=amplify")
    assert elements(page) < 500
    assert page.locator("h2", has_text="Amplify · factor · ALL").is_visible()
    drawing = page.locator("svg").nth(1)
    assert drawing.get_attribute("aria-label").startswith("Amplify · factor · ALL, steps 0-2: ssim over factor; layers")
    assert drawing.locator(".line").count() == 4 and drawing.locator(".unbent").count() == 1
    box = drawing.bounding_box()
    page.mouse.click(box["x"] + box["width"] - 16, box["y"] + box["height"] / 2)
    assert "is.factor=6" in address(page) and "is.steps=0-2" in address(page) and "is.token=ALL" in address(page)
    assert page.locator("#count").text_content() == f"12 of {CELLS} films"


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_it_is_dark_or_light_as_the_system_is(at, scheme):
    page = at()
    page.emulate_media(color_scheme=scheme)
    red = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/[0-9]+/)[0]")
    assert (int(red) < 128) == (scheme == "dark")


def test_seeds_are_told_to_the_last_digit_and_subjects_apart(mixed):
    page = mixed()
    for seed in ("123456", "123457", "9007199254740992", "9007199254740993"):
        button = page.locator("#facets button").filter(has_text=re.compile(f"^{seed}$"))
        button.click()
        assert page.locator("#count").text_content() == "12 of 48 films"
        button.click()
    page.locator("summary", has_text="Subject").click()
    assert mixed("is.seed=9007199254740993&is.subject=circle").locator("#count").text_content() == "6 of 48 films"


def test_a_mode_that_has_other_parameters_each_time_has_a_curve_of_each(mixed):
    page = mixed("view=curves&is.seed=123456&is.subject=red")
    assert "NaN" not in page.content()
    heads = page.locator("h2").all_text_contents()
    assert [head for head in heads if " x " in head] and [head for head in heads if " y " in head]
    drawing = page.locator("svg").first
    box = drawing.bounding_box()
    page.mouse.click(box["x"] + box["width"] - 16, box["y"] + box["height"] / 2)
    assert "is.seed=123456" in address(page) and "view=curves" not in address(page)


def test_a_film_that_is_lost_does_not_hold_up_the_others(mixed):
    page = mixed("is.seed=123456&is.x=0.25&is.subject=red")
    page.locator(".card:not(.unbent)").first.click()
    page.locator("dialog .no-film").wait_for()
    assert page.locator("dialog .no-film").text_content().endswith(f"{FILES[MAPS]} is gone")
    page.wait_for_function(f"() => {STATE}.length === 2 && {STATE}.every(([time, paused]) => time > 0.3 && !paused)")


def test_escape_in_what_is_sought_leaves_it(at):
    page = at("find=blue")
    before = page.locator("#count").text_content()
    page.keyboard.press("/")
    page.keyboard.press("Escape")
    assert page.locator("#find").input_value() == "blue" and page.locator("#count").text_content() == before
