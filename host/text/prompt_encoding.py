"""Bend Prompt's host side: encode a prompt with ComfyUI's CLIP, and say which column each piece of it became.

Only this room knows CLIP objects and their tokenizers; what reads the tokens of each kind is in `readers`.
"""

from collections.abc import Iterator
from dataclasses import replace

import torch

from ...bending.digest import fingerprint
from ...bending.errors import BendError
from ...bending.text.prompt import parse_prompt
from ...bending.text.tokens import TokenMap
from ..families import FAMILIES
from .readers import READERS

KEY = "attention_bending_tokens"
"""Where a conditioning's extras hold its TokenMap."""

CLOSE = 0.1
"""How far, relative to its length, a column may lie from the same token's: other precision, not other words."""

ENCODERS = tuple(encoder for family in FAMILIES for encoder in family.encoders)
_WORKS = " or ".join(encoder.works for encoder in ENCODERS)


def encode_prompt(clip, text: str) -> tuple[list, TokenMap]:
    """`text` as ComfyUI's CONDITIONING, each entry with its own TokenMap under KEY, and the first entry's map.

    The tensors are the bits that CLIPTextEncode makes of the text without its marks.

    Raises BendError for malformed marks (`parse_prompt`), for a text encoder that is not known here, and for one whose
    tokens cannot be traced to the text.
    """
    if clip is None:
        raise BendError(f"There is no text encoder: the CLIP input is empty. Connect {_WORKS}.")
    encoder = next((known for known in ENCODERS if isinstance(clip.tokenizer, known.tokenizer)), None)
    if encoder is None:
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
    token_map = TokenMap(prompt.text, READERS[encoder.reader](clip.tokenizer, prompt, tokens), prompt.marked)
    plain = {name: [[entry[:2] for entry in batch] for batch in batches] for name, batches in tokens.items()}
    conditioning = []
    for cond, extras in clip.encode_from_tokens_scheduled(plain):
        _require_columns(token_map, tokens, cond)
        conditioning.append([cond, {**extras, KEY: replace(token_map, fingerprint=fingerprint(cond))}])
    return conditioning, conditioning[0][1][KEY]


def attach_words(conditioning: list, clip, text: str) -> tuple[list, TokenMap]:
    """A conditioning made elsewhere with the token map of `text`, and the map; the tensors stay as they are.

    The text is encoded again and compared, since prompts of any text have as many columns: a piece whose column lies
    further than CLOSE from its own is another prompt's. Raises BendError where columns do not agree, and as
    `encode_prompt` does.
    """
    encoded, tokens = encode_prompt(clip, text)
    own = encoded[0][0]
    attached = []
    for embedding, extras in conditioning:
        if embedding.shape != own.shape:
            raise BendError(
                f"The conditioning has {embedding.shape[1]} columns of {embedding.shape[2]} numbers, but this text "
                f"makes "
                f"{own.shape[1]} of {own.shape[2]}. Give the clip and the text that it was made from."
            )
        for column, name in _named_columns(tokens):
            given, expected = (columns[0, column].float() for columns in (embedding.to(own.device), own))
            if (given - expected).norm() > CLOSE * expected.norm():
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


def _require_columns(token_map: TokenMap, tokens: dict, cond: torch.Tensor):
    """Refuse columns that are not the tokens one for one; the host shifts them for an `embedding:` of another width."""
    for encoder in token_map.encoders:
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
