"""Marking a word of a prompt, as with a click: the parentheses, set and taken out again."""

from ..errors import BendError
from .prompt import find_marks, parse_prompt


def toggled(text: str, start: int, end: int) -> str:
    """`text` with its part from `start` to `end` marked; where that lies in a mark, without that mark and its weight.

    Places count the characters of `text`, as it was typed. Real brackets stay escaped, other marks and weights as they
    are. Raises BendError for a text that is no prompt, and for a part that cannot be marked.
    """
    marks = find_marks(text, moving=True)
    around = [(at, mark) for at, mark in marks.items() if at < start and end <= mark.tail]
    if around:
        at, mark = max(around)
        if not any(at < other < mark.close for other in marks if other != at):
            return text[:at] + text[at + 1 : mark.tail] + text[mark.close + 1 :]
    clean = parse_prompt(text, moving=True).text
    for tail in ("", ":1"):  # what follows a colon in the part would be its weight
        marked = f"{text[:start]}({text[start:end]}{tail}){text[end:]}"
        try:
            if parse_prompt(marked, moving=True).text == clean:
                return marked
        except BendError:
            continue
    raise BendError(
        f'"{text[start:end]}" cannot be marked where it stands. Mark other words, or unmark those around it.'
    )
