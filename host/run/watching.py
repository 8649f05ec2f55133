"""The words whose maps a run keeps, and the columns of each."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from ...bending.attention.chain import BLOCK
from ...bending.bend import Bend
from ...bending.errors import BendError
from ...bending.text.token_field import ALL, MARKED, TokenField, TokenTerm, replaced
from ...bending.text.tokens import TokenMap
from ...bending.text.words import words_of
from ..maps.recording import NONE, Recording
from .conditionings import Conditioning, Selected, quoted, select

FIRST = 8
"""How many words of the prompt are recorded where no word is bent."""

Watched = dict[TokenTerm, Selected]
"""Words, each once, with the columns of each in every conditioning that has it."""


def watched_words(
    recording: Recording,
    bends: Sequence[Bend],
    conditionings: Sequence[Conditioning],
    beside: Mapping[TokenTerm, Selected],
    warnings: list[str],
) -> Watched:
    """The words that a recording keeps, `beside` those of the recordings before it.

    Raises BendError where it names none, or what has no map.
    """
    if recording.words == NONE:
        return {}
    if recording.words == "prompt words":
        words = _prompt_words(conditionings, beside, warnings)
    else:
        terms = _named(recording, bends, conditionings)
        words = {term: beside.get(term) or _watched(term, terms, conditionings, warnings) for term in terms}
    if not words:
        raise BendError(
            "there is no word to record. Encode the positive prompt with Bend Prompt, or pass its "
            "conditioning through Attach Words."
        )
    return words


def _prompt_words(
    conditionings: Sequence[Conditioning], beside: Mapping[TokenTerm, Selected], warnings: list[str]
) -> Watched:
    """The words of the positive prompts in their order, as many as can be recorded at once; the others are told."""
    terms = [TokenTerm(word) for tokens in _maps(conditionings) for word in words_of(tokens.text)]
    columns: dict[str, set[int]] = defaultdict(set)
    for selected in beside.values():
        for name, (keys,) in selected.items():
            columns[name].update(keys)
    found, beyond, unheard = {}, [], {}
    for term in dict.fromkeys(terms):
        try:
            selected = beside.get(term) or _watched(term, [term], conditionings, [])
        except BendError as error:
            unheard[term] = error
            continue
        joined = {name: columns[name].union(*fields) for name, fields in selected.items()}
        if max(map(len, joined.values())) > BLOCK:
            beyond.append(term)
        else:
            found[term] = selected
            columns.update(joined)
    told = []
    if unheard:
        told.append(f"{quoted(list(map(str, unheard)))} cannot be recorded: {next(iter(unheard.values()))}")
    if beyond:
        told.append(
            f"at most {BLOCK} tokens are recorded at once, so that {quoted(list(map(str, beyond)))} are left out. "
            f'Set record to "listed words", and list those that you mean.'
        )
    if told and not found:
        raise BendError(" ".join(told))
    warnings += [f"Recording: {each}" for each in told]
    return found


def _named(recording: Recording, bends: Sequence[Bend], conditionings: Sequence[Conditioning]) -> list[TokenTerm]:
    """The words that are bent, marked or listed, each once."""
    maps = _maps(conditionings)
    if recording.words == "listed words":
        terms = list(recording.listed.terms)
        if any(term.selector and term.text == ALL for term in terms):
            raise BendError("ALL has no map to show, it is 1 everywhere. List words in record_tokens.", "record_tokens")
    elif recording.words == "marked words":
        terms = list(_marked(maps))
        if not terms:
            raise BendError(
                "no word of the positive prompt is marked. Write (kiss) in Bend Prompt, or set record to "
                '"listed words".'
            )
    else:
        bent = [bend for bend in bends if bend.passes != "negative"]
        tokens = [term for bend in bent for token in bend.tokens for term in token.terms]
        terms = [word for term in tokens for word in _words(term, maps)]
        terms = [
            term for term in dict.fromkeys(terms) if _is_found(term, conditionings)
        ]  # else only in the negative prompt
        terms = terms or [TokenTerm(word) for tokens in maps for word in words_of(tokens.text)[:FIRST]]
    return list(dict.fromkeys(terms))


def _maps(conditionings: Sequence[Conditioning]) -> list[TokenMap]:
    return [cond.tokens for cond in conditionings if cond.role == "positive" and cond.tokens]


def _marked(maps: Sequence[TokenMap]) -> Iterator[TokenTerm]:
    return (TokenTerm(word) for tokens in maps for word in tokens.marked_words)


def _words(term: TokenTerm, maps: Sequence[TokenMap]) -> Sequence[TokenTerm]:
    """The words that a bend's term names: none of most selectors, and none of a whole scene, which may be long."""
    if not term.selector:
        return (term,) if term.text else ()
    return tuple(_marked(maps)) if term.text == MARKED else ()


def _is_found(term: TokenTerm, conditionings: Sequence[Conditioning]) -> bool:
    try:
        return bool(_watched(term, [term], conditionings, []))
    except BendError:
        return False


def _watched(
    term: TokenTerm, terms: Sequence[TokenTerm], conditionings: Sequence[Conditioning], warnings: list[str]
) -> Selected:
    """The columns of one of the terms that are recorded together."""
    notes: list[str] = []
    try:
        selected = select({"record_tokens": TokenField(term.token, (term,))}, "positive", conditionings, notes)
    except BendError as error:
        offers = tuple(replaced(terms, term, offer) for offer in error.offers)
        raise BendError(str(error), error.field, offers) from None
    warnings += [f"Recording: {note}" for note in notes]
    return selected
