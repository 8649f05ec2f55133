"""The pack's settings on the page: previews, open panels and live maps, where they are wished or not."""

import pytest
from browser.desk import SEEDS
from browser.panels import AT
from browser.previews import FIGURE, MODULE, added, caption, settings, show

pytestmark = pytest.mark.usefixtures("quiet")

BEND, PATCH, SAMPLER, UNBENT = "8", "9", "11", "15"
"""Nodes of *Bend one word (toy)*."""


def one_seed(desk):
    """The template with the same values each time."""
    desk.open()
    for sampler in (SAMPLER, UNBENT):
        desk.set(sampler, seed=0)


def test_with_previews_off_there_is_no_panel_and_the_file_is_the_same(desk):
    saved = "JSON.stringify(app.graph.serialize().nodes.map(node => [node.id, node.widgets_values, node.size[0]]))"
    one_seed(desk)
    with_them = desk.page.evaluate(saved)
    settings(desk, Previews=False)
    try:
        desk.page.wait_for_function(f"id => !({FIGURE})", arg=BEND)
        one_seed(desk)
        desk.page.wait_for_timeout(300)
        assert desk.page.evaluate(f"id => !({FIGURE})", BEND)
        assert desk.page.evaluate(saved) == with_them
    finally:
        settings(desk, Previews=True)
    show(desk, BEND)
    caption(desk, BEND, "card")
    settings(desk, PreviewSize="small", ColorMap="cividis")
    try:
        wide = (
            f"id => {FIGURE}.getBoundingClientRect().width <= 193 && {FIGURE}.querySelector('img').naturalWidth <= 192"
        )
        desk.page.wait_for_function(wide, arg=BEND, timeout=10_000)
    finally:
        settings(desk, PreviewSize="medium", ColorMap="viridis")


@pytest.mark.slow
def test_a_new_nodes_panel_is_closed_where_that_is_wished(desk):
    desk.open()
    is_open = f"async id => ({MODULE % 'panel'}).isOpen(({AT})(id))"
    assert desk.page.evaluate(is_open, added(desk, "AttnBendBlur"))
    settings(desk, Panels=False)
    try:
        assert not desk.page.evaluate(is_open, added(desk, "AttnBendBlur"))
    finally:
        settings(desk, Panels=True)


@pytest.mark.slow
def test_no_live_maps_where_none_are_wished(desk):
    desk.open(steps=30)
    desk.set(PATCH, record="bent words")
    desk.page.evaluate(
        """() => {
            window.live = []
            app.api.addEventListener('b_preview_with_metadata', ({detail}) => live.push(detail.displayNodeId))
        }"""
    )
    with desk.page.expect_response("**/attention_bending/wishes") as answer:
        settings(desk, LiveMaps=False)
    assert answer.value.json() == {"kept": True}
    desk.set(SAMPLER, seed=next(SEEDS))
    desk.run()
    assert PATCH not in desk.page.evaluate("live")
    with desk.page.expect_response("**/attention_bending/wishes"):
        settings(desk, LiveMaps=True)
    desk.set(SAMPLER, seed=next(SEEDS))
    desk.run()
    assert PATCH in desk.page.evaluate("live")
