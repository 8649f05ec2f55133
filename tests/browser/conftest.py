"""ComfyUI's page in Chromium; without one the whole room is skipped."""

import pytest
from attention_bending.dev.browser import CHROMIUM_CURE, find_chromium, open_editor
from attention_bending.dev.server import server as running_server
from browser.desk import Desk, thrown


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


@pytest.fixture(scope="module", params=[False, True], ids=["classic", "nodes 2"])
def desk(editor, server, request):
    """The page in each of its two renderings."""
    turn = "on => app.extensionManager.setting.set('Comfy.VueNodes.Enabled', on)"
    editor.page.evaluate(turn, request.param)
    yield Desk(editor, server)
    editor.page.evaluate(turn, False)


@pytest.fixture
def quiet(editor):
    """No script has failed, but for what a refused run says of itself."""
    thrown(editor)
    yield
    assert thrown(editor) == []
