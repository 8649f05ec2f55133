"""SentencePiece with offsets: which characters of a text each of its ids was made from.

Read from the processor's serialized `SentencePieceText`, the one form with offsets that every release has (0.2.3
refuses the `immutable_proto` of older ones), by a reader of our own, since ComfyUI does not bring protobuf.
"""

from collections.abc import Iterator
from itertools import accumulate

from ...bending.text.words import visible
from .spanned import SpannedPiece

_PIECES = 2
_NAME, _ID, _START, _END = 1, 2, 4, 5  # bytes of the UTF-8 text; a zero is left out
_BLANK = "▁"


def encode_with_spans(processor, text: str) -> list[SpannedPiece]:
    """What `processor.encode(text)` gives without begin and end tokens, with spans.

    A span has no blanks at its ends and is empty for a piece made of blanks only. Where one character became several
    pieces, its bytes or its compatibility form (`½`), SentencePiece gives it to the last; here each of them has it.
    """
    serialized = processor.encode(text, out_type="serialized_proto", add_bos=False, add_eos=False)
    character = {byte: index for index, byte in enumerate(accumulate(map(_size, text), initial=0))}
    spanned = []
    next_start = next_end = -1
    for number, value in reversed(list(_fields(serialized))):
        if number != _PIECES:
            continue
        piece = dict(_fields(value))
        name = piece[_NAME].decode()
        start, end = character[piece.get(_START, 0)], character[piece.get(_END, 0)]
        if name.strip(_BLANK):
            if start == end == next_start:
                end = next_end
            next_start, next_end = start, end
        spanned.append(SpannedPiece(piece.get(_ID, 0), name, *visible(text, start, end)))
    return spanned[::-1]


def _size(char: str) -> int:
    return len(char.encode())


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a protobuf message, as numbers and raw values."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(message, at)
        else:
            size, at = _varint(message, at) if kind == 2 else ({1: 8, 5: 4}[kind], at)
            value, at = message[at : at + size], at + size
        yield key >> 3, value


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value, shift = message[at] & 0x7F, 7
    while message[at] > 0x7F:
        at += 1
        value |= (message[at] & 0x7F) << shift
        shift += 7
    return value, at + 1
