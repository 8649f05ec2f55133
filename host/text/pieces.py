"""What a text encoder would make of a prompt, told while it is typed: its tokenizer is made, and no model is loaded."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import folder_paths

from ...bending.errors import BendError
from ...bending.text.prompt import Prompt, Weight, parse_prompt, unmarked
from ...bending.text.scenes import compose, parse_scenes
from ...bending.text.token_field import ALL, MARKED, TokenTerm
from ...bending.text.tokens import EncoderTokens, Piece, TokenMap
from ...bending.text.words import is_letter
from ...bending.timeline import weighed
from .own_bends import given
from .prompt_encoding import read_prompt
from .sources import Source, Unknown, source_of, version, vocabulary

LONGEST = 20_000
"""So many characters a text may have."""

_UNKNOWN_PIECE = "<unk>"


@dataclass(frozen=True)
class Place:
    """Where a word stands: `start` to `end` in the clean text, the same in the `typed` one, and which pieces it has.

    `token` is a token field that means this place alone.
    """

    token: str
    start: int
    end: int
    typed: tuple[int, int]
    pieces: tuple[int, ...]


@dataclass(frozen=True)
class PromptWord:
    """A word of a prompt: the `token` field that means it, and where it stands.

    `unknown` says that the encoder has no piece for it, and takes it letter by letter.
    """

    text: str
    token: str
    marked: bool
    unknown: bool
    places: tuple[Place, ...]


@dataclass(frozen=True)
class PromptPieces:
    """A prompt as an encoder takes it.

    typed    the text that was given; `text` is it without its marks
    tokens   the map that Bend Prompt would make; None where it cannot be known, and `why` says so
    problem  what Bend Prompt would refuse the text with; nothing else is known then
    words    marked ones first, each once
    scenes   as a TokenMap has them
    weights  those that the attention is given: (start, end) in `text`, and the weight
    """

    typed: str
    text: str = ""
    tokens: TokenMap | None = None
    words: tuple[PromptWord, ...] = ()
    why: str = ""
    problem: str = ""
    scenes: tuple[tuple[int, int], ...] = ()
    weights: tuple[tuple[int, int, Weight], ...] = ()

    @property
    def encoder(self) -> EncoderTokens | None:
        return self.tokens.encoder() if self.tokens else None

    @property
    def selectors(self) -> tuple[str, ...]:
        """The selectors that select something; where no more is known ALL, and MARKED where a word is marked."""
        if self.tokens:
            return tuple(self.tokens.kinds())
        return (ALL, MARKED) if any(word.marked for word in self.words) else (ALL,)


def pieces_of(loader: str, inputs: Mapping[str, Any], text: str, weights: str = "") -> PromptPieces:
    """What the text encoder that the node of class `loader` loads with these `inputs` makes of `text`, as it was typed.

    Of the `weights` it is said whose they are, as on Bend Prompt; else they are the encoder's, if they can be. Raises
    BendError for a text that is longer than LONGEST.
    """
    _check_length(text)
    try:
        prompt = parse_prompt(text, moving=weights != "encoder")
        weights = weights or ("attention" if prompt.moves else "encoder")
        if weights == "attention":
            weighed(prompt, TokenMap(prompt.text, (), prompt.marked))
    except BendError as error:
        return PromptPieces(text, problem=str(error))
    return replace(_pieces_of(loader, inputs, text, given(prompt, weights)), weights=_attended(prompt, weights))


def pieces_of_scenes(
    loader: str, inputs: Mapping[str, Any], text: str, whole_film: str, weights: str = ""
) -> PromptPieces:
    """The same of the one text that Bend Timeline makes of scenes; `typed` is that, without weights."""
    _check_length(text + whole_film)
    try:
        prompt, scenes = compose(parse_scenes(text), whole_film, moving=weights != "encoder")
    except BendError as error:
        return PromptPieces(text, problem=str(error))
    plain = prompt.without_weights()
    return _pieces_of(loader, inputs, plain.host_text, plain, scenes)


def _attended(prompt: Prompt, weights: str) -> tuple[tuple[int, int, Weight], ...]:
    return prompt.weights if weights == "attention" else ()


def _check_length(text: str) -> None:
    if len(text) > LONGEST:
        raise BendError(f"The prompt has {len(text)} characters; at most {LONGEST} are looked at.", "text")


def _pieces_of(
    loader: str, inputs: Mapping[str, Any], text: str, prompt: Prompt, scenes: tuple[tuple[int, int], ...] = ()
) -> PromptPieces:
    try:
        source = source_of(loader, inputs)
        tokenizer = _tokenizer(source, *version(source.file))
    except Unknown as why:
        words = _words(prompt, TokenMap(prompt.text, (), prompt.marked))
        return PromptPieces(text, prompt.text, None, words, f"known after a run: {why}", scenes=scenes)
    try:
        tokens, _ = read_prompt(tokenizer, source.encoder, prompt, tokenizer.tokenize_with_weights)
    except BendError as error:
        return PromptPieces(text, problem=str(error))
    return PromptPieces(text, prompt.text, replace(tokens, scenes=scenes), _words(prompt, tokens), scenes=scenes)


def pieces_of_run(text: str, tokens: TokenMap, weights: str = "encoder") -> PromptPieces:
    """What Bend Prompt made of `text` in a run."""
    try:
        prompt = parse_prompt(text, moving=True)
    except BendError:  # Attach Words reads what ComfyUI reads
        prompt = None
    if prompt is None or prompt.text != tokens.text:
        prompt = unmarked(tokens.text, text)
    return PromptPieces(text, tokens.text, tokens, _words(prompt, tokens), weights=_attended(prompt, weights))


@lru_cache(maxsize=4)
def _tokenizer(source: Source, _modified: int, _size: int):
    """The host's own tokenizer. Raises Unknown where the host has none, or the file no vocabulary."""
    module, _, name = source.encoder.tokenizer.partition(":")
    try:
        tokenizer = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError):
        raise Unknown(f"this ComfyUI has no {name}.") from None
    embeddings = folder_paths.get_folder_paths("embeddings")
    return tokenizer(embedding_directory=embeddings, tokenizer_data=vocabulary(source))


