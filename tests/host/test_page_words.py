"""What the page asks of words: which a field can have, the pieces of a prompt, a click that marks."""

import asyncio

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from attention_bending.host.text.prompt_encoding import encode_prompt
from attention_bending.host.toy import load_toy
from attention_bending.nodes.page import handler
from attention_bending.nodes.page.routes import ROUTES
from attention_bending.nodes.page.scenes import scenes, stretch
from attention_bending.nodes.page.words import mark, pieces, words
from attention_bending.nodes.prompt import AttnBendPrompt

TOY = {"class_type": "AttnBendToyWan", "inputs": {}}
TEXT = "a (red) circle on the left, a blue square"


def field(text, *prompts, loader=TOY):
    """The answer for one field of a bend that meets these prompts."""
    told = [{"text": prompt, "loader": loader} for prompt in prompts]
    question = {"prompts": told, "bends": [{"prompts": list(range(len(told))), "fields": {"token": text}}]}
    return words(question)["bends"][0]["fields"]["token"]


def chips(answer, *keys):
    return [tuple(chip[key] for key in keys) if len(keys) > 1 else chip[keys[0]] for chip in answer["chips"]]


def test_a_field_is_offered_the_words_of_its_prompts_marked_ones_first_then_selectors():
    assert chips(field("", TEXT), "text", "kind") == [
        ("red", "marked"),
        *((word, "word") for word in ("a", "circle", "on", "the", "left", "blue", "square")),
        *((selector, "selector") for selector in ("ALL", "PROMPT", "MARKED", "PADDING", "END")),
    ]
    assert "MARKED" not in chips(field("", "a red circle"), "text")
    assert chips(field("", TEXT, "a (green) sky"), "text")[:3] == ["red", "green", "a"]
    assert chips(field(""), "text") == ["ALL"]


@pytest.mark.parametrize("loader", [TOY, None])
def test_a_field_is_offered_scenes_and_checked_in_them(loader):
    def told(value, whole_film="", text="a (red:2) circle | a blue circle"):
        prompt = {"text": text, "loader": loader, "whole_film": whole_film}
        question = {"prompts": [prompt], "bends": [{"prompts": [0], "fields": {"token": value}}]}
        return words(question)["bends"][0]

    def fields(*given):
        return told(*given)["fields"]["token"]

    assert [chip["text"] for chip in fields("")["chips"] if chip["kind"] == "scene"] == ["@1", "@2"]
    assert "@0" in chips(fields("", "soft"), "text")
    (scene,) = (chip for chip in fields("circle@1")["chips"] if chip["text"] == "@2")
    assert scene["then"] == "circle@1, @2"
    assert fields("@2, red@1, circle")["problems"] == []
    (problem,) = fields("red@2")["problems"]
    assert problem["message"] == 'there is no "red" in scene 2: it reads "a blue circle".' and problem["offers"] == [
        "red"
    ]
    assert told("@1", "", "a | ")["notes"][0].startswith("scene 2 of 2 is empty")


@pytest.mark.parametrize(
    ("value", "clicked", "then"),
    [
        ("", "red", "red"),
        ("red", "circle", "red, circle"),
        ("red, circle", "red", "circle"),
        ("RED", "red", ""),
        ("red", "ALL", "ALL"),
        ("ALL", "ALL", ""),
        ("ALL", "red", "red"),
        ("circel", "red", "red"),
        ("circel", "circel", ""),
        ("circel, red", "circle", "red, circle"),
        ("a#2", "a#2", ""),
        ("a#2", "a", "a#2, a"),
        ("red circle", "left", "red circle, left"),
        ('"red', "red", "red"),
    ],
)
def test_what_a_click_makes_of_a_field(value, clicked, then):
    answer = field(value, TEXT)
    (chip,) = (chip for chip in answer["chips"] if chip["text"] == clicked)
    assert chip["then"] == then
    if then:
        assert [chip["on"] for chip in field(then, TEXT)["chips"] if chip["text"] == clicked] == [not chip["on"]]


