"""Byte-level BPE, as Qwen's tokenizers are: which characters each token was made from, from its bytes alone.

A token's name spells its bytes, a character of an alphabet for each; the bytes of all tokens, one behind the other, are
the text's in UTF-8, composed (NFC). Special tokens, such as `<|im_end|>`, stand in a text as they are called.
"""

from itertools import accumulate
from unicodedata import combining, normalize

from ..spanned import SpannedPiece

_PRINTED = (*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100))
_OTHERS = (byte for byte in range(0x100) if byte not in _PRINTED)
_BYTES = {
    **{chr(byte): byte for byte in _PRINTED},
    **{chr(0x100 + number): byte for number, byte in enumerate(_OTHERS)},
}
"""GPT-2's alphabet: printed characters are their own Latin-1 byte, and the other bytes follow from U+0100."""

_FIRST_MARK = "\u0300"
"""No character before this one composes with the one before it, and none is changed by composing."""


def trace(tokenizer, text: str) -> list[SpannedPiece]:
    """Spans with their blanks; none where the bytes are not the text's."""
    ids = tokenizer(text)["input_ids"]
    special = {id_: token.content for id_, token in tokenizer.added_tokens_decoder.items()}
    names = tokenizer.convert_ids_to_tokens(ids)
    spelled = [
        special[id_].encode() if id_ in special else bytes(map(_BYTES.__getitem__, name))
        for id_, name in zip(ids, names, strict=True)
    ]
    source = _Spelling()
    at = 0
    for token in (special[id_] for id_ in ids if id_ in special):
        found = text.find(token, at)
        source.compose(text, at, found)
        source.add(token.encode(), found, found + len(token))
        at = found + len(token)
    source.compose(text, at, len(text))
    if b"".join(spelled) != bytes(source.spelled):
        return []
    ends = list(accumulate(map(len, spelled)))
    return [
        SpannedPiece(id_, _name(own), source.starts[end - len(own)], source.ends[end - 1])
        for id_, own, end in zip(ids, spelled, ends, strict=True)
    ]


def _name(spelled: bytes) -> str:
    """As SentencePiece would call it, blanks shown, and bytes that are no characters in numbers."""
    try:
        return spelled.decode().replace(" ", "▁").replace("\n", "↵")
    except UnicodeDecodeError:
        return "".join(f"<0x{byte:02X}>" for byte in spelled)


class _Spelling:
    """The bytes of a text as it is tokenized, and for each the characters, from start to end, that it spells."""

    def __init__(self):
        self.spelled, self.starts, self.ends = bytearray(), [], []

    def add(self, spelled: bytes, start: int, end: int) -> None:
        self.spelled += spelled
        self.starts += [start] * len(spelled)
        self.ends += [end] * len(spelled)

    def compose(self, text: str, start: int, end: int) -> None:
        """Add a stretch of the text in NFC: what composes stands for all that it is composed of."""
        if text[start:end].isascii():
            self.spelled += text[start:end].encode()
            self.starts += range(start, end)
            self.ends += range(start + 1, end + 1)
            return
        while start < end:
            after, whole = start + 1, text[start]
            if whole >= _FIRST_MARK or (after < end and text[after] >= _FIRST_MARK):
                whole = normalize("NFC", whole)
                while after < end and not _is_apart(whole, text[after]):
                    after += 1
                    whole = normalize("NFC", text[start:after])
            self.add(whole.encode(), start, after)
            start = after


def _is_apart(before: str, char: str) -> bool:
    """Whether `char` neither composes with the composed characters `before` it nor takes another place among them."""
    if char < _FIRST_MARK:
        return True
    return not combining(char) and normalize("NFC", before + char) == before + normalize("NFC", char)
