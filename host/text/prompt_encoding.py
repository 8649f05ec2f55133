"""Bend Prompt's host side: encode a prompt with ComfyUI's CLIP, and say which column each piece of it became.

Only this room knows CLIP objects and their tokenizers; what reads the tokens of each kind is in `readers`.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple

import torch
from comfy import sd1_clip

from ...bending.digest import fingerprint
from ...bending.errors import BendError
from ...bending.text.prompt import IMPOSSIBLE, Prompt, parse_prompt, unmarked
from ...bending.text.tokens import TokenMap
from ..families.encoders import ENCODERS, encoder_of
from ..families.family import TextEncoder
from .readers import READERS

KEY = "attention_bending_tokens"
"""Where a conditioning's extras hold its TokenMap."""

CLOSE = 0.1
"""How far, relative to its length, a column may lie from the same token's: other precision, not other words."""

HOST_READING = (
    "The parentheses are read as ComfyUI reads them, each a weight of 1.1 where none is written: the conditioning was "
    "made so."
)
"""What is said where a text's marks turn out to be weights."""

HOST_TEXT = (
    "The parentheses are part of the text, since this text encoder takes no weights: the conditioning was made so."
)
"""The same for an encoder that takes none."""

_WORKS = ", ".join(encoder.works for encoder in ENCODERS[:-1]) + f" or {ENCODERS[-1].works}"


def encode_prompt(clip, text: str) -> tuple[list, TokenMap]:
    """`text` as ComfyUI's CONDITIONING, each entry with its own TokenMap under KEY, and the first entry's map.

    The tensors are the bits that CLIPTextEncode makes of the text without its marks, and without its weights too
    where the encoder takes none.

    Raises BendError for malformed marks (`parse_prompt`), for a text encoder that is not known here, and for one whose
    tokens cannot be traced to the text.
    """
    return encode_parsed(clip, parse_prompt(text))


def encode_parsed(clip, prompt: Prompt, scenes: tuple[tuple[int, int], ...] = ()) -> tuple[list, TokenMap]:
    """`encode_prompt` of a text that was read already; the map knows where its `scenes` stand."""
    return _encode(clip, _encoder_of(clip), prompt, scenes)


class Attached(NamedTuple):
    """A `conditioning` with the words of its text, their `tokens`, and what is to be said of how the text was read."""

    conditioning: list
    tokens: TokenMap
    note: str = ""


def attach_words(conditioning: list, clip, text: str) -> Attached:
    """A conditioning made elsewhere with the token map of `text`; the tensors stay as they are.

    The text is encoded again and compared, since prompts of any text have as many columns: a piece whose column lies
    further than CLOSE from its own is another prompt's. Where ComfyUI reads the text's parentheses in another way than
    Bend Prompt, or its weights may be the attention's, all ways are tried, and the nearest is taken. Raises BendError
    where columns do not agree, and as `encode_prompt` does.
    """
    encoder = _encoder_of(clip)
    own, fault = None, None
    try:
        own = parse_prompt(text, moving=True)
    except BendError as error:  # ComfyUI reads any text
        fault = error
    compared = []
    for reading, note in _readings(text, own, READERS[encoder.reader].weighs):
        encoded, tokens = _encode(clip, encoder, reading)
        compared.append((*_difference(conditioning, encoded[0][0], tokens), note, tokens))
    if not compared:
        raise fault
    distance, why, note, tokens = min(compared, key=lambda each: each[0])
    if distance > CLOSE:
        raise fault or BendError(why)
    attached = [
        [embedding, {**extras, KEY: replace(tokens, fingerprint=fingerprint(embedding))}]
        for embedding, extras in conditioning
    ]
    return Attached(attached, tokens, note)


def encode_marked(clip, text: str, span: tuple[int, int]) -> tuple[list, TokenMap]:
    """A plain text, whose brackets are real ones, with its characters of this span as the one marked word.

    Raises BendError as `encode_prompt` does.
    """
    encoder = _encoder_of(clip)
    if IMPOSSIBLE.search(text):
        parse_prompt(text)  # which says where
    return _encode(clip, encoder, replace(unmarked(text, text).without_weights(), marked=(span,), marks=(span,)))


def read_prompt(
    tokenizer, encoder: TextEncoder, prompt: Prompt, tokenize: Callable[..., dict]
) -> tuple[TokenMap, dict]:
    """The words of a prompt, and the host's tokens that they were read from; `tokenize` is the CLIP's or tokenizer's.

    Raises BendError where the tokens cannot be traced to the prompt.
    """
    reader = READERS[encoder.reader]
    read = prompt if reader.weighs else prompt.without_weights()
    try:
        tokens = tokenize(read.host_text, return_word_ids=True)
    except IndexError:
        # what the host's tokenizer raises for an embedding: with no name
        if "embedding:" not in prompt.text:
            raise
        raise BendError("The prompt has an embedding: with no name after it. Write embedding:name.") from None
    encoders = reader.read(tokenizer, read, tokens)
    if read.weighed != prompt.weighed:
        note = f"The weight of {_words(prompt)} does nothing: {encoders[0].name} takes no weights, and was given none."
        encoders = tuple(replace(each, notes=(*each.notes, note)) for each in encoders)
    return TokenMap(prompt.text, encoders, prompt.marked, source=encoder.works), tokens


