"""Words to columns, on token maps made by hand."""

from dataclasses import FrozenInstanceError, replace

import pytest
from attention_bending.bending.errors import BendError
from attention_bending.bending.prompt import parse_prompt
from attention_bending.bending.tokens import (
    EncoderTokens,
    Piece,
    TokenMap,
    describe,
    parse_token,
    resolve,
    resolve_each,
)
from attention_bending.bending.words import find, fold, words_of
from hypothesis import given
from hypothesis import strategies as st

FAMILY, THUMB, FLAG = "👨‍👩‍👧", "👍🏽", "🇫🇷"


def token_map(*pieces: str, marked=(), columns: int = 512) -> TokenMap:
    """The map of a prompt that is `pieces` joined, one token each, then END and padding; the spans without blanks."""
    text, tokens = "", []
    for column, piece in enumerate(pieces):
        start = len(text) + len(piece) - len(piece.lstrip())
        text += piece
        tokens.append(Piece(piece.replace(" ", "▁"), start, max(start, len(text.rstrip())), column))
    count = len(tokens)
    end, padding = (count,), tuple(range(count + 1, columns))
    return TokenMap(text, (EncoderTokens("umt5xxl", tuple(tokens), end, padding, columns),), tuple(marked))


def by_character(text: str) -> TokenMap:
    """One token a character: a word's columns are its places."""
    marks = parse_prompt(text)
    return replace(token_map(*marks.text, columns=len(marks.text) + 8), marked=marks.marked)


def found(word: str, prompt: str) -> list[str]:
    """The stretches of a prompt that a word selects."""
    tokens = by_character(prompt)
    places = resolve(f'"{word}"', tokens).columns
    runs: list[list[int]] = []
    for place in places:
        if runs and place == runs[-1][-1] + 1:
            runs[-1].append(place)
        else:
            runs.append([place])
    return ["".join(tokens.text[place] for place in run) for run in runs]


KISS = token_map("a", " roman", "tic", " kiss", ",", " a", " kiss", "ing", " rose", ".")


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


@pytest.mark.parametrize("token", ["ALL", "*", "ALLTOKENS", "ALL, kiss", " ALL "])
def test_all(token):
    selection = resolve(token, KISS)
    assert selection.is_all and selection.columns == tuple(range(512))


def test_all_needs_no_map_and_anything_else_says_so():
    assert resolve("ALL", None, 77).columns == tuple(range(77))
    for token in ("kiss", "PADDING", "ALL, kiss"):
        with pytest.raises(BendError, match="not made by Bend Prompt.*Bend Prompt node, or bend ALL"):
            resolve(token, None, 77)


def test_a_conditioning_of_another_length_takes_all_only():
    assert resolve("*", KISS, 1024).columns == tuple(range(1024))
    with pytest.raises(BendError, match="has 1024 tokens, but Bend Prompt made 512.*ConditioningConcat"):
        resolve("kiss", KISS, 1024)


def test_quotes_make_selectors_words():
    tokens = token_map("save", " ALL", " a", "#2", " *")
    assert resolve('"ALL"', tokens).columns == (1,)
    assert resolve('"a#2"', tokens).columns == (2, 3)
    assert resolve('"*"', tokens).columns == (4,)


