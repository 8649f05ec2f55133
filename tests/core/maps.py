"""Token maps made by hand."""

from dataclasses import replace

import pytest
from attention_bending.bending.errors import BendError
from attention_bending.bending.text.prompt import parse_prompt
from attention_bending.bending.text.scenes import compose, parse_scenes
from attention_bending.bending.text.tokens import EncoderTokens, Piece, TokenMap, resolve


def token_map(*pieces: str, marked=(), columns: int = 512) -> TokenMap:
    """The map of a prompt that is `pieces` joined, one token each, then END and padding; the spans without blanks."""
    text, tokens = "", []
    for column, piece in enumerate(pieces):
        start = len(text) + len(piece) - len(piece.lstrip())
        text += piece
        tokens.append(Piece(piece.replace(" ", "▁"), start, max(start, len(text.rstrip())), column))
    count = len(tokens)
    end, padding = (count,), tuple(range(count + 1, columns))
    return TokenMap(text, (EncoderTokens("umt5xxl", tuple(tokens), end, padding, columns),), tuple(marked))


def by_character(text: str) -> TokenMap:
    """One token a character: a word's columns are its places."""
    marks = parse_prompt(text)
    return replace(token_map(*marks.text, columns=len(marks.text) + 8), marked=marks.marked)


def scenes_map(text, whole="", moving=True):
    """The token map of scenes, a token a character, and the prompt with its weights."""
    prompt, spans = compose(parse_scenes(text), whole, moving)
    return replace(by_character(prompt.without_weights().host_text), scenes=spans), prompt


KISS = token_map("a", " roman", "tic", " kiss", ",", " a", " kiss", "ing", " rose", ".")
"""What many tests bend words of."""


def refusal(token: str, tokens: TokenMap) -> str:
    """What is said of a token that names none of these."""
    with pytest.raises(BendError) as error:
        resolve(token, tokens)
    return str(error.value)
