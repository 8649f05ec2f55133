"""What the last line of `python dev test` says of tests that need a GPU, whatever else is skipped."""

import os
import subprocess
import sys

import pytest
from attention_bending.dev import paths, testing

TESTS = """
import pytest

@pytest.mark.cuda
@pytest.mark.parametrize("i", range(3))
def test_on_a_gpu(i):
    raise AssertionError("there is none")

@pytest.mark.cuda
@pytest.mark.skip(reason="for another reason")
def test_on_a_gpu_otherwise_skipped():
    pass

@pytest.mark.cuda
@pytest.mark.slow
def test_on_a_gpu_not_chosen():
    pass

@pytest.mark.skip(reason="for another reason")
def test_otherwise_skipped():
    pass

def test_on_both(device):
    assert device == "cpu"

def test_that_skips_itself():
    pytest.skip("for another reason")

def test_that_fails():
    assert False
"""


@pytest.fixture(scope="module")
def counts(tmp_path_factory):
    """Of a run of these tests with no GPU in sight, and what it printed."""
    folder = tmp_path_factory.mktemp("room")
    (folder / "test_room.py").write_text(TESTS)
    options = [f"--rootdir={folder}", f"-c={testing.TESTS / 'pytest.ini'}", "-m=not slow", "-pno:cacheprovider"]
    options += ["-pattention_bending.dev.for_gpu", "--junit-xml=report.xml", "-o=junit_family=xunit1"]
    command = [sys.executable, paths.DEV / "launch.py", "pytest", *options, "."]
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    counts, _ = testing._read_report(folder / "report.xml", testing.Room(folder, 0, paths.ROOT))
    return counts, done.stdout


def test_skipped_tests_that_need_a_gpu_are_counted(counts):
    counts, printed = counts
    assert counts == (1, 1, 7, 5), printed
    assert "needs a GPU that torch can use with CUDA" in printed and "there is none" not in printed


def test_the_last_line_says_how_many(counts):
    assert str(counts[0]) == "1 passed, 1 failed, 7 skipped (of these 5 need a GPU)"
    assert str(testing.Counts(3, 0, 1, 1)) == "3 passed, 0 failed, 1 skipped (of these 1 needs a GPU)"
    assert str(testing.Counts(3, 0, 1)) == "3 passed, 0 failed, 1 skipped"
