"""Words to columns, on token maps made by hand."""

import unicodedata
from dataclasses import FrozenInstanceError, replace

import pytest
from attention_bending.bending.errors import BendError
from attention_bending.bending.text.lists import COMMAS
from attention_bending.bending.text.token_field import TokenField, TokenTerm
from attention_bending.bending.text.tokens import (
    EncoderTokens,
    Piece,
    describe,
    resolve,
    resolve_each,
)
from core.maps import KISS, by_character, refusal, token_map
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    "token, columns, words",
    [
        ("kiss", (3,), {"kiss": (3,)}),
        ("romantic", (1, 2), {"romantic": (1, 2)}),
        ("KISSing", (6, 7), {"KISSing": (6, 7)}),
        ("a", (0, 5), {"a": (0, 5)}),
        ("a#1", (0,), {"a#1": (0,)}),
        ("a #2", (5,), {"a#2": (5,)}),
        ("rose, kiss", (3, 8), {"rose": (8,), "kiss": (3,)}),
        ("kiss, Kiss,kiss", (3,), {"kiss": (3,)}),
        ("kiss, a romantic  kiss", (0, 1, 2, 3), {"kiss": (3,), "a romantic kiss": (0, 1, 2, 3)}),
        ('"kiss, a"', (3, 4, 5), {"kiss, a": (3, 4, 5)}),
        ("“kiss, a”#1", (3, 4, 5), {"kiss, a#1": (3, 4, 5)}),
        ('"."', (9,), {".": (9,)}),
        ("END", (10,), {"END": (10,)}),
        ("PROMPT", tuple(range(10)), {"PROMPT": tuple(range(10))}),
        ("PADDING", tuple(range(11, 512)), {"PADDING": tuple(range(11, 512))}),
        ("END, kiss", (3, 10), {"END": (10,), "kiss": (3,)}),
    ],
)
def test_columns(token, columns, words):
    selection = resolve(token, KISS)
    assert selection.columns == columns
    assert {word.name: word.columns for word in selection.words} == words
    assert (selection.is_all, selection.notes, selection.missing) == (False, (), ())


@pytest.mark.parametrize("comma", COMMAS)
def test_any_scripts_comma_separates_and_quotes_hold_it(comma):
    field = TokenField.parse(f'kiss{comma} "red{comma} round"#2{comma}rose')
    assert [str(term) for term in field.terms] == ["kiss", f"red{comma} round#2", "rose"]
    assert TokenField.parse(TokenTerm(f"a{comma}b").token).terms == (TokenTerm(f"a{comma}b"),)
    with pytest.raises(BendError, match="Take that comma out"):
        TokenField.parse(f"kiss{comma}")


def test_commas_are_all_that_unicode_calls_so():
    """But for stacked, turned and raised ones, which no keyboard lists with."""
    odd = ("TURNED", "RAISED", "REVERSED", "STACKED", "MEDIEVAL", "NEWA", "MEDEFAIDRIN", "SIGNWRITING")
    named = (chr(code) for code in range(0x20000) if "COMMA" in unicodedata.name(chr(code), "").split())
    commas = {sign for sign in named if unicodedata.category(sign) == "Po"}
    assert {sign for sign in commas if not any(word in unicodedata.name(sign) for word in odd)} == {*COMMAS}


@pytest.mark.parametrize(
    "token", ["12:30", "at 12:30", "16:9", "red:x", "a: b", "scene: 2 kisses", "(real)", '"(a:1)"']
)
def test_a_colon_alone_is_no_weight(token):
    (term,) = TokenField.parse(token).terms
    assert term.text == token.strip('"') and TokenField.parse(term.token).terms == (term,)


@given(st.text(st.sampled_from('ab ,、，#"“()：:.12*') | st.characters(), max_size=12))
def test_what_a_term_writes_reads_back(text):
    try:
        terms = TokenField.parse(text).terms
    except BendError:
        return
    for term in terms:
        assert TokenField.parse(term.token).terms == (term,)
    assert TokenField.parse(", ".join(term.token for term in terms)).terms == terms


