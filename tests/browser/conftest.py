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


@pytest.fixture(scope="session")
def server():
    """One server for the room."""
    with running_server() as running:
        yield running


@pytest.fixture(scope="session")
def editor(server):
    """One open page for the room: `load`, `export`, `missing_nodes`, `screenshot`, and Playwright's `page`."""
    with open_editor(server) as opened:
        yield opened


@pytest.fixture(scope="session")
def newest(editor):
    """The page of another server, by the newest front end, in the same browser."""
    with running_server(f"--front-end-root={fetched(NEWEST)}") as running:
        page = editor.page.context.browser.new_page(viewport=editor.page.viewport_size)
        opened = Editor(running, page)
        opened.open()
        yield opened
        page.context.close()


CLOSE_OTHERS = """async () => {
    const store = app.extensionManager.workflow
    for (const other of [...store.openWorkflows]) if (other !== store.activeWorkflow) await store.closeWorkflow(other)
}"""

ON_NEWEST = ("test_region", "test_reports")
"""The modules whose tests run by the newest front end too, slowly."""


def pytest_generate_tests(metafunc):
    """`desk` in each rendering: quick in those that the mark `quick_in` names, in Nodes 2.0 where there is none."""
    if "desk" not in metafunc.fixturenames:
        return
    mark = metafunc.definition.get_closest_marker("quick_in")
    quick = mark.args if mark else ("nodes 2",)
    of_all = metafunc.module.__name__.rpartition(".")[2] in ON_NEWEST
    front_ends = {"editor": ("", quick), "newest": (f"{NEWEST} ", ())} if of_all else {"editor": ("", quick)}
    renderings = [
        pytest.param((front_end, name == "nodes 2"), id=prefix + name, marks=() if name in now else pytest.mark.slow)
        for front_end, (prefix, now) in front_ends.items()
        for name in ("classic", "nodes 2")
    ]
    metafunc.parametrize("desk", renderings, indirect=True, scope="module")


@pytest.fixture(scope="module")
def desk(request):
    """The page in each of its renderings."""
    front_end, is_vue = request.param
    editor = request.getfixturevalue(front_end)
    turn = "on => app.extensionManager.setting.set('Comfy.VueNodes.Enabled', on)"
    editor.page.evaluate(turn, is_vue)
    yield Desk(editor, editor.server)
    editor.page.evaluate(turn, False)


@pytest.fixture
def quiet(request):
    """No script has failed, but for what a refused run says of itself; and no workflow is left for the next test."""
    has_desk = "desk" in request.fixturenames
    editor = request.getfixturevalue("desk").editor if has_desk else request.getfixturevalue("editor")
    thrown(editor)
    yield
    editor.page.mouse.move(*ASIDE)  # over a tab it would call up a picture of its workflow
    editor.page.evaluate(CLOSE_OTHERS)
    assert thrown(editor) == []
