"""Load Bending and Save Bending in ComfyUI's folders."""

import os
from pathlib import Path

import folder_paths
import pytest
from attention_bending.bending import narrow
from attention_bending.bending import operators as ops
from attention_bending.bending.bend import Bend, Bending
from attention_bending.bending.errors import BendError
from attention_bending.bending.files import dump, load, presets, save
from attention_bending.nodes import files
from attention_bending.nodes.files import AttnBendLoad, AttnBendSave
from comfy_api.latest import io
from core.bendings import large_mask
from host.support import validated

import nodes

OURS = {node.__name__: node for node in files.FILES}
BENDING = Bending((Bend(ops.Rotate(), "kiss", origin="7"), Bend(ops.Blur(), "kiss", layers="middle")))
FIRST = "bending_00001_.yaml [user]"
PRESETS = [f"preset: {title}" for title in presets()]


@pytest.fixture
def inputs(tmp_path) -> Path:
    return tmp_path / "input"


@pytest.fixture
def home(tmp_path) -> Path:
    return tmp_path / "user" / "default" / "attention_bending"


@pytest.fixture(autouse=True)
def folders(tmp_path, inputs, monkeypatch):
    """ComfyUI's folders for this test alone."""
    inputs.mkdir()
    monkeypatch.setattr(folder_paths, "input_directory", str(inputs))
    monkeypatch.setattr(folder_paths, "user_directory", str(tmp_path / "user"))


def run(node: type[io.ComfyNode], **given) -> io.NodeOutput:
    """A node's output, as ComfyUI would have it make that."""
    return node.PREPARE_CLASS_CLONE(None).EXECUTE_NORMALIZED(**given)


def saved(bending=BENDING, filename_prefix="bending", format="yaml", **given) -> io.NodeOutput:
    return run(AttnBendSave, bending=bending, filename_prefix=filename_prefix, format=format, **given)


def shown(output: io.NodeOutput) -> str:
    (text,) = output.ui.as_dict()["text"]
    return text


def offered() -> list[str]:
    return AttnBendLoad.INPUT_TYPES()["required"]["file"][1]["options"]


@pytest.mark.parametrize("format", ["yaml", "json"])
def test_what_is_saved_is_offered_and_loaded(home, format):
    bending = narrow.where(BENDING, mask=large_mask())
    output = saved(bending, format=format, about="A turn.")
    assert output.args == (f"bending_00001_.{format} [user]",)
    assert (home / f"bending_00001_.{format}").is_file()
    assert offered() == [*PRESETS, output[0]]
    assert AttnBendLoad.validate_inputs(file=output[0]) is True
    loaded = run(AttnBendLoad, file=output[0])
    assert loaded[0] == bending
    assert loaded[1] == shown(loaded) == f"A turn.\n\n{bending}"


def test_the_node_shows_the_file(home):
    text = shown(saved(about="A turn."))
    assert text == f"{FIRST}\n\n{(home / 'bending_00001_.yaml').read_text(encoding='utf-8')}"
    assert text.endswith(dump(BENDING, "A turn."))
    long = shown(saved(Bending(BENDING.bends * 100)))
    assert len(long) < 21_000 and long.endswith("…")


def test_names_count_up_and_nothing_is_overwritten(home):
    paths = [saved(bending, "mine/turns", kind)[0] for bending, kind in ((BENDING, "yaml"), (Bending(), "json"))]
    assert paths == ["mine/turns_00001_.yaml [user]", "mine/turns_00002_.json [user]"]
    assert [run(AttnBendLoad, file=path)[0] for path in paths] == [BENDING, Bending()]
    assert sorted(file.name for file in (home / "mine").iterdir()) == ["turns_00001_.yaml", "turns_00002_.json"]


@pytest.mark.parametrize("prefix", ["../bending", "a/../../bending", "/bending"])
def test_a_prefix_outside_the_folder_is_refused(tmp_path, prefix):
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(BendError, match="leads out of the folder"):
        saved(filename_prefix=prefix)
    assert sorted(tmp_path.rglob("*")) == before


