"""Save Attention Maps, Load Attention Maps and Bending Report in ComfyUI's folders, with records made by hand."""

import json
import os
import shutil
from pathlib import Path

import folder_paths
import pytest
import torch
from attention_bending.bending.errors import BendError
from attention_bending.bending.maps.files import save
from attention_bending.bending.maps.report_text import about, report_text
from attention_bending.host.maps import record_store
from attention_bending.nodes import map_files
from attention_bending.nodes.map_files import AttnBendLoadMaps, AttnBendSaveMaps
from attention_bending.nodes.report import AttnBendReport
from comfy_api.latest import io
from core.test_map_files import assert_same, made, metadata_of
from host.support import validated
from safetensors.torch import save_file

import nodes

OURS = {node.__name__: node for node in (*map_files.MAP_FILES, AttnBendReport)}
PREFIX = "attention_maps/maps"
FIRST = "attention_maps/maps_00001_.safetensors"
GRAPH = {"1": {"class_type": "AttnBendSaveMaps"}}
WORKFLOW = {"nodes": []}


@pytest.fixture
def inputs(tmp_path) -> Path:
    return tmp_path / "input"


@pytest.fixture
def outputs(tmp_path) -> Path:
    return tmp_path / "output"


@pytest.fixture(autouse=True)
def folders(inputs, outputs, monkeypatch):
    """ComfyUI's folders for this test alone."""
    for folder in (inputs, outputs):
        folder.mkdir()
    monkeypatch.setattr(folder_paths, "input_directory", str(inputs))
    monkeypatch.setattr(folder_paths, "output_directory", str(outputs))


def run(node: type[io.ComfyNode], *, extra=None, **given) -> io.NodeOutput:
    """A node's output, as ComfyUI would have it make that."""
    hidden = {io.Hidden.prompt: GRAPH, io.Hidden.extra_pnginfo: extra}
    return node.PREPARE_CLASS_CLONE({"hidden_inputs": hidden}).EXECUTE_NORMALIZED(**given)


def shown(output: io.NodeOutput) -> str:
    (text,) = output.ui.as_dict()["text"]
    return text


def offered() -> list[str]:
    return AttnBendLoadMaps.INPUT_TYPES()["required"]["file"][1]["options"]


def test_what_is_saved_is_offered_and_loaded(outputs):
    record = made()
    saved = run(AttnBendSaveMaps, maps=record, filename_prefix=PREFIX)
    assert saved.args == (f"{FIRST} [output]",)
    assert (outputs / FIRST).is_file()
    assert offered() == [f"{FIRST} [output]"]
    assert AttnBendLoadMaps.validate_inputs(file=saved[0]) is True
    loaded, said = run(AttnBendLoadMaps, file=saved[0]).args
    assert_same(loaded, record)
    assert said == about(record)


def test_the_node_shows_file_size_and_words(outputs):
    text = shown(run(AttnBendSaveMaps, maps=made(grid=(8, 64, 64)), filename_prefix=PREFIX))
    size = (outputs / FIRST).stat().st_size / 2**20
    assert text == f"{FIRST} [output], {size:.1f} MB\nkiss, rose#2"


def test_names_count_up_and_nothing_is_overwritten(outputs):
    paths = [run(AttnBendSaveMaps, maps=made(seed=i), filename_prefix="mine")[0] for i in range(2)]
    assert paths == ["mine_00001_.safetensors [output]", "mine_00002_.safetensors [output]"]
    for i, path in enumerate(paths):
        assert_same(run(AttnBendLoadMaps, file=path)[0], made(seed=i))
    assert sorted(file.name for file in outputs.iterdir()) == [path.removesuffix(" [output]") for path in paths]


@pytest.mark.parametrize("prefix", ["../maps", "a/../../maps", "/maps"])
def test_a_prefix_outside_the_output_folder_is_refused(tmp_path, prefix):
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(BendError, match="leads out of the folder"):
        run(AttnBendSaveMaps, maps=made(), filename_prefix=prefix)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_whole_path_inside_the_output_folder_is_told_from_there(outputs):
    saved = run(AttnBendSaveMaps, maps=made(), filename_prefix=str(outputs / "mine" / "maps"))
    assert saved[0] == "mine/maps_00001_.safetensors [output]"
    assert_same(run(AttnBendLoadMaps, file=saved[0])[0], made())


def test_the_graph_is_saved_beside_the_maps_unless_the_host_says_not(outputs, monkeypatch):
    run(AttnBendSaveMaps, maps=made(), filename_prefix="with", extra={"workflow": WORKFLOW})
    notes = metadata_of(outputs / "with_00001_.safetensors")
    assert json.loads(notes["prompt"]) == GRAPH
    assert json.loads(notes["workflow"]) == WORKFLOW
    monkeypatch.setattr(map_files.args, "disable_metadata", True)
    run(AttnBendSaveMaps, maps=made(), filename_prefix="without", extra={"workflow": WORKFLOW})
    assert metadata_of(outputs / "without_00001_.safetensors").keys() == {"format", "version", "record"}


def test_maps_of_a_run_are_found_by_its_latent():
    handle, samples = record_store.Handle("3", 10**9), torch.ones(1, 16, 2, 4, 4)
    with pytest.raises(BendError, match="has recorded no run yet"):
        run(AttnBendSaveMaps, maps=handle, latent={"samples": samples}, filename_prefix=PREFIX)
    record_store.put(handle, samples, made())
    saved = run(AttnBendSaveMaps, maps=handle, latent={"samples": samples}, filename_prefix=PREFIX)
    assert_same(run(AttnBendLoadMaps, file=saved[0])[0], made())
    assert run(AttnBendReport, maps=handle, latent={"samples": samples})[0] == report_text(made())
    for node, given in ((AttnBendSaveMaps, {"filename_prefix": PREFIX}), (AttnBendReport, {})):
        with pytest.raises(BendError, match="Connect the latent of the sampler"):
            run(node, maps=handle, **given)


