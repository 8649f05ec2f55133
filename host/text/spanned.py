"""What every reader learns of a token: which characters of a text it was made from."""

from typing import NamedTuple


class SpannedPiece(NamedTuple):
    """An id, the name it has in the vocabulary, and the span of the text's characters that it stands for."""

    id: int
    name: str
    start: int
    end: int
