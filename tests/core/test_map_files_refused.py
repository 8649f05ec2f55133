"""What is no file of maps, or does not fit itself, is refused; what no file can hold is not saved."""

import json
from dataclasses import replace

import pytest
import torch
from attention_bending.bending.errors import BendError
from attention_bending.bending.maps import files
from attention_bending.bending.maps.files import is_map_file, load, save
from core.map_files import FACTS, assert_told_or_refused, in_one_folder, made, tampered
from hypothesis import example, given
from hypothesis import strategies as st
from safetensors.torch import save_file

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
