"""What the pack needs of others: pyproject.toml names what is imported, and without kornia all nodes are there."""

import ast
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOST = {"comfy", "comfy_api", "comfy_execution", "folder_paths", "node_helpers", "nodes", "protocol", "server"}
"""What is ComfyUI itself."""
NAMES = {"PIL": "Pillow", "yaml": "PyYAML"}
"""Packages that are imported by another name than they are installed by."""


def imported() -> set[str]:
    """The packages that the pack's own rooms import, wherever in a file, but for Python's and ComfyUI's."""
    found = set()
    for room in ("bending", "host", "nodes"):
        for file in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    found |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and not node.level:
                    found.add(node.module.partition(".")[0])
    return {NAMES.get(name, name) for name in found - HOST - set(sys.stdlib_module_names)}


def test_pyproject_names_what_is_imported_and_no_more():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (named,) = re.findall(r"^# ComfyUI brings all that the pack imports: (.*)\.$", text, re.MULTILINE)
    assert set(named.split(", ")) == imported()


WITHOUT_KORNIA = """
import runpy, sys
sys.modules["kornia"] = None
runpy.run_path(sys.argv[1])["alias"]()
import importlib
from pathlib import Path
root = Path(sys.argv[1]).resolve().parents[1]
for file in sorted((root / "bending").rglob("*.py")):
    importlib.import_module(".".join(("attention_bending", *file.relative_to(root).with_suffix("").parts)))
import torch
from attention_bending.bending.errors import BendError
from attention_bending.bending.pictures import compare, drawing
assert drawing.heat(torch.ones(2, 2), "gray").min() == 1
for need in (lambda: drawing.heat(torch.ones(2, 2), "viridis"), lambda: compare.compare(*torch.rand(2, 3, 32, 32, 3))):
    try:
        need()
    except BendError as error:
        print(error)
"""


def test_without_kornia_all_is_imported_and_what_needs_it_says_so():
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_KORNIA, str(ROOT / "dev" / "pack.py")],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    for line in lines:
        assert line.startswith("this needs the package kornia, which cannot be imported")
        assert line.endswith("Install it in ComfyUI's Python: pip install kornia.")