NAMES = {
    "empty": ("", "names no file"),
    "blank": (" ", "names no file"),
    "dots": ("..", "names no file"),
    "a folder": ("mine/", "names no file"),
    "the top": ("/", "names no file"),
    "hidden": (".kiss", "begins with a dot"),
    "in a hidden folder": (".mine/kiss", "begins with a dot"),
    "a null byte": ("ki\0ss", r"holds '\x00', which not every system allows"),
    "a new line": ("a\nb", "holds '\\n'"),
    "a null byte in a folder": ("mi\0ne/kiss", r"holds '\x00'"),
    "half a character": ("ki\ud800ss", r"holds '\ud800'"),
    "a drive": ("C:/kiss", "holds ':'"),
    "a device": ("mine/nul/kiss", "is the name of a device on Windows"),
    "a blank at its end": ("mine /kiss", "begins or ends with a blank or a dot"),
    "overlong": ("kiss" * 64, "bytes, where 255 are the most"),
    "overlong in bytes": ("キス" * 42, "bytes, where 255 are the most"),
    "an overlong folder": ("k" * 256 + "/kiss", "makes a name of 256 bytes, where 255 are the most"),
    "below a file": ("taken/kiss", "whose folder cannot be used"),
}


@pytest.mark.parametrize("case", NAMES)
def test_a_prefix_that_is_no_name_is_refused_with_a_sentence(case, tmp_path, home):
    prefix, says = NAMES[case]
    home.mkdir(parents=True)
    (home / "taken").touch()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(BendError) as refusal:
        saved(filename_prefix=prefix)
    assert str(refusal.value).startswith("filename_prefix is ") and says in str(refusal.value)
    assert "Write a name such as kiss" in str(refusal.value) or "make that one writable" in str(refusal.value)
    assert len(str(refusal.value)) < 400 and sorted(tmp_path.rglob("*")) == before


def test_the_longest_name_is_written(home):
    name = "k" * (255 - len("_00001_.yaml"))
    assert saved(filename_prefix=name)[0] == f"{name}_00001_.yaml [user]"
    assert saved(filename_prefix="mine//./take %year%")[0].startswith("mine/take 2")


