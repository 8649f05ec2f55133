"""ComfyUI's page in Chromium; without one the whole room is skipped."""

import pytest
from attention_bending.dev.browser import CHROMIUM_CURE, find_chromium, open_editor
from attention_bending.dev.server import server as running_server


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
