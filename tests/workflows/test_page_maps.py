"""The page asks for the maps of a run, of a real server."""

import io
import json
import urllib.error
import urllib.request

import numpy as np
import pytest
from attention_bending.dev.twins import MARK
from PIL import Image
from workflows.filming import edited, smallest, the

WORKFLOW = {"extra_pnginfo": {"workflow": {"id": "w"}}}
PROMPT = {key: node for key, node in smallest(MARK).items() if node["class_type"] != "SaveVideo"}
PATCH, BEND, SAMPLER = (the(PROMPT, kind) for kind in ("AttnBendModel", "AttnBendAmplify", "KSampler"))
PROMPT = edited(PROMPT, the(PROMPT, "AttnBendPrompt"), text="one (red) circle")  # of its own, in no other test's cache
PROMPT["latent"] = {"class_type": "SaveLatent", "inputs": {"samples": [SAMPLER, 0], "filename_prefix": "maps"}}


def run(server, **inputs):
    """Record some words while "red" is taken out; what names the run."""
    listed = {"record": "listed words", "record_tokens": "red, circle, END"}
    prompt = edited(edited(PROMPT, PATCH, **{**listed, **inputs}), SAMPLER, seed=41)
    prompt_id = server.submit(prompt, extra_data=WORKFLOW)
    server.wait(prompt_id)
    return {"prompt": prompt_id, "workflow": "w", "patch": PATCH}


@pytest.fixture(scope="module")
def about(server):
    return run(server)


@pytest.fixture(scope="module")
def maps(server, about):
    return ask(server, "maps", about)


def ask(server, route, about, **question):
    """JSON, or a picture's pixels `(H, W, 4)`."""
    body = json.dumps({**about, **question}).encode()
    with urllib.request.urlopen(f"{server.url}/attention_bending/{route}", body) as answer:
        if answer.headers["Content-Type"] == "image/png":
            return np.asarray(Image.open(io.BytesIO(answer.read())).convert("RGBA"))
        return json.load(answer)


def test_what_was_recorded_is_told(maps):
    assert maps["words"] == ["red", "circle", "END"] and maps["views"] == ["before", "after"]
    frames, count = maps["grid"][0], 4 * (maps["grid"][0] - 1) + 1
    assert maps["frames"] == count
    assert maps["starts"] == pytest.approx([0, *((4 * frame - 3) / count for frame in range(1, frames))])


def test_a_word_that_was_taken_out_is_seen_before_and_not_after(server, about, maps):
    look = {"colors": "viridis", "over": True}
    before, after = (ask(server, "map", about, word=0, view=view, **look) for view in ("before", "after"))
    frames, height, width = maps["grid"]
    assert before.shape == after.shape == (frames * height * 16, width * 16, 4)
    assert before[..., 3].max() > 150 and after[..., 3].max() == 0
    assert ask(server, "map", about, word=1, view="after", colors="gray", over=False)[..., 3].min() == 255


def test_the_words_at_a_place_come_by_lift_and_the_end_last(server, about):
    place = {"x": 0.5, "y": 1, "frame": 1}
    before = ask(server, "words_here", about, view="before", **place)["words"]
    after = ask(server, "words_here", about, view="after", **place)["words"]
    lifts = {word["word"]: word["lift"] for word in before}
    assert lifts["red"] > 0 and before[-1]["word"] == after[-1]["word"] == "END"
    assert before[0]["lift"] >= before[1]["lift"]
    assert {word["word"]: word["lift"] for word in after}["red"] == 0


def test_a_record_that_is_gone_says_so(server, about):
    for gone in ({"prompt": "another"}, {"workflow": "another"}, {"patch": "7"}):
        error = ask(server, "maps", {**about, **gone})["error"]
        assert error.startswith("No maps of the last run are kept: it did not record, or ComfyUI has dropped them")
        assert ask(server, "map", {**about, **gone}, word=0, view="before", colors="gray", over=True)["error"] == error


@pytest.mark.parametrize(
    "route, question, reason",
    [
        ("maps", {"patch": 9}, "patch must be of type str"),
        ("map", {"word": 3}, "there is no word 3"),
        ("map", {"word": True}, "word must be of type int"),
        ("map", {"view": "beside"}, "no view 'beside'"),
        ("map", {"colors": "rainbow"}, "no colours 'rainbow'"),
        ("map", {"over": 1}, "over must be of type bool"),
        ("words_here", {"view": "beside"}, "no view 'beside'"),
        ("words_here", {"x": 1.5}, "is no place of this film"),
        ("words_here", {"x": float("nan")}, "is no place of this film"),
        ("words_here", {"y": "0"}, "y must be of type float"),
        ("words_here", {"frame": 99}, "is no place of this film"),
    ],
)
def test_nonsense_is_refused_with_the_reason(server, about, route, question, reason):
    whole = {"word": 0, "view": "before", "colors": "gray", "over": True, "x": 0.5, "y": 0.5, "frame": 0, **question}
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask(server, route, about, **whole)
    assert refused.value.code == 400 and reason in json.load(refused.value)["error"]


def test_where_nothing_is_bent_there_is_one_view(server, about):
    """And what the run before has left is gone: its Patch Model was another."""
    unbent = run(server, bending=None)
    assert ask(server, "maps", unbent)["views"] == ["before"]
    with pytest.raises(urllib.error.HTTPError):
        ask(server, "map", unbent, word=0, view="after", colors="gray", over=True)
    assert "error" in ask(server, "maps", about)