def test_a_long_field_takes_no_long_time():
    text = ", ".join(["kiss"] * 20_000 + ['"a, b"'] * 20_000)
    assert len(TokenField.parse(text).terms) == 40_000


@pytest.mark.parametrize("token", ["ALL", "*", "ALLTOKENS", "ALL, kiss", " ALL "])
def test_all(token):
    selection = resolve(token, KISS)
    assert selection.is_all and selection.columns == tuple(range(512))


def test_all_needs_no_map_and_anything_else_says_so():
    assert resolve("ALL", None, 77).columns == tuple(range(77))
    for token in ("kiss", "PADDING", "ALL, kiss"):
        with pytest.raises(BendError, match=r"not made by Bend Prompt.*Bend Prompt node, or bend ALL"):
            resolve(token, None, 77)


def test_a_conditioning_of_another_length_takes_all_only():
    assert resolve("*", KISS, 1024).columns == tuple(range(1024))
    with pytest.raises(BendError, match=r"has 1024 tokens, but Bend Prompt made 512.*ConditioningConcat"):
        resolve("kiss", KISS, 1024)


def test_quotes_make_selectors_words():
    tokens = token_map("save", " ALL", " a", "#2", " *")
    assert resolve('"ALL"', tokens).columns == (1,)
    assert resolve('"a#2"', tokens).columns == (2, 3)
    assert resolve('"*"', tokens).columns == (4,)


def test_every_piece_that_overlaps_belongs_and_a_shared_one_is_named():
    tokens = token_map("花火", "大会", "の夜")
    selection = resolve("火大", tokens)
    assert selection.columns == (0, 1)
    assert selection.notes == (
        '"火大" shares the token "花火" (column 0) with its neighbour: both are bent.',
        '"火大" shares the token "大会" (column 1) with its neighbour: both are bent.',
    )


def test_a_token_of_blanks_only_belongs_to_no_word_but_to_the_prompt():
    tokens = token_map(" ", "花", "火")
    assert resolve("花火", tokens).columns == (1, 2)
    assert resolve("PROMPT", tokens).columns == (0, 1, 2)


def test_the_word_all_is_a_word_where_the_prompt_has_it():
    assert resolve("all", token_map("all", " of", " us")).columns == (0,)


def test_each_word_must_be_in_one_of_several_conditionings():
    other = token_map("a", " rose")
    contexts = [(KISS, 512), (other, 512), (None, 77), (KISS, 1024)]
    kiss, rose, bare, concat = resolve_each("kiss, rose, ALL", contexts)
    assert (kiss.missing, rose.missing) == ((), ("kiss",))
    assert bare.missing == concat.missing == ("kiss", "rose")
    assert rose.words[0].columns == (1,) and len(concat.columns) == 1024
    with pytest.raises(BendError, match='"zebra" is not in the prompt'):
        resolve_each("kiss, zebra", [(None, 77), *contexts])
    with pytest.raises(BendError, match=r"not made by Bend Prompt"):
        resolve_each("kiss", [(None, 77)])


def test_several_encoders_are_told_apart_by_name():
    first = KISS.encoders[0]
    second = EncoderTokens("clip_l", (Piece("kiss</w>", 11, 15, 1),), (2,), tuple(range(3, 77)), 77)
    both = replace(KISS, encoders=(first, second))
    assert resolve("kiss", both, encoder="clip_l").columns == (1,)
    assert resolve("kiss", both, encoder="umt5xxl").columns == (3,)
    assert "umt5xxl, clip_l" in refusal("kiss", both)


def test_a_map_is_a_value():
    same = token_map("a", " roman", "tic", " kiss", ",", " a", " kiss", "ing", " rose", ".")
    assert same == KISS and hash(same) == hash(KISS) and same is not KISS
    assert replace(KISS, fingerprint="ab") != KISS
    assert not isinstance(KISS, dict)
    with pytest.raises(FrozenInstanceError):
        KISS.text = ""


