"""What the text encoders of the tests really get, and the words that were read of it."""

import unicodedata
from contextlib import contextmanager

import pytest
from attention_bending.host.text.prompt_encoding import encode_prompt

from .encoders import tiny

FAMILY = "👨‍👩‍👧"
"""One character to the eye, of five."""

PART = {
    "LTXV": "t5xxl",
    "Cosmos": "t5xxl",
    "Anima": "t5xxl",
    "Kandinsky 5": "qwen25_7b",
    "LTX-2": "gemma3_12b",
}
"""Whose tokens the columns of each are."""
CAUSAL = ("Kandinsky 5", "LTX-2")
ENCODED = pytest.mark.parametrize("name", PART)


@contextmanager
def listening(clip):
    """The ids that the text models of a CLIP get, by name, as they run."""
    heard, before = {}, {}
    for part, model in clip.cond_stage_model.named_children():
        if hasattr(model, "process_tokens"):

            def listen(tokens, device, *, part=part, process=model.process_tokens):
                heard[part] = tokens
                return process(tokens, device)

            before[model], model.process_tokens = None, listen
    try:
        yield heard
    finally:
        for model in before:
            del model.process_tokens


def ids_of(name: str, text: str) -> tuple[list[int], object]:
    """The id behind each of the encoder's columns that has one, as the host gives them, and the tokens' map."""
    clip = tiny(name)
    with listening(clip) as heard:
        ((embedding, extras),), tokens = encode_prompt(clip, text)
    if name == "Anima":
        assert embedding.shape[1] == len(heard["qwen3_06b"][0]) == tokens.encoder().embedded
        return extras["t5xxl_ids"].tolist(), tokens
    ((ids, *_),) = [given for part, given in heard.items() if part.endswith(PART[name])]  # behind: what weighs nothing
    return ids[len(ids) - embedding.shape[1] :], tokens


def tokenizer_of(name: str):
    outer = tiny(name).tokenizer
    return getattr(outer, getattr(outer, "clip", PART[name])).tokenizer


def decoded(name: str, ids: list[int]) -> str:
    return unicodedata.normalize("NFKC", tokenizer_of(name).decode(ids)).strip()


def covered(tokens, columns) -> set[int]:
    """The places in the text of all characters that the pieces of these columns stand for."""
    pieces = [piece for piece in tokens.encoder().pieces if piece.column in columns]
    return {at for piece in pieces for at in range(piece.start, piece.end)}