def test_a_word_that_is_not_there_is_told_with_near_ones():
    answer = field("circel, red", TEXT)
    (problem,) = answer["problems"]
    assert problem["severity"] == "error" and problem["offers"] == ["circle, red"]
    assert '"circel" is not in the prompt. Did you mean "circle"?' in problem["message"]
    assert ("circel", "wrong", True) in chips(answer, "text", "kind", "on")
    assert field("circle, red", TEXT)["problems"] == []
    assert field("circel, red", TEXT, "no circel")["problems"] == []


def test_of_a_prompt_that_is_half_typed_the_fault_is_told():
    told = words({"prompts": [{"text": "a (red", "loader": TOY}], "bends": [{"prompts": [0], "fields": {}}]})
    (note,) = told["bends"][0]["notes"]
    assert "is opened but never closed" in note
    assert pieces({"text": "a (red", "loader": TOY})["problem"] == note


def test_the_pieces_of_a_prompt_in_their_order():
    told = pieces({"text": r"a (red circle:1.3) \(moves\)", "loader": TOY})
    words = [(chip["text"], chip["pieces"], chip.get("marked")) for chip in told["chips"]]
    assert words[:2] == [("a", ["a"], False), ("red circle", ["red", "circle"], True)]
    assert [chip["weight"] for chip in told["chips"][:2]] == ["", "×1.3"]
    assert told["kinds"]["ALL"] == 512
    assert told["kinds"]["PROMPT"] + told["kinds"]["PADDING"] + told["kinds"]["END"] == 512
    unknown = {chip["text"]: chip["unknown"] for chip in told["chips"] if "unknown" in chip}
    assert unknown == {"a": False, "red circle": False, "moves": True}


def test_the_weights_of_the_attention_are_told_as_they_are_asked_for():
    text = "a (red:1>0) circle, a (blue:-2) and (red) square"
    told = pieces({"text": text, "loader": TOY, "weights": "attention"})
    weights = {(chip["text"], chip["weight"]) for chip in told["chips"] if chip.get("marked")}
    assert weights == {("red", "1 > 0"), ("blue", "×-2"), ("red", "")}
    assert pieces({"text": text, "loader": TOY})["chips"] == told["chips"]  # Attach Words, which has no say in it
    assert "or set weights to attention" in pieces({"text": text, "loader": TOY, "weights": "encoder"})["problem"]
    assert pieces({"text": text, "loader": None, "weights": "attention"})["chips"][1]["weight"] == "1 > 0"
    beyond = pieces({"text": "a (red:11) circle", "loader": TOY, "weights": "attention"})
    assert beyond["problem"].startswith('the weight of "red" is 11. Give it a number from -10 to 10')
    marked = mark({"text": text, "start": 12, "end": 18})["text"]
    assert marked == "a (red:1>0) (circle), a (blue:-2) and (red) square"


def test_a_timeline_is_told_as_scenes_and_takes_stretches():
    told = scenes({"text": "a (red:2) circle | a blue circle [60%-100%]", "whole_film": "", "weights": "attention"})
    assert told == {
        "scenes": [
            {"text": "a red circle", "start": 0.0, "end": 0.6},
            {"text": "a blue circle", "start": 0.6, "end": 1.0},
        ],
        "notes": [],
        "problem": "",
    }
    assert "no scene is heard" in scenes({"text": "a [0%-50%]", "whole_film": "", "weights": "attention"})["notes"][0]
    assert scenes({"text": "a [0%-50%]", "whole_film": "soft", "weights": ""})["notes"] == []
    empty = scenes({"text": "a | ", "whole_film": "", "weights": ""})
    assert empty["problem"].startswith("scene 2 of 2 is empty")
    beyond = scenes({"text": "a (red:11) cat | b", "whole_film": "", "weights": "attention"})
    assert beyond["problem"].startswith('the weight of "red@1" is 11.')
    moved = stretch({"text": "a | b", "stretches": [[0, 0.4], [0.4, 1]]})
    assert moved == {"text": "a [0%-40%] | b [40%-100%]"}


