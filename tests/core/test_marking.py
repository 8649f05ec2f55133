"""A click on a word of a prompt: its mark, set and taken out."""

import pytest
from attention_bending.bending.errors import BendError
from attention_bending.bending.text.marking import toggled
from attention_bending.bending.text.prompt import parse_prompt

CLICKS = [
    ("a kiss at sunset", "kiss", "a (kiss) at sunset"),
    ("a (kiss) at sunset", "kiss", "a kiss at sunset"),
    ("a (kiss:1.3) at sunset", "kiss", "a kiss at sunset"),
    ("a (red rose) here", "red", "a red rose here"),
    ("(a red rose:1.2) here", "red", "a red rose here"),
    ("(a red (rose):1.2) here", "red", "(a (red) (rose):1.2) here"),
    ("(a red (rose):1.2) here", "rose", "(a red rose:1.2) here"),
    (r"a \(real\) kiss", "kiss", r"a \(real\) (kiss)"),
    (r"a \(real\) kiss", r"\(real\)", r"a (\(real\)) kiss"),
    ("at 12:30 sharp", "12:30", "at (12:30:1) sharp"),
    ("at (12:30:1) sharp", "12:30", "at 12:30 sharp"),
    ("kiss", "kiss", "(kiss)"),
]


@pytest.mark.parametrize(("text", "part", "then"), CLICKS)
def test_a_click_sets_a_mark_or_takes_it_out(text, part, then):
    start = text.index(part)
    assert toggled(text, start, start + len(part)) == then
    assert parse_prompt(text).text == parse_prompt(then).text


REFUSED = [("a (kiss", 0, 1), ("a kiss", 1, 2), ("a kiss", 9, 12), ("a", 0, 0)]


@pytest.mark.parametrize(("text", "start", "end"), REFUSED)
def test_what_cannot_be_marked_is_refused(text, start, end):
    with pytest.raises(BendError):
        toggled(text, start, end)
