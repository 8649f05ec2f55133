"""A class that a host lacks is absent: the pack loads without it, and the others are bent."""

import ast
import importlib
import sys
import types
from pathlib import Path

import pytest
from attention_bending.dev import paths
from attention_bending.host.families import FAMILIES, family
from host.support import KISS, bent, reports

from .test_members import built, film, member

__all__ = ["film", "member"]

HOST = Path(family.__file__).parent.parent
NEEDED = ("comfy.ldm.modules",)
"""What the host's attention itself is in."""


def test_no_file_of_the_pack_imports_a_model_of_the_host():
    for file in HOST.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            assert not [name for name in names if name.startswith("comfy.ldm") and not name.startswith(NEEDED)], file


def lose_models(monkeypatch, *kept: str) -> None:
    """All of the host's but those `kept` are missing, at once: importing one raises."""
    lost = [name for name in sys.modules if name.startswith("comfy.ldm.") and not name.startswith((*kept, *NEEDED))]
    assert len(lost) > 50
    for module in lost:
        monkeypatch.setitem(sys.modules, module, None)


def test_the_pack_loads_without_any_of_them(monkeypatch):
    """Under another name, so that each of its files is read again."""
    lose_models(monkeypatch)
    again = types.ModuleType("without_models")
    again.__path__ = [str(paths.ROOT)]
    monkeypatch.setitem(sys.modules, again.__name__, again)
    try:
        nodes = importlib.import_module(f"{again.__name__}.nodes")
        assert nodes.AttnBendModel.__module__ == f"{again.__name__}.nodes.model"
    finally:
        for name in [name for name in sys.modules if name.startswith(f"{again.__name__}.")]:
            del sys.modules[name]


@pytest.mark.parametrize("name", ["Wan 2.1 T2V"])
def test_wan_is_bent_where_other_models_are_missing(name, member, film, monkeypatch):
    lose_models(monkeypatch, "comfy.ldm.wan")
    with reports() as made:
        film(bent(built(member), *KISS))
    assert made[0].bent and not made[0].warnings


def test_each_class_that_a_family_names_is_there():
    """In this host, which has them all."""
    for one in FAMILIES:
        for path in (*(family.MODELS + name for name in one.models), *(family.MODELS + name for name in one.refusals)):
            module, _, name = path.rpartition(".")
            assert hasattr(sys.modules[module], name), path
        for path in (*one.models.values(), *one.attends):
            module, _, name = (family.NETWORKS + path).rpartition(".")
            assert hasattr(sys.modules[module], name), path
