"""Start here: the templates in order, opened by a click, by tab and by command; and the nodes that search finds."""

import json

import pytest
from attention_bending.dev.twins import MARK
from attention_bending.dev.workflow_table import ALIKE, TEMPLATES
from browser.desk import photograph
from browser.test_page import thrown
from workflows.filming import EDITOR_FILES

STARTED = "app.extensionManager.command.execute('AttentionBending.StartHere')"


@pytest.fixture
def page(editor):
    thrown(editor)
    yield editor.page
    assert thrown(editor) == []


def opened(page, name):
    """Wait for a template in a tab of its own, whole; its nodes' types by id."""
    page.wait_for_function(
        "name => app.extensionManager.workflow.activeWorkflow?.filename.startsWith(name)", arg=name, timeout=10_000
    )
    expected = json.loads((EDITOR_FILES / f"{name}.json").read_text(encoding="utf-8"))
    nodes = {str(node["id"]): node["type"] for node in expected["nodes"]}
    there = "Object.fromEntries(app.graph.nodes.map(node => [node.id, node.type]))"
    page.wait_for_function("count => app.graph.nodes.length === count", arg=len(nodes), timeout=10_000)
    assert page.evaluate(there) == nodes


def test_the_tab_lists_all_in_order_and_a_click_opens_one(page):
    page.evaluate("() => void app.loadGraphData({nodes: [], links: [], version: 0.4}, true, true, 'mine')")
    tabs = "app.extensionManager.workflow.openWorkflows.length"
    before = page.evaluate(tabs)
    page.get_by_role("button", name="Attention Bending: start here").click()
    entries = page.locator(".ab-start li")
    entries.nth(16).wait_for(timeout=10_000)
    assert entries.locator("b").all_inner_texts() == list(TEMPLATES)
    assert entries.locator("span").all_inner_texts() == [template.says for template in TEMPLATES.values()]
    picture = entries.first.locator("img").element_handle()
    page.wait_for_function("image => image.naturalWidth > 0", arg=picture, timeout=10_000)
    photograph(page, "start here")
    first, *_, last = TEMPLATES
    entries.first.locator(".ab-start-toy").click()
    opened(page, first + MARK)
    assert page.evaluate(tabs) == before + 1
    page.locator(".ab-start").wait_for(state="detached", timeout=5000)  # it covered the graph
    photograph(page, "the first template")
    page.get_by_role("button", name="Attention Bending: start here").click()
    entries.first.locator(".ab-start-real").click()
    opened(page, first)
    page.locator(".ab-start").wait_for(state="detached", timeout=5000)
    page.get_by_role("button", name="Attention Bending: start here").click()
    entries.nth(16).wait_for(timeout=10_000)
    assert last in ALIKE and entries.last.locator("button").count() == 1
    entries.last.locator(".ab-start-toy").click()
    opened(page, last)
    page.locator(".ab-start").wait_for(state="detached", timeout=5000)


def test_the_command_shows_the_tab_too(page):
    page.evaluate(f"() => void {STARTED}")
    page.locator(".ab-start li").first.wait_for(timeout=10_000)
    page.evaluate(f"() => void {STARTED}")
    page.locator(".ab-start").wait_for(state="detached", timeout=5000)


SHOWN_FIRST = {
    "prompt weight": {"Bend: Amplify", "Bend Prompt"},
    "heat map": {"Attention Maps", "Attention Maps Grid"},
}
BEHIND_THEIR_NAMES = {
    "mask": {"Bend: Regional Mask", "Bend: Paint", "Bend Where"},
    "position": {"Bend: Regional Mask", "Bend: Paint", "Bend: Translate", "Bend Where"},
    "move": {"Bend: Translate"},
}
"""The page puts nodes with the word in their names, and those of its own that are much used, before all others."""


def found(page, query):
    """The titles and packs that the page's search lists, in its order."""
    page.evaluate("() => void app.extensionManager.command.execute('Workspace.SearchBox.Toggle')")
    results = page.get_by_test_id("result-item")
    results.first.wait_for(timeout=10_000)
    page.keyboard.type(query)
    page.wait_for_timeout(1000)  # until it has settled
    listed = [text.splitlines()[:2] for text in results.all_inner_texts()]
    page.keyboard.press("Escape")
    results.first.wait_for(state="detached", timeout=5000)
    return listed


@pytest.mark.parametrize("query", ["prompt weight", pytest.param("heat map", marks=pytest.mark.slow)])
def test_search_shows_ours_among_the_first_five(page, query):
    assert SHOWN_FIRST[query] & {title for title, _ in found(page, query)[:5]}


@pytest.mark.slow
@pytest.mark.parametrize("query", BEHIND_THEIR_NAMES)
def test_search_finds_ours(page, query):
    ours = [i for i, (title, _) in enumerate(found(page, query)) if title in BEHIND_THEIR_NAMES[query]]
    assert len(ours) == len(BEHIND_THEIR_NAMES[query])
