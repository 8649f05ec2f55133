"""Attach Words on conditionings made elsewhere; and the nodes of where, when and how, through their own classes."""

import node_helpers
import pytest
import torch
from attention_bending.bending import operators as ops
from attention_bending.bending.bend import Animation, Bend, Bending
from attention_bending.bending.errors import BendError
from attention_bending.bending.frames.mask_video import MaskVideo
from attention_bending.bending.time import animation
from attention_bending.bending.time.windows import TimeWindow
from attention_bending.host.text.prompt_encoding import KEY, attach_words, encode_prompt
from attention_bending.nodes import aims, maps, prompt
from comfy_api.input import LinearCurve, MonotoneCubicCurve
from host.support import KISS, SMALL, SQUARE, assert_dense, bent, reports

TEXT = "a romantic kiss at sunset"


def run(node, **inputs):
    """A node's first output, from the class as the executor prepares it."""
    return node.PREPARE_CLASS_CLONE(None).execute(**inputs)[0]


# --- Attach Words --------------------------------------------------------------------------------------------------


def test_words_of_a_plain_conditioning(tiny_model, tiny_clip, encode, sample):
    """The same bits, with the map that Bend Prompt would have made: the same film."""
    plain, made = encode(TEXT), encode_prompt(tiny_clip, TEXT)[0]
    assert KEY not in plain[0][1]
    attached = run(prompt.AttnBendTokens, conditioning=plain, clip=tiny_clip, text="a romantic (kiss) at sunset")
    assert attached[0][0] is plain[0][0] and KEY not in plain[0][1]
    assert {k: v for k, v in attached[0][1].items() if k != KEY} == plain[0][1]
    tokens, expected = attached[0][1][KEY], made[0][1][KEY]
    assert tokens.marked_words == ("kiss",)
    assert (tokens.text, tokens.encoders, tokens.fingerprint) == (TEXT, expected.encoders, expected.fingerprint)
    films = [
        sample(bent(tiny_model(SMALL), *KISS), some, encode("blurry"), shape=(1, 16, 2, 8, 8))
        for some in (attached, made)
    ]
    assert torch.equal(*films)


def test_what_stands_on_the_conditioning_stays(tiny_clip, encode):
    several = node_helpers.conditioning_set_values(encode(TEXT), {"start_percent": 0.2, "mask_strength": 0.5})
    several += encode(TEXT)
    attached, *_ = attach_words(several, tiny_clip, TEXT)
    assert [extras.get("start_percent") for _, extras in attached] == [0.2, None]
    assert all(KEY in extras for _, extras in attached)


def test_another_precision_is_the_same_text(tiny_model, tiny_clip, encode, sample):
    """And its map describes this embedding: no warning that it has changed."""
    half = [[embedding.bfloat16(), extras] for embedding, extras in encode(TEXT)]
    attached, *_ = attach_words(half, tiny_clip, TEXT)
    with reports() as made:
        sample(bent(tiny_model(SMALL), *KISS), attached, encode("blurry"), shape=(1, 16, 1, 4, 4), steps=1)
    assert made[0].bent and not made[0].warnings


PLAIN = {
    "one": "a romantic (kiss) at sunset",
    "two deep": "a romantic ((kiss)) at sunset",
    "in a word": "a sun(flower)s field",
    "in a weight": "((red) rose:1.5) and a (kiss)",
    "never closed": "a romantic (kiss at sunset",
    "never opened": "a smile :) and a (kiss)",
    "empty": "a () kiss, a (:1.3) and a (  )",
    "no weight": "a (red:x) rose",
    "not finite": "a (kiss:nan(red))",
    "real ones too": r"a (kiss \(two\)) at 12:30",
    "nothing but": "(kiss)",
}
"""Texts as people have them in CLIP Text Encode."""


@pytest.mark.parametrize("case", PLAIN)
def test_parentheses_as_comfyui_weighs_them(case, tiny_clip, encode):
    """The very text that CLIP Text Encode was given: its words, by the host's own weights; and the node says so."""
    text = PLAIN[case]
    attached, tokens, note = attach_words(encode(text), tiny_clip, text)
    (pieces,) = (encoder.pieces for encoder in tokens.encoders)
    (used,) = tiny_clip.tokenize(text)["umt5xxl"]
    assert [piece.weight for piece in pieces] == [weight for _, weight in used[: len(pieces)]]
    assert attached[0][0] is encode(text)[0][0] and attached[0][1][KEY].text == tokens.text
    for piece in pieces:
        assert piece.text.strip("▁") in ("", tokens.text[piece.start : piece.end])
    assert "read as ComfyUI reads them" in note
    node = prompt.AttnBendTokens.PREPARE_CLASS_CLONE({"hidden_inputs": {}})
    assert node.execute(encode(text), tiny_clip, text).ui.as_dict()["text"][0].endswith(note)


