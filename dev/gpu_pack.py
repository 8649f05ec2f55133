"""``python dev gpu-pack``: what a machine with a GPU lacks for the tests and the benchmark, in one archive.

Such a machine has torch and the other packages of `GIVEN`, but neither network nor ComfyUI. Unpacked in a checkout, the
archive makes the `.host` that elsewhere the set-up makes: ComfyUI's Python, and in `.host/tools` what it and the tests
import. That folder stands last on the path: what the machine has itself wins.
"""

import argparse
import re
import shutil
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from importlib import metadata
from pathlib import Path

from . import environment, host, paths
from .console import Trouble, say

LARGEST = 35e6
"""Bytes that the archive may have."""

GIVEN = {"torch", "numpy", "pillow", "safetensors", "einops", "transformers", "tokenizers"}
"""On that machine already, with all that they need themselves."""

LEFT_OUT = {
    # Large and compiled, and no test for a GPU calls them: dev/standins answers the imports where they are missing.
    *("av", "kornia-rs", "scipy", "torchaudio", "torchvision"),
    # The page, what it shows, and what is tested in a browser only.
    *("comfyui-frontend-package", "comfyui-embedded-docs", "comfyui-workflow-templates"),
    *("comfy-angle", "playwright", "pyopengl"),
    # The style is checked elsewhere.
    "ruff",
}

COMFY_ROOMS = (
    *("comfy", "comfy_api", "comfy_config", "comfy_execution", "comfy_extras"),
    *("api_server", "app", "middleware", "utils"),
)
"""Folders of ComfyUI, without those of the page, of paid services and of its own tests."""

LARGEST_TABLE = 2**16
"""Configurations are smaller than that; the vocabularies of other models' text encoders are larger."""

# pip takes a platform by its exact name: these are the names under which packages are on the index
PURE = ("--implementation", "py", "--abi", "none", "--platform", "any")
LINUX = [
    part
    for libc in ("manylinux_2_28", "manylinux_2_27", "manylinux_2_24", "manylinux_2_17", "manylinux2014")
    for part in ("--platform", f"{libc}_x86_64")
]


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python dev gpu-pack", description="An archive for a GPU.", allow_abbrev=False)
    here = ".".join(map(str, sys.version_info[:2]))
    parser.add_argument("--python", metavar="VERSION", default=here, help=f"that of the machine; by default {here}")
    parser.add_argument("--output", type=Path, metavar="FILE", help="by default .host/gpu-pack-VERSION.tar.gz")
    asked = parser.parse_args(arguments)
    if not re.fullmatch(r"3\.\d\d", asked.python) or asked.python < "3.10":
        raise Trouble(f"--python is {asked.python!r}. Give the two numbers of a Python from 3.10 on, such as 3.12.")
    asked.output = asked.output or paths.HOST / f"gpu-pack-{asked.python}.tar.gz"
    return asked


def run(arguments: list[str]) -> None:
    """Make the archive, in ComfyUI's Python, whose packages tell what is needed; print how it is used."""
    asked = parse(arguments)
    comfy = host.locate().comfy
    paths.HOST.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=paths.HOST) as folder:
        packed, tools = Path(folder), Path(folder) / paths.TOOLS.name
        for file in comfy_files(comfy):
            copy = packed / paths.COMFY.name / file.relative_to(comfy)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
        wanted = needed(requirements(comfy), asked.python)
        for wheel in wheels(wanted, asked.python, packed / "wheels"):
            with zipfile.ZipFile(wheel) as unpacked:
                unpacked.extractall(tools)
        shutil.rmtree(packed / "wheels")
        shutil.copytree(environment.STANDINS, tools, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        (packed / paths.GPU_PACK.name).write_text(asked.python, encoding="utf-8")
        asked.output.parent.mkdir(parents=True, exist_ok=True)
        with tarfile.open(asked.output, "w:gz") as archive:
            archive.add(packed, paths.HOST.name, filter=_anonymous)
    size = asked.output.stat().st_size
    if size > LARGEST:
        raise Trouble(f"{asked.output} has {size / 1e6:.1f} MB, more than {LARGEST / 1e6:.0f}. See LEFT_OUT.")
    say(f"{asked.output}: {size / 1e6:.1f} MB, {len(wanted)} packages, for Python {asked.python} on Linux x86-64.")
    print("Put it into a fresh checkout on the machine with the GPU, at the same place, and run there:")
    print(f"\n{how(asked)}\n\nBring home docs/performance*, where the benchmark writes its results.")


def how(asked: argparse.Namespace) -> str:
    """The command for the other machine: the tests, and whatever they say, the benchmark."""
    inside = paths.ROOT in asked.output.resolve().parents
    archive = asked.output.resolve().relative_to(paths.ROOT).as_posix() if inside else asked.output.name
    return (
        f"tar -xzf {archive} && {{ python3 dev test core host -m cuda; python3 dev bench --device cuda --write-docs; }}"
    )


def comfy_files(comfy: Path) -> Iterator[Path]:
    """ComfyUI's Python, its licence, and the small tables that its Python reads."""
    yield comfy / "LICENSE"
    yield from comfy.glob("*.py")
    for room in COMFY_ROOMS:
        yield from (comfy / room).rglob("*.py")
        yield from (file for file in (comfy / room).rglob("*.json") if file.stat().st_size < LARGEST_TABLE)


def requirements(comfy: Path) -> list[str]:
    """ComfyUI's and the tests', a line each."""
    files = (comfy / "requirements.txt", paths.DEV / "requirements.txt")
    lines = (line.partition("#")[0].strip() for file in files for line in file.read_text(encoding="utf-8").splitlines())
    return [*filter(None, lines)]


def needed(lines: list[str], python: str) -> dict[str, str]:
    """All packages that these requirements lead to, and their versions here, with which the tests pass.

    The version is "" where a package is not installed here, since only the other Python needs it.
    """
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    there = {"python_version": python, "python_full_version": f"{python}.0", "extra": ""}
    there |= {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "x86_64", "os_name": "posix"}
    versions: dict[str, str] = {}
    waiting = [*lines]
    while waiting:
        requirement = Requirement(waiting.pop())
        name = canonicalize_name(requirement.name)
        if name in versions.keys() | GIVEN | LEFT_OUT or (
            requirement.marker and not requirement.marker.evaluate(there)
        ):
            continue
        versions[name] = ""
        with suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
            waiting += metadata.requires(name) or []
    return versions


def wheels(wanted: dict[str, str], python: str, folder: Path) -> Iterator[Path]:
    """One of each package, pure Python where there is a choice."""
    for name, version in sorted(wanted.items()):
        options = ("--no-deps", "--only-binary=:all:", "--python-version", python, "--dest", folder / name)
        requirement = f"{name}=={version}" if version else name
        try:
            environment.pip(sys.executable, "download", *options, *PURE, requirement)
        except Trouble:
            environment.pip(sys.executable, "download", *options, *LINUX, requirement)
        yield from (folder / name).glob("*.whl")


def _anonymous(file: tarfile.TarInfo) -> tarfile.TarInfo:
    """Without who made it, and when; readable to all."""
    file.mode = 0o755 if file.isdir() else 0o644
    file.uid = file.gid = file.mtime = 0
    file.uname = file.gname = ""
    return file
