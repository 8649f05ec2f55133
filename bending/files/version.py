"""Which version a file of bends has: the first that knows all that it holds, so that older packs read what they can."""

from collections.abc import Iterator

from ..bend import Bend, Bending
from ..text.token_field import MARKED

VERSION = 2
"""The newest."""


def version_of(bending: Bending) -> int:
    return VERSION if newer(bending) else 1


def newer(bending: Bending) -> list[str]:
    """What version 1 does not know, or takes for something else, by its name in the file."""
    return list(dict.fromkeys(name for bend in bending for name in _newer(bend)))


def _newer(bend: Bend) -> Iterator[str]:
    if any(term.selector and term.text == MARKED for field in bend.tokens for term in field.terms):
        yield MARKED