def test_of_two_readings_the_one_that_was_used(tiny_clip, encode):
    """Marks that weigh nothing are marks still where the other node gave none, or Bend Prompt made the conditioning."""
    text = "a romantic (kiss) at sunset"
    for made in (encode(TEXT), encode_prompt(tiny_clip, text)[0]):
        _, tokens, note = attach_words(made, tiny_clip, text)
        assert {piece.weight for piece in tokens.encoders[0].pieces} == {1} and not note
    _, tokens, note = attach_words(encode(text), tiny_clip, text)
    assert note and tokens.marked_words == ("kiss",)
    _, tokens, note = attach_words(encode("a (kiss:1.3)"), tiny_clip, "a (kiss:1.3)")
    assert not note and tokens.encoders[0].pieces[-1].weight == 1.3
    with pytest.raises(BendError, match=r"opened but never closed, at character 3"):
        attach_words(encode(TEXT), tiny_clip, "a (kiss")


def test_weights_of_the_attention_are_found_and_said_not_to_be_applied(tiny_clip, encode):
    for text, host_reads_it in (("a (kiss:3) at sunset", True), ("a (kiss:1>0) at sunset", False)):
        _, tokens, note = attach_words(encode("a kiss at sunset"), tiny_clip, text)
        assert tokens.text == "a kiss at sunset" and tokens.marked_words == ("kiss",)
        assert note.startswith('The weights of "kiss" are the attention\'s') and "not applied here" in note
        _, tokens, note = attach_words(encode(text), tiny_clip, text)
        assert ("read as ComfyUI reads them" in note) != host_reads_it
    with pytest.raises(BendError, match=r"differ most at column \d+.*weights included"):
        attach_words(encode("a (kiss:3) at sunset"), tiny_clip, "a (kiss:1.5) at sunset")


def test_words_of_weighed_parentheses_bend(tiny_model, tiny_clip, encode, sample):
    text = "a romantic (kiss) at sunset"
    attached, *_ = attach_words(encode(text), tiny_clip, text)
    assert_dense(sample, tiny_model(SMALL), KISS, attached, encode("blurry"), **SQUARE)


OTHER = {
    "another word": (
        "a romantic walk at sunset",
        r"most at column \d+, \"▁?\w+\". Give the text that it was made",
    ),
    "a word more": (f"{TEXT} in the rain", r"differ most at column \d+"),
    "a word less": ("a romantic kiss at", r"differ most at column \d+"),
    "the beginning": ("a romantic", r"differ most at column \d+"),
    "nothing": ("", r"differ most at column \d+"),
    "other order": ("a kiss romantic at sunset", r"differ most at column \d+"),
    "another case": ("A romantic kiss at sunset", r"differ most at column \d+"),
    "more columns": (
        "a red cat on a table, " * 120,
        r"has 512 columns of 4096 numbers, but this text makes \d+ of 4096",
    ),
}


@pytest.mark.parametrize("case", OTHER)
def test_another_text_is_refused_with_the_column(case, tiny_clip, encode):
    text, says = OTHER[case]
    with pytest.raises(BendError, match=says):
        attach_words(encode(TEXT), tiny_clip, text)


def test_another_encoder_is_refused_with_the_shapes(tiny_clip, encode):
    narrow = [[torch.randn(1, 512, 768), {}]]
    with pytest.raises(BendError, match=r"512 columns of 768 numbers, but this text makes 512 of 4096. Give the clip"):
        attach_words(narrow, tiny_clip, TEXT)
    with pytest.raises(BendError, match="CLIP input is empty"):
        attach_words(encode(TEXT), None, TEXT)


# --- the nodes -----------------------------------------------------------------------------------------------------

CHAIN = Bending((Bend(ops.Rotate(), "kiss"), Bend(ops.Flip(), "rose")))


def test_bend_where():
    said = {"layers": "early", "heads": "0-3", "frames": "0%-50%", "pass": "both"}
    picture = torch.rand(1, 4, 4)
    aimed = run(aims.AttnBendWhere, bending=CHAIN, **said, mask=picture, mask_feather=0.2)
    assert {(b.layers, b.heads, b.frames, b.passes) for b in aimed} == {tuple(said.values())}
    assert all(bend.masks == (MaskVideo(picture, 0.2),) for bend in aimed)
    assert run(aims.AttnBendWhere, bending=CHAIN, **said).bends[0].masks == ()


