"""UMT5: one SentencePiece encoder, one sequence of up to 512 columns.

The ids are those that the encoder really gets; the same text is encoded again only to learn where each id came from,
and refused unless it gives the same ids.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

import torch

from ....bending.errors import BendError
from ....bending.text.prompt import Prompt
from ....bending.text.tokens import EncoderTokens, Piece
from ..spiece import encode_with_spans


class HostToken(NamedTuple):
    """One entry of what `clip.tokenize(…, return_word_ids=True)` gives, with its column."""

    token: int | torch.Tensor
    weight: float
    column: int


class Part(NamedTuple):
    """A stretch of text that the host's tokenizer encodes on its own: one word id.

    text         the very string that it encodes; None for vectors of an embedding file
    positions    for each character of `text`, its place in the clean prompt; for vectors, those of `embedding:name`
    """

    text: str | None
    positions: tuple[int, ...]


def read(tokenizer, prompt: Prompt, tokens: dict) -> tuple[EncoderTokens, ...]:
    """The pieces, END, then padding to 512 if there is room."""
    name = tokenizer.clip_name
    inner = getattr(tokenizer, tokenizer.clip)
    (batch,) = tokens[name]
    used = defaultdict(list)
    for column, (token, weight, word) in enumerate(batch):
        used[word].append(HostToken(token, weight, column))
    pieces = []
    for number, part in enumerate(_parts(inner, prompt), start=1):
        pieces += _pieces(inner.tokenizer.tokenizer, part, used.pop(number, []), prompt.text, name)
    special = used.pop(0, [])
    if used:
        raise _untraceable(name)
    end = tuple(entry.column for entry in special if entry.token == inner.end_token)
    padding = tuple(entry.column for entry in special if entry.token != inner.end_token)
    return (EncoderTokens(name, tuple(pieces), end, padding, len(batch)),)


def _parts(inner, prompt: Prompt) -> Iterator[Part]:
    """The stretches that SDTokenizer encodes, in its order: segments, cut before each `embedding:` after a blank."""
    offset = 0
    for segment, _ in prompt.segments:
        for word in filter(None, re.split(rf"(?<=\s)(?={re.escape(inner.embedding_identifier)})", segment)):
            positions = tuple(range(offset, offset + len(word)))
            offset += len(word)
            if word.startswith(inner.embedding_identifier) and inner.embedding_directory is not None:
                yield from _embedding_parts(inner, word, positions)
            else:
                yield Part(word, positions)


def _embedding_parts(inner, word: str, positions: tuple[int, ...]) -> Iterator[Part]:
    """`embedding:name and more`: vectors if the host finds the file, then the rest, which it joins by single spaces."""
    embedding, *_, rest = inner._try_get_embedding(word[len(inner.embedding_identifier) :].strip("\n"))
    solid = [position for char, position in zip(word, positions, strict=True) if not char.isspace()]
    rest_solid = [char for char in rest if not char.isspace()]
    head = len(solid) - len(rest_solid)
    if embedding is not None:
        yield Part(None, tuple(solid[:head]))
    if rest:
        following = iter(solid[head:])
        at = solid[head] if rest_solid else solid[-1] + 1
        spread = []
        for char in rest:
            at = at if char.isspace() else next(following)
            spread.append(at)
        yield Part(rest, tuple(spread))


def _pieces(processor, part: Part, used: list[HostToken], text: str, name: str) -> Iterator[Piece]:
    """A part's tokens with their places in the clean prompt."""
    if part.text is None:
        start, end = part.positions[0], part.positions[-1] + 1
        for entry in used:
            if isinstance(entry.token, int):
                raise _untraceable(name)
            yield Piece(text[start:end], start, end, entry.column, entry.weight)
        return
    traced = encode_with_spans(processor, part.text)
    if [piece.id for piece in traced] != [entry.token for entry in used]:
        raise _untraceable(name)
    for piece, entry in zip(traced, used, strict=True):
        if piece.start < piece.end:
            start, end = part.positions[piece.start], part.positions[piece.end - 1] + 1
        else:
            start = end = (*part.positions, part.positions[-1] + 1)[piece.start]
        yield Piece(piece.name, start, end, entry.column, entry.weight)


def _untraceable(name: str) -> BendError:
    return BendError(
        f"The text encoder {name} was given other tokens than its own tokenizer makes of the prompt: a node between "
        "the loader and Bend Prompt changes them. Take it out, or use CLIP Text Encode and bend ALL."
    )
