"""The SentencePiece models of the tiny text encoder and of the toy's."""

import io
from collections.abc import Iterable

import sentencepiece


def learnt(sentences: Iterable[str], pieces: int, kind: str) -> bytes:
    """A model by UMT5's rules: pad 0, end 1, unknown 2, NFKC, dummy prefix, bytes for rare characters.

    It has at most that many pieces; `kind` is "unigram" or "bpe".
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
        normalization_rule_name="nmt_nfkc",
        add_dummy_prefix=True,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        num_threads=1,
        minloglevel=2,
    )
    return model.getvalue()
