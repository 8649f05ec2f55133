"""Files of bendings on the disk: masks beside them, and written whole or not at all."""

import os
import stat
from pathlib import Path

import pytest
import torch
from attention_bending.bending import narrow
from attention_bending.bending import operators as ops
from attention_bending.bending.bend import Animation, Bend, Bending
from attention_bending.bending.errors import BendError
from attention_bending.bending.files import is_bending_file, load, save, write
from attention_bending.bending.frames.mask_video import MaskVideo
from attention_bending.bending.time.animation import Keyframes, SampledCurve
from core.bendings import large_mask, turn
from safetensors.torch import save_file

both = pytest.mark.parametrize("kind", ["yaml", "json"])
PLAIN = Bending((turn(), Bend(ops.Blur(), "sky", layers="middle")))
MASKED = narrow.where(PLAIN, mask=large_mask())

# --- masks ---------------------------------------------------------------------------------------------------------


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


@both
def test_large_masks_lie_beside_the_file_once(tmp_path, kind):
    bending = narrow.where(Bending((*MASKED, Bend(ops.Paint(large_mask(1)), "kiss"))), mask=MaskVideo(torch.eye(4)))
    text = save(bending, tmp_path / f"mine.{kind}")
    beside, file = names(tmp_path)
    assert beside.startswith("mine.") and beside.endswith(".masks.safetensors")
    assert file == f"mine.{kind}"
    assert text.count(beside) == 3 and text.count("data:" if kind == "yaml" else '"data":') == 3
    assert (tmp_path / beside).stat().st_size < 2 * 2 * 96 * 160 * 4 + 2000
    assert load(tmp_path / file).bending == bending


def test_a_photograph_of_a_mask_comes_back_to_the_bit(tmp_path):
    save(MASKED, tmp_path / "mine.yaml")
    (mask,) = load(tmp_path / "mine.yaml").bending.bends[0].masks
    assert torch.equal(mask.values, large_mask().values)
    assert mask.feather == 0.25


def test_masks_of_another_file_are_not_taken(tmp_path):
    save(MASKED, tmp_path / "mine.yaml")
    (name,) = set(names(tmp_path)) - {"mine.yaml"}
    other = narrow.where(PLAIN, mask=large_mask(1))
    (tmp_path / "other").mkdir()
    save(other, tmp_path / "other" / "mine.yaml")
    (there,) = set(names(tmp_path / "other")) - {"mine.yaml"}
    assert there != name
    os.replace(tmp_path / "other" / there, tmp_path / name)
    with pytest.raises(BendError, match=r'"mine.yaml", line \d+: .* does not hold the mask'):
        load(tmp_path / "mine.yaml")
    (tmp_path / name).write_bytes(b"nothing")
    with pytest.raises(BendError, match=r"line \d+: .* is damaged"):
        load(tmp_path / "mine.yaml")
    (tmp_path / name).unlink()
    with pytest.raises(BendError, match=r"line \d+: .* is not in the folder of this file"):
        load(tmp_path / "mine.yaml")


def test_changed_masks_are_noticed(tmp_path):
    save(MASKED, tmp_path / "mine.yaml")
    (name,) = set(names(tmp_path)) - {"mine.yaml"}
    save_file({large_mask().digest: large_mask(1).values}, tmp_path / name)
    with pytest.raises(BendError, match=r"line \d+: .* is not the one that was saved"):
        load(tmp_path / "mine.yaml")


@pytest.mark.skipif(os.name != "posix", reason="links may need rights elsewhere")
def test_links_to_masks_elsewhere_are_not_followed(tmp_path):
    (tmp_path / "in").mkdir()
    save(MASKED, tmp_path / "in" / "mine.yaml")
    (name,) = set(names(tmp_path / "in")) - {"mine.yaml"}
    os.replace(tmp_path / "in" / name, tmp_path / "secret")
    (tmp_path / "in" / name).symlink_to(tmp_path / "secret")
    with pytest.raises(BendError, match="is not in the folder of this file"):
        load(tmp_path / "in" / "mine.yaml")


