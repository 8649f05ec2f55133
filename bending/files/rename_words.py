"""Other words for the words of a bending: a recipe made for one prompt, used with another."""

import re
from dataclasses import replace

from ..bend import Bend, Bending
from ..errors import BendError
from ..text.lists import at_commas, straight_quotes
from ..text.token_field import TokenField, TokenTerm
from ..text.words import fold

_PAIR = re.compile(r'\s*((?:"[^"]*"|[^"=])+?)\s*=\s*(.+?)\s*', re.DOTALL)
_HOW = 'Write kiss=rose, "red, round"=sea.'


def replace_words(bending: Bending, words: str) -> Bending:
    """The bending with words replaced as `kiss=rose, sunset=sea` says; an empty text changes nothing.

    Left stands a word or selector that the bends name, right what takes its place, each as in a token field; without
    an occurrence or scene of its own the right one keeps that of the left. Where the bends name a single word, the new
    one alone is enough. Raises BendError for what cannot be read, and for a word that no bend names, with those that
    they name.
    """
    if not words.strip():
        return bending
    named = dict.fromkeys(_key(term) for bend in bending for token in bend.tokens for term in token.terms)
    pairs, parts = {}, at_commas(straight_quotes(words))
    for part in parts:
        pair = _PAIR.fullmatch(part)
        if pair is None and len(named) == len(parts) == 1:
            old, new = next(iter(named)), _term(part)
        elif pair is None:
            raise BendError(f'words has "{part.strip()}", where no = says what takes which place. {_HOW}')
        else:
            old, new = _key(_term(pair[1])), _term(pair[2])
        if old not in named:
            words_named = ", ".join(word for word, _ in named) or "no word"
            raise BendError(f'no bend names "{pair[1]}". They name {words_named}: give one of these other words.')
        if old in pairs:
            raise BendError(f'words gives "{pair[1]}" two other words. Keep one of them.')
        pairs[old] = new

    def renamed(bend: Bend) -> Bend:
        token, *others = (_renamed(field, pairs) for field in bend.tokens)
        operator = replace(bend.operator, **dict(zip(bend.operator.token_fields, others, strict=True)))
        return replace(bend, token=token, operator=operator)

    return Bending(tuple(map(renamed, bending)))


def _key(term: TokenTerm) -> tuple[str, bool]:
    return (term.text if term.selector else fold(term.text).text or str(term)), term.selector


def _term(text: str) -> TokenTerm:
    terms = TokenField.parse(text).terms
    if len(terms) > 1:
        raise BendError(f'words has "{text.strip()}" where one word belongs. {_HOW}')
    return terms[0]


def _renamed(field: TokenField, pairs: dict[tuple[str, bool], TokenTerm]) -> str:
    if not any(_key(term) in pairs for term in field.terms):
        return field.text
    return ", ".join(_with_count(pairs.get(_key(term)), term).token for term in field.terms)


def _with_count(new: TokenTerm | None, old: TokenTerm) -> TokenTerm:
    if new is None:
        return old
    if new.selector or not (new.text and old.text):
        return new
    scene = old.scene if new.scene is None else new.scene
    return replace(new, occurrence=new.occurrence or old.occurrence, scene=scene)
