"""The texts for ComfyUI's page, in every language: complete, with the same places for values, and free of its signs."""

import asyncio
import json
import re

import pytest
from attention_bending.dev import locales
from attention_bending.nodes import AttentionBendingExtension

LANGUAGES = sorted(folder.name for folder in locales.FOLDER.iterdir())
FILES = ("main.json", "nodeDefs.json", "settings.json", "commands.json")
SIGNS = re.compile(r"[@{}|]")
LITERAL = re.compile(r"\{'[@{}|]'\}")


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
def test_the_message_compiler_takes_every_sign_literally(language, file):
    for key, text in leaves(read(language, file)).items():
        assert not SIGNS.search(LITERAL.sub("", text)), key
        assert not any("." in part for part in key), "a dot is a step down"


def test_a_sign_is_escaped():
    assert locales.escaped("red@2 | {a}") == "red{'@'}2 {'|'} {'{'}a{'}'}"
