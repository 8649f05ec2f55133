"""What a word matches in a prompt, in any spelling and any script."""

import pytest
from attention_bending.bending.errors import BendError
from attention_bending.bending.text.tokens import resolve
from attention_bending.bending.text.words import find, fold, words_of
from core.maps import by_character
from hypothesis import given
from hypothesis import strategies as st

FAMILY, THUMB, FLAG = "👨‍👩‍👧", "👍🏽", "🇫🇷"


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


prompts = st.lists(
    st.sampled_from(["kiss", "Red", "don't", "co-op", "3.5", "花火", "猫", "é", "e\u0301", "ß", "ﬁ", "แมว"])
    | st.sampled_from([THUMB, FAMILY, FLAG, "❤️", "1️⃣"])
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
