"""What is no file of bends is told, with its line, and nothing of it is loaded; nothing takes long."""

import re
import time
import zlib
from base64 import b64encode
from contextlib import suppress

import pytest
import torch
import yaml
from attention_bending.bending import narrow, operators
from attention_bending.bending.bend import Bending
from attention_bending.bending.errors import BendError
from attention_bending.bending.files import Loaded, dump, load, parse, read, yaml_nodes
from attention_bending.bending.frames.mask_video import MaskVideo
from attention_bending.bending.time.animation import SampledCurve
from core import bendings
from core.bendings import turn
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

GOOD = """\
format: attention-bending
bends:
  - mode: rotate
    token: kiss
    angle: 12
    windows:
      - unit: steps
        start: 0
        end: 5
        curve: [0, 1]
    animations:
      - parameter: angle
        over: frames
        keyframes: "0%: 0, 100%: 45"
    masks:
      - size: [1, 2, 2]
        digest: DIGEST
        data: DATA
version: 1
"""
MASK = MaskVideo(torch.eye(2))
DATA = b64encode(zlib.compress(bytes((255, 0, 0, 255)))).decode()
GOOD = GOOD.replace("DIGEST", f'"{MASK.digest}"').replace("DATA", DATA)
BOMB = b64encode(zlib.compress(bytes(50_000_000))).decode()


def test_the_good_one_is_good():
    (bend,) = parse(GOOD).bending
    assert bend.masks == (MASK,)
    assert bend.windows[0].curve == (0, 1)


