"""The experiment log: lines that are whole whatever happens, and values that JSON can hold."""

import errno
import json
import math
import multiprocessing
import os
import threading
from datetime import datetime, timedelta, timezone

import pytest
import torch
from attention_bending.bending import narrow
from attention_bending.bending import operators as ops
from attention_bending.bending.bend import Bend, Bending
from attention_bending.bending.errors import BendError
from attention_bending.bending.explore import experiment_log as log
from attention_bending.bending.frames.mask_video import MaskVideo
from attention_bending.bending.time import animation
from attention_bending.bending.time.windows import TimeWindow
from filelock import FileLock


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a" / "log.jsonl"


def lock(path):
    return path.with_name(f".{path.name}.lock")


def test_what_is_written_is_read(path):
    now = datetime(2026, 3, 4, 5, 6, 7, 8000, timezone(timedelta(hours=2)))
    written = log.append(path, {"observations": "glüht\nweiter \u2028 \ud800", "seed": 2**64 - 1}, now)
    assert written["time"] == "2026-03-04T03:06:07.008+00:00"
    (entry,) = log.read(path)
    assert entry == {**written, "observations": "glüht\nweiter \u2028 ?"}
    assert path.read_bytes().count(b"\n") == 1 and path.read_bytes().endswith(b"\n")
    log.append(path, {"n": 2})
    assert [entry.get("n") for entry in log.read(path)] == [None, 2]
    assert datetime.fromisoformat(log.read(path)[1]["time"]).utcoffset() == timedelta(0)


@pytest.mark.parametrize("torn", [b'{"format": "attention ben', b"\xc3", b"{}", b"null", b"\n"])
def test_a_torn_line_stays_and_harms_no_other(path, torn):
    log.append(path, {"n": 1})
    with path.open("ab") as file:
        file.write(torn)
    before = path.read_bytes()
    log.append(path, {"n": 2})
    assert path.read_bytes().startswith(before)
    assert [entry["n"] for entry in log.read(path)] == [1, 2]


@pytest.mark.parametrize("cut", range(0, 60, 7))
def test_a_crash_at_any_byte_costs_no_more_than_its_own_line(path, cut):
    log.append(path, {"n": 1})
    size = path.stat().st_size
    log.append(path, {"n": 2})
    os.truncate(path, size + cut)
    log.append(path, {"n": 3})
    assert [entry["n"] for entry in log.read(path)] == [1, 3]


def _write_many(path, writer, count):
    for i in range(count):
        log.append(path, {"writer": writer, "i": i, "text": "x" * (500 + 37 * i)})


def test_processes_that_write_at_once_lose_and_mix_nothing(path):
    context = multiprocessing.get_context("fork" if hasattr(os, "fork") else "spawn")
    writers = [context.Process(target=_write_many, args=(path, writer, 40)) for writer in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)
    assert [writer.exitcode for writer in writers] == [0] * 4
    entries = log.read(path)
    assert len(entries) == len(path.read_bytes().splitlines()) == 160
    for writer in range(4):
        assert [entry["i"] for entry in entries if entry["writer"] == writer] == list(range(40))
    assert all(entry["text"] == "x" * (500 + 37 * entry["i"]) for entry in entries)


@pytest.mark.parametrize("name", ["a\0b.jsonl", "\ud800.jsonl", "k" * 300, "a\0b/log.jsonl"])
def test_a_path_that_no_file_can_have_is_told(tmp_path, name):
    with pytest.raises(BendError, match=r"could not be written: .*Nothing was added. Make room there"):
        log.append(tmp_path / name, {"n": 1})
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("torn", [b"", b"{torn"])
@pytest.mark.parametrize("how", ["full", "short", "sync"])
def test_a_full_disk_leaves_the_log_as_it_was(path, monkeypatch, how, torn):
    log.append(path, {"n": 1})
    with path.open("ab") as file:
        file.write(torn)
    before, write = path.read_bytes(), os.write

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if how == "sync":
        monkeypatch.setattr(os, "fsync", full)
    else:
        monkeypatch.setattr(os, "write", full if how == "full" else lambda file, line: write(file, line[:20]))
    with pytest.raises(BendError, match=r'"log.jsonl" could not be written: .*Nothing was added. Make room there'):
        log.append(path, {"n": 2})
    assert path.read_bytes() == before
    monkeypatch.undo()
    log.append(path, {"n": 3})
    assert [entry["n"] for entry in log.read(path)] == [1, 3]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux alone has a disk that is always full")
def test_a_disk_that_is_really_full(tmp_path):
    (tmp_path / "log.jsonl").symlink_to("/dev/full")
    with pytest.raises(BendError, match="No space left"):
        log.append(tmp_path / "log.jsonl", {"n": 1})