def test_the_report_is_shown_and_handed_on():
    report = run(AttnBendReport, maps=made())
    assert report.args == (report_text(made()),)
    assert shown(report) == report_text(made())


def test_only_maps_are_offered(inputs, outputs):
    for path in (inputs / "b.safetensors", inputs / "deep" / "er" / "a.safetensors", outputs / "elsewhere.safetensors"):
        path.parent.mkdir(parents=True, exist_ok=True)
        save(made(), path)
    save_file({"weight": torch.ones(2)}, inputs / "lora.safetensors")
    (inputs / "cut.safetensors").write_bytes(b"\xff" * 20)
    shutil.copy(inputs / "b.safetensors", inputs / "b.latent")
    assert offered() == ["b.safetensors", "deep/er/a.safetensors"]
    for name in offered():
        assert_same(run(AttnBendLoadMaps, file=name)[0], made())
    assert AttnBendLoadMaps.validate_inputs(file="elsewhere.safetensors [output]") is True


def test_no_maps_or_folders_at_all_break_nothing(inputs):
    assert offered() == []
    inputs.rmdir()
    assert AttnBendLoadMaps.GET_NODE_INFO_V1()["input"]["required"]["file"][1]["options"] == []


@pytest.mark.skipif(os.name != "posix", reason="links may need rights elsewhere")
def test_links_out_of_the_folders_are_neither_offered_nor_read(tmp_path, inputs):
    save(made(), tmp_path / "secret.safetensors")
    (inputs / "link.safetensors").symlink_to(tmp_path / "secret.safetensors")
    assert offered() == []
    assert AttnBendLoadMaps.validate_inputs(file="link.safetensors") is not True
    with pytest.raises(ValueError, match="Invalid file path"):
        run(AttnBendLoadMaps, file="link.safetensors")


OUTSIDE = ["../secret.safetensors", "../secret.safetensors [output]", "{root}/secret.safetensors"]


@pytest.mark.parametrize("file", OUTSIDE)
def test_paths_outside_are_refused(tmp_path, file):
    save(made(), tmp_path / "secret.safetensors")
    file = file.format(root=tmp_path)
    assert "there is no file" in AttnBendLoadMaps.validate_inputs(file=file)
    with pytest.raises(ValueError, match="Invalid file path"):
        run(AttnBendLoadMaps, file=file)


@pytest.mark.parametrize("prefix", ["", "maps/", "ma\0ps", "k" * 250, ".maps"])
def test_a_prefix_that_is_no_name_is_refused_with_a_sentence(outputs, prefix):
    with pytest.raises(BendError, match=r"^filename_prefix is .*Write a name such as kiss"):
        run(AttnBendSaveMaps, maps=made(), filename_prefix=prefix)
    assert not any(outputs.iterdir())


@pytest.mark.parametrize(
    "file", ["a\0b.safetensors", "k" * 300 + ".safetensors", "\ud800.safetensors", "a\0b [output]"]
)
def test_a_file_that_cannot_be_is_not_there(file):
    assert "there is no file" in AttnBendLoadMaps.validate_inputs(file=file)
    with pytest.raises(ValueError, match=r"there is no file|Invalid file path"):
        run(AttnBendLoadMaps, file=file)


def test_comfyui_checks_the_file_when_a_graph_is_queued(inputs, monkeypatch):
    for name, node in OURS.items():
        monkeypatch.setitem(nodes.NODE_CLASS_MAPPINGS, name, node)
    save(made(), inputs / "maps.safetensors")
    assert validated("AttnBendLoadMaps", file="maps.safetensors") == (True, "")
    for wrong in ("gone.safetensors", "../maps.safetensors", ""):
        valid, says = validated("AttnBendLoadMaps", file=wrong)
        assert not valid
        assert f"there is no file {wrong!r}" in says
    assert validated("AttnBendLoadMaps") == (False, "Required input is missing file")


def test_a_file_that_changed_is_read_again(inputs):
    save(made(seed=1), inputs / "maps.safetensors")
    before = AttnBendLoadMaps.fingerprint_inputs(file="maps.safetensors")
    assert AttnBendLoadMaps.fingerprint_inputs(file="maps.safetensors") == before
    save(made(seed=2), inputs / "maps.safetensors")
    assert AttnBendLoadMaps.fingerprint_inputs(file="maps.safetensors") != before


def test_a_file_that_comes_by_a_wire_is_checked_when_it_is_read():
    assert AttnBendLoadMaps.validate_inputs(file=None) is True
    fingerprint = AttnBendLoadMaps.fingerprint_inputs(file=None)
    assert fingerprint != fingerprint  # NaN is never the same
    with pytest.raises(BendError, match="there is no file"):
        run(AttnBendLoadMaps, file="gone.safetensors")


def texts(schema: io.Schema) -> list[str]:
    """All that a declaration says to people."""
    return [schema.description, *(part.tooltip for part in (*schema.inputs, *schema.outputs))]


@pytest.mark.parametrize("node", OURS.values(), ids=OURS)
def test_everything_is_explained(node):
    schema = node.FINALIZE_SCHEMA()
    assert all(texts(schema))
    assert "attention bending" in schema.search_aliases
    assert schema.is_output_node == (node is not AttnBendLoadMaps)
