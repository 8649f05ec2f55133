"""What reads the tokens of a text encoder, one file each, by the name that its family gives."""

from collections.abc import Callable, Mapping

from ....bending.text.prompt import Prompt
from ....bending.text.tokens import EncoderTokens
from . import umt5

Reader = Callable[[object, Prompt, dict], tuple[EncoderTokens, ...]]
"""From the host's tokenizer, a prompt, and what `clip.tokenize(…, return_word_ids=True)` made of it. Raises BendError
where a token cannot be traced to the text."""

READERS: Mapping[str, Reader] = {"umt5": umt5.read}
