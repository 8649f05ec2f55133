"""The SentencePiece models of the tiny text encoders and of the toy's."""

import io
from collections.abc import Iterable, Mapping

import sentencepiece

UMT5 = {"normalization_rule_name": "nmt_nfkc", "add_dummy_prefix": True, "unk_id": 2, "bos_id": -1}
GEMMA = {
    "normalization_rule_name": "identity",
    "add_dummy_prefix": False,
    "remove_extra_whitespaces": False,
    "unk_id": 3,
    "bos_id": 2,
}


def learnt(sentences: Iterable[str], pieces: int, kind: str, rules: Mapping = UMT5) -> bytes:
    """A model of at most that many pieces: pad 0, end 1, bytes for rare characters, the rest by one encoder's `rules`.

    `kind` is "unigram" or "bpe".
    """
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences),
        model_writer=model,
        model_type=kind,
        vocab_size=pieces,
        hard_vocab_limit=False,
        character_coverage=1.0,
        byte_fallback=True,
        pad_id=0,
        eos_id=1,
        num_threads=1,
        minloglevel=2,
        **rules,
    )
    return model.getvalue()
