"""Words to click: those that a token field can have, and those of a prompt with the pieces that they are made of."""

from collections.abc import Iterator, Sequence
from typing import Any

from ...bending.errors import BendError
from ...bending.text.prompt import parse_prompt
from ...bending.text.token_field import ALL, KINDS, TokenField, TokenTerm
from ...bending.text.tokens import Piece
from ...bending.text.words import fold, words_of
from .fields import Problem
from .pieces import Place, PromptPieces


def field_chips(field: str, prompts: Sequence[PromptPieces], problems: Sequence[Problem]) -> list[dict[str, Any]]:
    """What a click may put into a `field`, or take out of it: its `prompts`' words, what else it has, and selectors.

    Each with what the field is `then`: a word joins the others, a selector stands alone, and what is in no prompt (by
    the field's own `problems`) is left behind.
    """
    try:
        terms = TokenField.parse(field).terms
    except BendError:
        terms = ()
    wrong = {problem.term for problem in problems if problem.severity == "error"}
    kept = [(_same(term), term.selector, term.token) for term in terms if str(term) not in wrong]
    has = {_same(term) for term in terms}
    words = sorted((word for prompt in prompts for word in prompt.words), key=lambda word: not word.marked)
    selectors = {kind for prompt in prompts for kind in prompt.selectors} | {ALL}
    offered: dict[tuple, dict[str, Any]] = {}

    def offer(term: TokenTerm, kind: str, token: str, **told: bool):
        key = _same(term)
        if key in offered:
            return
        if key in has:
            then = [other for same, _, other in kept if same != key]
        else:
            then = [other for _, selector, other in kept if not selector and not term.selector] + [token]
        offered[key] = {"text": str(term), "kind": kind, "on": key in has, "then": ", ".join(then), **told}

    for word in words:
        offer(TokenTerm(word.text), "marked" if word.marked else "word", word.token, unknown=word.unknown)
    for number in range(max((len(prompt.scenes) for prompt in prompts), default=0)):
        if any(start < end for prompt in prompts for start, end in prompt.scenes[number : number + 1]):
            scene = TokenTerm("", scene=number)
            offer(scene, "scene", scene.token)
    for term in terms:
        if not term.selector or term.text not in selectors:
            offer(term, "wrong" if str(term) in wrong else "own", term.token)
    for kind in KINDS:
        if kind in selectors:
            offer(TokenTerm(kind, selector=True), "selector", kind)
    return list(offered.values())


def prompt_told(prompt: PromptPieces, whole_words: bool = False) -> dict[str, Any]:
    """All that the page shows of a prompt: its chips, how many columns there are of which kind, what is to be said.

    An encoder that knows `whole_words`, as the toy's, does not know those that it takes in several pieces.
    """
    encoder = prompt.encoder
    return {
        "typed": prompt.typed,
        "chips": list(_prompt_chips(prompt, whole_words)),
        "kinds": {kind: len(columns) for kind, columns in encoder.kinds.items()} if encoder else {},
        "cut": encoder.unheard if encoder else "",
        "notes": list(encoder.notes) if encoder else [],
        "why": prompt.why,
        "problem": prompt.problem,
    }


def _prompt_chips(prompt: PromptPieces, whole_words: bool) -> Iterator[dict[str, Any]]:
    """In the prompt's order: what a click marks, a marked phrase as one, and the pieces between.

    `typed` is a chip's place in the text as it was typed, for `bending.text.marking.toggled`; a piece between has none.
    """
    pieces = prompt.encoder.pieces if prompt.encoder else ()
    places = _apart(prompt)
    held = {index for place, *_ in places for index in place.pieces}
    between = [((piece.start, piece.end), None, (piece,)) for at, piece in enumerate(pieces) if at not in held]
    clicked = [((place.start, place.end), told, [pieces[at] for at in place.pieces]) for place, told in places]
    for (start, end), told, own in sorted(clicked + between, key=lambda chip: chip[0]):
        text = prompt.text[start:end]
        chip = {"text": text, "pieces": list(_names(prompt.text, own)), "weight": _weight(prompt, start, own)}
        if told:
            chip |= told
            chip["unknown"] |= whole_words and len(own) > len(words_of(text))
        yield chip


def _weight(prompt: PromptPieces, start: int, own: Sequence[Piece]) -> str:
    """The attention's weight there, or else the encoder's, as a chip shows it: `×1.3` or `1 > 0`; empty for none."""
    (weight,) = [w for first, last, w in prompt.weights if first <= start < last] or [own[0].weight if own else 1.0]
    if isinstance(weight, tuple):
        return " > ".join(f"{value:g}" for value in weight)
    return "" if weight == 1.0 else f"×{weight:g}"


def _same(term: TokenTerm) -> tuple:
    return fold(term.text).text, term.occurrence, term.selector, term.scene


def _apart(prompt: PromptPieces) -> list[tuple[Place, dict[str, Any]]]:
    """Places of words that share no character: the marked ones, then the longest."""
    tokens = prompt.tokens or (parse_prompt(prompt.typed, moving=True) if prompt.words else None)
    marked = set(tokens.marked if tokens else ())
    each = [
        (place, {"typed": place.typed, "marked": (place.start, place.end) in marked, "unknown": word.unknown})
        for word in prompt.words
        for place in word.places
    ]
    covered = bytearray(len(prompt.text))
    apart = []
    for place, told in sorted(each, key=lambda pair: (not pair[1]["marked"], pair[0].start - pair[0].end)):
        if not any(covered[place.start : place.end]):
            covered[place.start : place.end] = bytes([1]) * (place.end - place.start)
            apart.append((place, told))
    return apart


def _names(text: str, pieces: Sequence[Piece]) -> Iterator[str]:
    """What each piece stands for in the text; its own name where that is nothing, or another's too."""
    spans = [(piece.start, piece.end) for piece in pieces]
    for piece, span in zip(pieces, spans, strict=True):
        yield (text[slice(*span)] if spans.count(span) == 1 else "") or piece.text.replace("▁", "␣")
