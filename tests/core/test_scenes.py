"""Scenes of a film: how they are written, which latent frames hear them, and the attention that they make."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from attention_bending.bending import operators as ops
from attention_bending.bending.attention.bias import FrameBias, KeysLeftOut, biased_at
from attention_bending.bending.attention.device_cache import DeviceCache
from attention_bending.bending.attention.state import bend_output
from attention_bending.bending.bend import Animation, Bend, Bending
from attention_bending.bending.errors import BendError
from attention_bending.bending.files import dump, parse, replace_words
from attention_bending.bending.frames.grid import Grid
from attention_bending.bending.frames.layout import FrameLayout
from attention_bending.bending.text.prompt import parse_prompt
from attention_bending.bending.text.scenes import Scene, compose, parse_scenes
from attention_bending.bending.text.token_field import TokenField, TokenTerm
from attention_bending.bending.text.tokens import resolve
from attention_bending.bending.time.animation import Keyframes
from attention_bending.bending.time.stretch import Stretch
from attention_bending.bending.timeline import describe_scenes, timeline, weighed
from core.maps import by_character
from core.precision import own_ways
from core.test_bias import HEADS, MOMENT, error, plan, qkv, times

# --- how they are written -------------------------------------------------------------------------------------------

THIRD = 1 / 3
WRITTEN = {
    "a | b": [("a", 0, 0.5), ("b", 0.5, 1)],
    "a|b|c": [("a", 0, THIRD), ("b", THIRD, 2 * THIRD), ("c", 2 * THIRD, 1)],
    "a [0%-40%] | b": [("a", 0, 0.4), ("b", 0.4, 1)],
    "a | b [60% - 100%]": [("a", 0, 0.6), ("b", 0.6, 1)],
    "a | b [40%–60%] | c": [("a", 0, 0.4), ("b", 0.4, 0.6), ("c", 0.6, 1)],
    "a [2] | b": [("a", 0, 2 * THIRD), ("b", 2 * THIRD, 1)],
    "a [0%-50%] | b [3] | c": [("a", 0, 0.5), ("b", 0.5, 0.875), ("c", 0.875, 1)],
    "a [0-50] | b [50-200]": [("a", 0, 0.25), ("b", 0.25, 1)],
    "a [0-50] | b [40-100]": [("a", 0, 0.5), ("b", 0.4, 1)],
    "a [0-20] | b [30-40]": [("a", 0, 0.5), ("b", 0.75, 1)],
    "a [0%-100%]": [("a", 0, 1)],
    "a": [("a", 0, 1)],
    "Scene 1: a\nScene 2: b": [("a", 0, 0.5), ("b", 0.5, 1)],
    "scene 1:\na\n\nScene 2 [60%-100%]: b": [("a", 0, 0.6), ("b", 0.6, 1)],
    "Scene 1: a [2]\nScene 2: b": [("a", 0, 2 * THIRD), ("b", 2 * THIRD, 1)],
    "Frames 0-50: a\nFrames 50-200: b": [("a", 0, 0.25), ("b", 0.25, 1)],
    "Scene 1: a\nCamera 2: pans\nScene 2: b": [("a\nCamera 2: pans", 0, 0.5), ("b", 0.5, 1)],
    "Act 1: 5:30 a": [("Act 1: 5:30 a", 0, 1)],
    "Act 2: a\nAct 3: b": [("Act 2: a\nAct 3: b", 0, 1)],
    "Act 1: a\nAct 1: b": [("Act 1: a\nAct 1: b", 0, 1)],
    "赤：丸｜青［６０％-１００％］": [("赤：丸", 0, 0.6), ("青", 0.6, 1)],
    "赤：丸｜青［60％-100％］": [("赤：丸", 0, 0.6), ("青", 0.6, 1)],
    "場面1：赤\n場面2：青": [("赤", 0, 0.5), ("青", 0.5, 1)],
    'a "|" b | c': [("a | b", 0, 0.5), ("c", 0.5, 1)],
    "a “|” b | c": [("a | b", 0, 0.5), ("c", 0.5, 1)],
    r"a \[2\] | c": [("a [2]", 0, 0.5), ("c", 0.5, 1)],
    "a [soft] | (b:1.5) [2]": [("a [soft]", 0, THIRD), ("(b:1.5)", THIRD, 1)],
}


@pytest.mark.parametrize("text", WRITTEN)
def test_scenes_are_read(text):
    scenes = parse_scenes(text).scenes
    assert [scene.text for scene in scenes] == [told for told, *_ in WRITTEN[text]]
    expected = [end for _, *ends in WRITTEN[text] for end in ends]
    assert [end for scene in scenes for end in (scene.start, scene.end)] == pytest.approx(expected)
    assert scenes[-1].end <= 1


def test_what_stands_before_the_first_head_is_for_the_whole_film():
    script = parse_scenes("soft light\n\nScene 1: a\nScene 2: b")
    assert script.before == "soft light"


def test_what_only_looks_like_scenes_is_told():
    (said, one) = parse_scenes("Act 2: a\nAct 3: b").notes
    assert said.startswith('"Act 2:", "Act 3:" is read as text.') and one.startswith("There is one scene")
    assert parse_scenes("a [0%-50%]").notes == ()


def test_gaps_are_found():
    assert parse_scenes("a [10%-40%] | b [60%-100%]").gaps == [(0.0, 0.1), (0.4, 0.6)]
    assert parse_scenes("a [0-60] | b [40-80] | c [0-100]").gaps == []


REFUSED = {
    "": "there is no scene",
    " \n": "there is no scene",
    "a | | c": 'scene 2 of 3 is empty, at character 4 ("a |▸ | c")',
    "a | [50%-100%]": "scene 2 of 2 is empty, at character 5",
    "a |": "scene 2 of 2 is empty",
    "Scene 1:\nScene 2: b": "scene 1 of 2 is empty",
    "Scene 1: a | c\nScene 2: b": "the scenes have heads such as Scene 1: and a bar between, at line 1, character 12",
    "a [60%-40%] | b": "the stretch [60%-40%] has no time in the film, at character 3",
    "a [40-40] | b": "has no time in the film",
    "a [0%-120%] | b": "has no time in the film",
    "a [0%-40] | b": "[0%-40] is no stretch of a film, at character 3",
    "a [40%] | b": "[40%] is no stretch of a film",
    "a [1-2-3] | b": "[1-2-3] is no stretch",
    "a [0%-40%] | b [40-80]": "percents and plain numbers are mixed, at character 16",
    "a [0] | b": "a scene's share is 0, at character 3",
    "[0-4] a | b": "a stretch stands in the middle of a scene, at character 1",
    "Scene 0-4 [2]: a\nScene 4-5: b": "a scene has two stretches, at line 1, character 11",
    "a | b [0%-50%]": "a scene without a stretch has no time left, at character 1",
    "a [0%-100%] | b": "its neighbours leave none between 100% and 100% of the film",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_scene_is_refused_at_its_place(text):
    with pytest.raises(BendError) as caught:
        parse_scenes(text)
    assert REFUSED[text] in str(caught.value)


def scenes_map(text, whole="", moving=True):
    """The token map of scenes, a token a character, and the prompt with its weights."""
    prompt, spans = compose(parse_scenes(text), whole, moving)
    return replace(by_character(prompt.without_weights().host_text), scenes=spans), prompt


def test_scenes_know_their_places():
    tokens, _ = scenes_map("a (red:1.5) star | a \\(blue\\) star", "soft (light)")
    assert tokens.text == "soft light a red star a (blue) star"
    assert [tokens.text[slice(*span)] for span in tokens.scenes] == ["soft light", "a red star", "a (blue) star"]
    assert scenes_map("a | b")[0].scenes[0] == (0, 0)


def test_a_malformed_mark_names_its_scene():
    with pytest.raises(BendError, match=r"scene 2: The prompt has a parenthesis that is opened but never closed"):
        compose(parse_scenes("a | (b"), "")
    with pytest.raises(BendError, match=r"whole_film: The prompt has a parenthesis"):
        compose(parse_scenes("a | b"), ")")


# --- which words a token field names --------------------------------------------------------------------------------

STARS = scenes_map("a red star and a star | a blue star", "soft light")[0]


def read(columns):
    return "".join(STARS.text[column] for column in columns)


@pytest.mark.parametrize(
    ("token", "start", "said"),
    [
        ("@0", 0, "soft light"),
        ("@1", 11, "a red star and a star"),
        (" @ 2", 33, "a blue star"),
        ("star@2", 40, "star"),
        ("star@1", 17, "starstar"),
        ("star#2@1", 28, "star"),
        ('"red star"@1', 13, "red star"),
        ('"star"#1@2', 40, "star"),
    ],
)
def test_a_token_names_a_scene(token, start, said):
    columns = resolve(token, STARS).columns
    assert columns[0] == start and read(columns) == said
    (term,) = TokenField.parse(token).terms
    assert TokenField.parse(term.token).terms == (term,)


def test_each_scene_is_another_word_of_a_field():
    selection = resolve("star@1, star@2, @2", STARS)
    assert [word.name for word in selection.words] == ["star@1", "star@2", "@2"]


@pytest.mark.parametrize(
    ("token", "said", "offers"),
    [
        ("@3", '"@3" asks for scene 3, but this prompt has 2 scenes. Count from 1.', ("@2",)),
        ("star@3", "this prompt has 2 scenes", ("star@2",)),
        ("red@2", 'there is no "red" in scene 2: it reads "a blue star".', ("red",)),
        ("star@0", 'there is no "star" in what the whole film hears', ("star",)),
        ("star#2@2", '"star" is in scene 2 once', ("star@2",)),
        ("star@two", "After the @ comes", ()),
        ('"star"@', "After the @ comes", ()),
        ("ALL@2", "ALL cannot be counted. Leave the @ out.", ()),
    ],
)
def test_what_is_in_no_scene_is_refused(token, said, offers):
    if token == "star@two":  # a word like any
        assert TokenField.parse(token).terms == (TokenTerm(token),)
        return
    with pytest.raises(BendError) as caught:
        resolve(token, STARS)
    assert said in str(caught.value) and caught.value.offers == offers


def test_without_scenes_a_word_with_an_at_stays_a_word():
    tokens = by_character("mail me@2 now")
    assert resolve("me@2", tokens).columns == (5, 6, 7, 8)
    assert resolve('"me@2"', tokens).columns == (5, 6, 7, 8)
    for token in ("@2", "now@2", "me#1@2"):
        with pytest.raises(BendError, match=r"asks for a scene, but this prompt has no scenes\. Encode it with Bend"):
            resolve(token, tokens)


def test_quotes_take_an_at_literally():
    assert TokenField.parse('"star@2"').terms == (TokenTerm("star@2"),)
    assert TokenTerm("star@2").token == '"star@2"' and TokenTerm("@2").token == '"@2"'


# --- stretches ------------------------------------------------------------------------------------------------------


def overlap(stretch, count, stride):
    """The mean over each latent frame, by many small steps of exact fractions."""
    pictures = stride * (count - 1) + 1
    fine = 2000
    t = (np.arange(pictures * fine) + 0.5) / (pictures * fine)
    half = max(stretch.fade, 1e-12) / 2
    rise = np.clip((t - stretch.start) / (2 * half) + 0.5, 0, 1) if stretch.start > 0 else np.ones_like(t)
    fall = np.clip((t - stretch.end) / (2 * half) + 0.5, 0, 1) if stretch.end < 1 else np.zeros_like(t)
    by_picture = (stretch.outside + (1 - stretch.outside) * (rise - fall)).reshape(pictures, fine).mean(1)
    return [by_picture[0], *by_picture[1:].reshape(count - 1, stride).mean(1)]


@pytest.mark.parametrize("stride", [1, 4, 8])
@pytest.mark.parametrize(
    "stretch",
    [
        Stretch(0, 1),
        Stretch(0, 0.4),
        Stretch(1 / 3, 2 / 3, 0.1),
        Stretch(0.5, 0.55, 0.4),
        Stretch(0.2, 1, 0.3, 0.25),
        Stretch(0.3, 0.7, 0, 1),
    ],
    ids=str,
)
@pytest.mark.parametrize("count", [2, 5, 21])
def test_a_latent_frame_has_the_mean_over_its_pictures(stretch, stride, count):
    values = stretch.values(count, stride)
    np.testing.assert_allclose(values, overlap(stretch, count, stride), atol=5e-4)
    assert all(stretch.outside <= value <= 1 for value in values)


def test_a_latent_frame_hears_what_it_lies_in_by_half():
    assert Stretch(0, 0.5).heard(5, 4) == [0, 1, 2] and Stretch(0.5, 1).heard(5, 4) == [3, 4]
    assert Stretch(0, 11 / 17).heard(5, 4) == [0, 1, 2, 3] and Stretch(11 / 17, 1).heard(5, 4) == [3, 4]
    assert Stretch(0.4, 0.42).heard(5, 4) == [] and Stretch(0.4, 0.42, 0, 1).heard(5, 4) == [0, 1, 2, 3, 4]


def test_overlaps_are_exact():
    assert Stretch(0, 0.5).values(5, 4) == [1, 1, 7 / 8, 0, 0]
    assert Stretch(0, 9 / 17).values(5, 4) == [1, 1, 1, 0, 0]
    assert Stretch(1 / 33, 17 / 33).values(5, 8) == [0, 1, 1, 0, 0]


@pytest.mark.parametrize("fade", [0.0, 0.1, 0.6])
def test_scenes_that_meet_add_up_to_the_film(fade):
    borders = [0, 0.2, 0.55, 1]
    values = [Stretch(*ends, fade).values(9, 4) for ends in pairwise(borders)]
    np.testing.assert_allclose(np.sum(values, 0), 1, atol=1e-8)


@pytest.mark.parametrize("given", [(0.5, 0.5), (-0.1, 1), (0.2, 1.1), (0, 1, 2), (0, 1, 0, -1), (float("nan"), 1)])
def test_a_stretch_outside_the_film_is_refused(given):
    with pytest.raises(BendError, match=r"stretch goes|fade is"):
        Stretch(*given)


# --- the attention that they make -----------------------------------------------------------------------------------

GRIDS = {"cut": (0.0, 0.0, KeysLeftOut), "faded": (0.3, 0.0, FrameBias), "outside": (0.0, 0.2, FrameBias)}


@pytest.mark.parametrize("stride", [4, 8])
@pytest.mark.parametrize("name", GRIDS)
def test_a_timeline_is_one_softmax_with_an_additive_mask(name, stride, device):
    """As on a model whose latent frames hold 8 pictures, too, and where a model call has a part of the film alone."""
    fade, outside, kind = GRIDS[name]
    length, grid = 9, Grid(4, 3, 5)
    pictures = stride * (length - 1) + 1
    borders = [0, (1 + 3 * stride) / pictures, (1 + 5 * stride) / pictures, 1]
    stretches = [Stretch(*ends, fade, outside) for ends in pairwise(borders)]
    scenes = [range(3, 203), range(203, 403), range(403, 590)]
    chain = [
        (Bend(ops.Amplify(1.0), f"@{n}", animations=(Animation("factor", "frames", stretch),)), columns)
        for n, (stretch, columns) in enumerate(zip(stretches, scenes, strict=True), 1)
    ]
    frames = (2, 3, 4, 5)
    cache = DeviceCache(FrameLayout(grid, frames, length, stride), HEADS, torch.device(device))
    cache.go_to(MOMENT)
    assert isinstance(biased_at(plan(chain), cache), kind)
    gains = [np.array(stretch.values(length, stride))[list(frames)] for stretch in stretches]
    given, (way,) = qkv(), own_ways(device, "biased")
    output, known = bend_output(plan(chain), way(*given), cache)
    c = times(*((columns, gain[:, None, None]) for gain, columns in zip(gains, scenes, strict=True)))
    assert known.way == "biased" and error(output, given, c) < 1.5 * error(way(*given).output(), given, times())


def test_a_timeline_is_a_bend_a_scene():
    script = parse_scenes("a red star | a blue star [60%-100%]")
    tokens, _ = scenes_map("a red star | a blue star [60%-100%]")
    bends = timeline(script.scenes, tokens, 0.1, 0.2, "7")
    assert [bend.token for bend in bends] == ["@1", "@2"]
    assert [bend.animations[0].track for bend in bends] == [Stretch(0, 0.6, 0.1, 0.2), Stretch(0.6, 1, 0.1, 0.2)]
    assert all(bend.renormalize and not bend.signed and not bend.is_identity and bend.origin == "7" for bend in bends)


def test_a_scene_without_tokens_is_refused():
    tokens, _ = scenes_map("a | b")
    cut = replace(tokens, encoders=(replace(tokens.encoders[0], pieces=tokens.encoders[0].pieces[:1]),))
    with pytest.raises(BendError, match="scene 2: "):
        timeline([Scene("a", 0, 0.5), Scene("b", 0.5, 1)], cut)


def test_weights_are_bends_of_their_own_words():
    text = "a (red:2) star, a (red:-1) moon | a (red:0>1>0) star [60%-100%]"
    tokens, prompt = scenes_map(text, "(soft:0.5) light")
    bends = weighed(prompt, parse_scenes(text).scenes, tokens, "7")
    assert [(bend.token, bend.operator.factor) for bend in bends] == [
        ("soft@0", 0.5),
        ("red#1@1", 2.0),
        ("red#2@1", -1.0),
        ("red@2", 0.0),
    ]
    keys = ((60.0, True, 0.0), (80.0, True, 1.0), (100.0, True, 0.0))
    assert [bend.animations for bend in bends] == [(), (), (), (Animation("factor", "frames", Keyframes(keys)),)]
    assert read_columns(tokens, bends) == ["soft", "red", "red", "red"]


def read_columns(tokens, bends):
    return ["".join(tokens.text[column] for column in resolve(bend.token, tokens).columns) for bend in bends]


def test_of_nested_weights_the_innermost_counts():
    text = "a (big (red:2) star:1.5) | b"
    tokens, prompt = scenes_map(text)
    bends = weighed(prompt, parse_scenes(text).scenes, tokens)
    assert [(bend.token, bend.operator.factor) for bend in bends] == [("big@1", 1.5), ("red@1", 2.0), ("star@1", 1.5)]


@pytest.mark.parametrize("weight", ["11", "-10.5", "0>20"])
def test_a_weight_out_of_range_is_refused(weight):
    tokens, prompt = scenes_map(f"a (red:{weight}) star | b")
    with pytest.raises(BendError, match=r'the weight of "red@1" is .*Give it a number from -10 to 10'):
        weighed(prompt, parse_scenes("a | b").scenes, tokens)


def test_weights_that_move_are_for_the_attention_alone():
    with pytest.raises(BendError, match=r"weights that move, '1>2'.*weights set to attention"):
        parse_prompt("a (red:1>2) star")
    with pytest.raises(BendError, match="weights that move"):
        parse_prompt("a (red:1>inf) star", moving=True)
    assert parse_prompt("(a > b: c) (d: 1>x y)").text == "a > b: c d: 1>x y"


def test_scenes_are_told():
    text = "a star [0%-30%] | a moon [50%-100%]"
    assert describe_scenes(parse_scenes(text), scenes_map(text)[0]).splitlines() == [
        "@1 · 0%–30% · columns 0–5, 6 tokens · a star",
        "@2 · 50%–100% · columns 7–12, 6 tokens · a moon",
        "12 of 21 columns",
        "From 30% to 50% of the film no scene is heard, and there is no text for the whole film.",
    ]
    lines = describe_scenes(parse_scenes(text), scenes_map(text, "soft")[0]).splitlines()
    assert lines[0] == "@0 · the whole film · columns 0–3, 4 tokens · soft" and len(lines) == 4


# --- files ----------------------------------------------------------------------------------------------------------

SAVED = """\
# A bending: the node Load Bending of Attention Bending reads it. The last line says that it is whole.
format: attention-bending
bends:
  - mode: amplify
    token: '@2'
    factor: 1.0
    strength: 1.0
    start: 0.0
    end: 1.0
    layers: all
    renormalize: true
    heads: all
    frames: all
    animations:
      - parameter: factor
        over: frames
        stretch:
          - 0.33
          - 0.66
        fade: 0.1
        outside: 0.0
