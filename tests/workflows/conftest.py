"""A real ComfyUI server with the pack installed, over HTTP."""

import pytest
from attention_bending.dev.server import server as running_server


@pytest.fixture(scope="session")
def server():
    """One server for the room; `queue` runs a workflow in API form."""
    with running_server() as running:
        yield running
