"""What reads the tokens of a text encoder, one file each, by the name that a `TextEncoder` gives."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ....bending.text.prompt import Prompt
from ....bending.text.tokens import EncoderTokens
from . import anima, gemma, kandinsky5, t5, umt5


class Reader(NamedTuple):
    """`read` makes, of the host's tokenizer, a prompt, and what `tokenize(…, return_word_ids=True)` made of it, the
    columns. It raises BendError where a token cannot be traced to the text. `weighs` says whether the encoder takes
    weights: one that does not reads them as text.
    """

    read: Callable[[Any, Prompt, dict], tuple[EncoderTokens, ...]]
    weighs: bool = True


READERS: Mapping[str, Reader] = {
    "umt5": Reader(umt5.read),
    "t5": Reader(t5.read),
    "anima": Reader(anima.read),
    "kandinsky5": Reader(kandinsky5.read, weighs=False),
    "gemma": Reader(gemma.read, weighs=False),
}