def test_description_for_a_person():
    tokens = replace(KISS, marked=((12 - 1, 15), (27, 31)))
    assert describe(tokens).splitlines() == [
        "marked: kiss (3), rose (8)",
        "umt5xxl, 512 columns: 0 a · 1 ▁roman · 2 tic · 3 ▁kiss · 4 , · 5 ▁a · 6 ▁kiss · 7 ing · 8 ▁rose · 9 . · 10 end"
        " · 11–511 padding",
    ]


ADAPTED = replace(
    KISS.encoders[0], columns=520, registers=tuple(range(512, 520)), special=((520, "start"),), embedded=12
)
"""Of a model that makes 520 columns of an embedding of 12, and puts registers there."""


def test_registers_are_a_selector_of_their_own():
    tokens = replace(KISS, encoders=(ADAPTED,))
    assert resolve("REGISTERS", tokens).columns == tuple(range(512, 520))
    assert resolve("registers", by_character("registers")).columns == tuple(range(9))
    assert [*ADAPTED.kinds] == ["ALL", "PROMPT", "PADDING", "END", "REGISTERS"]
    assert describe(tokens).endswith("· 11–511 padding · 512–519 registers")
    with pytest.raises(BendError, match=r"REGISTERS selects nothing: .* umt5xxl has ALL, PROMPT, PADDING, END"):
        resolve("REGISTERS", KISS)
    with pytest.raises(BendError, match="To bend the registers behind the prompt, write REGISTERS") as refused:
        resolve("Registers", tokens)
    assert refused.value.offers == ("REGISTERS",)


MARKS = replace(KISS, marked=((11, 15), (2, 10)))
"""kiss and romantic."""


def test_marked_selects_the_marked_words():
    assert {MARKS.text[slice(*span)] for span in MARKS.marked} == {"kiss", "romantic"}
    selection = resolve("MARKED", MARKS)
    assert selection.columns == (1, 2, 3) and [word.name for word in selection.words] == ["MARKED"]
    assert resolve("MARKED, END", MARKS).columns == (1, 2, 3, 10)
    assert [*MARKS.kinds()] == ["ALL", "PROMPT", "PADDING", "END", "MARKED"]
    assert resolve('"MARKED"', by_character("MARKED")).columns == tuple(range(6))
    with pytest.raises(BendError, match="cannot be counted"):
        TokenField.parse("MARKED#2")


def test_marked_is_refused_where_nothing_is_and_passes_over_prompts_without():
    with pytest.raises(BendError, match=r"MARKED selects nothing: .* has ALL, PROMPT, PADDING, END\. Mark a word"):
        resolve("MARKED", replace(KISS, marked=()))
    first, second = resolve_each("MARKED", [(MARKS, 512), (replace(KISS, marked=()), 512)])
    assert (first.columns, first.missing) == ((1, 2, 3), ()) and (second.columns, second.missing) == ((), ("MARKED",))


def test_a_marked_part_of_a_token_bends_all_of_it_and_says_so():
    tokens = replace(token_map("sunflower"), marked=((3, 9),))
    selection = resolve("MARKED", tokens)
    assert selection.columns == (0,) and "shares the token" in selection.notes[0]


def test_a_conditioning_may_have_other_columns_than_the_model_makes_of_it():
    tokens = replace(KISS, encoders=(ADAPTED,))
    for columns in (None, 12, 520):
        assert resolve("kiss", tokens, columns).columns == (3,)
        assert resolve("ALL", tokens, columns).columns == tuple(range(520))
    with pytest.raises(BendError, match="the conditioning has 24 tokens, but Bend Prompt made 12"):
        resolve("kiss", tokens, 24)
    assert resolve("ALL", tokens, 24).columns == tuple(range(24))
