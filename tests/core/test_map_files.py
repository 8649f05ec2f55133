"""Files of maps: all of a record comes back, and of anything else nothing but a message."""

import json
import os
import stat
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from attention_bending.bending.errors import BendError
from attention_bending.bending.frames.grid import Grid
from attention_bending.bending.maps import files
from attention_bending.bending.maps.files import is_map_file, load, save
from attention_bending.bending.maps.record import PackedMaps, Record, even_bins
from attention_bending.bending.maps.report_text import about, report_text
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file

FACTS = {"prompt": "a (kiss)", "bending": "one\ntwo", "seed": 2**63, "steps": 4, "model": "WAN21", "report": "1. x"}
in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def made(
    words=("kiss", "rose#2"), grid=(2, 3, 4), steps=(4, 2), layers=(3, 3), heads=1, bent=True, facts=FACTS, seed=0
) -> Record:
    """A record of random maps; `steps` and `layers` are how many in how many bins."""
    shape = (len(words), steps[1], layers[1], heads, *grid)
    some = torch.Generator().manual_seed(seed)
    original, other = (PackedMaps.pack(torch.randn(shape, generator=some)) for _ in range(2))
    return Record(
        words=tuple(words),
        columns=tuple((i, i + 3) for i in range(len(words))),
        grid=Grid(*grid),
        steps=even_bins(*steps),
        layers=even_bins(*layers),
        heads=heads,
        original=original,
        bent=other if bent else original,
        seen=torch.rand(shape[:3], generator=some) < 0.7,
        cell=32,
        stride=2,
        facts=facts,
    )


def plain(record: Record) -> dict[str, Any]:
    tensors = ("original", "bent", "seen")
    return {name: value for name, value in vars(record).items() if name not in tensors}


def assert_same(one: Record, other: Record) -> None:
    assert plain(one) == plain(other)
    for name in ("original", "bent"):
        for part in ("values", "peaks"):
            mine, its = (getattr(getattr(record, name), part) for record in (one, other))
            assert mine.dtype == its.dtype
            assert torch.equal(mine, its)
    assert torch.equal(one.seen, other.seen)
    assert (one.bent is one.original) == (other.bent is other.original)


def metadata_of(path: Path) -> dict[str, str]:
    with safe_open(path, framework="pt") as file:
        return file.metadata()


def tampered(
    path: Path,
    fields: Mapping[str, Any] | None = None,
    text: str | None = None,
    tensors: Mapping[str, torch.Tensor] | None = None,
    drop: tuple[str, ...] = (),
    **metadata: str,
) -> Path:
    """A good file at `path`, but for some of its fields, its whole JSON, its tensors or its other metadata."""
    save(made(), path)
    found, held = metadata_of(path), load_file(path)
    record = {name: value for name, value in json.loads(found["record"]).items() if name not in drop}
    found["record"] = json.dumps({**record, **(fields or {})}) if text is None else text
    held = {name: tensor for name, tensor in {**held, **(tensors or {})}.items() if name not in drop}
    save_file(held, path, {**found, **metadata})
    return path


few = partial(st.integers, 1)


@in_one_folder
@given(
    words=st.lists(st.text(), min_size=1, max_size=3),
    grid=st.tuples(few(3), few(4), few(4)),
    steps=st.tuples(few(5), few(5)).map(lambda counts: (max(counts), min(counts))),
    heads=few(3),
    bent=st.booleans(),
    facts=st.dictionaries(st.sampled_from(("mine", "note")), st.none() | st.text() | st.integers() | st.booleans()),
)
@example(words=("吻", "\ud800", 'a "b"'), grid=(1, 1, 1), steps=(1, 1), heads=1, bent=False, facts={"prompt": "é\n吻"})
def test_a_record_comes_back_as_it_was(tmp_path, words, grid, steps, heads, bent, facts):
    record = made(words, grid, steps, heads=heads, bent=bent, facts=facts)
    save(record, tmp_path / "maps.safetensors")
    assert_same(load(tmp_path / "maps.safetensors"), record)


def test_slices_of_larger_tensors_are_saved_too(tmp_path):
    record = made()
    shown = PackedMaps(record.original.values.transpose(-1, -2).contiguous().transpose(-1, -2), record.original.peaks)
    save(replace(record, original=shown), tmp_path / "maps.safetensors")
    assert_same(load(tmp_path / "maps.safetensors"), record)


def test_a_loaded_record_is_apart_from_its_file(tmp_path):
    path, record = tmp_path / "maps.safetensors", made(grid=(4, 64, 64))
    save(record, path)
    loaded = load(path)
    with open(path, "rb+") as file:
        file.write(bytes(path.stat().st_size))
    assert_same(loaded, record)


def test_notes_stand_beside_the_record_and_never_in_its_place(tmp_path):
    path = tmp_path / "maps.safetensors"
    save(made(), path, {"workflow": "{}", "format": "other", "version": "9", "record": ""})
    assert metadata_of(path)["workflow"] == "{}"
    assert_same(load(path), made())