def test_a_folder_that_may_not_be_written_is_told(home, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied", "user")

    monkeypatch.setattr(os, "makedirs", refuse)
    with pytest.raises(
        BendError, match=r"filename_prefix is 'mine/kiss', whose folder cannot be used.*Permission denied"
    ):
        saved(filename_prefix="mine/kiss")


@pytest.mark.parametrize("file", ["a\0b.yaml", "a\0b.yaml [user]", "\ud800.yaml", "k" * 300 + ".yaml", "", " "])
def test_a_file_that_cannot_be_is_not_there(file):
    assert "there is no file" in AttnBendLoad.validate_inputs(file=file)
    with pytest.raises(ValueError, match=r"there is no file|Invalid file path"):
        run(AttnBendLoad, file=file)


def test_presets_come_first_and_load(inputs):
    save(BENDING, inputs / "a.yaml")
    assert offered() == [*PRESETS, "a.yaml"]
    for preset in PRESETS:
        assert AttnBendLoad.validate_inputs(file=preset) is True
        loaded = run(AttnBendLoad, file=preset)
        assert loaded[0] == load(presets()[preset.removeprefix("preset: ")]).bending
        assert str(loaded[0]) in loaded[1]
    assert "there is no file" in AttnBendLoad.validate_inputs(file="preset: ../a")
    with pytest.raises(ValueError, match="there is no preset"):
        run(AttnBendLoad, file="preset: ../a")


def test_words_take_the_place_of_the_files():
    loaded = run(AttnBendLoad, file="preset: spatial composition", words="sunset=sea, people=two ships")
    assert [bend.token for bend in loaded[0]] == ["sea", "two ships"]
    assert '"two ships"' in loaded[1] and "people" not in loaded[1]
    assert [bend.token for bend in run(AttnBendLoad, file="preset: drift", words="rose")[0]] == ["rose"]
    with pytest.raises(BendError, match='no bend names "sun"'):
        run(AttnBendLoad, file="preset: spatial composition", words="sun=sea")


def test_bends_before_stay_before_and_keep_their_words():
    loaded = run(AttnBendLoad, file="preset: drift", words="kiss=rose", bending=BENDING)
    assert [bend.token for bend in loaded[0]] == ["kiss", "kiss", "rose"]


def test_only_bends_are_offered(inputs, home):
    for path in (inputs / "deep" / "er" / "b.YML", inputs / "c.json", inputs / "d.txt", home / "e.yaml"):
        path.parent.mkdir(parents=True, exist_ok=True)
        save(BENDING, path)
    (inputs / "seed.yaml").write_text("attention_bending:\n  configs: []\n")
    (inputs / "peer.json").write_text('{"bends": [], "attention_bends": []}')
    (inputs / "workflow.json").write_text('{"nodes": [], "format": "x"}')
    (inputs / "model.yaml").write_text("a: 1\n")
    (inputs / "cut.yaml").write_bytes(b"\xff" * 20)
    assert offered() == [*PRESETS, "e.yaml [user]", "c.json", "deep/er/b.YML", "peer.json", "seed.yaml"]
    for name in offered():
        run(AttnBendLoad, file=name)


def test_no_files_or_folders_at_all_break_nothing(inputs):
    inputs.rmdir()
    assert AttnBendLoad.GET_NODE_INFO_V1()["input"]["required"]["file"][1]["options"] == PRESETS


OUTSIDE = ["../secret.yaml", "../../../secret.yaml [user]", "{root}/secret.yaml", "{root}/secret.yaml [user]", "d.txt"]


@pytest.mark.parametrize("file", OUTSIDE)
def test_paths_outside_are_refused(tmp_path, inputs, file):
    save(BENDING, tmp_path / "secret.yaml")
    save(BENDING, inputs / "d.txt")
    file = file.format(root=tmp_path)
    assert "there is no file" in AttnBendLoad.validate_inputs(file=file)
    with pytest.raises(ValueError, match="Invalid file path"):
        run(AttnBendLoad, file=file)


@pytest.mark.skipif(os.name != "posix", reason="links may need rights elsewhere")
def test_links_out_of_the_folders_are_neither_offered_nor_read(tmp_path, inputs):
    save(BENDING, tmp_path / "secret.yaml")
    (inputs / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    assert offered() == PRESETS
    assert AttnBendLoad.validate_inputs(file="link.yaml") is not True
    with pytest.raises(ValueError, match="Invalid file path"):
        run(AttnBendLoad, file="link.yaml")


def test_comfyui_checks_the_file_when_a_graph_is_queued(inputs, monkeypatch):
    for name, node in OURS.items():
        monkeypatch.setitem(nodes.NODE_CLASS_MAPPINGS, name, node)
    save(BENDING, inputs / "a.yaml")
    assert validated("AttnBendLoad", file="a.yaml") == (True, "")
    assert validated("AttnBendLoad", file=PRESETS[0], words="") == (True, "")
    for wrong in ("gone.yaml", "../a.yaml", "", "preset: gone"):
        valid, says = validated("AttnBendLoad", file=wrong)
        assert not valid
        assert f"there is no file {wrong!r}" in says
    assert validated("AttnBendLoad") == (False, "Required input is missing file")


def test_a_file_that_changed_is_read_again(inputs):
    save(BENDING, inputs / "a.yaml")
    before = AttnBendLoad.fingerprint_inputs(file="a.yaml", words="")
    assert AttnBendLoad.fingerprint_inputs(file="a.yaml") == before
    save(Bending(), inputs / "a.yaml")
    assert AttnBendLoad.fingerprint_inputs(file="a.yaml") != before


def test_a_file_that_comes_by_a_wire_is_checked_when_it_is_read():
    assert AttnBendLoad.validate_inputs(file=None) is True
    fingerprint = AttnBendLoad.fingerprint_inputs(file=None)
    assert fingerprint != fingerprint  # NaN is never the same
    with pytest.raises(BendError, match="there is no file"):
        run(AttnBendLoad, file="gone.yaml")


def test_what_is_wrong_in_a_file_is_told_with_its_line(inputs):
    (inputs / "a.yaml").write_text(dump(BENDING).replace("angle", "angel"))
    with pytest.raises(BendError, match=r'^"a.yaml", line 6: .* has no "angel"\. Did you mean "angle"\?'):
        run(AttnBendLoad, file="a.yaml")


@pytest.mark.parametrize("node", OURS.values(), ids=OURS)
def test_everything_is_explained(node):
    schema = node.FINALIZE_SCHEMA()
    assert schema.description
    assert all(part.tooltip for part in (*schema.inputs, *schema.outputs))
    assert "attention bending" in schema.search_aliases
    assert schema.is_output_node == (node is AttnBendSave)
