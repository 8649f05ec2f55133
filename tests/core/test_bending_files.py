"""Files of bendings: all of a bending comes back."""

import json
from dataclasses import MISSING, fields

import pytest
import torch
import yaml
from attention_bending.bending import narrow
from attention_bending.bending import operators as ops
from attention_bending.bending.bend import Bend, Bending
from attention_bending.bending.errors import BendError
from attention_bending.bending.files import dump, parse, replace_words
from attention_bending.bending.files.schema import CODECS, MODES, file_fields
from attention_bending.bending.frames.mask_video import MaskVideo
from attention_bending.bending.time.animation import SampledCurve
from core import bendings
from core.bendings import large_mask, turn
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

both = pytest.mark.parametrize("kind", ["yaml", "json"])
several = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
PLAIN = Bending((turn(), Bend(ops.Blur(), "sky", layers="middle")))
MASKED = narrow.where(PLAIN, mask=large_mask())
abouts = st.text(max_size=20) | st.sampled_from(("# no comment", "a: b", "'", '"', "\t\x07\x85\u2028\ufeff", "- 😀"))


@both
@several
@given(bending=bendings.bending, about=abouts)
@example(bending=Bending(), about="")
def test_a_bending_comes_back_as_it_was(kind, bending, about):
    loaded = parse(dump(bending, about, kind))
    assert loaded.bending == bending
    assert loaded.about == (about if about.strip() else "")
    assert not loaded.notes
    for mine, its in zip(bending, loaded.bending, strict=True):
        assert its.origin is None
        for one, other in zip(mine.masks, its.masks, strict=True):
            assert torch.equal(one.values, other.values)
            assert one.feather == other.feather


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_comes_back(mode):
    given = {"mask": MaskVideo(torch.eye(3))} if mode == "paint" else {"other": "rose"} if mode == "swap" else {}
    bending = Bending((Bend(MODES[mode](**given), "kiss"),))
    assert parse(dump(bending)).bending == bending


def test_every_field_stands_in_files_and_no_name_is_used_twice():
    kept = {field.name for field in fields(Bend) if field.init} - {"operator", "origin"}
    assert set(file_fields(Bend)) == kept
    for cls in MODES.values():
        assert set(file_fields(cls)) == {field.name for field in fields(cls)}
        assert not set(file_fields(cls)) & {*kept, "mode", "convention"}
    assert all(field.type in CODECS for field in file_fields(Bend).values())


FILES = {
    1: """# A bending: the node Load Bending of Attention Bending reads it. The last line says that it is whole.
format: attention-bending
bends:
  - mode: blur
    token: '"MARKED", kiss'
    sigma: 2.0
    kernel_size: 0
    strength: 1.0
    start: 0.0
    end: 1.0
    layers: all
    renormalize: true
    heads: all
    frames: all
version: 1
""",
    2: """# A bending: the node Load Bending of Attention Bending reads it. The last line says that it is whole.
format: attention-bending
bends:
  - mode: blur
    token: MARKED, kiss
    sigma: 2.0
    kernel_size: 0
    strength: 1.0
    start: 0.0
    end: 1.0
    layers: all
    renormalize: true
    heads: all
    frames: all
version: 2
""",
}


@pytest.mark.parametrize("version", FILES)
def test_a_file_of_each_version(version):
    bending = parse(FILES[version]).bending
    assert dump(bending) == FILES[version]
    assert bending == Bending((Bend(ops.Blur(2.0), ('"MARKED", kiss', "MARKED, kiss")[version - 1]),))


def test_what_is_new_is_not_read_as_version_1_nor_the_old_refused_as_version_2():
    with pytest.raises(BendError, match=r"line 15: version is 1, which has no MARKED\. Write version: 2\."):
        parse(FILES[2].replace("version: 2", "version: 1"))
    assert parse(FILES[1].replace("version: 1", "version: 2")).bending == parse(FILES[1]).bending
    swap = Bending((Bend(ops.Swap("MARKED"), "kiss"),))
    assert dump(swap).endswith("version: 2\n") and parse(dump(swap)).bending == swap


def test_what_is_left_out_is_at_its_default():
    for cls in MODES.values():
        needed = [name for name, field in file_fields(cls).items() if field.default is MISSING]
        if not needed and cls is not ops.Swap:
            text = f"format: attention-bending\nbends:\n  - mode: {cls.key}\n    token: kiss\nversion: 1"
            assert parse(text).bending == Bending((Bend(cls(), "kiss"),))


def test_a_file_is_pleasant_to_read():
    text = dump(PLAIN, "A word turned.")
    assert text.splitlines()[1:8] == [
        "format: attention-bending",
        "about: A word turned.",
        "bends:",
        "  - mode: rotate",
        "    token: kiss",
        "    angle: 15.0",
        "    padding: border",
    ]
    assert text.endswith("\nversion: 1\n")
    assert (
        max(map(len, dump(narrow.animate(PLAIN, "strength", "steps", SampledCurve((1 / 3,) * 1025))).splitlines()))
        <= 120
    )


