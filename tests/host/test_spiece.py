"""Which characters SentencePiece made each id from, for models that normalise and fall back differently."""

import io

import pytest
import sentencepiece
from attention_bending.host.text.spiece import encode_with_spans
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SENTENCES = ["a romantic kiss in the rain", "a red cat on the mat", "lovers kiss, red and round", "花火と猫が走る"] * 5
texts = st.lists(
    st.sampled_from(["kiss", " red", "  ", "\n", "\u200b", "▁", "花火", "が", "👍🏽", "👨‍👩‍👧"])
    | st.sampled_from(["é", "e\u0301", "½", "㎏", "ﬁ", "﷽", "¨"])
    | st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
    max_size=12,
).map("".join)


def train(**options) -> sentencepiece.SentencePieceProcessor:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES),
        model_writer=model,
        vocab_size=400,
        hard_vocab_limit=False,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        minloglevel=2,
        **options,
    )
    return sentencepiece.SentencePieceProcessor(model_proto=model.getvalue(), add_eos=True)


MODELS = {
    "as UMT5": {"normalization_rule_name": "nmt_nfkc", "byte_fallback": True},
    "unknown pieces": {"normalization_rule_name": "nmt_nfkc", "byte_fallback": False},
    "not normalised": {"normalization_rule_name": "identity", "byte_fallback": True},
    "case-folded": {"normalization_rule_name": "nmt_nfkc_cf", "byte_fallback": False},
    "blanks kept": {"byte_fallback": True, "remove_extra_whitespaces": False, "add_dummy_prefix": False},
}


@pytest.fixture(scope="module", params=MODELS)
def processor(request):
    return train(**MODELS[request.param])


@pytest.fixture(scope="module")
def umt5():
    return train(**MODELS["as UMT5"])


@pytest.mark.parametrize(
    "text, covered",
    [
        ("", ""),
        (" \n", ""),
        ("  a  red\n kiss ", "aredkiss"),
        ("a \u200b red", "ared"),
        ("花 kiss", "花kiss"),
        ("½ cafe\u0301!", "½cafe\u0301!"),
    ],
)
def test_spans_hold_all_that_is_visible_and_no_blanks(umt5, text, covered):
    places = {i for piece in encode_with_spans(umt5, text) for i in range(piece.start, piece.end)}
    assert "".join(text[i] for i in sorted(places)) == covered


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts)
def test_any_text(processor, text):
    pieces = encode_with_spans(processor, text)
    assert [piece.id for piece in pieces] == processor.encode(text, add_eos=False)
    spans = [(piece.start, piece.end) for piece in pieces]
    assert spans == sorted(spans, key=lambda span: span[0])
    for start, end in spans:
        assert text[start:end] == text[start:end].strip()
    covered = {i for start, end in spans for i in range(start, end)}
    assert {i for i, char in enumerate(text) if char.isalnum()} <= covered


@pytest.mark.parametrize("text", ["👍", "é", "は"])
def test_each_byte_of_a_character_has_its_span(umt5, text):
    lone, *pieces = encode_with_spans(umt5, f"{text}{text}")
    assert (lone.name, lone.start, lone.end) == ("▁", 0, 0)
    names = [f"<0x{byte:02X}>" for byte in text.encode()]
    assert [(piece.name, piece.start, piece.end) for piece in pieces] == [
        *((name, 0, 1) for name in names),
        *((name, 1, 2) for name in names),
    ]


def test_each_piece_of_a_compatibility_form_has_its_span(umt5):
    assert {(piece.start, piece.end) for piece in encode_with_spans(umt5, "½")[1:]} == {(0, 1)}
