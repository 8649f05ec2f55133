"""T5 as ComfyUI ships its tokenizer: one sequence: the pieces, the end, then padding up to a model's own number.

`transformers` tells each token's characters. Two things are put right: its lone `▁` stands for no character, though the
next one is told for it; and what the tokenizer composes, such as a letter with the accent behind it, is told as its
first character alone.
"""

import unicodedata

from ....bending.text.prompt import Prompt
from ....bending.text.tokens import EncoderTokens
from ....bending.text.words import is_blank
from ..spanned import SpannedPiece
from .sequence import traced

_BLANK = "▁"
_UNSEEN = ("Cc", "Cf")


def read(tokenizer, prompt: Prompt, tokens: dict) -> tuple[EncoderTokens, ...]:
    """A column is a token."""
    name = tokenizer.clip_name
    return (traced(name, getattr(tokenizer, tokenizer.clip), prompt, tokens[name], trace).columns(),)


def trace(tokenizer, text: str) -> list[SpannedPiece]:
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    names = tokenizer.convert_ids_to_tokens(encoded["input_ids"])
    spans = []
    limit = len(text)
    for id_, name, (start, end) in reversed(
        list(zip(encoded["input_ids"], names, encoded["offset_mapping"], strict=True))
    ):
        if not name.strip(_BLANK):
            end = start
        while start < end < limit and not is_blank(text[end]) and unicodedata.category(text[end]) not in _UNSEEN:
            end += 1
        spans.append(SpannedPiece(id_, name, start, end))
        limit = start
    return spans[::-1]
