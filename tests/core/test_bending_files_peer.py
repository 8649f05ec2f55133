"""Bends of Model-Bending turned into bends of ours."""

import json

import pytest
from attention_bending.bending import operators as ops
from attention_bending.bending.bend import Animation, Bend, Bending
from attention_bending.bending.errors import BendError
from attention_bending.bending.files import parse
from attention_bending.bending.time.animation import Keyframes
from attention_bending.bending.time.windows import TimeWindow


def peer(*bends: dict, **more) -> str:
    return json.dumps({"version": 1.2, "bends": [], "attention_bends": list(bends), **more}, indent=1)


def operation(kind: str, **arguments) -> dict:
    return {"module_type": kind, "module_args": arguments, "tokens": "kiss", "renormalize": "none"}


OPERATIONS = [
    (operation("multiply", scalar=1.5), ops.Amplify(1.5)),
    (operation("rotate", angle_degrees=12), ops.Rotate(-12.0, "zeros")),
    (operation("rotate", angle_degrees=-12, padding="border"), ops.Rotate(12.0)),
    (operation("scale", scale_factor=2), ops.SpatialScale(2.0, "zeros")),
    (operation("translate", dx=0.25, dy=-0.5), ops.Translate(0.25, -0.5)),
    (operation("flip", direction="both"), ops.Flip("both")),
    (operation("blur"), ops.Blur(1.0)),
    (operation("sharpen", amount=2, sigma=0.5), ops.Sharpen(2.0, 0.5, clamp=False)),
    (operation("temporal_shift", frames=-2, padding="wrap"), ops.Time("shift", -2.0, "wrap")),
    (operation("temporal_blur", sigma=2), ops.Time("blur", 2.0)),
    (operation("frame_reverse"), ops.Time("reverse")),
]


@pytest.mark.parametrize(("bend", "made"), OPERATIONS)
def test_an_operation_becomes_ours(bend, made):
    loaded = parse(peer(bend))
    assert loaded.bending == Bending((Bend(made, "kiss", renormalize=False, passes="both"),))
    assert not loaded.notes


def test_where_and_when_an_attention_bend_acts():
    bend = {
        **operation("flip"),
        "attention": "cross_text",
        "blocks": "13-18, -2",
        "heads": [0, 3],
        "frames": "0-5",
        "steps": "0-2, 5, 7-",
        "apply_to": "cond",
        "renormalize": "keys",
        "blend": 0.5,
        "label": "mirrored",
    }
    loaded = parse(peer(bend, {**operation("blur"), "steps": "*", "apply_to": "uncond", "tokens": "prompt"}))
    flips, (blur,) = loaded.bending.bends[:3], loaded.bending.bends[3:]
    assert [bend.windows for bend in flips] == [(TimeWindow("steps", *ends),) for ends in ((0, 2), (5, 5), (7, 9999))]
    for flip in flips:
        assert (flip.layers, flip.heads, flip.frames) == ("13-18, 0-2", "0, 3", "0-5")
        assert (flip.passes, flip.renormalize, flip.strength) == ("positive", True, 0.5)
    assert (blur.passes, blur.token, blur.windows) == ("negative", "PROMPT", ())
    assert loaded.about == "mirrored"


def test_noise_levels_become_percents_at_wans_shift():
    loaded = parse(peer({**operation("blur"), "t": [0.98, 0.5]}))
    (bend,) = loaded.bending
    for level, percent in ((0.98, bend.start), (0.5, bend.end)):  # ComfyUI's σ of a percent: s·u / (1 + (s − 1)·u)
        u = 1 - percent
        assert 8 * u / (1 + 7 * u) == pytest.approx(level)
    assert "shift of 8" in loaded.notes[0]
    assert parse(peer({**operation("blur"), "t": [1.0, 0.0]})).notes == ()


def test_a_ramp_over_the_frames_is_an_animation():
    ramp = {"module_type": "frame_ramp", "module_args": {"w_start": 1, "w_end": 0}, "blend": 0.5}
    loaded = parse(peer({**ramp, "inner": {"module_type": "multiply", "module_args": {"scalar": 3}}, "tokens": "kiss"}))
    (bend,) = loaded.bending
    keys = Keyframes(((0.0, True, 0.5), (100.0, True, 0.0)))
    assert bend.operator == ops.Amplify(3.0)
    assert bend.animations == (Animation("strength", "frames", keys),)


