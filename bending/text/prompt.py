r"""A prompt's marks: parentheses say which words can be bent, and weigh nothing.

**Convention.** `a romantic (kiss)` marks *kiss*; the parentheses are taken out before the text is encoded. `(kiss:1.3)`
marks it and weighs it; of nested weights the innermost counts. The weight is the encoder's, or the attention's: then
`(kiss:1>2)` moves over the film. `\(` and `\)` are real brackets. Marks may nest: all are recorded, the innermost are
the marked words. Positions count characters of the clean text, from 0.
"""

import math
import re
from dataclasses import dataclass, field, replace
from itertools import accumulate, pairwise

from ..errors import BendError
from .words import visible

_WIDE_COLONS = "：﹕︓"
_REAL = (r"\(", r"\)")
_BRACKET = re.compile("[()]")
# ComfyUI writes NUL for a real bracket while it parses; half a surrogate pair is no character in any encoding
IMPOSSIBLE = re.compile("[\0\ud800-\udfff]")

Weight = float | tuple[float, ...]
"""What a part is multiplied by; several where that moves."""


@dataclass(frozen=True)
class Prompt:
    """A prompt taken apart.

    text        what a person reads: no marks, no weights, real brackets plain
    host_text   what ComfyUI's tokenizer gets: `(…:w)` only where a weight was asked for, real brackets escaped
    segments    (text, weight) as ComfyUI splits `host_text`, each encoded on its own; the texts join to `text`
    marked      (start, end) in `text` of the marked words: the innermost marks
    marks       the same of all marks, outer ones first
    typed       for each character of `text`, its place in what was typed
    """

    text: str
    host_text: str
    segments: tuple[tuple[str, Weight], ...]
    marked: tuple[tuple[int, int], ...]
    marks: tuple[tuple[int, int], ...]
    typed: tuple[int, ...] = field(default=(), compare=False)

    @property
    def weights(self) -> tuple[tuple[int, int, Weight], ...]:
        """The parts that a weight was asked for: (start, end) in `text`, without blanks at the ends, and the weight."""
        ends = [0, *accumulate(len(part) for part, _ in self.segments)]
        places = (visible(self.text, *place) for place in pairwise(ends))
        each = zip(places, self.segments, strict=True)
        return tuple((*place, weight) for place, (_, weight) in each if weight != 1.0 and place[0] < place[1])

    @property
    def weighed(self) -> tuple[str, ...]:
        """The texts of these parts."""
        return tuple(self.text[start:end] for start, end, _ in self.weights)

    @property
    def moves(self) -> bool:
        """Whether a weight moves over the film."""
        return any(isinstance(weight, tuple) for _, weight in self.segments)

    def without_weights(self) -> "Prompt":
        """For an encoder that takes none, and would read what says them: all brackets are real ones."""
        return replace(self, host_text=_BRACKET.sub(r"\\\g<0>", self.text), segments=_whole(self.text))


@dataclass
class _Mark:
    """An open parenthesis of the prompt: where its text stops, where it closes, the weight that it sets."""

    tail: int = -1
    close: int = -1
    weight: Weight | None = None
    start: int = 0
    innermost: bool = True


def parse_prompt(text: str, moving: bool = False) -> Prompt:
    """Take the marks out of `text`; with `moving`, weights may be several, as in `(red:1>2)`, and are tuples then.

    Raises BendError at its place for a parenthesis without its other half, a mark with nothing in it, a weight that is
    no finite number, and a character that no encoder can take.
    """
    if broken := IMPOSSIBLE.search(text):
        raise BendError(
            f"The prompt holds a broken character (U+{ord(broken[0]):04X}) {place(text, broken.start())}. Delete it."
        )
    mark_at = find_marks(text, moving)
    clean, host, segments, marks, marked, typed = [], [], [], [], [], []
    stack: list[_Mark] = []
    begun = at = 0

    def cut():
        """End a segment here, at a parenthesis that ComfyUI will see, with the weight that has been in force."""
        nonlocal begun
        if begun < len(clean):
            weight = next((mark.weight for mark in reversed(stack) if mark.weight is not None), 1.0)
            segments.append(("".join(clean[begun:]), weight))
            begun = len(clean)

    while at < len(text):
        if text[at : at + 2] in _REAL:
            clean.append(text[at + 1])
            typed.append(at)
            host.append(text[at : at + 2])
            at += 2
        elif mark := mark_at.get(at):
            if mark.weight is not None:
                cut()
                host.append("(")
            mark.start = len(clean)
            stack.append(mark)
            at += 1
        elif stack and at == stack[-1].tail:
            mark = stack[-1]
            if mark.weight is not None:
                cut()
                host.append(text[mark.tail : mark.close + 1])
            stack.pop()
            span = visible("".join(clean), mark.start, len(clean))
            if span[0] == span[1]:
                raise BendError(
                    f"The prompt has a mark with no word in it, {place(text, mark.close)}. "
                    r"Put a word between the parentheses, or write \( and \) for real brackets."
                )
            marks.append(span)
            if mark.innermost:
                marked.append(span)
            if stack:
                stack[-1].innermost = False
            at = mark.close + 1
        else:
            clean.append(text[at])
            typed.append(at)
            host.append(text[at])
            at += 1
    cut()
    outer_first = sorted(set(marks), key=lambda span: (span[0], -span[1]))
    clean, host = "".join(clean), "".join(host)
    return Prompt(clean, host, tuple(segments), tuple(marked), tuple(outer_first), tuple(typed))


