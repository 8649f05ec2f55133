"""A plugin of pytest for each room: tests marked `cuda` need a GPU, and are skipped where torch has none.

The report names them to `python dev test`, whose last line counts those that were skipped, for whatever reason.
"""

import pytest

from .testing import NEEDS_GPU


@pytest.fixture(scope="session", params=["cpu", pytest.param("cuda", marks=pytest.mark.cuda)])
def device(request) -> str:
    """The same test on the processor and on a GPU."""
    return request.param


def pytest_collection_modifyitems(items):
    marked = [item for item in items if item.get_closest_marker("cuda")]
    if not marked:
        return
    import torch  # not in rooms that do without

    missing = pytest.mark.skip(reason="needs a GPU that torch can use with CUDA")
    for item in marked:
        item.user_properties.append((NEEDS_GPU, "cuda"))
        if not torch.cuda.is_available():
            item.add_marker(missing)
