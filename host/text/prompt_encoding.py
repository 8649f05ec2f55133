"""Bend Prompt's host side: encode a prompt with ComfyUI's CLIP, and say which column each piece of it became.

The only file that knows CLIP objects and their tokenizers. The ids are those that the encoder really gets; the same
text is encoded again only to learn where each id came from, and refused unless it gives the same ids.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple

import torch
from comfy.text_encoders.wan import WanT5Tokenizer

from ...bending.digest import fingerprint
from ...bending.errors import BendError
from ...bending.text.prompt import Prompt, parse_prompt
from ...bending.text.tokens import EncoderTokens, Piece, TokenMap
from .spiece import encode_with_spans

KEY = "attention_bending_tokens"
"""Where a conditioning's extras hold its TokenMap."""

CLOSE = 0.1
"""How far, relative to its length, a column may lie from the same token's: other precision, not other words."""

_WORKS = "Wan's UMT5 (Load CLIP with type wan)"


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


def encode_prompt(clip, text: str) -> tuple[list, TokenMap]:
    """`text` as ComfyUI's CONDITIONING, each entry with its own TokenMap under KEY, and the first entry's map.

    The tensors are the bits that CLIPTextEncode makes of the text without its marks.

    Raises BendError for malformed marks (`parse_prompt`), for a text encoder that is not known here, and for one whose
    tokens cannot be traced to the text.
    """
    if clip is None:
        raise BendError(f"There is no text encoder: the CLIP input is empty. Connect {_WORKS}.")
    read = next((reader for known, reader in _READERS.items() if isinstance(clip.tokenizer, known)), None)
    if read is None:
        raise BendError(
            f"Bend Prompt cannot read the tokens of this text encoder ({type(clip.tokenizer).__name__}). It works with "
            f"{_WORKS}; for another, use CLIP Text Encode and bend ALL."
        )
    prompt = parse_prompt(text)
    try:
        tokens = clip.tokenize(prompt.host_text, return_word_ids=True)
    except IndexError:
        # what the host's tokenizer raises for an embedding: with no name
        if "embedding:" not in prompt.text:
            raise
        raise BendError("The prompt has an embedding: with no name after it. Write embedding:name.") from None
    found = TokenMap(prompt.text, read(clip.tokenizer, prompt, tokens), prompt.marked)
    plain = {name: [[entry[:2] for entry in batch] for batch in batches] for name, batches in tokens.items()}
    conditioning = []
    for cond, extras in clip.encode_from_tokens_scheduled(plain):
        _require_columns(found, tokens, cond)
        conditioning.append([cond, {**extras, KEY: replace(found, fingerprint=fingerprint(cond))}])
    return conditioning, conditioning[0][1][KEY]


def attach_words(conditioning: list, clip, text: str) -> tuple[list, TokenMap]:
    """A conditioning made elsewhere with the token map of `text`, and the map; the tensors stay as they are.

    The text is encoded again and compared, since prompts of any text have as many columns: a piece whose column lies
    further than CLOSE from its own is another prompt's. Raises BendError where columns do not agree, and as
    `encode_prompt` does.
    """
    made, tokens = encode_prompt(clip, text)
    own = made[0][0]
    attached = []
    for embedding, extras in conditioning:
        if embedding.shape != own.shape:
            raise BendError(
                f"The conditioning has {embedding.shape[1]} columns of {embedding.shape[2]} numbers, but this text "
                f"makes "
                f"{own.shape[1]} of {own.shape[2]}. Give the clip and the text that it was made from."
            )
        for column, name in _named_columns(tokens):
            there, here = (each[0, column].float() for each in (embedding.to(own.device), own))
            if (there - here).norm() > CLOSE * here.norm():
                raise BendError(
                    f"The conditioning was not made from this text: they differ at column {column}, "
                    f'"{name}". Give the text that it was made from, weights included.'
                )
        attached.append([embedding, {**extras, KEY: replace(tokens, fingerprint=fingerprint(embedding))}])
    return attached, tokens


def _named_columns(tokens: TokenMap) -> Iterator[tuple[int, str]]:
    for encoder in tokens.encoders:
        yield from ((piece.column, piece.text) for piece in encoder.pieces)
        yield from ((column, "end") for column in encoder.end)


def _read_umt5(tokenizer: WanT5Tokenizer, prompt: Prompt, tokens: dict) -> tuple[EncoderTokens, ...]:
    """One SentencePiece encoder, one sequence: the pieces, END, then padding to 512 if there is room."""
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


_READERS: dict[type, Callable[[object, Prompt, dict], tuple[EncoderTokens, ...]]] = {WanT5Tokenizer: _read_umt5}
"""For each tokenizer class known, what reads its tokens: another encoder is one more line and one more function."""


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
    embedding, _, rest = inner._try_get_embedding(word[len(inner.embedding_identifier) :].strip("\n"))
    solid = [position for char, position in zip(word, positions, strict=True) if not char.isspace()]
    kept = [char for char in rest if not char.isspace()]
    head = len(solid) - len(kept)
    if embedding is not None:
        yield Part(None, tuple(solid[:head]))
    if rest:
        following = iter(solid[head:])
        at = solid[head] if kept else solid[-1] + 1
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


def _require_columns(found: TokenMap, tokens: dict, cond: torch.Tensor):
    """Refuse columns that are not the tokens one for one; the host shifts them for an `embedding:` of another width."""
    for encoder in found.encoders:
        for token, *_ in (entry for batch in tokens[encoder.name] for entry in batch):
            if torch.is_tensor(token) and token.shape[-1] != cond.shape[-1]:
                raise BendError(
                    f"An embedding: of the prompt has vectors of {token.shape[-1]} numbers, made for another text "
                    f"encoder: {encoder.name} takes {cond.shape[-1]}. Take it out of the prompt."
                )
        if cond.shape[1] != encoder.columns:
            raise BendError(
                f"The text encoder {encoder.name} made {cond.shape[1]} columns of {encoder.columns} tokens, so that "
                "Bend Prompt cannot tell which is which. Use CLIP Text Encode and bend ALL."
            )


def _untraceable(name: str) -> BendError:
    return BendError(
        f"The text encoder {name} was given other tokens than its own tokenizer makes of the prompt: a node between "
        "the loader and Bend Prompt changes them. Take it out, or use CLIP Text Encode and bend ALL."
    )
