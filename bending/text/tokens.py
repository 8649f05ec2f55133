"""From words to attention columns: where each token of an encoded prompt comes from, and which of them a bend means.

**Convention.** A column is a token's place, from 0, in the sequence that the diffusion model attends to. A piece is a
token made from the prompt's text; its span counts characters of the clean text and holds no blanks at its ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..errors import BendError
from .suggest import not_in_prompt
from .token_field import ALL, END, MARKED, PADDING, PROMPT, REGISTERS, TokenField, TokenTerm, replaced
from .words import find, fold, is_blank, unique, words_of


@dataclass(frozen=True)
class Piece:
    """One token of the prompt: what the tokenizer calls it, its (start, end) in the text, its column, its weight.

    The span is empty where the token stands for blanks only, such as SentencePiece's lone `▁`.
    """

    text: str
    start: int
    end: int
    column: int
    weight: float = 1.0


@dataclass(frozen=True)
class EncoderTokens:
    """What one text encoder made of the prompt: its pieces, the columns of end and padding tokens, how many in all.

    registers     columns that the model itself puts behind the prompt's
    special       (column, name) of what is none of these, such as a token that begins the sequence
    embedded      how many tokens the conditioning's embedding has, where the model makes other columns of them
    embedded_by   the part of the encoder that made the embedding, where it is another than the one named
    unheard       text of the prompt that the encoder does not hear
    notes         sentences about how the prompt was read
    """

    name: str
    pieces: tuple[Piece, ...]
    end: tuple[int, ...]
    padding: tuple[int, ...]
    columns: int
    registers: tuple[int, ...] = ()
    special: tuple[tuple[int, str], ...] = ()
    embedded: int | None = None
    embedded_by: str = ""
    unheard: str = ""
    notes: tuple[str, ...] = ()

    def pieces_in(self, start: int, end: int) -> list[Piece]:
        """The pieces that have a part in the text from `start` to `end`."""
        return [piece for piece in self.pieces if piece.start < end and start < piece.end]

    @property
    def kinds(self) -> dict[str, tuple[int, ...]]:
        """The columns of each selector but MARKED, for those selectors that have any."""
        pieces = tuple(sorted(piece.column for piece in self.pieces))
        kinds = {PROMPT: pieces, PADDING: self.padding, END: self.end, REGISTERS: self.registers}
        return {ALL: tuple(range(self.columns)), **{kind: columns for kind, columns in kinds.items() if columns}}


@dataclass(frozen=True)
class TokenMap:
    """Which token stands where: travels with a conditioning, equal where it says the same.

    text          the clean prompt
    encoders      one entry for each text encoder that read it
    marked        (start, end) in `text` of the marked words
    fingerprint   digest of the embedding that it describes; empty where there is none
    source        which kind of text encoder it was, and how it is loaded, in words; empty where that is not known
    scenes        (start, end) in `text` of what is heard in all scenes, then of each scene; empty where there are none
    """

    text: str
    encoders: tuple[EncoderTokens, ...]
    marked: tuple[tuple[int, int], ...] = ()
    fingerprint: str = ""
    source: str = ""
    scenes: tuple[tuple[int, int], ...] = ()

    def encoder(self, name: str | None = None) -> EncoderTokens:
        """The encoder called `name`, or the only one. Raises BendError, naming them, where that is no single one."""
        chosen = [encoder for encoder in self.encoders if name in (None, encoder.name)]
        if len(chosen) != 1:
            names = ", ".join(encoder.name for encoder in self.encoders)
            raise BendError(f"text encoder {name or 'not given'}: this prompt was read by {names}. Name one of these.")
        return chosen[0]

    def kinds(self, name: str | None = None) -> dict[str, tuple[int, ...]]:
        """The columns in an encoder of each selector that has any; `name` as in `encoder`."""
        encoder = self.encoder(name)
        marked = {piece.column for span in self.marked for piece in encoder.pieces_in(*span)}
        return encoder.kinds | ({MARKED: tuple(sorted(marked))} if marked else {})

    def places(self, word: str) -> list[tuple[int, int]]:
        """Where `word` stands; a marked part of a longer word is a word, too, since its mark says so."""
        wanted = fold(word).text.split()
        marked = {span for span in self.marked if fold(self.text[slice(*span)]).text.split() == wanted}
        return sorted(marked.union(find(word, self.text)))

    @property
    def marked_words(self) -> tuple[str, ...]:
        """The marked words, each once."""
        return unique(self.text[start:end] for start, end in self.marked)

    @property
    def words(self) -> tuple[str, ...]:
        """The words that can be bent, each once, the marked ones first."""
        return unique((*self.marked_words, *words_of(self.text)))


@dataclass(frozen=True)
class Word:
    """A term of a `token` field as it was written, and the columns that it selects."""

    name: str
    columns: tuple[int, ...]


@dataclass(frozen=True)
class Selection:
    """What a `token` field means for one conditioning.

    columns   sorted, each once
    is_all    whether ALL was asked for: every column there is
    words     each term that was found, with its own columns
    notes     sentences for the report, such as a piece that is shared with a neighbouring word
    missing   the terms that this conditioning does not have (`resolve_each`)
    """

    columns: tuple[int, ...]
    is_all: bool
    words: tuple[Word, ...]
    notes: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def resolve(
    token: str | TokenField, tokens: TokenMap | None, columns: int | None = None, encoder: str | None = None
) -> Selection:
    """The columns that `token` means in a prompt.

    A conditioning without a map (`tokens` None) takes ALL only, with its column count in `columns`; with a map
    `columns`, where given, is what the conditioning really has: as many as its embedding, or as the model makes of it.

    Raises BendError for a malformed `token`, and for each reason that a term has no column here: no such word (with
    those there are), no such occurrence, no map, a map of another column count.
    """
    selection, failed = _select(_terms(token), tokens, columns, encoder)
    if failed:
        raise next(iter(failed.values()))
    return selection


def resolve_each(
    token: str | TokenField, contexts: Sequence[tuple[TokenMap | None, int]], encoder: str | None = None
) -> tuple[Selection, ...]:
    """`resolve` for the conditionings of one pass, each a map and its column count.

    A term must be in at least one of them; where it is not, it is listed in that selection's `missing`. Raises the
    BendError of the first conditioning with a map for a term that none has; it offers whole fields.
    """
    terms = _terms(token)
    results = [_select(terms, tokens, columns, encoder) for tokens, columns in contexts]
    mapped_first = sorted(zip(contexts, results, strict=True), key=lambda pair: pair[0][0] is None)
    for term in terms:
        errors = [failed[term] for _, (_, failed) in mapped_first if term in failed]
        if errors and len(errors) == len(results):
            whole = tuple(replaced(terms, term, offer) for offer in errors[0].offers)
            raise BendError(str(errors[0]), errors[0].field, whole)
    return tuple(selection for selection, _ in results)


def describe(tokens: TokenMap) -> str:
    """A prompt's marked words and its tokens by column, for a person."""
    lines = []
    for encoder in tokens.encoders:
        names = [(piece.column, piece.text) for piece in encoder.pieces] + [(column, "end") for column in encoder.end]
        shown = " · ".join(f"{column} {name}" for column, name in sorted([*names, *encoder.special]))
        for columns, name in ((encoder.padding, "padding"), (encoder.registers, "registers")):
            shown += f" · {columns[0]}–{columns[-1]} {name}" if columns else ""
        marked = [f"{word} ({_numbers(encoder, tokens, word)})" for word in tokens.marked_words]
        lines.append(f"marked: {', '.join(marked) or 'nothing'}")
        lines.append(f"{encoder.name}, {encoder.columns} columns: {shown}")
        lines += encoder.notes
        if encoder.unheard:
            lines.append(f'Cut off, so that {encoder.name} does not hear it: "{encoder.unheard}"')
    return "\n".join(lines)


