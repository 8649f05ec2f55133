"""A real ComfyUI with the pack, for the studies of this room."""

import pytest
from attention_bending.dev.server import server as running_server


@pytest.fixture(scope="session")
def server():
    with running_server(start_seconds=300) as running:
        yield running
