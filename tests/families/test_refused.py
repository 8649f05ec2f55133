"""Every model that ComfyUI knows is one that a family takes, or refused with a reason of its own."""

import inspect
import re

import comfy.model_base
import comfy.supported_models
import pytest
from attention_bending.dev import paths
from attention_bending.host.families import FAMILIES, why_not
from attention_bending.host.families.refused import REFUSED

from .table import MEMBERS


def classes_of(entry) -> list[str]:
    """The classes in comfy.model_base that an entry of ComfyUI's list may make, as its own code names them."""
    source = inspect.getsource(entry.get_model)
    return re.findall(r"model_base\.(\w+)\(", source)


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