def _numbers(encoder: EncoderTokens, tokens: TokenMap, word: str) -> str:
    columns = sorted({piece.column for place in tokens.places(word) for piece in encoder.pieces_in(*place)})
    return ", ".join(map(str, columns)) or "no token"


def _terms(token: str | TokenField) -> tuple[TokenTerm, ...]:
    return (token if isinstance(token, TokenField) else TokenField.parse(token)).terms


def _select(
    terms: Sequence[TokenTerm], tokens: TokenMap | None, columns: int | None, encoder: str | None
) -> tuple[Selection, dict[TokenTerm, BendError]]:
    words, notes, failed = {}, [], {}
    for term in terms:
        try:
            columns_found, remarks = _columns_of(term, tokens, columns, encoder)
        except BendError as error:
            failed[term] = error
            continue
        same = fold(term.text).text, term.occurrence, term.selector, term.scene
        words.setdefault(same, Word(str(term), columns_found))
        notes += remarks
    chosen = sorted({column for word in words.values() for column in word.columns})
    is_all = any(term.selector and term.text == ALL for term in terms)
    missing = tuple(dict.fromkeys(map(str, failed)))
    return Selection(tuple(chosen), is_all, tuple(words.values()), tuple(dict.fromkeys(notes)), missing), failed


def _columns_of(
    term: TokenTerm, tokens: TokenMap | None, columns: int | None, name: str | None
) -> tuple[tuple[int, ...], list[str]]:
    """A term's columns and what is to be said about them."""
    if term.selector and term.text == ALL:
        if columns is None:
            columns = tokens.encoder(name).columns
        elif tokens is not None:  # the model may make more of them
            columns = next((each.columns for each in tokens.encoders if each.embedded == columns), columns)
        return tuple(range(columns)), []
    if tokens is None:
        raise BendError(
            f'"{term}" cannot be found: this conditioning was not made by Bend Prompt. '
            "Encode the prompt with the Bend Prompt node, or bend ALL."
        )
    encoder = tokens.encoder(name)
    if columns not in (None, encoder.columns, encoder.embedded):
        made = encoder.columns if encoder.embedded is None else encoder.embedded
        raise BendError(
            f'"{term}" cannot be found: the conditioning has {columns} tokens, but Bend Prompt made {made}. '
            "Take out what changes its length after Bend Prompt (such as ConditioningConcat), or bend ALL."
        )
    if term.selector:
        kinds = tokens.kinds(name)
        if term.text not in kinds:
            cure = " Mark a word in Bend Prompt, as in (kiss)." if term.text == MARKED else ""
            raise BendError(
                f"{term} selects nothing: of this prompt's {encoder.columns} tokens none is of that kind. "
                f"{encoder.name} has {', '.join(kinds)}.{cure}",
                "token",
            )
        if term.text != MARKED:
            return tuple(sorted(kinds[term.text])), []
    places = list(tokens.marked) if term.selector else _places(term, tokens)
    if term.occurrence is not None:
        if term.occurrence > len(places):
            times = "once" if len(places) == 1 else f"{len(places)} times"
            last = replace(term, occurrence=len(places) if len(places) > 1 else None).token
            where = "the prompt" if term.scene is None else f"scene {term.scene}"
            raise BendError(
                f'there is no "{term}": "{term.text}" is in {where} {times}. Count from 1.', "token", (last,)
            )
        places = [places[term.occurrence - 1]]
    columns_found, notes = set(), []
    for place in places:
        for piece in encoder.pieces_in(*place):
            columns_found.add(piece.column)
            notes += _shared(piece, tokens.text, *place)
    if not columns_found:
        raise BendError(
            f'"{term}" is in the prompt, but the text encoder {encoder.name} made no token of it '
            "(it drops an embedding: that it does not find). Reword the prompt."
        )
    return tuple(sorted(columns_found)), notes


