"""The texts for ComfyUI's page, in every language: complete, with the same places for values, and free of its signs."""

import asyncio
import json
import re

import pytest
from attention_bending.dev import locales, paths
from attention_bending.dev.workflow_table import TEMPLATES
from attention_bending.nodes import AttentionBendingExtension

LANGUAGES = sorted(folder.name for folder in locales.FOLDER.iterdir())
FILES = ("main.json", "nodeDefs.json", "settings.json", "commands.json")
SIGNS = re.compile(r"[@{}|]")
TYPED = re.compile(r"\d+(?:\.\d+)?|\b(?:ALL|PROMPT|PADDING|END)\b|\w+#\d|\w+=\w+|%\w+%|\.jsonl")


def read(language: str, file: str) -> dict:
    return json.loads((locales.FOLDER / language / file).read_text(encoding="utf-8"))


def leaves(tree: dict, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], str]:
    """The texts by the keys that lead to them."""
    found = {}
    for key, value in tree.items():
        found |= leaves(value, (*path, key)) if isinstance(value, dict) else {(*path, key): value}
    return found


def test_the_languages():
    assert {"en", "zh", "fr"} <= {*LANGUAGES}


def test_english_is_what_the_nodes_say():
    nodes = asyncio.run(AttentionBendingExtension().get_node_list())
    stale = "write it with python dev workflows"
    assert locales.ENGLISH.read_text(encoding="utf-8") == locales.content(nodes), stale


def test_english_is_what_the_templates_say():
    page = read("en", "main.json")["attentionBending"]
    told = {key.removeprefix("template."): text for key, text in page.items() if key.startswith("template.")}
    assert told == {name: template.says for name, template in TEMPLATES.items()}


def test_the_page_says_what_is_there_and_all_that_is_there():
    keys = {*read("en", "main.json")["attentionBending"]}
    modules = "".join(file.read_text(encoding="utf-8") for file in (paths.ROOT / "web").glob("*.js"))
    made = tuple(re.findall(r"text\(`(\w+\.)\$\{\w+\}`\)", modules))
    named = {*re.findall(r'"(\w+(?:\.\w+)?)"', modules)}
    assert {*re.findall(r'\b(?:text|sentence)\("([^"]+)"', modules)} <= keys
    assert {key for key in keys - named if not key.startswith(made)} == set(), "said nowhere"


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_has_every_text(language, file):
    ours, english = leaves(read(language, file)), leaves(read("en", file))
    assert {*english} - {*ours} == set(), "missing"
    assert {*ours} - {*english} == set(), "of nothing"
    assert all(text.strip() for text in ours.values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_places_for_values_are_the_same(language):
    ours, english = leaves(read(language, "main.json")), leaves(read("en", "main.json"))
    for key, text in english.items():
        assert sorted(re.findall(r"\{\w+\}", ours[key])) == sorted(re.findall(r"\{\w+\}", text)), key


@pytest.mark.parametrize("file", FILES[1:])
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_holds_a_sign_of_the_message_compiler(language, file):
    """The page compiles some of them and shows others as they are."""
    for key, text in leaves(read(language, file)).items():
        assert not SIGNS.search(text), key
        assert not any("." in part for part in key), "a dot is a step down"


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_that_are_typed_stay_as_they_are(language):
    """Selectors, values of combos, names of files, numbers: what is typed or saved has no language."""
    ours, english = leaves(read(language, "nodeDefs.json")), leaves(read("en", "nodeDefs.json"))
    for key, text in english.items():
        assert {*TYPED.findall(text)} <= {*TYPED.findall(ours[key])}, key


@pytest.mark.parametrize("language", LANGUAGES)
def test_one_sentence_has_one_translation(language):
    ours, english = leaves(read(language, "nodeDefs.json")), leaves(read("en", "nodeDefs.json"))
    translated = {}
    for key, text in english.items():
        assert translated.setdefault((key[-1], text), ours[key]) == ours[key], key
