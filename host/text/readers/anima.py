"""Anima: Qwen3 makes the embedding, and the model's own adapter makes a column of it for each of T5's tokens.

The model fills its columns up to 512 with zeros.
"""

from dataclasses import replace

import torch

from ....bending.errors import BendError
from ....bending.text.prompt import Prompt
from ....bending.text.tokens import EncoderTokens
from ...families.anima import LEAST
from .sequence import traced
from .t5 import trace

QWEN, T5 = "qwen3_06b", "t5xxl"


def read(tokenizer, prompt: Prompt, tokens: dict) -> tuple[EncoderTokens, ...]:
    """A column is a token of T5."""
    (embedded,) = tokens[QWEN]
    if any(torch.is_tensor(token) for batch in tokens[T5] for token, *_ in batch):
        raise BendError(
            "An embedding: of the prompt has vectors, but Anima needs ids of tokens, since its columns are made of "
            "them. Take it out of the prompt."
        )
    columns = traced(T5, tokenizer.t5xxl, prompt, tokens[T5], trace).columns()
    width = max(LEAST, columns.columns)
    padding = (*columns.padding, *range(columns.columns, width))
    note = f"Columns are those of {T5}; the part {QWEN} makes the embedding that they read."
    return (replace(columns, columns=width, padding=padding, embedded=len(embedded), embedded_by=QWEN, notes=(note,)),)
