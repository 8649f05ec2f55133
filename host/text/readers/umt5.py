"""UMT5: one SentencePiece encoder, one sequence: the pieces, the end, then padding to 512 if there is room."""

from ....bending.text.prompt import Prompt
from ....bending.text.tokens import EncoderTokens
from ..spanned import SpannedPiece
from ..spiece import encode_with_spans
from .sequence import traced


def read(tokenizer, prompt: Prompt, tokens: dict) -> tuple[EncoderTokens, ...]:
    """A column is a token."""
    name = tokenizer.clip_name
    return (traced(name, getattr(tokenizer, tokenizer.clip), prompt, tokens[name], trace).columns(),)


def trace(tokenizer, text: str) -> list[SpannedPiece]:
    return encode_with_spans(tokenizer.tokenizer, text)