@pytest.mark.parametrize("kind", ["yaml", "json"])
@pytest.mark.parametrize(
    "odd", ["\x07", "\x85", "\xa0", "\u200b", "\u2028", "\u202e", "\u3000", "\ufeff", "\U000e0041"]
)
def test_what_an_editor_may_not_show_is_escaped(kind, odd):
    text = dump(PLAIN, f"a{odd}b é 吻", kind)
    assert odd not in text and "é 吻" in text
    assert all(character.isprintable() or character == "\n" for character in text)
    assert parse(text).about == f"a{odd}b é 吻"


@pytest.mark.parametrize("word", ["1e3", "0o7", "12:30", "y", "N", "no", "null", "~", "1.5", "=", "<<", "2026-01-02"])
def test_a_word_that_other_programs_may_take_for_something_else_has_quotes(word):
    (line,) = (line for line in dump(Bending((Bend(ops.Blur(), word),))).splitlines() if "token:" in line)
    assert line == f"    token: '{word}'"


@both
@several
@given(bendings.bending)
def test_other_programs_read_the_same(kind, bending):
    text = dump(bending, "é 😀 \x07", kind)
    data = json.loads(text) if kind == "json" else yaml.safe_load(text)
    assert data["about"] == "é 😀 \x07"
    assert [entry["token"] for entry in data["bends"]] == [bend.token for bend in bending]
    assert [entry["strength"] for entry in data["bends"]] == [bend.strength for bend in bending]


def test_json_of_others_is_read_with_its_tabs_and_pairs():
    text = json.dumps(json.loads(dump(PLAIN, "😀 \\ud83d\\ude00", "json")), indent="\t")
    assert "\\ud83d\\ude00" in text and "\t" in text
    assert parse(text).bending == PLAIN
    assert parse(text).about == "😀 \\ud83d\\ude00"


@pytest.mark.parametrize("cut", range(0, 1500, 11))
def test_a_file_that_was_cut_short_anywhere_is_refused(cut):
    text = dump(
        narrow.animate(
            narrow.where(PLAIN, mask=MaskVideo(torch.eye(4))), "strength", "steps", SampledCurve((0.25, 1.0))
        )
    )
    if cut >= len(text.rstrip()):
        assert parse(text[:cut] or text).bending
    else:
        with pytest.raises(BendError, match=r"line \d+: "):
            parse(text[:cut])


# --- other words ---------------------------------------------------------------------------------------------------

SWAP = Bending((Bend(ops.Blur(), "kiss, Red  rose#2, ALL"), Bend(ops.Swap("kiss"), '"red, round"')))
REPLACED = [
    ("", ["kiss, Red  rose#2, ALL", '"red, round"', "kiss"]),
    ("kiss=hug", ["hug, Red rose#2, ALL", '"red, round"', "hug"]),
    ("red rose = sea", ["kiss, sea#2, ALL", '"red, round"', "kiss"]),
    ("KISS=sea#3, red rose=END", ["sea#3, END, ALL", '"red, round"', "sea#3"]),
    ('“red, round”="a, b"', ["kiss, Red  rose#2, ALL", '"a, b"', "kiss"]),
    ("kiss=hug，red rose=“a、b”", ['hug, "a、b"#2, ALL', '"red, round"', "hug"]),
    ("ALL=PROMPT", ["kiss, Red rose#2, PROMPT", '"red, round"', "kiss"]),
    ("kiss=red rose, red rose=kiss", ["red rose, kiss#2, ALL", '"red, round"', "red rose"]),
]


@pytest.mark.parametrize(("words", "tokens"), REPLACED)
def test_words_are_replaced(words, tokens):
    assert [token.text for bend in replace_words(SWAP, words) for token in bend.tokens] == tokens


def test_one_word_is_enough_where_there_is_one():
    assert replace_words(Bending((turn(),)), "a rose") == Bending((Bend(ops.Rotate(), "a rose"),))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("rose", 'words has "rose", where no = says what takes which place. Write kiss=rose'),
        ("kis=rose", 'no bend names "kis". They name kiss, red rose, ALL, red, round: give one of these other words.'),
        ("kiss=rose, kiss=sea", 'words gives "kiss" two other words'),
        ("kiss=", "no = says"),
        ("kiss=rose,", 'words has "", where no ='),
        ('kiss="rose', "a quote is opened"),
    ],
)
def test_words_that_cannot_be_replaced_are_told(words, says):
    with pytest.raises(BendError) as refusal:
        replace_words(SWAP, words)
    assert says in str(refusal.value)
