"""Words to be asked for though no prompt has them: each in a sentence of its own, as Concept Probe encodes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ...bending.errors import BendError
from ...bending.text.token_field import MARKED, TokenField
from ...bending.text.tokens import TokenMap, resolve
from ...bending.text.words import fold
from ...bending.uncopied import Uncopied
from .pieces import is_unknown
from .prompt_encoding import KEY, encode_marked

PLACE = "{}"
"""Where a sentence has its word."""

MOST = 32
"""So many words may be asked for at once."""

ONE_ALONE = (
    "one probe alone says only where something is, not what. Give two words or more: Attention Maps reads them against "
    "each other."
)


@dataclass(frozen=True, eq=False)
class Probe:
    """A `word`, and its sentence as a conditioning of the guider's: `cond` has its embedding and its token map."""

    word: str
    cond: Mapping[str, Any]

    @property
    def label(self) -> str:
        """How it is called among the recorded words."""
        return f"{self.word}?"

    @property
    def tokens(self) -> TokenMap:
        return self.cond[KEY]

    @cached_property
    def columns(self) -> tuple[int, ...]:
        """The word's, in its own sentence."""
        return resolve(MARKED, self.tokens, self.cond["cross_attn"].shape[1]).columns

    @property
    def is_unknown(self) -> bool:
        """Whether the encoder has no token for it, but one for each of its letters, or bytes."""
        return is_unknown(self.word, self.tokens.encoder().pieces_in(*self.tokens.marked[0]))

    def __str__(self) -> str:
        pieces = " · ".join(piece.text for piece in self.tokens.encoder().pieces_in(*self.tokens.marked[0]))
        return f'{self.label} in "{self.tokens.text}": {pieces}'


@dataclass(frozen=True, eq=False)
class Probes(Uncopied):
    """What travels on a CONCEPT_PROBES wire: probes, the node that they come from, and what is to be said of them."""

    each: tuple[Probe, ...]
    node: str | None = None

    @property
    def notes(self) -> list[str]:
        unknown = ", ".join(f'"{probe.word}"' for probe in self.each if probe.is_unknown)
        notes = [f"the text encoder has no word for {unknown}: such a map means nothing."] if unknown else []
        return notes + [ONE_ALONE] * (len(self.each) == 1)

    def __str__(self) -> str:
        return "\n".join([*map(str, self.each), *(f"⚠ {note}" for note in self.notes)])


def encode_probes(clip, words: str, around: str, node: str | None = None) -> Probes:
    """The words of a comma list, each encoded in the sentence that `around` makes of it.

    Raises BendError for no word, for what is none, for more than MOST, for an `around` without one place for the word,
    and as `encode_prompt` does.
    """
    if around.count(PLACE) != 1:
        raise BendError(
            f"around is {around!r}, where the word has {'no place' if PLACE not in around else 'several places'}. "
            f"Write {PLACE} where it goes, once, as in a {PLACE}.",
            "around",
        )
    listed = _words(words)
    start = around.index(PLACE)
    probes = []
    for word in listed:
        conditioning, _ = encode_marked(clip, around.replace(PLACE, word), (start, start + len(word)))
        embedding, extras = conditioning[0]
        probes.append(Probe(word, {"cross_attn": embedding, **extras}))
    return Probes(tuple(probes), node)


def _words(words: str) -> list[str]:
    if not words.strip():
        raise BendError("words is empty. Type words that are not in the prompt, with commas between.", "words")
    try:
        terms = TokenField.parse(words).terms
    except BendError as error:
        raise BendError(f"words: {error}", "words") from None
    for term in terms:
        if term.selector or term.occurrence is not None or term.scene is not None:
            raise BendError(f"words has {term}, which is no word. Type words, with commas between.", "words")
    listed = list({fold(term.text).text: term.text for term in terms}.values())
    if len(listed) > MOST:
        raise BendError(f"words are {len(listed)}, but at most {MOST} are asked for at once. List fewer.", "words")
    return listed
