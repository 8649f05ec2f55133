"""The page's question for a bend's picture: made by the nodes themselves, and nonsense is refused with nothing done."""

import io
import json

import pytest
from attention_bending.bending.bend import Bend, Bending
from attention_bending.bending.errors import BendError
from attention_bending.nodes.aims import AIMS
from attention_bending.nodes.maps import MAPS
from attention_bending.nodes.modes import MODES
from attention_bending.nodes.page import NonsenseError
from attention_bending.nodes.page.bendings import NODES, Builder
from attention_bending.nodes.page.preview import TOLD, preview
from PIL import Image


def node(name, *before, id="8", wired=(), **inputs):
    return {"class_type": name, "id": id, "inputs": inputs, "wired": list(wired), "bending": list(before)}


def question(of, alone=True, **other):
    usual = {"patch": "", "workflow": "", "width": 288, "color_map": "viridis"}
    return {"node": of, "alone": alone, **usual, **other}


def built(of, alone=True, last=Bending()):  # noqa: B008 - a value
    builder = Builder(last, alone)
    return builder.bending(of), builder.stood_in


@pytest.mark.parametrize("cls", [*MODES, *MAPS], ids=lambda cls: cls.__name__)
def test_each_bend_has_a_picture(cls):
    answer = preview(question(node(cls.__name__)))
    image = Image.open(io.BytesIO(answer.data))
    told = json.loads(answer.told[TOLD])
    assert answer.mime == "image/webp" and image.width <= 288 and len(answer.data) < 50_000
    assert told["of"] == "card" and told["stood_in"] == (["mask"] if cls.__name__ == "AttnBendPaint" else [])
    assert getattr(image, "n_frames", 1) > 1 or cls.__name__ != "AttnBendTime"


def test_a_node_makes_what_it_makes_in_a_run():
    values = {"token": "kiss", "x": 0.3, "y": 0.1, "padding": "wrap", "strength": 0.5, "layers": "2-3"}
    values |= {"start_percent": 0.1, "end_percent": 0.9, "renormalize": False}
    bending, _ = built(node("AttnBendTranslate", id="19:8", **values))
    (ran,) = NODES["AttnBendTranslate"].PREPARE_CLASS_CLONE(None).execute(**values).args
    assert bending == ran and bending.bends[0].origin == "19:8"


def test_what_the_page_does_not_know_has_its_default_and_is_named():
    bending, stood_in = built(node("AttnBendRotate", wired=["angle", "token"], padding="zeros"))
    (bend,) = bending
    assert bend.operator == NODES["AttnBendRotate"].operator(padding="zeros")
    assert stood_in == ["angle"] and bend.token == "word"


def test_aims_act_on_all_that_comes_to_them():
    blur, turn = node("AttnBendBlur", token="kiss"), node("AttnBendRotate", token="rose", id="9")
    stack = node("AttnBendStack", blur, turn)
    moving = node("AttnBendAnimate", stack, parameter="angle", keyframes="0: 0, 4: 90")
    bending, _ = built(node("AttnBendWhere", moving, frames="1-2"), alone=False)
    assert [bend.operator.key for bend in bending] == ["blur", "rotate"]
    assert [len(bend.animations) for bend in bending] == [0, 1] and {bend.frames for bend in bending} == {"1-2"}


def test_one_bend_stays_still_where_another_is_moved():
    moving = node("AttnBendAnimate", node("AttnBendBlur"), parameter="angle")
    assert not built(moving)[0].bends[0].animations
    with pytest.raises(BendError, match='Blur has no parameter "angle"'):
        built(moving, alone=False)
    curve = node("AttnBendAnimate", node("AttnBendBlur"), parameter="sigma", wired=["curve"])
    bending, stood_in = built(curve)
    assert not bending.bends[0].animations and stood_in == ["curve"]


def test_masks_are_those_of_the_last_run():
    paint = node("AttnBendPaint", wired=["mask"])
    where = node("AttnBendWhere", node("AttnBendBlur", id="5"), wired=["mask"])
    (stood,), told = built(paint)
    assert told == ["mask"]
    last = Bending((Bend(stood.operator, "kiss", origin="8"), Bend(stood.operator, "kiss", origin="5")))
    (own,), told = built(paint, last=last)
    assert own.operator == stood.operator and told == []
    (blur,), told = built(where, last=last)
    assert told == ["mask"] and len(blur.masks) == 1
    aimed = Bending((Bend(blur.operator, "kiss", masks=blur.masks, origin="5"),))
    assert built(where, last=aimed)[1] == []


@pytest.mark.parametrize(
    ("of", "says"),
    [
        (node("AttnBendBlur", sigma=-1.0), "sigma is -1"),
        (node("AttnBendBlur", start_percent=0.5, end_percent=0.5), "Make start_percent smaller"),
        (node("AttnBendSwap", token="a", other="a"), "share a token"),
        (node("AttnBendFlip", axis="up"), "axis is 'up'"),
        (node("AttnBendAmplify", token='"a'), "not closed"),
        (node("AttnBendAnimate", node("AttnBendBlur"), parameter="sigma", keyframes="x"), "x"),
    ],
)
def test_what_a_node_refuses_is_said(of, says):
    with pytest.raises(BendError, match=says):
        preview(question(of))


def deep(count):
    return node("AttnBendWhere", deep(count - 1)) if count else node("AttnBendBlur")


@pytest.mark.parametrize(
    "asked",
    [
        {},
        question(node("AttnBendLoad")),
        question(node("AttnBendPrompt")),
        question(node("AttnBendBlur", sigma="much")),
        question(node("AttnBendBlur", renormalize=1)),
        question(node("AttnBendBlur", sigma=True)),
        question(node("AttnBendBlur"), width=4000),
        question(node("AttnBendBlur"), width="288"),
        question(node("AttnBendBlur"), color_map="pink"),
        question(node("AttnBendWhere")),
        question({**node("AttnBendWhere"), "bending": ["AttnBendBlur"]}),
        question({"class_type": "AttnBendBlur"}),
        question(deep(100)),
    ],
)
def test_nonsense_is_refused(asked):
    with pytest.raises(NonsenseError):
        preview(asked)


def test_every_node_that_aims_or_bends_is_known():
    assert set(NODES.values()) == {*MODES, *MAPS, *AIMS}
