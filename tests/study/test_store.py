"""What a study has made outlives whoever wrote it."""

import json
import os
import signal
import subprocess
import sys

import pytest
from attention_bending.study.pack import ROOT
from attention_bending.study.results import merge
from attention_bending.study.store import Store

FILES = {"film.mp4": b"film", "poster.webp": b"poster"}


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "study")


def in_another_process(store, code):
    """Run code with `store` at hand, and whether it holds the lock."""
    begin = (
        "import os, runpy, signal, sys\n"
        f"runpy.run_path({str(ROOT / 'study' / 'pack.py')!r})['alias']()\n"
        "from pathlib import Path\n"
        "from attention_bending.study.store import Store\n"
        f"store = Store(Path({str(store.folder)!r}))\n"
    )
    return subprocess.run([sys.executable, "-c", begin + code], capture_output=True, text=True)


def test_a_cell_is_kept_once(store):
    with store.writing():
        assert store.keep("a", FILES, {"key": "a"})
        assert not store.keep("a", {"film.mp4": b"another"}, {"key": "b"})
    assert store.whole() == {"a"} and store.result("a") == {"key": "a"}
    assert (store.cells / "a" / "film.mp4").read_bytes() == b"film"


def test_there_is_one_writer(store):
    with store.writing():
        ended = in_another_process(store, "with store.writing(): pass")
        assert "another run is at" in ended.stderr
    assert in_another_process(store, "with store.writing(): pass").returncode == 0


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals")
def test_a_writer_killed_before_the_rename_leaves_nothing_but_a_part(store):
    code = "Path.rename = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
    code += f"with store.writing(): store.keep('a', {FILES!r}, {{}})"
    assert in_another_process(store, code).returncode == -signal.SIGKILL
    assert os.listdir(store.cells) == ["a.part"] and not store.whole()
    with store.writing():  # not locked by the dead
        assert os.listdir(store.cells) == []
        assert store.keep("a", FILES, {})


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such limit")
def test_a_full_disk_loses_nothing_and_is_told(store):
    code = """
import resource
with store.writing():
    store.keep("a", {"film.mp4": b"film"}, {})
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
    store.keep("b", {"film.mp4": bytes(2000)}, {})
"""
    told = in_another_process(store, code).stderr.splitlines()[-1]
    assert "cell b could not be kept" in told and "Make room" in told
    assert os.listdir(store.cells) == ["a"]


def test_a_torn_line_of_the_journal_is_left_out_and_not_written_on(store):
    with store.writing():
        store.note("kept", key="a")
        with (store.folder / "journal.jsonl").open("ab") as file:
            file.write(b'{"what": "kept", "ke')
        store.note("refused", key="b", why="no such word: é")
    assert [(entry["what"], entry["key"]) for entry in store.journal()] == [("kept", "a"), ("refused", "b")]
    lines = (store.folder / "journal.jsonl").read_bytes().splitlines()
    assert len(lines) == 3 and json.loads(lines[2])["why"] == "no such word: é"


def test_a_merge_said_again_adds_nothing_and_what_was_merged_can_be_merged(store, tmp_path):
    part, whole = Store(tmp_path / "part"), Store(tmp_path / "whole")
    with part.writing():
        part.keep("a", FILES, {})
        part.note("failed", key="b", why="it broke")
        part.note("failed", key="b", why="it broke")
    with store.writing():
        assert [merge(store, [part]) for _ in range(3)] == [1, 0, 0]
    assert [(entry["what"], entry["store"]) for entry in store.journal()] == [("failed", "part")] * 2
    with whole.writing():
        assert merge(whole, [store]) == 1
    assert [entry["store"] for entry in whole.journal()] == ["part"] * 2
