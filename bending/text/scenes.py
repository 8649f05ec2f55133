r"""Scenes of a film in one text: which words are heard when.

**Convention.** `a | b | c`, or lines `Scene 1:`, with the same word in all of them and rising numbers from 1. A scene's
stretch stands in square brackets at its end or in its line's head: `[0%-40%]` of the film, `[0-50]` on a scale that
ends at the greatest number there is, or `[2]`, a share; `Scene 0-50:` is a stretch on that scale, too. Scenes without a
stretch share what is left between their neighbours. `：｜［］％` are read as their plain forms; `"|"`, `\[` and
`\]` are real signs. Texts keep their marks and weights.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, groupby, pairwise

from ..errors import BendError
from .lists import straight_quotes
from .prompt import Prompt, parse_prompt, place
from .words import visible

_PLAIN = str.maketrans("：｜［］％", ":|[]%")
_REAL = re.compile(r'"\|"|\\[\[\]]')
_HEAD = re.compile(
    r"^[ \t]*([^\W\d_]+)[ \t]*(\d+)(?:[ \t]*[-–][ \t]*(\d+))?[ \t]*(?:(\[[^\[\]\n]*\])[ \t]*)?:", re.MULTILINE
)
_BRACKET = re.compile(r"\[([\d\s.,%–-]*\d[\d\s.,%–-]*)\]")
_RANGE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(%?)\s*[-–]\s*(\d+(?:\.\d+)?)\s*(%?)\s*")
_SHARE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*")
_HOW = "Write [0%-40%], [0-50] or, for a share of what is left, [2]."


@dataclass(frozen=True)
class Scene:
    """A scene's `text`, with its marks, and its stretch from `start` to `end` in fractions of the film."""

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class Script:
    """The scenes in order, the text `before` the first head, and what is to be said of how they were read."""

    scenes: tuple[Scene, ...]
    before: str = ""
    notes: tuple[str, ...] = ()

    @property
    def gaps(self) -> list[tuple[float, float]]:
        """The parts of the film in which no scene is heard."""
        gaps, reached = [], 0.0
        for scene in sorted(self.scenes, key=lambda scene: scene.start):
            if scene.start > reached + 1e-9:
                gaps.append((reached, scene.start))
            reached = max(reached, scene.end)
        return gaps + ([(reached, 1.0)] if reached < 1 - 1e-9 else [])


@dataclass(frozen=True)
class _Part:
    """A scene as it stands: its text, the place of its stretch, its range with its unit, or its share.

    `behind` is where its text ends, up to the end of a stretch that stands there, and `head` the line above it.
    """

    text: str
    at: int
    unit: str | None = None
    first: float = 0.0
    last: float = 0.0
    share: float = 1.0
    behind: tuple[int, int] = (0, 0)
    head: re.Match | None = None


def parse_scenes(text: str) -> Script:
    """Read scenes. Raises BendError, with the place, for what is no scene or no stretch."""
    parts, notes = _parts(text)
    before = _real(text[: parts[0].head.start()]) if parts[0].head else ""
    return Script(tuple(_placed(text, parts)), before, tuple(notes))


def with_stretches(text: str, stretches: Sequence[tuple[float, float]]) -> str:
    """`text` with these stretches, in fractions of the film, one at each scene's end, as in `[0%-40%]`.

    Raises BendError as `parse_scenes` does, and where there is not one for each scene.
    """
    parts, _ = _parts(text)
    if len(parts) != len(stretches):
        raise BendError(f"there are {len(parts)} scenes, and {len(stretches)} stretches. Give one for each.")
    ordinals = any(part.head and part.head[3] for part in parts)  # a head such as Frames 0-50: tells a stretch
    edits = []
    for number, (part, ends) in enumerate(zip(parts, stretches, strict=True), 1):
        edits.append((*part.behind, " [{}-{}]".format(*map(_percent, ends))))
        if part.head:
            last = next(group for group in (4, 3, 2) if part.head[group])
            edits.append((part.head.start(2), part.head.end(last), str(number) if ordinals else part.head[2]))
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _percent(fraction: float) -> str:
    return f"{round(100 * fraction, 2):g}%"


def _parts(text: str) -> tuple[list[_Part], list[str]]:
    """The scenes as they stand, and what is to be said of how they were read."""
    shape = _REAL.sub(lambda real: "\0" * len(real[0]), straight_quotes(text).translate(_PLAIN))
    heads, notes = _heads(shape)
    bars = [bar.start() for bar in re.finditer(r"\|", shape)]
    if heads and bars:
        raise BendError(
            f"the scenes have heads such as {heads[0][0].strip()} and a bar between, {place(text, bars[0])}. Keep one "
            'of the two; a real bar is written "|" in quotes.',
            "text",
        )
    if heads:
        ends = [*(head.start() for head in heads[1:]), len(text)]
        parts = [_part(text, shape, head.end(), end, head) for head, end in zip(heads, ends, strict=True)]
    else:
        parts = [_part(text, shape, start + 1, end) for start, end in pairwise([-1, *bars, len(text)])]
    empty = [number for number, part in enumerate(parts, 1) if not part.text]
    if empty and len(parts) == 1:
        raise BendError("there is no scene. Write them with bars between, as in a red circle | a blue star.", "text")
    if empty:
        raise BendError(
            f"scene {empty[0]} of {len(parts)} is empty, {place(text, parts[empty[0] - 1].at)}. Write its text, or "
            "take out what sets it apart.",
            "text",
        )
    if len(parts) == 1 and parts[0].unit is None:
        notes.append("There is one scene, which the whole film hears. Write several with bars between.")
    return parts, notes


