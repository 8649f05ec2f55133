"""What lies behind a box that is drawn: a word's last map, small, and what is known of the grid."""

import io

from PIL import Image

from ...bending.maps.record import Record
from ...bending.maps.statistics import overall_mean
from ...bending.pictures import drawing
from . import Picture, asked
from .latest import file_facts, record_behind, recorded_words

COLORS = drawing.Look.color_map


def backdrop(question: dict) -> dict | Picture:
    """The map of the first recorded word of the field `token`, a pixel a cell, as a PNG; without one, what is known.

    Beside it stand `cell`, the side of a cell in pixels of the film, and, of a record, its `rows` and `columns`; 0 is
    unknown.
    """
    facts, record = file_facts(question), record_behind(question)
    cell = facts.cell.pixels if facts else record.cell if record else 0
    told = {"cell": cell, "rows": record.grid.height if record else 0, "columns": record.grid.width if record else 0}
    words = recorded_words(record, asked(question, "token", str)) if record else []
    picture = _map(record, words[0]) if words else None
    if picture is None:
        return told
    return Picture(picture, "image/png", {name: str(value) for name, value in told.items()})


def _map(record: Record, word: int) -> bytes | None:
    """Before all bends, a mean over the frames."""
    film = overall_mean(record, word, False)
    if film is None:
        return None
    values = film.mean(0, keepdim=True)
    pixels = drawing.heat(drawing.normalised(values, values.abs().amax((1, 2))), COLORS)[0]
    file = io.BytesIO()
    Image.fromarray((pixels * 255).round().byte().numpy()).save(file, "PNG")
    return file.getvalue()
