"""Marks: what is taken out, what ComfyUI is given, and what is refused."""

import pytest
from attention_bending.bending.errors import BendError
from attention_bending.bending.text.prompt import parse_prompt
from hypothesis import given
from hypothesis import strategies as st

# text, clean text, what ComfyUI is given, segments, marked words
TABLE = [
    ("", "", "", (), ()),
    ("a romantic (kiss)", "a romantic kiss", "a romantic kiss", (("a romantic kiss", 1),), ("kiss",)),
    (
        "a (kiss:1.3) now",
        "a kiss now",
        "a (kiss:1.3) now",
        (("a ", 1), ("kiss", 1.3), (" now", 1)),
        ("kiss",),
    ),
    (r"a \(real\) one", "a (real) one", r"a \(real\) one", (("a (real) one", 1),), ()),
    (r"(a \(b\) c)", "a (b) c", r"a \(b\) c", (("a (b) c", 1),), ("a (b) c",)),
    ("((kiss))", "kiss", "kiss", (("kiss", 1),), ("kiss",)),
    ("(a (red) rose)", "a red rose", "a red rose", (("a red rose", 1),), ("red",)),
    ("(a (red) (rose))", "a red rose", "a red rose", (("a red rose", 1),), ("red", "rose")),
    ("((red) rose:1.5)", "red rose", "(red rose:1.5)", (("red rose", 1.5),), ("red",)),
    ("((red:1.2) rose)", "red rose", "(red:1.2) rose", (("red", 1.2), (" rose", 1)), ("red",)),
    ("((red:1.2) rose:1.5)", "red rose", "((red:1.2) rose:1.5)", (("red", 1.2), (" rose", 1.5)), ("red",)),
    ("((kiss):1.2)", "kiss", "(kiss:1.2)", (("kiss", 1.2),), ("kiss",)),
    ("(a:1)(b:1)", "ab", "(a:1)(b:1)", (("a", 1), ("b", 1)), ("a", "b")),
    ("sun(flower)s", "sunflowers", "sunflowers", (("sunflowers", 1),), ("flower",)),
    ("( kiss )", " kiss ", " kiss ", ((" kiss ", 1),), ("kiss",)),
    ("(mood: a b)", "mood: a b", "mood: a b", (("mood: a b", 1),), ("mood: a b",)),
    ("(mood: dark)", "mood: dark", "mood: dark", (("mood: dark", 1),), ("mood: dark",)),
    (r"\(a:b\) c:d e:", "(a:b) c:d e:", r"\(a:b\) c:d e:", (("(a:b) c:d e:", 1),), ()),
    ("(:b)", ":b", ":b", ((":b", 1),), (":b",)),
    ("(12:30)", "12", "(12:30)", (("12", 30),), ("12",)),
    (r"\(12:30\)", "(12:30)", r"\(12:30\)", (("(12:30)", 1),), ()),
    ("(at 12:30:1.1)", "at 12:30", "(at 12:30:1.1)", (("at 12:30", 1.1),), ("at 12:30",)),
    ("(a:-0.5) (b: 1e0 )", "a b", "(a:-0.5) (b: 1e0 )", (("a", -0.5), (" ", 1), ("b", 1)), ("a", "b")),
    ("(x:(1.2))", "x:1.2", "x:1.2", (("x:1.2", 1),), ("1.2",)),
    ("((x:(1.2)):1.5)", "x:1.2", "(x:1.2:1.5)", (("x:1.2", 1.5),), ("1.2",)),
    ("(a (b:1.2) c: d)", "a b c: d", "a (b:1.2) c: d", (("a ", 1), ("b", 1.2), (" c: d", 1)), ("b",)),
    ("(a (b:1.2))", "a b", "a (b:1.2)", (("a ", 1), ("b", 1.2)), ("b",)),
    (r"C:\dir \\(x", r"C:\dir \(x", r"C:\dir \\(x", ((r"C:\dir \(x", 1),), ()),
    ("(\\:1.3)", "\\", "(\\:1.3)", (("\\", 1.3),), ("\\",)),
    ("one\n(two)\nthree", "one\ntwo\nthree", "one\ntwo\nthree", (("one\ntwo\nthree", 1),), ("two",)),
    ("(花火:1.2)と👨‍👩‍👧", "花火と👨‍👩‍👧", "(花火:1.2)と👨‍👩‍👧", (("花火", 1.2), ("と👨‍👩‍👧", 1)), ("花火",)),
    ("(embedding:foo) x", "embedding:foo x", "embedding:foo x", (("embedding:foo x", 1),), ("embedding:foo",)),
]