def _places(term: TokenTerm, tokens: TokenMap) -> list[tuple[int, int]]:
    """Where a term stands, all occurrences. Raises BendError where it does not."""
    if term.scene is not None and tokens.scenes:
        return _places_in_scene(term, tokens)
    word = term.text
    if term.scene is not None:
        word = f"{word}@{term.scene}"  # in a prompt without scenes that is a word
        if not term.text or term.occurrence is not None or not tokens.places(word):
            offers = (replace(term, scene=None).token,) if term.text else ()
            raise BendError(
                f'"{term}" asks for a scene, but this prompt has no scenes. Encode it with Bend Timeline, or name '
                f"{'the word without @' if term.text else 'words, or PROMPT'}.",
                "token",
                offers,
            )
    places = tokens.places(word)
    if not places:
        raise not_in_prompt(word, tokens.text, tokens.words, len(tokens.marked_words))
    return places


def _places_in_scene(term: TokenTerm, tokens: TokenMap) -> list[tuple[int, int]]:
    count = len(tokens.scenes) - 1
    if term.scene > count:
        scenes = "1 scene" if count == 1 else f"{count} scenes"
        raise BendError(
            f'"{term}" asks for scene {term.scene}, but this prompt has {scenes}. Count from 1.',
            "token",
            (replace(term, scene=count).token,),
        )
    start, end = tokens.scenes[term.scene]
    name, text = f"scene {term.scene}" if term.scene else "what the whole film hears", tokens.text[start:end]
    if not text:
        raise BendError(
            f'"{term}" cannot be found: the timeline has no text for the whole film. Write one, or name a scene.',
            "token",
        )
    places = [place for place in tokens.places(term.text) if start <= place[0] and place[1] <= end]
    if term.text and not places:
        offers = (replace(term, scene=None).token,) if tokens.places(term.text) else ()
        raise BendError(f'there is no "{term.text}" in {name}: it reads "{text}".', "token", offers)
    return places if term.text else [(start, end)]


def _shared(piece: Piece, text: str, start: int, end: int) -> list[str]:
    """A sentence if the piece holds more than the match from `start` to `end`."""
    beyond = text[piece.start : start] + text[end : piece.end]
    if all(map(is_blank, beyond)):
        return []
    whole, word = text[piece.start : piece.end], text[start:end]
    return [f'"{word}" shares the token "{whole}" (column {piece.column}) with its neighbour: both are bent.']