def test_a_file_says_nothing_of_where_it_was_made(tmp_path):
    save(made(), tmp_path / "maps.safetensors")
    assert tmp_path.name.encode() not in (tmp_path / "maps.safetensors").read_bytes()


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_a_file_can_be_read_by_those_who_read_other_outputs(tmp_path):
    (tmp_path / "picture.png").touch()
    save(made(), tmp_path / "maps.safetensors")
    assert len({stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}) == 1


def test_a_file_that_was_cut_short_anywhere_is_refused(tmp_path):
    path = tmp_path / "maps.safetensors"
    save(made(("kiss",), grid=(1, 2, 2), bent=False, facts={}), path)
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(BendError, match="is no safetensors file, or was cut short"):
            load(path)


@in_one_folder
@given(st.data())
def test_a_file_with_changed_bytes_is_a_record_or_refused(tmp_path, data):
    path = tmp_path / "maps.safetensors"
    save(made(), path)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(few(3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    assert_told_or_refused(path)


def assert_told_or_refused(path: Path) -> None:
    """A record that is whole enough to be told, or a BendError that names the file."""
    try:
        record = load(path)
    except BendError as refusal:
        assert f'"{path.name}"' in str(refusal)
    else:
        assert about(record)
        assert report_text(record)


FOREIGN = {
    "a text": lambda path: path.write_text("a (kiss)"),
    "nothing": lambda path: path.touch(),
    "a model": lambda path: save_file({"weight": torch.ones(2)}, path),
    "another format": lambda path: save_file({"weight": torch.ones(2)}, path, {"format": "pt"}),
    "a file that names ours": lambda path: save_file({"a": torch.ones(2)}, path, {"note": '"format":"' + "attention"}),
    "a folder": lambda path: path.mkdir(),
    "no file": lambda path: None,
}


@pytest.mark.parametrize("what", FOREIGN)
def test_other_files_are_refused(tmp_path, what):
    path = tmp_path / "other.safetensors"
    FOREIGN[what](path)
    assert not is_map_file(path)
    with pytest.raises(BendError, match=r'"other.safetensors".*\. (Choose|Take)'):
        load(path)


def test_ours_are_known_by_their_header(tmp_path):
    path = tampered(tmp_path / "maps.safetensors", version="3")
    assert is_map_file(path)
    path.write_bytes(path.read_bytes()[:-100])
    assert is_map_file(path)


def test_a_newer_version_asks_for_an_update(tmp_path):
    path = tampered(tmp_path / "maps.safetensors", text="[]", version="3")
    with pytest.raises(BendError) as refusal:
        load(path)
    assert str(refusal.value) == (
        '"maps.safetensors" cannot be read: it was made by a newer version of Attention Bending (format 3; this one '
        "reads up to 1). Update the pack."
    )


FIELDS = {
    "a number that is none": {"facts": {"mine": float("nan")}},
    "no words at all": {"words": [], "columns": []},
    "words as one text": {"words": "kiss"},
    "a number for a word": {"words": ["kiss", 2]},
    "more columns than words": {"columns": [[1], [2], [3]]},
    "columns before the first": {"columns": [[1], [-1]]},
    "columns in halves": {"columns": [[1], [1.5]]},
    "another grid": {"grid": [3, 2, 4]},
    "a grid with a side less": {"grid": [6, 4]},
    "an empty grid": {"grid": [0, 3, 4]},
    "a huge grid": {"grid": [10**30, 3, 4]},
    "truth for a count": {"heads": True},
    "a text for a count": {"heads": "1"},
    "more heads": {"heads": 2},
    "no side of a cell": {"cell": 0},
    "steps backwards": {"steps": [[2, 3], [0, 1]]},
    "steps that overlap": {"steps": [[0, 2], [2, 3]]},
    "a bin backwards": {"steps": [[1, 0], [2, 3]]},
    "endless steps": {"steps": [[0, 1], [2, 10**9]]},
    "a bin of three": {"steps": [[0, 1, 1], [2, 3]]},
    "fewer layers": {"layers": [[0, 0], [1, 1]]},
    "no bends, but their maps": {"bent": False},
    "facts in a list": {"facts": []},
    "a number for a report": {"facts": {"report": 3}},
    "a text for a seed": {"facts": {"seed": "3"}},
}

ODD = {
    **{what: {"fields": fields} for what, fields in FIELDS.items()},
    **{f"no {name}": {"drop": (name,)} for name in files._CHECKS},
    "version": {"version": "0"},
    "no version": {"version": "one"},
    "a huge version": {"version": "9" * 5000},
    "no JSON": {"text": "words"},
    "no text": {"text": ""},
    "no fields": {"text": "[]"},
    "deep JSON": {"text": "[" * 200_000},
    "an infinite number": {"text": '{"facts": {"mine": 1e999}}'},
    "bends without maps": {"drop": ("bent.values",)},
    "no places seen": {"drop": ("seen",)},
    "one tensor too many": {"tensors": {"more": torch.ones(2)}},
    "maps of another type": {"tensors": {"original.values": made().original.values.bfloat16()}},
    "peaks of all places": {"tensors": {"original.peaks": made().original.values.float()}},
}


@pytest.mark.parametrize("what", ODD)
def test_a_file_that_does_not_fit_itself_is_refused_before_its_maps_are_read(tmp_path, monkeypatch, what):
    path = tampered(tmp_path / "maps.safetensors", **ODD[what])
    monkeypatch.setattr(files, "_check_numbers", lambda tensors: pytest.fail("the maps were read"))
    with pytest.raises(BendError, match="The file is damaged or was changed: take another copy"):
        load(path)


NUMBERS = {
    "no number among the maps": ("original.values", float("nan")),
    "an infinite map": ("bent.values", float("-inf")),
    "maps above their peak": ("bent.values", 1.5),
    "an infinite peak": ("bent.peaks", float("inf")),
    "a peak that is no number": ("original.peaks", float("nan")),
    "a peak below 0": ("original.peaks", -1.0),
}


def spoiled(name: str, number: float) -> torch.Tensor:
    films, part = name.split(".")
    tensor = getattr(getattr(made(), films), part).clone()
    tensor.view(-1)[-1] = number
    return tensor


@pytest.mark.parametrize("what", NUMBERS)
def test_numbers_that_cannot_be_are_neither_read_nor_written(tmp_path, what):
    name, number = NUMBERS[what]
    path = tampered(tmp_path / "maps.safetensors", tensors={name: spoiled(name, number)})
    with pytest.raises(BendError, match=f"{name} holds numbers"):
        load(path)
    path.unlink()
    films, part = name.split(".")
    bad = replace(made(), **{films: replace(getattr(made(), films), **{part: spoiled(name, number)})})
    with pytest.raises(BendError, match=f"cannot be saved .*{name} holds numbers"):
        save(bad, path)
    assert not list(tmp_path.iterdir())


def test_sizes_have_a_limit(tmp_path, monkeypatch):
    path = tmp_path / "maps.safetensors"
    save(made(), path)
    monkeypatch.setattr(files, "LIMIT", made().nbytes)
    with pytest.raises(BendError, match="it would take more than"):
        load(path)
    path.unlink()
    with pytest.raises(BendError, match="it would take more than"):
        save(made(), path)


def test_facts_that_are_no_plain_values_are_not_saved(tmp_path):
    for fact in (object(), float("nan")):
        with pytest.raises(BendError, match="facts hold more than plain values"):
            save(made(facts={"mine": fact}), tmp_path / "maps.safetensors")


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 5) | st.integers() | st.floats() | st.text(max_size=5),
    lambda some: st.lists(some, max_size=4) | st.dictionaries(st.sampled_from([*FACTS, "mine"]), some, max_size=3),
    max_leaves=8,
)


