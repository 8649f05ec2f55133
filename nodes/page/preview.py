"""A picture of a bend before the film: of a test card, or of the word's own map in the last run."""

import json
from collections.abc import Sequence
from io import BytesIO
from weakref import WeakKeyDictionary

import torch
from PIL import Image
from torch import Tensor

from ...bending.bend import Bending
from ...bending.errors import BendError
from ...bending.maps.record import Record
from ...bending.maps.statistics import overall_mean
from ...bending.pictures import test_card
from ...bending.pictures.drawing import COLOR_MAPS
from ...bending.preview import SHOWN, Scene, before_and_after, picture, words_of
from ...host.maps import record_store
from . import NonsenseError, Picture, asked
from .bendings import Builder

WIDTHS = range(64, 385)
"""Pixels of a picture."""

PERIOD = 150
"""Milliseconds of each picture of a film."""

TOLD = "Attention-Bending-Told"
"""The header that tells of a picture, in JSON: whether it is `of` a card or a record, and a record is `kept`; its
`words`, what `stood_in` for inputs that are not known, and how many `pictures` play."""

_means: WeakKeyDictionary[Record, dict[int, Tensor | None]] = WeakKeyDictionary()
"""Means over all of a record, made once: they take longer than a bend of them."""


@torch.inference_mode()
def preview(question: dict) -> Picture:
    """Before and after, as a WebP that plays where the bend moves.

    node        as in `bendings`, with all that is wired behind a bend which aims or plays it
    alone       whether it is one bend's picture; else that of a chain
    patch       the execution id of the Patch Model, "" where there is none; `workflow` the id of its workflow
    width       in pixels, at most
    color_map   as of the nodes that show maps
    """
    width, colors = asked(question, "width", int), asked(question, "color_map", str, 50)
    if width not in WIDTHS or colors not in COLOR_MAPS:
        raise NonsenseError(f"a width of {width} and the colours {colors!r} are not offered")
    patch, workflow = asked(question, "patch", str, 100), asked(question, "workflow", str, 100)
    handle, record = record_store.latest(patch, workflow) or (None, None)
    builder = Builder(handle.bending if handle else Bending(), asked(question, "alone", bool))
    bending = builder.bending(asked(question, "node", dict))
    if not len(bending):
        raise NonsenseError("nothing to bend")
    words = words_of(bending)
    recorded = None if record is None else _of_record(record, words)
    film = picture(before_and_after(bending, recorded or _of_card(words)), colors, width)
    of = "record" if recorded else "card"
    told = {"of": of, "kept": record is not None, "words": words[:SHOWN], "stood_in": builder.stood_in}
    told["pictures"] = len(film)
    return Picture(_webp(film), "image/webp", {TOLD: json.dumps(told)})


def _of_record(record: Record, words: Sequence[str]) -> Scene | None:
    """The words' own maps, before all bends; None where one was not recorded."""
    try:
        numbers = [record.word(word) for word in words]
    except BendError:
        return None  # the card stands for it
    means = _means.setdefault(record, {})
    for number in numbers:
        if number not in means:
            means[number] = overall_mean(record, number, False)
    maps = [means[number] for number in numbers]
    if any(each is None for each in maps):
        return None
    return Scene(tuple(words), torch.stack(maps), record.step_count, record.stride)


def _of_card(words: Sequence[str]) -> Scene:
    return Scene(tuple(words), torch.stack([test_card.word(number) for number in range(len(words))]))


def _webp(film: Tensor) -> bytes:
    """`(N, H, W, 3)` in 0 … 1: one picture, or a film that plays over and over."""
    first, *others = (Image.fromarray(frame) for frame in (film * 255).round().byte().numpy())
    file = BytesIO()
    first.save(file, "WEBP", save_all=True, append_images=others, duration=PERIOD, loop=0, quality=80, method=0)
    return file.getvalue()