version: 2
"""


LINES = "\n          - 0.33\n          - 0.66"


def test_a_stretch_is_in_a_file_of_version_2():
    track = Animation("factor", "frames", Stretch(0.33, 0.66, 0.1))
    bending = Bending((Bend(ops.Amplify(1.0), "@2", animations=(track,)),))
    assert dump(bending) == SAVED
    assert parse(SAVED).bending == bending == parse(dump(bending, kind="json")).bending
    short = SAVED.replace(LINES, " [0.33, 0.66]").replace("        fade: 0.1\n        outside: 0.0\n", "")
    assert parse(short).bending.bends[0].animations[0].track == Stretch(0.33, 0.66)


@pytest.mark.parametrize(("token", "version"), [("star", 1), ("star#2", 1), ('"star@2"', 1), ("star@2", 2), ("@0", 2)])
def test_a_word_of_a_scene_is_in_a_file_of_version_2(token, version):
    bending = Bending((Bend(ops.Blur(), token),))
    assert dump(bending).endswith(f"\nversion: {version}\n")
    assert parse(dump(bending)).bending == bending


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("version: 2", "version: 1", "line 22: version is 1, which has no stretch. Write version: 2."),
        (LINES, " [0.66, 0.33]", "line 17: the stretch goes from 0.66 to 0.33"),
        (LINES, " [0.33]", "line 17: a stretch is of the film: [0.2, 0.6], over: frames."),
        ("over: frames", "over: steps", "line 18: a stretch is of the film"),
        ("fade: 0.1", "ease: hold", "line 15: an animation follows keyframes"),
        ("stretch:", "list:", "line 15: an animation follows keyframes"),
        ("fade: 0.1", "fade: 3", "line 18: fade is 3"),
    ],
)
def test_a_wrong_stretch_is_refused_in_its_line(old, new, said):
    with pytest.raises(BendError) as caught:
        parse(SAVED.replace(old, new))
    assert said in str(caught.value)


def test_words_of_scenes_are_replaced():
    bending = Bending((Bend(ops.Blur(), "star#2@1, moon@2, @2"),))
    assert replace_words(bending, "star=sea, moon=sun#3").bends[0].token == "sea#2@1, sun#3@2, @2"
    assert replace_words(bending, "@2=@1").bends[0].token == "star#2@1, moon@2, @1"
    assert replace_words(bending, "star=sea@2").bends[0].token == "sea#2@2, moon@2, @2"