def _encoder_of(clip):
    if clip is None:
        raise BendError(f"There is no text encoder: the CLIP input is empty. Connect {_WORKS}.")
    encoder = encoder_of(clip.tokenizer)
    if encoder is None:
        raise BendError(
            f"Bend Prompt cannot read the tokens of this text encoder ({type(clip.tokenizer).__name__}). It works with "
            f"{_WORKS}; for another, use CLIP Text Encode and bend ALL."
        )
    return encoder


def _encode(clip, encoder, prompt: Prompt, scenes: tuple[tuple[int, int], ...] = ()) -> tuple[list, TokenMap]:
    token_map, tokens = read_prompt(clip.tokenizer, encoder, prompt, clip.tokenize)
    token_map = replace(token_map, scenes=scenes)
    plain = {name: [[entry[:2] for entry in batch] for batch in batches] for name, batches in tokens.items()}
    conditioning = []
    for cond, extras in clip.encode_from_tokens_scheduled(plain):
        _require_columns(token_map, tokens, cond)
        conditioning.append([cond, {**extras, KEY: replace(token_map, fingerprint=fingerprint(cond))}])
    return conditioning, conditioning[0][1][KEY]


def _readings(text: str, own: Prompt | None, weighs: bool) -> Iterator[tuple[Prompt, str]]:
    """In how many ways a text may have been read, each with what is to be said of it."""
    host = _host_reading(text, own, weighs)
    if own and not own.moves:
        yield own, ""
    if own and own.weights:
        note = (
            f"The weights of {_words(own)} are the attention's, since the conditioning was made without them. They are "
            "not applied here, where no bends are made: use Bend Prompt, with weights set to attention, and connect "
            "its bending to Patch Model."
        )
        yield own.without_weights(), note
    if host and not (own and own.segments == host.segments):
        yield host, HOST_READING if weighs else HOST_TEXT


def _words(prompt: Prompt) -> str:
    """The words that have a weight."""
    return ", ".join(f'"{" ".join(part.split())}"' for part in prompt.weighed)


def _host_reading(text: str, own: Prompt | None, weighs: bool) -> Prompt | None:
    """A text as CLIPTextEncode reads it: parentheses weigh, and need no other half. The marks are those of our `own`.

    Where the encoder does not weigh they are text. None for a text with characters that no encoder can take.
    """
    if IMPOSSIBLE.search(text):
        return None
    if not weighs:
        return unmarked(sd1_clip.unescape_important(sd1_clip.escape_important(text)), text)
    weighed = sd1_clip.token_weights(sd1_clip.escape_important(text), 1.0)
    segments = tuple((sd1_clip.unescape_important(part), weight) for part, weight in weighed if part)
    clean = "".join(part for part, _ in segments)
    marks = (own.marked, own.marks) if own and own.text == clean else ((), ())
    return Prompt(clean, text, segments, *marks)


def _difference(conditioning: list, own: torch.Tensor, tokens: TokenMap) -> tuple[float, str]:
    """How far the farthest of the named columns lies from its own, relative to its length, and a sentence about it."""
    farthest, where = 0.0, ""
    for embedding, _ in conditioning:
        if embedding.shape != own.shape:
            return math.inf, (
                f"The conditioning has {embedding.shape[1]} columns of {embedding.shape[2]} numbers, but this text "
                f"makes {own.shape[1]} of {own.shape[2]}. Give the clip and the text that it was made from."
            )
        for column, name in _named_columns(tokens, own.shape[1]):
            given, expected = (columns[0, column].float() for columns in (embedding.to(own.device), own))
            distance = float((given - expected).norm() / expected.norm())
            if not distance <= farthest:  # also what is no number
                farthest, where = (math.inf if math.isnan(distance) else distance), f'column {column}, "{name}"'
    return farthest, (
        f"The conditioning was not made from this text: they differ most at {where}. "
        "Give the text that it was made from, weights included."
    )


def _named_columns(tokens: TokenMap, width: int) -> Iterator[tuple[int, str]]:
    """The columns of an embedding that hold a text; where another part made it, all, and they have no names."""
    for encoder in tokens.encoders:
        if encoder.embedded_by:
            yield from ((column, encoder.embedded_by) for column in range(width))
            return
        yield from ((piece.column, piece.text) for piece in encoder.pieces)
        yield from ((column, "end") for column in encoder.end)


def _require_columns(token_map: TokenMap, tokens: dict, cond: torch.Tensor):
    """Refuse columns that are not the tokens one for one; the host shifts them for an `embedding:` of another width."""
    for encoder in token_map.encoders:
        for token, *_ in (entry for batch in tokens[encoder.name] for entry in batch):
            if torch.is_tensor(token) and token.shape[-1] != cond.shape[-1]:
                raise BendError(
                    f"An embedding: of the prompt has vectors of {token.shape[-1]} numbers, made for another text "
                    f"encoder: {encoder.name} takes {cond.shape[-1]}. Take it out of the prompt."
                )
        if cond.shape[1] not in (encoder.columns, encoder.embedded):
            expected = encoder.columns if encoder.embedded is None else encoder.embedded
            raise BendError(
                f"The text encoder {encoder.name} made {cond.shape[1]} columns of {expected} tokens, so that "
                "Bend Prompt cannot tell which is which. Use CLIP Text Encode and bend ALL."
            )
