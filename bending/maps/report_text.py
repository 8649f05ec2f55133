"""A record told in words: what it is of, and how much each word was heard before and after the bends."""

import math
import unicodedata
from collections.abc import Sequence

from .record import Bins, Record, span
from .statistics import attention_share, entropy, overall_mean

NONE = "–"


def report_text(record: Record) -> str:
    """What the run said of its bends, then the words in a table, then what was recorded."""
    passages = [str(record.facts.get("report") or "").strip(), _words(record), recorded(record)]
    return "\n\n".join(passage for passage in passages if passage)


def about(record: Record) -> str:
    """What a record is of, a line each: prompt, bending, model, seed, steps, words and what was kept of them."""
    lines = []
    for name in ("prompt", "bending", "model", "seed", "steps"):
        value = record.facts.get(name)
        if value not in (None, ""):
            lines.append(f"{name}: " + str(value).strip().replace("\n", "\n  "))
    words = (f"{_one_line(word)} ({runs(columns)})" for word, columns in zip(record.words, record.columns, strict=True))
    return "\n".join([*lines, f"words: {', '.join(words)}", recorded(record)])


def recorded(record: Record) -> str:
    """How finely the maps were kept, and what of them was not."""
    axes = [_axis("step", record.steps), _axis("layer", record.layers)]
    axes.append("the mean of all heads" if record.heads == 1 else f"{record.heads} heads")
    lines = [
        f"recorded: {', '.join(axes)}, on {record.grid} places (latent frames × rows × columns), "
        f"{record.nbytes / 2**20:.1f} MB"
    ]
    steps, count = record.facts.get("steps"), sum(last - first + 1 for first, last in record.steps)
    if isinstance(steps, int) and steps > count:
        lines.append(f"not recorded: {steps - count} of the run's {steps} steps")
    seen = record.seen.any(0)
    if not seen.all():
        lines.append(
            f"no model call was seen at {int((~seen).sum())} of {seen.numel()} places on the axes of steps and layers"
        )
    return "\n".join(lines)


def runs(columns: Sequence[int]) -> str:
    """Columns as short as can be: `2, 5-7`."""
    ends: list[tuple[int, int]] = []
    for column in sorted(set(columns)):
        first = ends.pop()[0] if ends and column == ends[-1][1] + 1 else column
        ends.append((first, column))
    return ", ".join(map(span, ends)) or NONE


def _words(record: Record) -> str:
    bends = record.bent is not record.original
    rows = [["word", "columns", "share", *(["", ""] * bends), "spread", *(["", ""] * bends)]]
    for number, (word, columns) in enumerate(zip(record.words, record.columns, strict=True)):
        maps = [overall_mean(record, number, bent) for bent in ((False, True) if bends else (False,))]
        shares = [NONE if values is None else _percent(attention_share(values)) for values in maps]
        spreads = [NONE if values is None else _fraction(entropy(values)) for values in maps]
        rows.append([_one_line(word), runs(columns), *_arrowed(shares), *_arrowed(spreads)])
    title = "words, before → after the bends:" if bends else "words (no bend changed them):"
    key = "share: of all attention, mean over places, steps and layers; spread: 1 everywhere alike, 0 in one place"
    probed = "a word with ? is a probe, not in the prompt: its columns and its share are those in its own sentence"
    return "\n".join([title, *_table(rows, left=2), key, *([probed] if record.probes else [])])


def _arrowed(values: list[str]) -> list[str]:
    return [values[0]] if len(values) == 1 else [values[0], "→", values[1]]


def _percent(value: float) -> str:
    percent = 100 * value
    return f"{percent:.0f} %" if abs(percent) >= 100 else f"{percent:#.3g} %"


def _fraction(value: float) -> str:
    return NONE if math.isnan(value) else f"{value:.3f}"


def _table(rows: list[list[str]], left: int) -> list[str]:
    """Rows padded to columns, the first `left` flush left, the others right."""
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        blanks = (" " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True))
        pairs = enumerate(zip(row, blanks, strict=True))
        lines.append("  ".join(cell + blank if i < left else blank + cell for i, (cell, blank) in pairs).rstrip())
    return lines


def _width(text: str) -> int:
    """In columns of a fixed-width font, where a Chinese character takes two and an accent none."""
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )


def _one_line(word: str) -> str:
    return " ".join(word.split())


def _axis(what: str, bins: Bins) -> str:
    count = sum(last - first + 1 for first, last in bins)
    names = [span(ends) for ends in bins]
    listed = ", ".join(names if len(names) <= 8 else [*names[:3], "…", names[-1]])
    if len(bins) < count:
        return f"{count} {what}s as {len(bins)} mean{'s' * (len(bins) > 1)} ({listed})"
    if bins[-1][1] + 1 > count:
        return f"{what}{'s' * (count > 1)} {runs([first for first, _ in bins])}"
    return f"{count} {what}{'s' * (count > 1)}"