@pytest.mark.parametrize(
    "word, prompt, stretches",
    [
        # whole words
        ("red", "red bored Red, RED. reddish", ["red", "Red", "RED"]),
        ("red rose", "a red\n  rose", ["red\n  rose"]),
        ("red, round", "a red, round ball", ["red, round"]),
        # punctuation in and around words
        ("rock'n'roll", "loud Rock’n’Roll!", ["Rock’n’Roll"]),
        ("don't", "please don't", ["don't"]),
        ("don’t", "please don't", ["don't"]),
        ("woman", "a woman's face", ["woman"]),
        ("woman's", "a woman's face", ["woman's"]),
        ("lovers", "the lovers' kiss", ["lovers"]),
        ("co-op", "a co-op shop", ["co-op"]),
        ("red", "a red-haired woman", ["red"]),
        ("co-op", "a co‐op shop", ["co‐op"]),
        ("3.5mm", "a 3.5mm plug", ["3.5mm"]),
        ("5", "3.5 and 5, 1,5 but 5.", ["5", "5"]),
        ("cat", "a cat.A dog", ["cat"]),
        ("12", "(12:30)", ["12"]),
        ("12:30", r"at \(12:30\)", ["12:30"]),
        ("(a)", r"plan \(a\)", ["(a)"]),
        ("snake_case", "a snake_case name", ["snake_case"]),
        # case and spelling
        ("STRASSE", "die straße", ["straße"]),
        ("cafe\u0301", "the Café", ["Café"]),
        ("café", "the cafe\u0301 here", ["cafe\u0301"]),
        ("fire", "a ﬁre", ["ﬁre"]),
        ("kg", "2 ㎏", ["㎏"]),
        ("ＡＢＣ", "an abc", ["abc"]),
        ("cooperate", "co\u00adoperate", ["co\u00adoperate"]),
        ("ệ", "e\u0302\u0323", ["e\u0302\u0323"]),
        # scripts without spaces
        ("花", "花火と花", ["花", "花"]),
        ("花火", "夏の花火大会", ["花火"]),
        ("猫", "赤い猫cat", ["猫"]),
        ("cat", "赤い猫cat", ["cat"]),
        ("แมว", "ฉันรักแมวมาก", ["แมว"]),
        ("고양이", "검은 고양이가", ["고양이"]),
        ("مرد", "مرد و زن", ["مرد"]),
        ("кот", "Чёрный Кот", ["Кот"]),
        # emoji
        ("😀", "so😀happy 😀😀", ["😀", "😀😀"]),
        (FAMILY, f"x{FAMILY}y", [FAMILY]),
        (THUMB, f"{THUMB} and 👍", [THUMB]),
        ("👍", f"{THUMB} and 👍", ["👍"]),
        ("❤", "I ❤️ you", ["❤️"]),
        ("❤️", "I ❤ you", ["❤"]),
        (FLAG, f"🇩🇪{FLAG}", [FLAG]),
        ("1", "1️⃣ and 1", ["1"]),
        ("happy", "😀happy😀", ["happy"]),
    ],
)
def test_what_a_word_matches(word, prompt, stretches):
    assert found(word, prompt) == stretches


@pytest.mark.parametrize(
    "word, prompt",
    [
        ("kis", "a kiss"),
        ("rock", "rock'n'roll"),
        ("don", "don't"),
        ("t", "don't"),
        ("s", "a woman's face"),
        ("woman", "woman'sx"),
        ("mm", "3.5mm"),
        ("5mm", "3.5mm"),
        ("case", "snake_case"),
        ("cafe", "café"),
        ("か", "がく"),
        ("가", "각"),
        ("👩", FAMILY),
        ("👍🏽", "👍🏿"),
        ("🇷🇩", "🇫🇷🇩🇪"),
        ("می", "می‌خواهم"),
        ("red round", "red, round"),
        ("rose red", "red rose"),
    ],
)
def test_what_a_word_does_not_match(word, prompt):
    with pytest.raises(BendError, match="is not in the prompt"):
        resolve(f'"{word}"', by_character(prompt))


def test_a_marked_part_of_a_word_is_a_word():
    assert found("flower", "sun(flower)s and a flower") == ["flower", "flower"]
    with pytest.raises(BendError):
        found("flower", "sunflowers")


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


@pytest.mark.parametrize(
    "token, said",
    [
        ("", "token is empty. Type a word of the prompt"),
        (" \n", "token is empty"),
        (",", "nothing before or after a comma"),
        ("kiss,", "nothing before or after a comma"),
        ("kiss,,rose", "Take that comma out"),
        ('"kiss', "a quote is opened but not closed"),
        ('a "kiss" b', "quotes inside"),
        ('""', "holds no word"),
        ('" "', "holds no word"),
        ("\ufe0f", "holds no word"),
        ("kiss#0", "counted from 1, as in kiss#2"),
        ("kiss#-1", "counted from 1"),
        ("kiss#x", 'use quotes: "kiss#x"'),
        ("kiss#", "After the #"),
        ("kiss#" + "9" * 5000, "After the #"),
        ("#2", "no word before it"),
        ("ALL#2", "ALL cannot be counted"),
    ],
)
def test_malformed_tokens(token, said):
    with pytest.raises(BendError) as refusal:
        parse_token(token)
    assert said in str(refusal.value)


def refusal(token: str, tokens: TokenMap) -> str:
    with pytest.raises(BendError) as error:
        resolve(token, tokens)
    return str(error.value)


