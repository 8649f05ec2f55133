"""Files of maps: all of a record comes back, and of anything else nothing but a message."""

import os
import stat
from dataclasses import replace

import pytest
from attention_bending.bending.errors import BendError
from attention_bending.bending.maps import files
from attention_bending.bending.maps.files import load, save
from attention_bending.bending.maps.record import PackedMaps
from core.map_files import assert_same, assert_told_or_refused, few, in_one_folder, made, metadata_of
from hypothesis import example, given
from hypothesis import strategies as st
from safetensors.torch import save_file


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
