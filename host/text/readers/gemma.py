"""LTX-2's Gemma 3: SentencePiece, a token that begins, the sequence padded on the left; the encoder cuts the pads away.

The registers of the model's connector stand behind the text.
"""

import re
from dataclasses import replace
from itertools import takewhile

from ....bending.text.prompt import Prompt
from ....bending.text.tokens import EncoderTokens
from ...families.ltx import with_registers
from ..spanned import SpannedPiece
from ..spiece import encode_with_spans
from .sequence import traced


def read(tokenizer, prompt: Prompt, tokens: dict) -> tuple[EncoderTokens, ...]:
    """A column is a token behind the pads, then come the registers."""
    name, inner = tokenizer.clip_name, getattr(tokenizer, tokenizer.clip)
    (batch,) = tokens[name]
    pads = sum(1 for _ in takewhile(lambda token: token == inner.pad_token, (token for token, *_ in batch)))
    columns = traced(name, inner, prompt, tokens[name], trace).columns(pads)
    text, width = columns.columns, with_registers(columns.columns)
    return (replace(columns, columns=width, registers=tuple(range(text, width)), embedded=text),)


def trace(tokenizer, text: str) -> list[SpannedPiece]:
    """Its special tokens stand in a text as they are called; the host takes the first id then for the one that begins.

    So the first of such a text's own tokens is lost.
    """
    special = tokenizer.special_tokens or {}
    pattern = "|".join(map(re.escape, special))
    spans, at = [], 0
    for part in re.split(f"({pattern})", text) if pattern else [text]:
        if part in special:
            spans.append(SpannedPiece(special[part], part, at, at + len(part)))
        elif part:
            spans += (
                SpannedPiece(id_, name, at + start, at + end)
                for id_, name, start, end in encode_with_spans(tokenizer.tokenizer, part)
            )
        at += len(part)
    return spans[1:] if pattern and re.search(pattern, text) else spans
