"""The nodes that a study puts into its graphs: a bending from a text, and a film's numbers against the un-bent one."""

import json
import math

import pytest
import torch
from attention_bending.bending.bend import Bending
from attention_bending.bending.errors import BendError
from attention_bending.bending.files import dump, replace_words
from attention_bending.nodes.files import AttnBendLoadText
from attention_bending.nodes.measure import AttnBendMeasure
from attention_bending.nodes.model import AttnBendModel
from attention_bending.nodes.page.parameters import parameters
from attention_bending.nodes.sweep import AttnBendGrid
from attention_bending.study.study_file import WORDS
from core.sweeps import CHAIN, TURN

RECORDS = ("record", "record_limit_mb")
"""What a study's `record` sets on Patch Model."""


def run(node, **given):
    return node.PREPARE_CLASS_CLONE(None).EXECUTE_NORMALIZED(**given)


@pytest.fixture
def films():
    some = torch.Generator().manual_seed(1)
    return [torch.rand(5, 32, 48, 3, generator=some) for _ in range(2)]


@pytest.mark.parametrize("kind", ["yaml", "json"])
def test_a_text_is_what_its_file_is(kind):
    bending, about = run(AttnBendLoadText, text=dump(CHAIN, "A word turned.", kind)).args
    assert bending == CHAIN
    assert about.splitlines()[0] == "A word turned."
    (behind, _) = run(AttnBendLoadText, text=dump(TURN), words="kiss=rose", bending=CHAIN).args
    assert behind == CHAIN + replace_words(TURN, "kiss=rose")


def test_a_text_is_refused_with_its_line():
    with pytest.raises(BendError, match='"this text", line 1: the file is empty'):
        run(AttnBendLoadText, text="")
    with pytest.raises(BendError, match='"this text", line 5: a bend of mode rotate has no "angel"'):
        run(AttnBendLoadText, text=dump(TURN).replace("token: kiss", "token: kiss\n    angel: 3").partition("\n")[2])


def test_the_page_knows_what_can_be_swept_of_a_text():
    def told(text):
        bends = [{"class_type": "AttnBendLoadText", "inputs": {"text": text}}]
        return {one["name"]: one["now"] for one in parameters({"of": "AttnBendSweep", "bends": bends})["parameters"]}

    assert told(dump(TURN))["angle"] == [15.0]
    assert told("no bends") == {}


def test_a_film_is_measured_as_bend_grid_measures_it(films):
    film, unbent = films
    output = run(AttnBendMeasure, images=film, unbent=unbent)
    (text,) = output.args
    told = json.loads(text)
    grid = json.loads(run(AttnBendGrid, images=[unbent, film], label=["un-bent", "bent"]).args[2])
    numbers = {name: told[name] for name in ("change", "ssim", "motion", "flicker")}
    assert {"label": "bent", **numbers} == grid["cells"][1]
    assert math.isclose(told["change"], (film.double() - unbent.double()).abs().mean().item(), rel_tol=1e-6)
    assert told["largest"] == (film - unbent).abs().max().item()
    assert output.ui.as_dict()["text"] == (text,)


def test_digests_are_the_same_where_films_are_the_same_to_the_bit(films):
    film, unbent = films
    told = json.loads(run(AttnBendMeasure, images=film.clone(), unbent=film).args[0])
    assert (told["change"], told["ssim"], told["motion"], told["flicker"]) == (0, 1, 1, 1)
    assert told["digest"] == told["unbent_digest"]
    film[2, 3, 4, 1] = film[2, 3, 4, 1].nextafter(torch.tensor(1.0))
    changed = json.loads(run(AttnBendMeasure, images=film, unbent=unbent).args[0])
    assert changed["digest"] != told["digest"] and changed["unbent_digest"] != told["unbent_digest"]


def test_a_picture_does_not_move_and_another_size_is_refused(films):
    film, unbent = films
    told = json.loads(run(AttnBendMeasure, images=film[:1], unbent=unbent[:1]).args[0])
    assert told["motion"] is told["flicker"] is None and told["change"] > 0
    with pytest.raises(BendError, match="Compare equals"):
        run(AttnBendMeasure, images=film[:3], unbent=unbent)


def test_a_study_records_what_patch_model_does():
    words, limit = (next(one for one in AttnBendModel.GET_SCHEMA().inputs if one.id == name) for name in RECORDS)
    assert {*WORDS} == {*words.options} - {"none", "listed words"}
    assert (limit.min, limit.max) == (1, 65536)


def test_no_bends_are_a_text_too():
    assert run(AttnBendLoadText, text=dump(Bending())).args[0] == Bending()