@in_one_folder
@given(st.dictionaries(st.sampled_from(list(files._CHECKS)), anything, min_size=1, max_size=3))
@example({"facts": {"steps": 10**40, "prompt": ""}})
@example({"words": ["", "\n"], "columns": [[], [3, 3]]})
def test_whatever_the_fields_are_a_file_is_a_record_or_refused(tmp_path, fields):
    assert_told_or_refused(tampered(tmp_path / "maps.safetensors", fields))


@in_one_folder
@given(st.text() | anything.map(json.dumps), st.text(max_size=3))
def test_whatever_the_metadata_is_a_file_is_a_record_or_refused(tmp_path, text, version):
    assert_told_or_refused(tampered(tmp_path / "maps.safetensors", text=text, version=version))


def no_room(*_) -> None:
    raise OSError(28, "No space left on device")


def interrupted(tensors, path, metadata) -> None:
    save_file(tensors, path, metadata)
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    "place, fails, error", [("os.replace", no_room, BendError), ("save_file", interrupted, KeyboardInterrupt)]
)
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, place, fails, error):
    path = tmp_path / "maps.safetensors"
    save(made(seed=1), path)
    monkeypatch.setattr(f"{files.__name__}.{place}", fails)
    with pytest.raises(error):
        save(made(seed=2), path)
    assert list(tmp_path.iterdir()) == [path]
    assert_same(load(path), made(seed=1))


def test_a_disk_without_room_is_told(tmp_path):
    resource = pytest.importorskip("resource", reason="the limit on a file's size is POSIX's")
    path, large = tmp_path / "maps.safetensors", made(grid=(4, 64, 64), seed=2)
    save(made(seed=1), path)
    _, hard = before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, hard))
    try:
        with pytest.raises(BendError, match=r'"maps.safetensors" could not be written: .*Make room there'):
            save(large, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == [path]
    assert_same(load(path), made(seed=1))


def test_a_place_that_is_none_is_told(tmp_path):
    for path in (tmp_path / "missing" / "maps.safetensors", tmp_path):
        with pytest.raises(BendError, match="could not be written"):
            save(made(), path)
    assert not list(tmp_path.iterdir())
