"""The maps of a run, for the page to play: which words were recorded, their pictures, and what is heard at a place."""

from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from ...bending.errors import BendError
from ...bending.maps.against import against_each_other
from ...bending.maps.heard import heard
from ...bending.maps.record import Record
from ...bending.maps.statistics import overall_mean
from ...bending.pictures import drawing
from ...bending.pictures.strip import strip, strip_size
from ...host.maps import record_store
from . import NonsenseError, Picture, asked

WIDEST = 256
"""Pixels of a frame."""

VIEWS = ("before", "after")

GONE = (
    "No maps of the last run are kept: it did not record, or ComfyUI has dropped them from its cache. Run again, with "
    "record on."
)

_films: WeakKeyDictionary[Record, Tensor] = WeakKeyDictionary()
"""Means over all of a record, made once: they take longer than a picture of them."""


def maps(question: dict) -> dict:
    """What the run `prompt`, "" for the newest, recorded for the Patch Model `patch`, an execution id of `workflow`.

    `views` are before and after the bends, or before alone where nothing has changed; `grid` is [F, h, w], `frames` how
    many the film has, and `starts` the parts of it, 0 … 1, at which latent frames begin. Raises BendError where the
    record is gone.
    """
    record = _record(question)
    count = record.stride * (record.grid.frames - 1) + 1
    shown = drawing.latent_frames(count, record.grid.frames, record.stride).tolist()
    return {
        "words": list(record.words),
        "views": list(VIEWS[: len(_film(record))]),
        "grid": list(record.grid.shape),
        "frames": count,
        "starts": [shown.index(frame) / count for frame in range(record.grid.frames)],
    }


def map_of(question: dict) -> Picture:
    """The map of the word number `word` in the `view`, as `strip` draws it: `over` another film, or opaque."""
    record, view = _record(question), asked(question, "view", str)
    word, colors = asked(question, "word", int), asked(question, "colors", str)
    film = _film(record)
    if not 0 <= word < len(record.words) or view not in VIEWS[: len(film)] or colors not in drawing.COLOR_MAPS:
        raise NonsenseError(f"there is no word {word}, or no view {view!r} of it, or no colours {colors!r}")
    views = film[:, word]
    colors = drawing.colors_for(views, view, colors)
    values = drawing.normalised(views[VIEWS.index(view)], drawing.peaks(views))
    size = strip_size(record.grid.shape, record.cell, WIDEST)
    opacity = drawing.Look.opacity if asked(question, "over", bool) else None
    return Picture(strip(values, colors, size, opacity), "image/png")


def words_at(question: dict) -> dict:
    """The prompt's words heard at `x`, `y` (0 … 1) of the latent frame `frame`, in the cell there, by lift."""
    record, view, frame = _record(question), asked(question, "view", str), asked(question, "frame", int)
    x, y = (_number(question, name) for name in ("x", "y"))
    film = _film(record)
    if view not in VIEWS[: len(film)]:
        raise NonsenseError(f"there is no view {view!r}")
    try:
        own = [n for n in range(len(record.words)) if n not in record.probes]
        found = heard([record.words[n] for n in own], film[VIEWS.index(view), own], x, y, frame)
    except BendError as error:
        raise NonsenseError(str(error)) from None
    return {"words": [each._asdict() for each in found]}


def _number(question: dict, name: str) -> float:
    value = question.get(name)
    return float(value) if type(value) is int else asked(question, name, float)


def _record(question: dict) -> Record:
    patch, workflow, prompt = (asked(question, name, str, 200) for name in ("patch", "workflow", "prompt"))
    found = record_store.latest(patch, workflow, prompt or None)
    if found is None:
        raise BendError(GONE)
    return found[1]


def _film(record: Record) -> Tensor:
    """`(V, W, F, h, w)`: before and after all bends, or before alone where they changed nothing; 0 where not seen.

    Probes are read against each other.
    """
    if record not in _films:
        views = (False,) if record.bent is record.original else (False, True)
        film = torch.stack([torch.stack([_mean(record, n, bent) for n in range(len(record.words))]) for bent in views])
        if len(probes := list(record.probes)) > 1:
            film[:, probes] = torch.stack([against_each_other(view) for view in film[:, probes]])
        _films[record] = film
    return _films[record]


def _mean(record: Record, word: int, bent: bool) -> Tensor:
    mean = overall_mean(record, word, bent)
    return torch.zeros(record.grid.shape) if mean is None else mean
