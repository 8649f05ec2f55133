"""What the pages say of models is what the families and the table of the tests say."""

import re

import pytest
from attention_bending.dev import model_pages, paths
from attention_bending.host.families import FAMILIES

PAGES = (model_pages.DOCS, model_pages.HELP, model_pages.README)


@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.name)
def test_a_page_is_as_it_is_made(file):
    text = file.read_text(encoding="utf-8")
    assert text == model_pages.renewed(file), "the models are stale: write them with python dev workflows"
    assert all(family.works in text for family in FAMILIES)


@pytest.mark.parametrize("family", [family for family in FAMILIES if family.workflow], ids=lambda family: family.works)
def test_its_workflow_is_there(family):
    assert (paths.EXAMPLES / f"{family.workflow}.json").is_file()


def test_no_installed_text_points_into_what_is_not_installed():
    texts = [*(paths.ROOT / "web").rglob("*.md"), *(paths.ROOT / "nodes").rglob("*.yaml")]
    texts += [file for room in ("bending", "host", "nodes") for file in (paths.ROOT / room).rglob("*.py")]
    assert len(texts) > 100
    assert [file.name for file in texts if re.search(r"\bdocs/\w", file.read_text(encoding="utf-8"))] == []