BAD = [
    ("mode: rotate", "mode: rotat", 3, 'mode is "rotat", which there is not. Did you mean "rotate"?'),
    ("mode: rotate", "mode: 3", 3, 'mode is "3", which there is not. Choose one of amplify, '),
    ("mode: rotate", "mode: [rotate]", 3, "mode is a list. Give it a text."),
    ("mode: rotate", "mod: rotate", 3, 'a bend lacks "mode"; it has mod, token, angle'),
    ("    token: kiss\n", "", 3, 'a bend of mode rotate lacks "token".'),
    ("token: kiss", "token:", 4, "token is empty. Give it a text."),
    ("token: kiss", "token: null", 4, "token is empty. Give it a text."),
    ("token: kiss", "token: ' '", 4, "token is empty. Type a word of the prompt"),
    ("token: kiss", "token: kiss,", 4, "nothing before or after a comma"),
    ("token: kiss", "tokn: kiss", 4, 'a bend of mode rotate has no "tokn". Did you mean "token"?'),
    ("token: kiss", "token: kiss\n    token: rose", 5, '"token" is here twice, first in line 4.'),
    ("token: kiss", "token: *kiss", 4, "anchors (&) and aliases (*) are not read"),
    ("token: kiss", "token: !!str kiss", 4, "tags such as tag:yaml.org,2002:str are not read"),
    ("token: kiss", "token: !!python/object/apply:os.system [ls]", 4, "are not read"),
    ("token: kiss", "token: kiss\n    <<: {angle: 3}", 5, 'has no "<<"'),
    ("token: kiss", "token: kiss\n    [1]: 3", 5, "a key is a list or a mapping"),
    ("token: kiss", "token: 'kiss", 20, "this is no YAML"),
    ("token: kiss", "token: ki\x07ss", 4, r"the character '\x07' cannot stand in a text file"),
    ("angle: 12", "angle: .nan", 5, "angle is '.nan'. Give it a finite number"),
    ("angle: 12", "angle: .inf", 5, "angle is '.inf'. Give it a finite number"),
    ("angle: 12", "angle: 1e999", 5, "angle is '1e999'. Give it a finite number."),
    ("angle: 12", "angle: '12'", 5, "Give it a finite number, without quotes"),
    ("angle: 12", "angle: twelve", 5, "angle is 'twelve'. Give it a finite number"),
    ("angle: 12", "angle: {a: 1}", 5, "angle is a mapping."),
    ("angle: 12", "angle: true", 5, "angle is 'true'."),
    ("angle: 12", "sigma: 1", 5, 'a bend of mode rotate has no "sigma".'),
    ("angle: 12", "padding: mirror", 5, "Rotate: padding is 'mirror'. Choose one of border"),
    ("angle: 12", "convention: 2", 5, "is written by convention 2, and this pack knows 1. Update the pack."),
    ("angle: 12", "strength: 1.5", 5, 'Rotate of "kiss": strength is 1.5. Give it a number from 0 to 1.'),
    ("angle: 12", "renormalize: maybe", 5, "renormalize is 'maybe'. Write true or false."),
    ("angle: 12", "layers: 5-0", 5, "runs backwards. Write 0-5."),
    ("angle: 12", "layers: [0, 1]", 5, "layers is a list. Give it a text."),
    ("angle: 12", "passes: all", 5, "pass is 'all'. Choose one of"),
    ("angle: 12", "angle:: 12", 5, 'has no "angle:". Did you mean "angle"?'),
    ("angle: 12", "  angle: 12", 5, "this is no YAML"),
    ("angle: 12", "angle 12", 6, "this is no YAML"),
    ("angle: 12", "\tangle: 12", 5, "this is no YAML"),
    ("unit: steps", "unit: frames", 7, "unit is 'frames'. Choose percent or steps."),
    ("unit: steps", "unit: percent", 7, "leaves the sampling"),
    ("unit: steps", "units: steps", 7, 'a window has no "units". Did you mean "unit"?'),
    ("curve: [0, 1]", "curve: []", 10, "the curve is empty"),
    ("curve: [0, 1]", "curve: 1", 10, "curve is '1'. Give it a list"),
    ("curve: [0, 1]", "curve: [0, x]", 10, "a value of curve is 'x'."),
    ("parameter: angle", "parameter: angel", 12, 'Rotate has no parameter "angel". Did you mean "angle"?'),
    (
        "      - parameter",
        "      - {parameter: angle, over: steps, list: [1]}\n      - parameter",
        13,
        "animated twice",
    ),
    ("over: frames", "over: film", 13, 'over is "film", which there is not.'),
    ('keyframes: "0%: 0, 100%: 45"', "keyframes: now", 14, 'keyframes cannot be read at "▸now"'),
    ('keyframes: "0%: 0, 100%: 45"', "list: []", 14, "values is an empty list"),
    ('keyframes: "0%: 0, 100%: 45"', "list: [1]\n        ease: hold", 12, "follows keyframes (with ease), a list or"),
    ('keyframes: "0%: 0, 100%: 45"', "ease: hold", 12, "follows keyframes"),
    (
        "[1, 2, 2]",
        "[1, 2]",
        16,
        "size of an entry of masks is (1, 2). It is pictures, height, width; no side has more than",
    ),
    (
        "[1, 2, 2]",
        "[1, 2, 16385]",
        16,
        "is (1, 2, 16385). It is pictures, height, width; no side has more than 16384 pixels.",
    ),
    ("[1, 2, 2]", "[1, 2, 3]", 18, "the data of this mask is damaged"),
    ("[1, 2, 2]", "[1, 2, 1]", 18, "the data of this mask is damaged"),
    ("[1, 2, 2]", "[1, 4, 1]", 16, "is not the one that was saved"),
    ("[1, 2, 2]", "[99999, 99999, 99999]", 16, "size of an entry of masks"),
    ("[1, 2, 2]", "[-1, -2, 2]", 16, "size of an entry of masks"),
    (MASK.digest, "0" * 12, 16, f"is not the one that was saved ({'0' * 12})"),
    (DATA, "no data", 18, "the data of this mask is damaged"),
    (DATA, BOMB, 18, "the data of this mask is damaged"),
    (DATA, f"{DATA}\n        feather: 2", 16, "mask_feather is 2"),
    (f"data: {DATA}", "file: ../../secret.masks.safetensors", 18, "in the same folder alone"),
    (f"data: {DATA}", "file: /etc/passwd", 18, "in the same folder alone"),
    (f"        data: {DATA}\n", "", 16, "needs either data or a file"),
    ("version: 1", "version: 3", 19, "it was made by a newer version of Attention Bending (format 3; this one reads"),
    ("version: 1", "version: 3\nmore: 1", 19, "newer version"),
    ("version: 1", "version: 0", 19, "version is 0."),
    ("version: 1", "version: one", 19, "version is 'one'. Give it a whole number"),
    ("version: 1", "version: 1" + "0" * 5000, 19, "Give it a whole number"),
    ("version: 1", "version: 1\nbend: []", 20, 'the file has no "bend". Did you mean "bends"?'),
    ("version: 1", "version: 1\n---\na: 1", 20, "a second document begins here"),
    ("version: 1\n", "", 1, 'the file lacks "version". Add it; if the file was cut short'),
    ("attention-bending", "attention-bending-maps", 1, 'format is "attention-bending-maps", and no bending.'),
    ("format:", "form:", 1, 'a bending has no "form". Did you mean "format"?'),
    (
        "format: attention-bending",
        "nodes: []",
        1,
        "this is no file of bends. Begin one with format: attention-bending.",
    ),
]