LEFT_OUT = [
    ({**operation("sobel")}, "there is no such operation here"),
    ({**operation("blur"), "attention": "self_query"}, "it bends self_query"),
    ({**operation("blur"), "tokens": "0-3, 7"}, "tokens by their numbers"),
    ({**operation("blur"), "blend": 1.5}, "its blend is 1.5"),
    ({**operation("blur"), "blocks": "13-"}, "without an end"),
    ({**operation("blur"), "steps": "first"}, "cannot be read"),
    ({**operation("blur"), "t": [0.2, 0.8]}, "no window"),
    ({**operation("sharpen", amount=-1)}, "below 0"),
    ({"module_type": "multiply"}, "multiplying all tokens changes nothing there"),
    ({"module_type": "frame_ramp", "module_args": {"w_end": 4}}, "only a linear ramp"),
]


@pytest.mark.parametrize(("bend", "why"), LEFT_OUT)
def test_what_does_not_exist_here_is_left_out_and_told(bend, why):
    loaded = parse(peer(operation("blur"), bend, bends=[{"path": "x"}]))
    assert len(loaded.bending) == 1
    models, left = loaded.notes
    assert "bends of the model's layers (1) are left out" in models
    assert left.startswith("line ") and f"{bend['module_type']} is left out: " in left and why in left


KNOWLEDGE = {"dataset": "abuzreq/model-bending-knowledge-base", "record": "e75fee762a99a75a3f82"}
STRANGERS = [
    ({"kb": KNOWLEDGE}, 'an attention bend has no "kb" here; the key is left out, and the rest is read.'),
    (
        {"guard": {"nan": "zero", "max_std_ratio": 4}},
        'an attention bend has no "guard" here; the key is left out, and the rest is read.',
    ),
    ({"thought": "it turns"}, 'an attention bend has no "thought" here; the key is left out, and the rest is read.'),
    ({"revision": None}, 'an attention bend has no "revision" here; the key is left out, and the rest is read.'),
    (
        {"token": "rose"},
        'an attention bend has no "token" here; the key is left out, and the rest is read. Did you mean "tokens"?',
    ),
    (
        {"module_args": {"sigma": 2, "seed": 1}},
        'module_args of blur has no "seed" here; the key is left out, and the rest is read.',
    ),
    (
        {"module_args": {"sigma": 2, "sigm": 1}},
        'module_args of blur has no "sigm" here; the key is left out, and the rest is read. Did you mean "sigma"?',
    ),
]


@pytest.mark.parametrize(("more", "says"), STRANGERS)
def test_what_a_newer_file_has_beside_is_told_and_the_rest_is_read(more, says):
    """By the format's own rule; anything may stand in it."""
    loaded = parse(peer({**operation("blur", sigma=2), **more}, operation("flip"), author="somebody"))
    kinds = [type(bend.operator) for bend in loaded.bending]
    assert kinds == [ops.Blur, ops.Flip] and loaded.bending.bends[0].operator == ops.Blur(2.0)
    assert all(bend.token == "kiss" for bend in loaded.bending)
    top, note = loaded.notes
    assert top.endswith('the file has no "author" here; the key is left out, and the rest is read.')
    assert note.startswith("line ") and note.endswith(says) and note in str(loaded)


def test_strangers_in_a_ramp_and_in_its_inner_operation():
    inner = {"module_type": "blur", "module_args": {"sigma": 2, "size": 3}, "kb": {}}
    loaded = parse(peer({"module_type": "frame_ramp", "module_args": {"ease": 1}, "inner": inner, "guard": {}}))
    assert loaded.bending.bends[0].operator == ops.Blur(2.0)
    named = [note.partition(' has no "')[2].partition('"')[0] for note in loaded.notes]
    assert sorted(named) == ["ease", "guard", "kb", "size"]


@pytest.mark.parametrize(
    ("bend", "says"),
    [
        ({**operation("blur", sigma="2")}, "sigma is '2'. Give it a finite number, without quotes"),
        ({**operation("blur"), "apply_to": "positive"}, 'apply_to is "positive", which there is not.'),
        ({**operation("scale", scale_factor=0)}, "Spatial Scale: factor is 0."),
        ({"tokens": "kiss"}, 'an attention bend lacks "module_type"'),
        ({"module_type": "frame_ramp"}, "frame_ramp lacks its inner operation"),
    ],
)
def test_what_is_wrong_with_an_attention_bend_is_told(bend, says):
    with pytest.raises(BendError, match=r"line \d+: ") as refusal:
        parse(peer(bend))
    assert says in str(refusal.value)
