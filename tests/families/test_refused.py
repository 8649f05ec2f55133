"""Every model that ComfyUI knows is one that a family takes, or refused with a reason of its own."""

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import comfy.ldm.util
import comfy.model_base
import comfy.supported_models
import pytest
from attention_bending.dev import paths
from attention_bending.host.families import FAMILIES, why_not
from attention_bending.host.families.refused import CACHED, JOINT, NO_OPTIONS, REFUSED, UNET, UNTRIED

from .table import MEMBERS


def classes_of(entry) -> list[str]:
    """The classes in comfy.model_base that an entry of ComfyUI's list may make, as its own code names them."""
    source = inspect.getsource(entry.get_model)
    return re.findall(r"model_base\.(\w+)\(", source)


def package_of(name: str) -> str:
    """The package in comfy.ldm that a class's network is in."""
    sources = (inspect.getsource(kind) for kind in getattr(comfy.model_base, name).__mro__[:-2])
    found = (re.search(r"unet_model=comfy\.ldm\.(\w+)", source) for source in sources)
    return next((match[1] for match in found if match), "modules")  # a UNet


def attention_calls(package: str) -> Iterator[ast.Call]:
    """Where the networks of a package call the host's attention."""
    for file in (Path(comfy.ldm.util.__file__).parent / package).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            called = ast.unparse(node.func).rpartition(".")[2] if isinstance(node, ast.Call) else ""
            if called in ("optimized_attention", "optimized_attention_masked") and "vae" not in str(file):
                yield node


MADE = {name: entry.__name__ for entry in comfy.supported_models.models for name in classes_of(entry)}
TAKEN = {name for family in FAMILIES for name in family.models}


@pytest.mark.parametrize("name", sorted(MADE))
def test_each_is_taken_or_refused_with_its_reason(name):
    """By the code that refuses at run time; what a family refuses itself has a cure."""
    kind = getattr(comfy.model_base, name)
    reason = why_not(kind.__new__(kind))
    own = [family.refusals[name] for family in FAMILIES if name in family.refusals]
    if name in TAKEN:
        assert name not in REFUSED and not own
    elif own:
        assert [reason] == own and name not in REFUSED
    else:
        assert REFUSED[name] in reason and f"a model of class {name}" in reason


def test_each_entry_of_the_list_makes_a_class_that_is_known():
    assert all(classes_of(entry) for entry in comfy.supported_models.models)


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_the_reason_that_no_bend_can_reach_it_is_true_and_of_no_other(name):
    """By the host's own code: where its attention is called without transformer_options, and where a network caches."""
    if not hasattr(comfy.model_base, name):
        pytest.skip(f"this ComfyUI has no {name}")
    package = package_of(name)
    calls = [*attention_calls(package)] or [*attention_calls("flux")]  # whose blocks others take
    reached = any(word.arg == "transformer_options" for call in calls for word in call.keywords)
    if REFUSED[name] == NO_OPTIONS:
        assert calls and not reached
    elif REFUSED[name] in (JOINT, UNET, UNTRIED, CACHED):
        assert reached
    files = (Path(comfy.ldm.util.__file__).parent / package).rglob("*.py")
    caches = any("past_key_value" in file.read_text(encoding="utf-8") for file in files)
    assert caches == (REFUSED[name] == CACHED)


def test_each_class_that_is_taken_is_in_the_table():
    tested = {
        name for member in MEMBERS.values() for name in classes_of(getattr(comfy.supported_models, member.config))
    }
    assert tested == TAKEN


def test_each_family_has_a_workflow_to_begin_with():
    for family in FAMILIES:
        assert (paths.EXAMPLES / f"{family.workflow}.json").is_file()


def test_each_reason_is_of_a_class_that_is_there():
    assert set(REFUSED) <= set(MADE)