def unmarked(text: str, host_text: str) -> Prompt:
    """A text that is encoded as one, with no mark or weight in it; the host's tokenizer gets `host_text`."""
    return Prompt(text, host_text, _whole(text), (), (), tuple(range(len(text))))


def _whole(text: str) -> tuple[tuple[str, float], ...]:
    return ((text, 1.0),) if text else ()


def find_marks(text: str, moving: bool = False) -> dict[int, _Mark]:
    """Each mark by the place of its opening parenthesis."""
    marks: dict[int, _Mark] = {}
    stack: list[int] = []
    for bracket in re.finditer(r"\\[()]|[()]", text):
        at = bracket.start()
        if bracket[0] == "(":
            marks[at] = _Mark()
            stack.append(at)
        elif bracket[0] == ")":
            if not stack:
                raise _unbalanced(text, at, "is closed but never opened")
            mark = marks[stack[-1]]
            mark.close = at
            mark.tail, mark.weight = _weight(text, stack.pop() + 1, at, moving)
    if stack:
        raise _unbalanced(text, stack[-1], "is opened but never closed")
    return marks


def _weight(text: str, start: int, close: int, moving: bool) -> tuple[int, Weight | None]:
    """Where a mark's own text stops, and its weight: what follows the last colon, if ComfyUI reads it as a number."""
    wide = max(text.rfind(sign, start, close) for sign in _WIDE_COLONS)
    if wide > start and as_number(text[wide + 1 : close]) is not None:
        raise BendError(
            f"The prompt has a weight behind the wide colon {text[wide]}, which ComfyUI takes for text, "
            f"{place(text, wide)}. Write ({text[start:wide].strip()[-40:]}:1.3), with a plain colon."
        )
    colon = text.rfind(":", start, close)
    if colon <= start:
        # (:1.3) is text to ComfyUI; nobody means that
        if colon == start and as_number(text[colon + 1 : close]) is not None:
            raise BendError(f"The prompt has a weight with no word, {place(text, colon)}. Write it as (word:1.3).")
        return close, None
    given = text[colon + 1 : close]
    weight = as_number(given)
    several = [as_number(part) for part in given.split(">")]
    if len(several) > 1 and None not in several:
        if not moving:
            raise BendError(
                f"The prompt has a weight that moves over the film, {given.strip()!r}, {place(text, colon)}. The text "
                "encoder takes one number, such as 1.3: give it that, or set weights to attention."
            )
        if not all(map(math.isfinite, several)):
            raise BendError(
                f"The prompt has the weight {given.strip()!r}, {place(text, colon)}. Give finite numbers, as in 1>0."
            )
        return colon, tuple(several)
    if weight is None:
        word = text[start:colon].strip()
        # a bracket behind the colon: it was in another mark, or one stands there
        if is_weight(given) and not re.search(r"[()]", given) and word.rpartition(" ")[2] != "embedding":
            raise BendError(
                f"The prompt has {repr(given.strip()) if given.strip() else 'nothing'} where a weight belongs, "
                f"{place(text, colon)}. Write it as ({word[-40:]}:1.3). A word that has a colon needs no mark: leave "
                r"the parentheses out, or write \( and \) for real brackets."
            )
        return close, None
    if not math.isfinite(weight):
        raise BendError(
            f"The prompt has the weight {given.strip()!r}, {place(text, colon)}. Give it a finite number such as 1.3."
        )
    return colon, weight


def is_weight(text: str) -> bool:
    """Whether what follows a mark's colon was meant as its weight: `1,3`, `x` or nothing, but not more words."""
    is_one = len(text.split()) < 2
    return is_one and (not text[:1].isspace() or text.strip()[:1] in "+-.0123456789")


def as_number(text: str) -> float | None:
    """A weight as ComfyUI reads it; None for what it takes for text."""
    try:
        return float(text)
    except ValueError:
        return None


def _unbalanced(text: str, at: int, what: str) -> BendError:
    return BendError(
        f"The prompt has a parenthesis that {what}, {place(text, at)}. "
        r"Parentheses mark words, as in a romantic (kiss): write both, or \( and \) for real brackets."
    )


def place(text: str, at: int) -> str:
    """`at character 12 ("…a romantic ▸(kiss in the…")`: counted from 1, in its line where there are several."""
    line = text.count("\n", 0, at) + 1
    column = at - (text.rfind("\n", 0, at) + 1) + 1
    before, after = text[max(at - 20, 0) : at], text[at : at + 20]
    context = ("…" if at > 20 else "") + before + "▸" + after + ("…" if at + 20 < len(text) else "")
    where = f"line {line}, character {column}" if "\n" in text else f"character {column}"
    return f'at {where} ("{" ".join(context.split())}")'
