"""What the readers share: one sequence of tokens of ComfyUI's `SDTokenizer`, traced back to the prompt.

The ids are those that the encoder really gets; a text is encoded again only to learn where each id came from, and
refused unless it gives the same ids.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import torch

from ....bending.errors import BendError
from ....bending.text.prompt import Prompt
from ....bending.text.tokens import EncoderTokens, Piece
from ....bending.text.words import visible
from ..spanned import SpannedPiece

Trace = Callable[[Any, str], list[SpannedPiece]]
"""From the tokenizer inside an `SDTokenizer` and a text, what the host takes of its ids, each with its span."""


class HostToken(NamedTuple):
    """One entry of what `clip.tokenize(…, return_word_ids=True)` gives, with its place among them."""

    token: int | torch.Tensor
    weight: float
    place: int


class Part(NamedTuple):
    """A stretch of text that the host's tokenizer encodes on its own: one word id.

    text         the very string that it encodes; None for vectors of an embedding file
    positions    for each character of `text`, its place in the clean prompt, -1 for what a template has before it, the
                 prompt's length for what it has behind; for vectors, those of `embedding:name`
    """

    text: str | None
    positions: tuple[int, ...]


class Traced(NamedTuple):
    """A sequence by the places of its `tokens`: the prompt's `pieces`, and what else there is, by kind.

    `special` has names too; `unheard` is the text behind a token at which the encoder stops.
    """

    name: str
    tokens: int
    pieces: tuple[Piece, ...]
    special: tuple[tuple[int, str], ...]
    end: tuple[int, ...]
    padding: tuple[int, ...]
    unheard: str

    def columns(self, cut: int = 0, **more) -> EncoderTokens:
        """What is left where the encoder takes away the first `cut` tokens; `more` is of EncoderTokens."""
        pieces = self.pieces
        if cut:
            pieces = tuple(replace(piece, column=piece.column - cut) for piece in pieces if piece.column >= cut)
        facts = {
            "pieces": pieces,
            "end": tuple(place - cut for place in self.end if place >= cut),
            "padding": tuple(place - cut for place in self.padding if place >= cut),
            "special": tuple((place - cut, name) for place, name in self.special if place >= cut),
            "columns": self.tokens - cut,
            "unheard": self.unheard,
        }
        return EncoderTokens(self.name, **{**facts, **more})


def traced(
    name: str, inner, prompt: Prompt, batches: list[list[tuple]], trace: Trace, head: str = "", tail: str = ""
) -> Traced:
    """The one sequence that `inner`, an SDTokenizer, made of the prompt between a template's `head` and `tail`.

    Raises BendError where it was given other tokens than those of the prompt.
    """
    (batch,) = batches
    used = defaultdict(list)
    for place, (token, weight, word) in enumerate(batch):
        used[word].append(HostToken(token, weight, place))
    stop = inner.pad_token if inner.end_token is None else inner.end_token
    text, unheard = prompt.text, ""
    pieces, special, end, padding = [], [], [], []
    for number, part in enumerate(_parts(inner, prompt, head, tail), start=1):
        for span, entry in _spans(inner.tokenizer, part, used.pop(number, []), trace, name):
            covered = part.positions[span.start : span.end]
            if covered and covered[-1] < 0:
                special.append((entry.place, span.name))
            elif covered and covered[0] >= len(text):
                end.append(entry.place)
            else:
                start, finish = _place(part, span, text)
                pieces.append(Piece(span.name or text[start:finish], start, finish, entry.place, entry.weight))
                if part.text and entry.token == stop:
                    unheard = unheard or text[finish:]
    for token, _, place in used.pop(0, []):
        if token == inner.end_token:
            end.append(place)
        elif token == inner.start_token and token != inner.pad_token:
            special.append((place, "start"))
        else:
            padding.append(place)
    if used:
        raise untraceable(name)
    return Traced(name, len(batch), tuple(pieces), tuple(special), tuple(end), tuple(padding), unheard.strip())


def _parts(inner, prompt: Prompt, head: str, tail: str) -> Iterator[Part]:
    """The stretches that SDTokenizer encodes, in its order: segments, cut before each `embedding:` after a blank."""
    segments = [segment for segment, _ in prompt.segments]
    positions = list(range(len(prompt.text)))
    if head or tail:
        segments = [head + "".join(segments) + tail]
        positions = [-1] * len(head) + positions + [len(prompt.text)] * len(tail)
    offset = 0
    for segment in segments:
        for word in filter(None, re.split(rf"(?<=\s)(?={re.escape(inner.embedding_identifier)})", segment)):
            where = tuple(positions[offset : offset + len(word)])
            offset += len(word)
            if word.startswith(inner.embedding_identifier) and inner.embedding_directory is not None:
                yield from _embedding_parts(inner, word, where)
            else:
                yield Part(word, where)


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


def _spans(tokenizer, part: Part, used: list[HostToken], trace: Trace, name: str):
    """A part's tokens, each with the characters of the part that it stands for."""
    if part.text is None:
        if any(isinstance(entry.token, int) for entry in used):
            raise untraceable(name)
        spans = [SpannedPiece(-1, "", 0, len(part.positions))] * len(used)
    else:
        spans = trace(tokenizer, part.text)
        if [span.id for span in spans] != [entry.token for entry in used]:
            raise untraceable(name)
    return zip(spans, used, strict=True)


def _place(part: Part, span: SpannedPiece, text: str) -> tuple[int, int]:
    """A span in the clean prompt, without blanks at its ends."""
    if span.start < span.end:
        first, last = part.positions[span.start], part.positions[span.end - 1]
        return visible(text, max(first, 0), min(last + 1, len(text)))
    start = (*part.positions, part.positions[-1] + 1)[span.start]
    return start, start


def untraceable(name: str) -> BendError:
    return BendError(
        f"The text encoder {name} was given other tokens than its own tokenizer makes of the prompt: a node between "
        "the loader and Bend Prompt changes them. Take it out, or use CLIP Text Encode and bend ALL."
    )