@pytest.mark.parametrize(("old", "new", "line", "says"), BAD, ids=[f"{new[:30]!a}-{line}" for _, new, line, _ in BAD])
def test_what_is_wrong_is_told_with_its_line(old, new, line, says):
    assert old in GOOD
    with pytest.raises(BendError) as refusal:
        parse(GOOD.replace(old, new, 1), "mine.yaml")
    assert str(refusal.value).startswith(f'"mine.yaml", line {line}: ')
    assert says in str(refusal.value)
    assert len(str(refusal.value)) < 500


@pytest.mark.parametrize("text", ["", "\n", "# nothing", "~", "[]", "- a", "kiss", "3", "{}", "\ufeff", "---\n...\n"])
def test_what_has_no_bends_at_all_is_refused(text):
    with pytest.raises(BendError, match=r"line \d+: (the file is|this is no)"):
        parse(text)


def test_files_are_text_of_a_bounded_size(tmp_path, monkeypatch):
    path = tmp_path / "mine.yaml"
    path.write_bytes(GOOD.encode("utf-8-sig"))
    assert load(path).bending == parse(GOOD).bending
    path.write_bytes(GOOD.replace("kiss", "bäume").encode("latin-1"))
    with pytest.raises(BendError, match=r'"mine.yaml", line 4: this is no text in UTF-8'):
        load(path)
    path.write_bytes(GOOD.encode("utf-16"))
    with pytest.raises(BendError, match=r'"mine.yaml", line 1: this is no text in UTF-8'):
        load(path)
    path.write_bytes(GOOD.replace("\n", "\r\n").encode())
    assert load(path).bending == parse(GOOD).bending
    monkeypatch.setattr(read, "LIMIT", 300)
    with pytest.raises(BendError, match="is larger than"):
        load(path)
    with pytest.raises(BendError, match=r'there is no file "gone.yaml"'):
        load(tmp_path / "gone.yaml")


def laughs() -> str:
    lines = ["a: &a [ha, ha, ha, ha, ha, ha, ha, ha, ha, ha]"]
    lines += [f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True)]
    return "\n".join(lines)


