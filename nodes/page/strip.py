"""What a strip of layers × time shows: which layers a field means, how many there are, where the word was heard."""

import math
from weakref import WeakKeyDictionary

from torch import Tensor

from ...bending.errors import BendError
from ...bending.maps.record import Record
from ...bending.maps.statistics import shares
from ...bending.time import ranges
from ...bending.time.windows import TimeWindow
from . import asked
from .latest import file_facts, record_behind, recorded_words

_LOUDEST = 255

_known: WeakKeyDictionary[Record, dict[tuple[int, ...], Tensor]] = WeakKeyDictionary()
"""The shares of some words in a record: each node with such words asks, and a record may be large."""


def strip(question: dict) -> dict:
    """The strip of a node whose fields are `layers` (text, or None), `unit`, `start` and `end` (or None), and `token`.

    `count` is that of the model's layers, None while it is unknown; `covered` the layers that the field means;
    `problem` what is wrong with the fields; `heat` what the last run recorded of the node's words, None without it.
    """
    facts, record = file_facts(question), record_behind(question)
    count = facts.layers if facts else record.layer_count if record else None
    covered, problem = None, ""
    try:
        if question.get("layers") is not None:
            covered = _covered(asked(question, "layers", str), count)
        if question.get("start") is not None and question.get("end") is not None:
            ends = (float(asked(question, name, int | float)) for name in ("start", "end"))
            TimeWindow(asked(question, "unit", str), *ends)
    except BendError as error:
        problem = str(error)
    fits = record is not None and record.layer_count == count
    heat = _heat(record, asked(question, "token", str)) if fits else None
    return {"count": count, "covered": covered, "problem": problem, "heat": heat}


def _covered(layers: str, count: int | None) -> list[int] | None:
    if count is None:
        ranges.parse(layers, ranges.LAYERS)
        return None
    return sorted(ranges.resolve(layers, ranges.LAYERS, count))


def _heat(record: Record, token: str) -> dict | None:
    """The words' share of the attention: rows by layer, columns by step, 0 … 255 of the largest, None where not seen.

    `bins` are the first and the last step of each column, of `steps`; `edges` where the columns begin and end, as
    fractions of the sampling; `layers` the first and the last layer of each row.
    """
    words = recorded_words(record, token)
    if not words:
        return None
    known = _known.setdefault(record, {})
    if tuple(words) not in known:
        known[tuple(words)] = shares(record, words)
    values = known[tuple(words)].T
    largest = max((value for value in values.flatten().tolist() if not math.isnan(value)), default=0.0)
    scale = _LOUDEST / largest if largest > 0 else 0.0
    percents = record.facts.get("percents") or [step / record.step_count for step in range(record.step_count)]
    return {
        "words": [record.words[word] for word in words],
        "steps": record.step_count,
        "bins": [list(ends) for ends in record.steps],
        "edges": [*(percents[first] for first, _ in record.steps), 1.0],
        "layers": [list(ends) for ends in record.layers],
        "values": [[None if math.isnan(value) else round(value * scale) for value in row] for row in values.tolist()],
        "largest": largest,
    }
