"""A plugin of pytest for each room: at its end, no file of the pack may be two modules in its process.

Two copies of a file are two classes of every name in it, of which none is an instance of the other.
"""

import pytest

from .pack import loaded_twice


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    if loaded_twice():
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter):
    for file, names in loaded_twice().items():
        terminalreporter.write_line(f"FAILED {file} is loaded more than once: {', '.join(names)}", red=True)