def test_bend_when():
    said = {"bending": CHAIN, "unit": "steps", "start": 2.0, "end": 6.0, "fade_in": 1.0, "fade_out": 0.0}
    (window,) = run(aims.AttnBendWhen, **said).bends[0].windows
    assert window == TimeWindow("steps", 2, 6, 1)
    for curve in (LinearCurve([(0, 1), (1, 0)]), {"points": [[0, 1], [1, 0]], "interpolation": "linear"}):
        (along,) = run(aims.AttnBendWhen, **said, curve=curve).bends[0].windows
        assert len(along.curve) == 1025 and along.curve[::256] == (1, 0.75, 0.5, 0.25, 0)
    with pytest.raises(BendError, match=r"steps 2\.5 to 6 are no whole numbers. Give the first and the last step"):
        run(aims.AttnBendWhen, **{**said, "start": 2.5})


def animate(parameter="angle", **more):
    """Bend Animate is given lists of everything."""
    said = {"bending": [CHAIN], "parameter": [f" {parameter} "], "over": ["frames"], "keyframes": ["0: 0, 2: 90"]}
    (bending,) = run(aims.AttnBendAnimate, **said, ease=["hold"], **more)
    (animation,) = bending.bends[0].animations
    return animation


def test_bend_animate_reads_keyframes():
    assert aims.AttnBendAnimate.GET_SCHEMA().is_input_list
    assert animate() == Animation("angle", "frames", animation.parse_keyframes("0: 0, 2: 90", "hold"))
    with pytest.raises(BendError, match=r'Flip, Rotate has no parameter "sigma". Choose one of angle, center_x'):
        animate("sigma")


@pytest.mark.parametrize("values", [[[1.0, 4.0, 2.0]], [1.0, 4.0, 2.0], [[1.0, 4.0], [2.0]]])
def test_bend_animate_follows_a_list_or_an_output_list(values):
    assert animate(values=values).track == animation.sampled_curve([1.0, 4.0, 2.0])


@pytest.mark.parametrize("curve", [LinearCurve([(0, 0), (1, 1)]), [(0, 0), (1, 1)], {"points": [(0, 0), (1, 1)]}])
def test_bend_animate_follows_a_curve(curve):
    track = animate(curve=[curve], curve_low=[-90.0], curve_high=[90.0]).track
    assert track.name == "curve" and track.values(5) == pytest.approx([-90, -45, 0, 45, 90])
    assert animate(curve=[curve]).track.values(3) == pytest.approx([0, 0.5, 1])  # the range's defaults
    bump = animate(curve=[MonotoneCubicCurve([(0, 0), (0.5, 1), (1, 0)])], curve_high=[2.0]).track
    assert bump.values(3) == pytest.approx([0, 2, 0], abs=1e-4)


def test_bend_animate_follows_one_thing():
    with pytest.raises(BendError, match=r"a curve and values are both connected. Keep the one to follow"):
        animate(values=[1.0], curve=[[(0, 0), (1, 1)]])
    with pytest.raises(BendError, match="empty list"):
        animate(values=[[]])


def test_the_modes_of_whole_maps():
    said = {"strength": 0.5, "start_percent": 0.0, "end_percent": 0.8, "layers": "late"}
    mode = {**said, "token": "kiss", "renormalize": False}
    placed = dict(zip(("strength", "start", "end", "layers"), said.values(), strict=True))
    picture = torch.rand(2, 4, 4)
    made = {
        maps.AttnBendTime: ({"way": "freeze", "amount": 2.0, "padding": "wrap"}, ops.Time("freeze", 2.0, "wrap")),
        maps.AttnBendPaint: ({"mask": picture, "mask_feather": 0.1}, ops.Paint(MaskVideo(picture, 0.1))),
        maps.AttnBendSwap: ({"other": "rose", "way": "follow", "mix": 0.3}, ops.Swap("rose", "follow", 0.3)),
    }
    for node, (inputs, operator) in made.items():
        expected = Bend(operator, "kiss", **placed, renormalize=False)
        assert run(node, **mode, **inputs, bending=CHAIN).bends == (*CHAIN.bends, expected)
    expected = Bend(ops.Temperature(0.6), "ALL", **placed)
    assert run(maps.AttnBendTemperature, temperature=0.6, **said, bending=CHAIN).bends == (*CHAIN.bends, expected)
    with pytest.raises(BendError, match="token is empty"):
        run(maps.AttnBendSwap, **mode, other="", way="trade", mix=1.0)