BOMBS = {
    "a billion laughs": (laughs(), "anchors"),
    "deep lists": ("[" * 1_000_000, "deep in each other|nesting"),
    "deep mappings": ("{a: " * 500_000, "deep in each other"),
    "deep blocks": ("- " * 500_000 + "a", "deep in each other"),
    "deep keys": ("? " * 500_000 + "a", "deep in each other|no YAML"),
    "many entries": ("format: attention-bending\nbends: [" + "1," * 1_500_000 + "]", "more than 200,000 parts"),
    "a long word": ("a" * 3_000_000, "no bending"),
    "a long number": (GOOD.replace("angle: 12", f"angle: {'9' * 1_000_000}"), "Give it a finite number"),
    "a long key": (f"'{'a' * 1000}': " + GOOD, "line 1: "),
    "many quotes": ("'" * 1_000_001, "line"),
    "a packed mask": (GOOD.replace("[1, 2, 2]", "[500, 1000, 1000]").replace(DATA, BOMB), "damaged"),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_bombs_end_quickly(bomb):
    text, says = BOMBS[bomb]
    begun = time.process_time()
    with pytest.raises(BendError, match=says) as refusal:
        parse(text)
    assert time.process_time() - begun < 10
    assert len(str(refusal.value)) < 2000


def test_without_the_c_library_it_is_the_same(monkeypatch):
    """PyYAML may have been built without it; its own parser has other words, and the same lines."""
    monkeypatch.setattr(yaml_nodes, "_LOADER", yaml_nodes._loader(yaml.BaseLoader))
    assert parse(GOOD).bending.bends[0].masks == (MASK,)
    assert parse(dump(parse(GOOD).bending, "😀", "json")).about == "😀"
    for old, new, _, says in BAD:
        if "no YAML" not in says:
            test_what_is_wrong_is_told_with_its_line(old, new, _, says)
    for text in ("a: [", "a: 'b", "a: b: c", "\ta: 1"):
        with pytest.raises(BendError, match=r"line \d: this is no YAML"):
            parse(text)


# --- whatever stands in a file, it is a bending or told ------------------------------------------------------------

MANY = narrow.where(Bending((turn(), turn(layers="middle"))), mask=MASK)
SOURCES = (
    GOOD,
    dump(narrow.animate(MANY, "angle", "steps", SampledCurve((0.5, 2.0)))),
    dump(MANY, "about", "json"),
    "attention_bending:\n  configs:\n    - token: kiss\n      mode: rotate\n      angle: 3\n      sigma: 2\n",
    '{"attention_bends": [{"module_type": "blur", "steps": "0-3", "t": [1, 0.5], "tokens": "kiss"}]}',
)
KEYS = [*read._FORMATS, "version", "bends", "mode", "token", *operators.OPERATORS, "windows", "masks", "layers", "x"]


def assert_loaded_or_told(text: str) -> None:
    try:
        loaded = parse(text, "mine.yaml")
    except BendError as refusal:
        assert re.match(r'"mine\.yaml", line \d+: ', str(refusal))
    else:
        assert isinstance(loaded, Loaded) and str(loaded) is not None
        with suppress(BendError):  # what no file can hold, such as a bending that is too long
            assert parse(dump(loaded.bending)).bending == loaded.bending


@settings(max_examples=150)
@given(st.data())
def test_a_changed_file_is_a_bending_or_told(data):
    text = data.draw(st.sampled_from(SOURCES))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        cut = data.draw(st.integers(0, 4))
        put = data.draw(st.text("-:,[]{}#&*!|>'\"%@` \n\t0159aeknz.~=<?", max_size=3) | st.text(max_size=2))
        text = text[:at] + put + text[at + cut :]
    assert_loaded_or_told(text)


@settings(max_examples=200)
@given(st.text() | st.text("-:,[]{}#&*!|>'\"% \n\tab1"))
@example("? [")
@example("%YAML 9.9\n---\na")
@example("{a: }: b")
def test_any_text_is_told(text):
    assert_loaded_or_told(text)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 9) | st.floats() | st.text(max_size=4) | st.sampled_from(KEYS),
    lambda some: st.lists(some, max_size=4) | st.dictionaries(st.sampled_from(KEYS), some, max_size=4),
    max_leaves=10,
)


@settings(max_examples=200)
@given(st.dictionaries(st.sampled_from(KEYS), values, max_size=4))
def test_any_yaml_is_a_bending_or_told(data):
    assert_loaded_or_told(yaml.safe_dump(data))
    assert_loaded_or_told(yaml.safe_dump({"format": "attention-bending", "bends": [data], "version": 1}))


@settings(max_examples=100)
@given(st.binary(max_size=60))
def test_any_bytes_are_told(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("any") / "mine.yaml"
    path.write_bytes(content)
    with pytest.raises(BendError, match=r'^"mine.yaml", line \d+: '):
        load(path)


@settings(max_examples=30)
@given(bendings.bending, st.data())
def test_a_changed_number_or_word_is_noticed_or_another_bending(bending, data):
    """No value of a file is passed over: a changed digit in a written bend changes it, or is refused."""
    text = dump(bending)
    digits = [match.start() for match in re.finditer(r"(?<=[:\[,] )\d", text)]
    if not digits:
        return
    at = data.draw(st.sampled_from(digits))
    digit = "7" if text[at] != "7" else "3"
    rest = re.match(r"\d*\.?\d*(?:e[+-]?\d+)?", text[at + 1 :])[0]
    assume(float(text[at] + rest) != float(digit + rest))  # 5e-324 and 7e-324 are one number
    changed = text[:at] + digit + text[at + 1 :]
    with suppress(BendError):
        assert parse(changed).bending != bending
