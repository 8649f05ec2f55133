"""What the sampler would say of a token field, told while it is typed: by the code that a run resolves it with."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ...bending.errors import BendError
from ...bending.text.prompt import parse_prompt
from ...bending.text.token_field import TokenField, TokenTerm
from ...bending.text.tokens import EncoderTokens, Piece, TokenMap, resolve_each
from .pieces import PromptPieces


@dataclass(frozen=True)
class Problem:
    """A `message` about one `term` of a field, or about all of it (""), and texts that the field could have instead.

    `severity` is "error" for what is refused when a sampler starts, "note" for what its report says.
    """

    message: str
    term: str = ""
    offers: tuple[str, ...] = ()
    severity: str = "error"

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "offers": list(self.offers)}


def check_field(field: str, prompts: PromptPieces | str | Sequence[PromptPieces | str]) -> list[Problem]:
    """The problems of a `field` of a bend that meets these `prompts`: one of them must have each of its terms.

    A prompt is what `pieces_of` gives, or a text as it was typed: then its words are looked for alone, and what no
    prompt can tell without its encoder is let pass. One that is not yet a prompt is left out.
    """
    try:
        terms = TokenField.parse(field).terms
    except BendError as error:
        return [Problem(str(error))]
    given = [prompts] if isinstance(prompts, PromptPieces | str) else prompts
    contexts = [(tokens, tokens.encoder().columns) for tokens in map(_map_of, given) if tokens]
    problems = []
    for number, term in enumerate(terms if contexts else ()):
        try:
            selections = resolve_each(TokenField(term.token, (term,)), contexts)
        except BendError as error:
            offers = tuple(_field(terms, number, offer) for offer in error.offers)
            problems.append(Problem(str(error), str(term), offers))
        else:
            notes = dict.fromkeys(note for selection in selections for note in selection.notes)
            problems += [Problem(note, str(term), severity="note") for note in notes]
    return problems


def _field(terms: tuple[TokenTerm, ...], number: int, offer: str) -> str:
    """The field with another text for that term."""
    return ", ".join(offer if place == number else term.token for place, term in enumerate(terms))


def _map_of(prompt: PromptPieces | str) -> TokenMap | None:
    if isinstance(prompt, PromptPieces):
        return prompt.tokens or _by_character(prompt.typed, prompt.scenes)
    return _by_character(prompt)


def _by_character(typed: str, scenes: tuple[tuple[int, int], ...] = ()) -> TokenMap | None:
    """A map as of an encoder that has a token for each character and each kind of column; None for no prompt."""
    try:
        prompt = parse_prompt(typed, moving=True)
    except BendError:
        return None
    count = len(prompt.text)
    pieces = tuple(Piece(char, at, at + 1, at) for at, char in enumerate(prompt.text))
    encoder = EncoderTokens("", pieces or (Piece("", 0, 0, 0),), (count,), (count,), count + 1, registers=(count,))
    return TokenMap(prompt.text, (encoder,), prompt.marked, scenes=scenes)