def _words(prompt: Prompt, tokens: TokenMap) -> tuple[PromptWord, ...]:
    pieces = tokens.encoders[0].pieces if tokens.encoders else ()
    holders = _holders(pieces)
    marked = set(tokens.marked_words)
    words = []
    for word in tokens.words:
        spans, field = tokens.places(word), TokenTerm(word).token
        places = []
        for number, (start, end) in enumerate(spans, 1):
            own = {
                piece
                for at in range(start, end)
                for piece in holders.get(at, ())
                if at > start or pieces[piece].end > start
            }
            token = f"{field}#{number}" if len(spans) > 1 else field
            last = 2 if prompt.text[end - 1] in "()" else 1  # a real bracket was typed behind a backslash
            typed = prompt.typed[start], prompt.typed[end - 1] + last
            places.append(Place(token, start, end, typed, tuple(sorted(own))))
        unknown = any(is_unknown(word, [pieces[index] for index in place.pieces]) for place in places)
        words.append(PromptWord(word, field, word in marked, unknown, tuple(places)))
    return tuple(words)


def _holders(pieces: tuple[Piece, ...]) -> dict[int, list[int]]:
    """By a character's place, the numbers of the pieces that hold it; of blanks alone, those that stand before it."""
    holders: dict[int, list[int]] = {}
    for number, piece in enumerate(pieces):
        for at in range(piece.start, max(piece.end, piece.start + 1)):
            holders.setdefault(at, []).append(number)
    return holders


def is_unknown(text: str, pieces: list[Piece]) -> bool:
    """Whether a word has no piece but an unknown one, or one for each of its letters."""
    letter_by_letter = len(pieces) > 1 and all(piece.end - piece.start == 1 for piece in pieces)
    return (letter_by_letter and all(map(is_letter, text))) or any(piece.text == _UNKNOWN_PIECE for piece in pieces)