def test_without_locks_a_line_is_still_whole(path, monkeypatch):
    fcntl = pytest.importorskip("fcntl", reason="the locks of Windows are others")
    monkeypatch.setattr(fcntl, "flock", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOLCK, "no locks")))
    log.append(path, {"n": 1})
    assert [entry["n"] for entry in log.read(path)] == [1]


def test_where_no_lock_can_be_made_a_line_is_still_whole(path):
    lock(path).mkdir(parents=True)
    log.append(path, {"n": 1})
    assert [entry["n"] for entry in log.read(path)] == [1]


def test_a_lock_that_nobody_gives_back_stops_nobody(path, monkeypatch):
    monkeypatch.setattr(log, "_PATIENCE", 0.1)
    path.parent.mkdir()
    with FileLock(lock(path)):
        thread = threading.Thread(target=log.append, args=(path, {"n": 1}))
        thread.start()
        thread.join(60)
    assert [entry["n"] for entry in log.read(path)] == [1]


def test_beside_a_log_lies_its_lock_alone(path):
    for n in range(3):
        log.append(path, {"n": n})
    assert {file.name for file in path.parent.iterdir()} <= {"log.jsonl", ".log.jsonl.lock"}
    assert all(file.stat().st_size == 0 for file in path.parent.glob("*.lock"))


def test_a_log_that_cannot_be_opened_leaves_no_lock(path):
    path.mkdir(parents=True)
    with pytest.raises(BendError, match="could not be written"):
        log.append(path, {"n": 1})
    assert [file.name for file in path.parent.iterdir()] == ["log.jsonl"]


def test_a_folder_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BendError, match="could not be written"):
        log.append(tmp_path / "file" / "log.jsonl", {})


PLACES = {
    "log": "log.jsonl",
    " a/log.jsonl ": "a/log.jsonl",
    "a\\b\\log.JSONL": "a/b/log.JSONL",
    "größe/log": "größe/log.jsonl",
}


@pytest.mark.parametrize("name, expected", PLACES.items())
def test_a_log_lies_in_its_folder(tmp_path, name, expected):
    assert log.place(tmp_path, name) == tmp_path.resolve() / expected


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        ".",
        "..",
        "../log",
        "a/../../log",
        "/etc/log",
        "C:/log",
        "a//b",
        "a/",
        "log.txt",
        "log.py",
        "a\0b",
        "a|b",
        " a/ b",
        "nul",
        "a/Com1.jsonl",
        ".log",
        "a./b",
        "\ud800",
        "k" * 250,
        "キ" * 85,
    ],
)
def test_no_path_leads_outside(tmp_path, name):
    with pytest.raises(BendError, match=r"Write one such as attention_bending/log\.jsonl"):
        log.place(tmp_path, name)
    assert not any(tmp_path.iterdir())


def test_no_link_leads_outside(tmp_path):
    inside = tmp_path / "output"
    inside.mkdir()
    try:
        (inside / "link").symlink_to(tmp_path)
    except OSError:
        pytest.skip("links are not allowed here")
    with pytest.raises(BendError, match="leaves the folder"):
        log.place(inside, "link/log")


def test_a_folder_is_no_log(tmp_path):
    (tmp_path / "log.jsonl").mkdir()
    with pytest.raises(BendError, match=r"no \.jsonl file"):
        log.place(tmp_path, "log")


def test_a_bending_is_told_with_all_its_fields():
    bending = Bending((Bend(ops.Paint(MaskVideo(torch.ones(2, 3, 4))), "kiss", 0.5, origin="14"),))
    bending = narrow.animate(
        narrow.when(bending, TimeWindow("steps", 0, 2)), "strength", "steps", animation.parse_keyframes("0: 1")
    )
    (fields,) = log.json_safe(bending)
    assert fields["operator"] == {
        "kind": "paint",
        "mask": {"mask": bending.bends[0].operator.mask.digest, "shape": [2, 3, 4], "feather": 0.0},
    }
    assert (fields["token"], fields["strength"], fields["layers"], fields["renormalize"]) == ("kiss", 0.5, "all", True)
    assert fields["windows"][0]["unit"] == "steps" and fields["animations"][0]["track"]["keys"] == [[0.0, False, 1.0]]
    assert "origin" not in fields
    json.dumps(fields, allow_nan=False)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_none_are_null(path, value):
    assert log.append(path, {"metrics": {"a": [value, 1.5]}})["metrics"] == {"a": [None, 1.5]}


def test_other_values_are_told_somehow():
    safe = log.json_safe({1: {2, 3}, "t": torch.ones(2, 3), "p": log.Path("x"), "b": True, "kind": Bend})
    assert safe["1"] == [2, 3] and safe["t"] == {"tensor": [2, 3]} and safe["p"] == "x" and safe["b"] is True