@pytest.mark.parametrize("text, clean, host, segments, marked", TABLE, ids=[row[0] for row in TABLE])
def test_marks(text, clean, host, segments, marked):
    prompt = parse_prompt(text)
    assert (prompt.text, prompt.host_text, prompt.segments) == (clean, host, segments)
    assert tuple(clean[start:end] for start, end in prompt.marked) == marked


def test_all_marks_are_recorded_and_the_innermost_are_the_words():
    prompt = parse_prompt("((a (red) rose) and (kiss))")
    names = [prompt.text[start:end] for start, end in prompt.marks]
    assert names == ["a red rose and kiss", "a red rose", "red", "kiss"]
    assert [prompt.text[start:end] for start, end in prompt.marked] == ["red", "kiss"]


@pytest.mark.parametrize(
    "text, said",
    [
        ("a (kiss", 'opened but never closed, at character 3 ("a ▸(kiss")'),
        ("a kiss)", 'closed but never opened, at character 7 ("a kiss▸)")'),
        ("((a)", "opened but never closed, at character 1"),
        ("one\n two) three", "at line 2, character 5"),
        (r"(a\)", "opened but never closed"),
        ("a () b", "no word in it, at character 4"),
        ("( \n)", "no word in it"),
        ("(a ())", "no word in it"),
        ("(:1.3)", "a weight with no word, at character 2"),
        ("( :1.3)", "no word in it"),
        ("(kiss:inf)", "the weight 'inf', at character 6"),
        ("(kiss:nan)", "finite number such as 1.3"),
        ("(kiss:1e999)", "finite"),
        (
            "a (red:x) rose",
            """has 'x' where a weight belongs, at character 7 ("a (red▸:x) rose"). Write it as (red:1.3)""",
        ),
        ("(a:b)", r"leave the parentheses out, or write \( and \) for real brackets"),
        ("(a:)", "has nothing where a weight belongs"),
        ("(a: )", "has nothing where a weight belongs"),
        ("(kiss:1,3)", "has '1,3' where a weight belongs"),
        ("(kiss: 1,3)", "Write it as (kiss:1.3)"),
        ("(kiss:1.3x)", "has '1.3x' where"),
        ("(at 12:30pm)", "has '30pm' where"),
        ("(a (b:1.2) c:d)", "has 'd' where"),
        ("(embedding:foo:x)", "has 'x' where"),
        ("(kiss：1.3)", "a weight behind the wide colon ：, which ComfyUI takes for text, at character 6"),
        ("a\0b", "U+0000"),
        ("a\ud800b", "U+D800"),
    ],
)
def test_refusals_say_where(text, said):
    with pytest.raises(BendError) as refusal:
        parse_prompt(text)
    assert said in str(refusal.value)


def test_the_place_shows_a_little_of_the_prompt_around_it():
    with pytest.raises(BendError, match=r'"… long road from the ▸\(beach to the house …"'):
        parse_prompt("all of the long road from the (beach to the house and back")


pieces = st.sampled_from(["(", ")", "(", ")", ":", ":1.3", ":0.5", "\\", r"\(", r"\)"]) | st.sampled_from(
    ["kiss", " ", "花", "👍🏽", "\n", "é", "1"]
)


@given(st.lists(pieces, max_size=24).map("".join) | st.text(max_size=40))
def test_the_parts_of_any_prompt_fit_together(text):
    try:
        prompt = parse_prompt(text)
    except BendError:
        return
    assert "".join(part for part, _ in prompt.segments) == prompt.text
    assert all(part for part, _ in prompt.segments)
    assert set(prompt.marked) <= set(prompt.marks)
    for start, end in prompt.marks:
        word = prompt.text[start:end]
        assert word and word == word.strip()
    for (_, end), (start, _) in zip(prompt.marked, prompt.marked[1:], strict=False):
        assert end <= start
    for char, at in zip(prompt.text, prompt.typed, strict=True):
        assert char in (text[at], text[at : at + 2].removeprefix("\\"))
    # For an encoder that takes no weights all is left but them
    bare = parse_prompt(prompt.without_weights().host_text)
    assert (bare.text, bare.weighed, bare.marks) == (prompt.text, (), ())
    # What ComfyUI is given holds no mark that it would weigh by itself: read again it means the same
    again = parse_prompt(prompt.host_text)
    assert (again.text, again.host_text, again.segments) == (prompt.text, prompt.host_text, prompt.segments)


@given(st.text(max_size=40))
def test_a_text_with_its_brackets_escaped_is_left_as_it_is(text):
    escaped = text.replace("(", r"\(").replace(")", r"\)")
    try:
        prompt = parse_prompt(escaped)
    except BendError as error:
        assert "broken character" in str(error)
        return
    assert (prompt.text, prompt.host_text, prompt.marks) == (text, escaped, ())
