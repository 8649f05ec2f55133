"""What `python dev gpu-pack` puts into its archive, and the ComfyUI that is found where it was unpacked."""

import os
import subprocess
import sys

import pytest
from attention_bending.dev import environment, gpu_pack, host, paths
from attention_bending.dev.console import Trouble

HERE = ".".join(map(str, sys.version_info[:2]))


@pytest.mark.parametrize("python", ["3", "3.9", "312", "3.12.1", "torch"])
def test_the_python_is_two_numbers(python):
    with pytest.raises(Trouble, match=r"such as 3\.12"):
        gpu_pack.parse(["--python", python])


def test_by_default_it_is_for_this_python_and_ignored_by_git():
    asked = gpu_pack.parse([])
    assert asked.python == HERE and asked.output == paths.HOST / f"gpu-pack-{HERE}.tar.gz"
    assert gpu_pack.how(asked).startswith(f"tar -xzf .host/gpu-pack-{HERE}.tar.gz && ")
    assert "tar -xzf a.tgz " in gpu_pack.how(gpu_pack.parse(["--output", "/elsewhere/a.tgz"]))


def test_it_has_all_that_is_needed_as_it_is_here_and_nothing_that_is_there():
    wanted = gpu_pack.needed(gpu_pack.requirements(host.locate().comfy), HERE)
    assert {"comfy-kitchen", "kornia", "pytest", "pluggy", "matplotlib", "trampoline"} <= wanted.keys()
    assert not wanted.keys() & (gpu_pack.GIVEN | gpu_pack.LEFT_OUT) and all(wanted.values())


def test_what_only_another_python_needs_has_no_version_here():
    lines = ['no-such-package; python_version < "3.9"', "torch", "PyTest>=8"]
    assert "no-such-package" not in gpu_pack.needed(lines, "3.12")
    assert gpu_pack.needed(lines, "3.8")["no-such-package"] == ""


def test_comfyui_goes_without_its_page():
    comfy = host.locate().comfy
    files = {file.relative_to(comfy).as_posix() for file in gpu_pack.comfy_files(comfy)}
    assert {"main.py", "LICENSE", "comfy/sd.py", "comfy/text_encoders/umt5_config_xxl.json"} <= files
    assert {file.rpartition(".")[2] for file in files} == {"py", "json", "LICENSE"}
    assert not any(file.startswith(("custom_nodes", "tests", "web")) for file in files)


def test_with_stand_ins_for_what_is_left_out_its_tests_and_the_benchmark_are_imported():
    """In place of the real packages, which are here."""
    options = ["-q", "--collect-only", "-m=cuda", f"--rootdir={paths.ROOT / 'tests'}", "-pno:cacheprovider"]
    files = [paths.ROOT / "tests" / "host" / f"test_{name}.py" for name in ("told", "bench")]
    command = [sys.executable, paths.DEV / "launch.py", "pytest", *options, *files]
    stand_ins_first = {**os.environ, "PYTHONPATH": str(environment.STANDINS)}
    done = subprocess.run(command, env=stand_ins_first, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", sorted(file.parent.name for file in environment.STANDINS.glob("*/__init__.py")))
def test_a_stand_in_says_so_when_it_is_called(name):
    code = f"import {name}; from {name} import anything; print(anything); anything.at_all(1)"
    environment_of = {**os.environ, "PYTHONPATH": str(environment.STANDINS)}
    done = subprocess.run([sys.executable, "-c", code], env=environment_of, capture_output=True, text=True, check=False)
    assert done.stdout == f"<stand-in for {name}.anything>\n"
    assert f"RuntimeError: {name}.anything.at_all was called" in done.stderr


@pytest.fixture
def unpacked(tmp_path, monkeypatch):
    """A function that says an archive for that Python was unpacked."""
    monkeypatch.delenv("COMFYUI_PATH", raising=False)
    monkeypatch.setattr(paths, "GPU_PACK", tmp_path / "gpu-pack")
    return paths.GPU_PACK.write_text


def test_an_unpacked_archive_is_the_host_for_whatever_python_runs(unpacked):
    assert host.locate().packed is False
    unpacked(HERE)
    assert host.locate() == host.Host(paths.COMFY, host.Path(sys.executable), ours=False, packed=True)


def test_an_archive_for_another_python_is_refused(unpacked):
    unpacked("3.7")
    with pytest.raises(Trouble, match=rf"for Python 3\.7; this is {HERE}.*\n.*--python {HERE}"):
        host.locate()


def test_ones_own_comfyui_comes_first(unpacked, monkeypatch):
    unpacked("3.7")
    monkeypatch.setenv("COMFYUI_PATH", "/nowhere")
    with pytest.raises(Trouble, match="COMFYUI_PATH is '/nowhere'"):
        host.locate()
