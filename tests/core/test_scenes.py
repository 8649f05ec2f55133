"""Scenes of a film: how they are written, and how a token field names their words."""

import pytest
from attention_bending.bending.errors import BendError
from attention_bending.bending.text.scenes import compose, parse_scenes, with_stretches
from attention_bending.bending.text.token_field import TokenField, TokenTerm
from attention_bending.bending.text.tokens import resolve
from core.maps import by_character, scenes_map

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


# --- with other stretches in them -----------------------------------------------------------------------------------

MOVED = {
    "a | b": "a [0%-25%] | b [25%-100%]",
    "a [0%-60%]|b ": "a [0%-25%]|b [25%-100%] ",
    '(a:1>2) [2] | \\[b\\] "|" c': '(a:1>2) [0%-25%] | \\[b\\] "|" c [25%-100%]',
    "soft\nScene 1 [0%-60%]: a\n\nScene 2: b\n": "soft\nScene 1: a [0%-25%]\n\nScene 2: b [25%-100%]\n",
    "Frames 0-50: a\nFrames 50-200: b": "Frames 1: a [0%-25%]\nFrames 2: b [25%-100%]",
    "赤 ［60％-100％］ ｜ 青": "赤 [0%-25%] ｜ 青 [25%-100%]",
}


@pytest.mark.parametrize("text", MOVED)
def test_stretches_are_written_into_a_text(text):
    moved = with_stretches(text, [(0, 0.25), (0.25, 1)])
    assert moved == MOVED[text] and with_stretches(moved, [(0, 0.25), (0.25, 1)]) == moved
    before, after = parse_scenes(text.replace("［60％-100％］", "")), parse_scenes(moved)
    assert [scene.text for scene in after.scenes] == [scene.text for scene in before.scenes]
    assert [(scene.start, scene.end) for scene in after.scenes] == [(0, 0.25), (0.25, 1)]


def test_a_stretch_is_written_to_hundredths_of_a_percent():
    assert with_stretches("a | b", [(0, 1 / 3), (1 / 3, 1)]) == "a [0%-33.33%] | b [33.33%-100%]"
    with pytest.raises(BendError, match="there are 2 scenes, and 1 stretches"):
        with_stretches("a | b", [(0, 1)])