def test_pieces_are_those_that_the_encoder_gets():
    _, clip, _ = load_toy()
    _, tokens = encode_prompt(clip, TEXT)
    (encoder,) = tokens.encoders
    told = pieces({"text": TEXT, "loader": TOY})
    assert told["kinds"]["PROMPT"] == len(encoder.pieces) and told["kinds"]["PADDING"] == len(encoder.padding)
    assert sum(len(chip["pieces"]) for chip in told["chips"]) == len(encoder.pieces)
    ran = AttnBendPrompt.PREPARE_CLASS_CLONE({"hidden_inputs": {}}).execute(clip, TEXT).ui.as_dict()
    assert ran["pieces"][0]["chips"] == told["chips"] and ran["pieces"][0]["typed"] == TEXT


@pytest.mark.parametrize("loader", [None, {"class_type": "SomeOther", "inputs": {"a": 1}}])
def test_where_the_encoder_is_not_known_words_are_there_all_the_same(loader):
    told = pieces({"text": TEXT, "loader": loader})
    assert told["why"].startswith("known after a run") and told["kinds"] == {}
    assert [chip["text"] for chip in told["chips"] if chip["marked"]] == ["red"]
    assert chips(field("red", TEXT, loader=loader), "text")[-2:] == ["ALL", "MARKED"]
    assert field("circel", TEXT, loader=loader)["problems"]


def test_a_click_marks_the_word_where_it_stands():
    told = pieces({"text": r"\(a\) red red rose 🌹 (kiss:1.3)", "loader": TOY})["chips"]
    red = [chip["typed"] for chip in told if chip["text"] == "red"]
    text = mark({"text": r"\(a\) red red rose 🌹 (kiss:1.3)", "start": red[1][0], "end": red[1][1]})["text"]
    assert text == r"\(a\) red (red) rose 🌹 (kiss:1.3)"


NONSENSE = [
    ("words", {}),
    ("words", {"prompts": [1], "bends": []}),
    ("words", {"prompts": [], "bends": [{"prompts": [0], "fields": {}}]}),
    ("words", {"prompts": [], "bends": [{"prompts": [], "fields": {"token": 3}}]}),
    ("words", {"prompts": [], "bends": ["x"]}),
    ("words", {"prompts": [{"text": 3}], "bends": []}),
    ("pieces", {"text": "a", "loader": "CLIPLoader"}),
    ("pieces", {"text": "a" * 300_000}),
    ("mark", {"text": "a kiss", "start": True, "end": 1}),
    ("mark", {"text": "a kiss"}),
    ("pieces", {"text": "a kiss", "weights": "mine"}),
    ("scenes", {"text": "a | b"}),
    ("stretch", {"text": "a | b", "stretches": [[0, 1], 2]}),
    ("stretch", {"text": "a | b", "stretches": [[0, 1], [0.5, 0.5]]}),
]


@pytest.mark.parametrize(("route", "question"), NONSENSE, ids=[str(i) for i in range(len(NONSENSE))])
def test_nonsense_is_refused_with_a_reason(route, question):
    status, answer = asked(route, question)
    assert status == 400 and len(answer["error"]) > 10


def test_what_a_user_can_do_is_answered_in_words():
    assert asked("mark", {"text": "a kiss", "start": 1, "end": 2})[0] == 200
    status, answer = asked("pieces", {"text": "a " * 20_000, "loader": TOY})
    assert status == 200 and "characters" in answer["problem"]


def asked(route, question):
    """The status and the JSON of a route behind a real server."""

    async def answer():
        app = web.Application()
        app.router.add_post("/", handler(ROUTES[route]))
        async with TestClient(TestServer(app)) as client:
            answer = await client.post("/", json=question)
            return answer.status, await answer.json()

    return asyncio.run(answer())
