"""What names no token is refused with what there is, and what was likely meant is offered."""

import pytest
from attention_bending.bending.errors import BendError
from attention_bending.bending.text.token_field import TokenField
from attention_bending.bending.text.tokens import (
    EncoderTokens,
    Piece,
    TokenMap,
    resolve,
)
from core.maps import KISS, by_character, refusal, token_map


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
        ("kiss:1.3", "has 'kiss:1.3', but a weight is no part of a word here. Write kiss, and give the weight to the"),
        ("(kiss:1.3)", 'a word that has a colon goes into quotes: "(kiss:1.3)".'),
        ("rose, (red:x)", "has '(red:x)', but a weight is no part of a word here. Write red,"),
        ("kiss:1.3#2", "Write kiss,"),
        ("kiss : .5", "Write kiss,"),
        ("((red) rose:1.5)", "Write red) rose,"),
        ("take 2:1.5", "Write take 2,"),
        ("(12:30.5)", "Write 12,"),
    ],
)
def test_malformed_tokens(token, said):
    with pytest.raises(BendError) as refusal:
        TokenField.parse(token)
    assert said in str(refusal.value)


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
        ('"(kiss:1.3)"', "no part of a word: write kiss."),
        ('"kiss:1.3"', "no part of a word: write kiss."),
        ("kiss romantic", "put commas between them"),
        ("kiss#2", 'there is no "kiss#2": "kiss" is in the prompt once'),
        ("a#3", '"a" is in the prompt 2 times'),
    ],
)
def test_hints(token, said):
    assert said in refusal(token, KISS)


SPELLED = "A slow-motion shot of black&white cats, don't stop; red, round 3D rosés: 一只 猫 and wi-fi"


@pytest.mark.parametrize(
    "token, spelled",
    [
        ("slow motion", "slow-motion"),
        ("slowmotion", "slow-motion"),
        ("Slow–Motion", "slow-motion"),
        ("black & white", "black&white"),
        ("black and white", "black&white"),
        ("black-and-white cats", "black&white cats"),
        ("dont", "don't"),
        ("red round", '"red, round"'),
        ("3 d", "3D"),
        ("roses", "rosés"),
        ("一只猫", "一只 猫"),
        ("cats dont", '"cats, don\'t"'),
        ("wifi", "wi-fi"),
    ],
)
def test_the_prompts_own_spelling_is_offered_ready_to_copy(token, spelled):
    tokens = by_character(SPELLED)
    assert f"The prompt spells it {spelled}: copy that." in refusal(token, tokens)
    assert resolve(spelled, tokens).columns


@pytest.mark.parametrize("token", ["low motion", "black white", "otion", "cat", "say it", "@", "..."])
def test_no_other_words_are_offered_as_its_spelling(token):
    assert "spells it" not in refusal(token, by_character(f'{SPELLED} say "it"'))


def test_several_spellings_and_only_so_many():
    told = refusal("slow motion", by_character("slow-motion, Slow_motion, SLOWMOTION, slow/motion, slow+motion"))
    assert "The prompt spells it slow-motion or Slow_motion or SLOWMOTION: copy that." in told
    assert "put commas between them" in refusal("kiss; rose/romantic", KISS)


def test_a_selector_with_nothing_to_select_is_refused():
    assert "PADDING selects nothing" in refusal("PADDING", token_map("a", " b", columns=3))
    assert "PROMPT selects nothing" in refusal("PROMPT", token_map())


def test_text_without_tokens_is_refused():
    tokens = TokenMap("a embedding:gone b", (EncoderTokens("umt5xxl", (Piece("▁a", 0, 1, 0),), (1,), (2,), 3),))
    assert "made no token of it" in refusal("gone", tokens)


@pytest.mark.parametrize(
    ("token", "offers"),
    [
        ("kist", ("kiss",)),
        ("kissin", ("kiss", "kissing")),
        ("kiss#3", ("kiss",)),
        ("a#9", ("a#2",)),
        ("padding", ("PADDING",)),
        ("(rose)", ("rose",)),
        ("rose kiss", ("rose, kiss",)),
        ("roman-tic", ("romantic",)),
        ("xyz", ()),
    ],
)
def test_what_is_offered_instead_is_found(token, offers):
    with pytest.raises(BendError) as refused:
        resolve(token, KISS)
    assert set(offers) <= set(refused.value.offers) and bool(offers) == bool(refused.value.offers)
    assert refused.value.within("Bend 1").offers == refused.value.offers
    for offer in refused.value.offers:
        assert resolve(offer, KISS).columns
