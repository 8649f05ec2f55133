"""The real ComfyUI of the host's tests, in this process; what an older one lacks is skipped by name."""

import pytest
from attention_bending.dev import comfy_host, paths
from host.conftest import inference_mode, no_dead_models, sample, shown_records

from .table import MEMBERS

__all__ = ["inference_mode", "no_dead_models", "sample", "shown_records"]

OF_ALL = (
    "test_each_class_that_a_family_names_is_there",
    "test_each_class_that_is_taken_is_in_the_table",
    "test_each_reason_is_of_a_class_that_is_there",
    "test_a_page_is_as_it_is_made[models.md]",
    "test_a_page_is_as_it_is_made[AttnBendModel.md]",
)
"""Tests of lists that are of the default host."""


def pytest_collection_modifyitems(items):
    older = comfy_host.versions()["ComfyUI"] != paths.DEFAULT_VERSION
    for item in items:
        member = MEMBERS.get(item.callspec.params.get("name")) if hasattr(item, "callspec") else None
        if member and not member.is_there:
            item.add_marker(pytest.mark.skip(reason=f"this ComfyUI has no {member.config}"))
        if older and item.name in OF_ALL:
            item.add_marker(pytest.mark.skip(reason=f"ComfyUI {paths.DEFAULT_VERSION} has all of these"))
        if older and member is MEMBERS["WanDancer"]:
            item.add_marker(pytest.mark.skip(reason="this ComfyUI's WanDancer takes one row's frames a second"))
