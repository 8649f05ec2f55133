"""ComfyUI's page in Chromium; without one the whole room is skipped."""

import pytest
from attention_bending.dev.browser import CHROMIUM_CURE, Editor, find_chromium, open_editor
from attention_bending.dev.frontends import NEWEST, fetched
from attention_bending.dev.server import server as running_server
from browser.desk import ASIDE, Desk, thrown


def pytest_collection_modifyitems(items):
    """Skip the tests of this folder only: the hook is given those of every room."""
    if find_chromium():
        return
    skip = pytest.mark.skip(reason=CHROMIUM_CURE)
    for item in items:
        if item.path.is_relative_to(__file__.rpartition("conftest.py")[0]):
            item.add_marker(skip)


ON_NEWEST = {
    "test_after",
    "test_compare",
    "test_first_minute",
    "test_languages",
    "test_outer_nodes",
    "test_parameters",
    "test_preview",
    "test_region",
    "test_reports",
    "test_start",
    "test_strip",
    "test_turn_into",
    "test_words",
}
"""The modules whose tests run by the newest front end too, slowly."""
FRONT_ENDS = [pytest.param("bundled", id="bundled"), pytest.param("newest", id=NEWEST, marks=pytest.mark.slow)]


def pytest_generate_tests(metafunc):
    """`desk` in each rendering: quick in those that the mark `quick_in` names, in Nodes 2.0 where there is none."""
    if "editor" in metafunc.fixturenames and metafunc.module.__name__.rpartition(".")[2] in ON_NEWEST:
        metafunc.parametrize("editor", FRONT_ENDS, indirect=True, scope="module")
    if "desk" in metafunc.fixturenames:
        mark = metafunc.definition.get_closest_marker("quick_in")
        quick = mark.args if mark else ("nodes 2",)
        renderings = [
            pytest.param(name == "nodes 2", id=name, marks=() if name in quick else pytest.mark.slow)
            for name in ("classic", "nodes 2")
        ]
        metafunc.parametrize("desk", renderings, indirect=True, scope="module")


@pytest.fixture(scope="session")
def bundled():
    """One open page for the room, by the front end that ComfyUI brings."""
    with running_server() as running, open_editor(running) as opened:
        yield opened


@pytest.fixture(scope="session")
def newest(bundled):
    """The page of another server, by the newest front end, in the same browser."""
    with running_server(f"--front-end-root={fetched(NEWEST)}") as running:
        page = bundled.page.context.browser.new_page(viewport=bundled.page.viewport_size)
        opened = Editor(running, page)
        opened.open()
        yield opened
        page.context.close()


@pytest.fixture(scope="module")
def editor(request):
    """The open page: `load`, `export`, `missing_nodes`, `screenshot`, and Playwright's `page`."""
    return request.getfixturevalue(getattr(request, "param", "bundled"))


@pytest.fixture(scope="module")
def server(editor):
    """The server of the page."""
    return editor.server


@pytest.fixture(scope="module")
def desk(editor, request):
    """The page in each of its renderings."""
    turn = "on => app.extensionManager.setting.set('Comfy.VueNodes.Enabled', on)"
    editor.page.evaluate(turn, request.param)
    yield Desk(editor, editor.server)
    editor.page.evaluate(turn, False)


CLOSE_OTHERS = """async () => {
    const store = app.extensionManager.workflow
    for (const other of [...store.openWorkflows]) if (other !== store.activeWorkflow) await store.closeWorkflow(other)
}"""


@pytest.fixture
def quiet(editor):
    """No script has failed, but for what a refused run says of itself; and no workflow is left for the next test."""
    thrown(editor)
    yield
    editor.page.mouse.move(*ASIDE)  # over a tab it would call up a picture of its workflow
    editor.page.evaluate(CLOSE_OTHERS)
    assert thrown(editor) == []
