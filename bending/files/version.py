"""Which version a file of bends has: the first that knows all that it holds, so that older packs read what they can."""

from collections.abc import Iterator

from ..bend import Bend, Bending
from ..text.token_field import MARKED
from ..time.stretch import Stretch

VERSION = 2
"""The newest."""


def version_of(bending: Bending) -> int:
    scenes = any(term.scene is not None for bend in bending for field in bend.tokens for term in field.terms)
    return VERSION if scenes or newer(bending) else 1


def newer(bending: Bending) -> list[str]:
    """What version 1 does not know, by its name in the file; `star@2` it knows, as a word."""
    return list(dict.fromkeys(name for bend in bending for name in _newer(bend)))


def _newer(bend: Bend) -> Iterator[str]:
    if any(isinstance(moving.track, Stretch) for moving in bend.animations):
        yield "stretch"
    if any(term.selector and term.text == MARKED for field in bend.tokens for term in field.terms):
        yield MARKED