def _heads(shape: str) -> tuple[list[re.Match], list[str]]:
    """The lines that set scenes apart, and a note on those that only look so."""
    by_word: dict[str, list[re.Match]] = {}
    for head in _HEAD.finditer(shape):
        by_word.setdefault(head[1].casefold(), []).append(head)
    for heads in by_word.values():
        numbers = [int(head[2]) for head in heads]
        begins = numbers[0] == 1 or (numbers[0] == 0 and heads[0][3])
        if len(heads) > 1 and begins and all(one < other for one, other in pairwise(numbers)):
            return heads, []
    lines = [f'"{head[0].strip()}"' for heads in by_word.values() for head in heads]
    rule = "Heads of scenes are at least two, with the same word and rising numbers from 1."
    return [], [f"{', '.join(lines)} is read as text. {rule}"] if lines else []


def _part(text: str, shape: str, start: int, end: int, head: re.Match | None = None) -> _Part:
    brackets = [(bracket.start(), bracket.end(), bracket[1]) for bracket in _BRACKET.finditer(shape[:end], start)]
    for at, behind, _ in brackets:
        if shape[behind:end].strip():
            raise BendError(
                f"a stretch stands in the middle of a scene, {place(text, at)}. Put it at the scene's end, or write "
                r"\[ and \] for real brackets.",
                "text",
            )
    told = [(at, inside) for at, _, inside in brackets]
    behind = brackets[-1][1] if brackets else None
    if brackets:
        end = brackets[0][0]
    _, bare = visible(text, start, end)
    if head and head[3]:
        told.append((head.start(2), f"{head[2]}-{head[3]}"))
    if head and head[4]:
        told.append((head.start(4), head[4][1:-1]))
    if len(told) > 1:
        raise BendError(f"a scene has two stretches, {place(text, max(at for at, _ in told))}. Keep one.", "text")
    begun = min(start, max(len(text) - 1, 0))
    part = _Part(_real(text[start:end]), begun, behind=(bare, behind or bare), head=head)
    return _stretched(part, text, *told[0]) if told else part


def _stretched(part: _Part, text: str, at: int, inside: str) -> _Part:
    if share := _SHARE.fullmatch(inside):
        if float(share[1]) == 0:
            raise BendError(f"a scene's share is 0, {place(text, at)}. Give it more, or take the scene out.", "text")
        return replace(part, at=at, share=float(share[1]))
    match = _RANGE.fullmatch(inside)
    if not match or match[2] != match[4]:
        raise BendError(f"[{inside}] is no stretch of a film, {place(text, at)}. {_HOW}", "text")
    first, last = float(match[1]), float(match[3])
    if first >= last or (match[2] and last > 100):
        raise BendError(
            f"the stretch [{inside}] has no time in the film, {place(text, at)}. Write the smaller number first, "
            "percents up to 100%.",
            "text",
        )
    return replace(part, at=at, unit=match[2], first=first, last=last)


def _placed(text: str, parts: Sequence[_Part]) -> Iterator[Scene]:
    """The scenes with stretches, those without in what is left between the others."""
    ranged = [part for part in parts if part.unit is not None]
    if other := next((part for part in ranged if part.unit != ranged[0].unit), None):
        raise BendError(
            f"percents and plain numbers are mixed, {place(text, other.at)}. Write all stretches in one of the two.",
            "text",
        )
    scale = 100.0 if ranged and ranged[0].unit else max((part.last for part in ranged), default=1.0)
    reached = 0.0
    runs = [(free, list(run)) for free, run in groupby(parts, key=lambda part: part.unit is None)]
    for number, (free, run) in enumerate(runs):
        if not free:
            yield from (Scene(part.text, part.first / scale, part.last / scale) for part in run)
            reached = run[-1].last / scale
            continue
        end = runs[number + 1][1][0].first / scale if number + 1 < len(runs) else 1.0
        if end <= reached:
            raise BendError(
                f"a scene without a stretch has no time left, {place(text, run[0].at)}: its neighbours leave none "
                f"between {reached:.0%} and {end:.0%} of the film. Give it a stretch of its own.",
                "text",
            )
        shares = [0.0, *accumulate(part.share for part in run)]
        borders = [reached + (end - reached) * share / shares[-1] for share in shares[:-1]] + [end]
        yield from (Scene(part.text, *ends) for part, ends in zip(run, pairwise(borders), strict=True))


def _real(text: str) -> str:
    """A part's text, with real signs for those that were escaped."""
    signs = list(_REAL.finditer(straight_quotes(text).translate(_PLAIN)))
    for sign in reversed(signs):  # in each the second character is the real one
        text = text[: sign.start()] + text[sign.start() + 1] + text[sign.end() :]
    return text.strip()


def compose(script: Script, whole_film: str, moving: bool = False) -> tuple[Prompt, tuple[tuple[int, int], ...]]:
    """All as one prompt, what the whole film hears in front, and the places of that and of each scene in its text.

    Raises BendError for malformed marks, naming the scene.
    """
    whole = " ".join(filter(None, (whole_film.strip(), script.before)))
    parts = {"whole_film": whole, **{f"scene {number}": scene.text for number, scene in enumerate(script.scenes, 1)}}
    for name, part in parts.items():
        try:
            parse_prompt(part, moving)
        except BendError as error:
            raise error.within(name) from None
    prompt = parse_prompt(" ".join(filter(None, parts.values())), moving)
    spans, at = [], 0
    for part in parts.values():
        start, end = (bisect_left(prompt.typed, typed) for typed in (at, at + len(part)))
        spans.append(visible(prompt.text, start, end) if part else (0, 0))
        at += len(part) + bool(part)
    return prompt, tuple(spans)