def test_a_missing_word_gets_the_words_there_are_marked_first_and_near_ones():
    tokens = by_character("A romantic (kiss), under the old bridge; the moon.")
    assert refusal("kis", tokens) == (
        '"kis" is not in the prompt. Did you mean "kiss"? The prompt has "kiss" (marked), "A", "romantic", "under", '
        '"the", "old", "bridge", "moon".'
    )
    assert 'Did you mean "bridge"' in refusal("bridges", tokens)
    assert 'Did you mean "romantic"' in refusal("romatnic", tokens)
    assert "Did you mean" not in refusal("zebra", tokens)
    assert "no words at all" in refusal("kiss", by_character(""))
    assert "and 10 more" in refusal("kiss", by_character(" ".join(f"w{i}" for i in range(50))))


@pytest.mark.parametrize(
    "token, said",
    [
        ("all", "write ALL, in capitals"),
        ("Padding", "write PADDING, in capitals"),
        ("(kiss)", "no part of a word: write kiss."),
        ("(kiss:1.3)", "no part of a word: write kiss."),
        ("kiss:1.3", "no part of a word: write kiss."),
        ("kiss romantic", "put commas between them"),
        ("kiss#2", 'there is no "kiss#2": "kiss" is in the prompt once'),
        ("a#3", '"a" is in the prompt 2 times'),
    ],
)
def test_hints(token, said):
    assert said in refusal(token, KISS)


def test_the_word_all_is_a_word_where_the_prompt_has_it():
    assert resolve("all", token_map("all", " of", " us")).columns == (0,)


def test_a_selector_with_nothing_to_select_is_refused():
    assert "PADDING selects nothing" in refusal("PADDING", token_map("a", " b", columns=3))
    assert "PROMPT selects nothing" in refusal("PROMPT", token_map())


def test_text_without_tokens_is_refused():
    tokens = TokenMap("a embedding:gone b", (EncoderTokens("umt5xxl", (Piece("▁a", 0, 1, 0),), (1,), (2,), 3),))
    assert "made no token of it" in refusal("gone", tokens)


def test_each_word_must_be_in_one_of_several_conditionings():
    other = token_map("a", " rose")
    contexts = [(KISS, 512), (other, 512), (None, 77), (KISS, 1024)]
    kiss, rose, bare, concat = resolve_each("kiss, rose, ALL", contexts)
    assert (kiss.missing, rose.missing) == ((), ("kiss",))
    assert bare.missing == concat.missing == ("kiss", "rose")
    assert rose.words[0].columns == (1,) and len(concat.columns) == 1024
    with pytest.raises(BendError, match='"zebra" is not in the prompt'):
        resolve_each("kiss, zebra", [(None, 77), *contexts])
    with pytest.raises(BendError, match="not made by Bend Prompt"):
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


prompts = st.lists(
    st.sampled_from(["kiss", "Red", "don't", "co-op", "3.5", "花火", "猫", THUMB, FAMILY, FLAG, "é", "e\u0301", "ß", "ﬁ", "แมว"])
    | st.sampled_from([" ", " ", ", ", "\n", ".", "-", "'", "#", "_", '"'])
    | st.characters(exclude_categories=["Cs"], exclude_characters="\0()\\"),
    max_size=20,
).map("".join)


@given(prompts)
def test_every_listed_word_can_be_bent(prompt):
    tokens = by_character(prompt)
    for word in words_of(tokens.text):
        if '"' not in fold(word).text and fold(word).text.strip():
            assert resolve(f'"{word}"', tokens).columns


@given(prompts, st.data())
def test_a_match_is_the_word_and_nothing_else(prompt, data):
    words = words_of(prompt)
    if not words:
        return
    word = data.draw(st.sampled_from(words))
    places = find(word, prompt)
    assert places == tuple(sorted(set(places)))
    for start, end in places:
        assert fold(prompt[start:end]).text.split() == fold(word).text.split()


@given(prompts, st.integers(0, 40))
def test_marking_a_word_changes_no_columns(prompt, pick):
    words = [word for word in words_of(prompt) if '"' not in fold(word).text and ":" not in word]
    if not words:
        return
    word = words[pick % len(words)]
    start, end = find(word, prompt)[0]
    marked = by_character(f"{prompt[:start]}({prompt[start:end]}){prompt[end:]}")
    assert resolve(f'"{word}"', marked).columns == resolve(f'"{word}"', by_character(prompt)).columns
    assert marked.marked_words == (prompt[start:end],)