# --- writing -------------------------------------------------------------------------------------------------------


def no_room(*_) -> None:
    raise OSError(28, "No space left on device")


def interrupted(*_) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(("fails", "error"), [(no_room, BendError), (interrupted, KeyboardInterrupt)])
@pytest.mark.parametrize("step", ["os.replace", "os.fsync", "safetensors.torch.save_file", "Path.write_bytes"])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, fails, error, step):
    path = tmp_path / "mine.yaml"
    save(narrow.where(PLAIN, mask=large_mask(1)), path)
    before = {name: (tmp_path / name).read_bytes() for name in names(tmp_path)}
    monkeypatch.setattr(f"{write.__name__}.{step}", fails)
    with pytest.raises(error):
        save(MASKED, path)
    assert {name: (tmp_path / name).read_bytes() for name in names(tmp_path)} == before


def test_masks_go_too_where_their_file_was_written_and_the_bends_fail(tmp_path, monkeypatch):
    def second(*paths, replace=os.replace):
        if not str(paths[1]).endswith(".safetensors"):
            no_room()
        replace(*paths)

    monkeypatch.setattr(f"{write.__name__}.os.replace", second)
    with pytest.raises(BendError, match="Make room there"):
        save(MASKED, tmp_path / "mine.yaml")
    assert not names(tmp_path)


def test_a_disk_without_room_is_told(tmp_path):
    resource = pytest.importorskip("resource", reason="the limit on a file's size is POSIX's")
    path = tmp_path / "mine.yaml"
    save(Bending(), path)
    _, hard = before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400, hard))
    try:
        with pytest.raises(BendError, match=r'"mine.yaml" could not be written: .*Make room there'):
            save(PLAIN, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert names(tmp_path) == ["mine.yaml"]
    assert load(path).bending == Bending()


def test_a_place_that_is_none_is_told(tmp_path):
    for path in (tmp_path / "missing" / "mine.yaml", tmp_path, "", tmp_path / "a\0b.yaml", tmp_path / "\ud800.yaml"):
        with pytest.raises(BendError, match="could not be written"):
            save(PLAIN, path)
    assert not names(tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_files_can_be_read_by_those_who_read_others(tmp_path):
    (tmp_path / "picture.png").touch()
    save(MASKED, tmp_path / "mine.yaml")
    assert len({stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}) == 1


class Mine(ops.Blur):
    """Of someone else."""


def test_what_could_not_be_read_again_is_not_saved(tmp_path):
    odd = [
        Bending((Bend(Mine(), "kiss"),)),
        Bending((turn(animations=(Animation("angle", "frames", SampledCurve((1.0,), "spline")),)),)),
        Bending((turn(animations=(Animation("angle", "frames", Keyframes(((150.0, True, 1.0),))),)),)),
        Bending((turn(animations=(Animation("angle", "frames", SampledCurve((float("nan"),))),)),)),
        Bending((turn(), Bend(ops.Blur(), "\ud800"))),
    ]
    for bending in odd:
        with pytest.raises(BendError, match=r"cannot be saved|files do not know"):
            save(bending, tmp_path / "mine.yaml")
    assert not names(tmp_path)


def test_what_is_too_long_is_not_saved(tmp_path, monkeypatch):
    monkeypatch.setattr(write, "LIMIT", 500)
    with pytest.raises(BendError, match="cannot be saved: it is too long"):
        save(PLAIN, tmp_path / "mine.yaml")
    assert not names(tmp_path)


def test_ours_are_known_by_their_beginning(tmp_path):
    for kind in ("yaml", "json"):
        save(PLAIN, tmp_path / f"mine.{kind}", "x" * 300)
        assert is_bending_file(tmp_path / f"mine.{kind}")
    for name, text in {
        "a": "nodes: []",
        "b": '{"format": "attention-bending-maps"}',
        "c": "",
        "d": "configs: 3",
    }.items():
        (tmp_path / name).write_text(text)
        assert not is_bending_file(tmp_path / name)
    assert not is_bending_file(tmp_path)
    assert not is_bending_file(tmp_path / "gone")
