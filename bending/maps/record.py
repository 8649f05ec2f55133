"""What a run's attention to some words was, before and after its bends: the value that pictures are made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from ..errors import BendError
from ..frames.grid import Grid
from ..text.token_field import TokenField
from ..text.words import fold
from ..time import ranges

BYTES = 2
"""Of one stored number."""


@dataclass(frozen=True, eq=False)
class PackedMaps:
    """Maps in half precision: `values` `(W, S, N, P, F, h, w)` float16 times `peaks` `(W, S, N, P, 1, 1, 1)` float32.

    Each map is divided by its largest magnitude before it is stored, so that entries keep a relative error of 2⁻¹¹
    down to a ten-thousandth of that.
    """

    values: Tensor
    peaks: Tensor

    @classmethod
    def pack(cls, maps: Tensor) -> "PackedMaps":
        """Of `(…, F, h, w)` float32, on any device."""
        peaks = maps.abs().amax((-3, -2, -1), keepdim=True)
        return cls((maps / peaks.clamp(min=torch.finfo(torch.float32).tiny)).half(), peaks)

    def unpack(self, word: int, step: int, layer: int, parts: Sequence[int]) -> Tensor:
        """Some heads `(P', F, h, w)` float32 of one word, at a place on the axes of steps and layers."""
        at = (word, step, layer, list(parts))
        return self.values[at].float() * self.peaks[at]

    @property
    def nbytes(self) -> int:
        return self.values.nbytes + self.peaks.nbytes


Bins = tuple[tuple[int, int], ...]
"""What one place of an axis holds the mean of: (first, last), both included, in the order of the axis."""


@dataclass(frozen=True, eq=False)
class Record:
    """The maps of some words in one run; an immutable value, on the CPU.

    words      as they were asked for, `kiss` or `rose#2`, W of them
    columns    of each word, in the conditioning that it was read from
    grid       of the maps: latent frames and cells
    steps      S bins of the sampler's steps, 0-based
    layers     N bins of the model's layers
    heads      P: the model's heads where they were kept apart, else 1, their mean
    original   each word's map before all bends: the sum of its columns, a mean over heads (unless kept apart), over the
               model calls of a step and over what a bin holds
    bent       the same after the last bend; the very object `original` where nothing bent them
    seen       `(W, S, N)` bool: whether any call of these steps was seen in these layers
    cell       a cell's side in pixels of the film
    stride     how many frames of the film a latent frame stands for; the first stands for one
    facts      plain values for people and files: prompt, bending, seed, steps, model, report, `percents` (when each
               of the sampler's steps begins, as fractions of the sampling) …
    probes     the numbers of those words that are in no prompt: the map of each is of a prompt of its own
    """

    words: tuple[str, ...]
    columns: tuple[tuple[int, ...], ...]
    grid: Grid
    steps: Bins
    layers: Bins
    heads: int
    original: PackedMaps
    bent: PackedMaps
    seen: Tensor
    cell: int = 16
    stride: int = 4
    facts: Mapping[str, Any] = field(default_factory=dict)
    probes: tuple[int, ...] = ()

    @property
    def nbytes(self) -> int:
        return self.original.nbytes + (0 if self.bent is self.original else self.bent.nbytes)

    @property
    def step_count(self) -> int:
        return self.steps[-1][1] + 1

    @property
    def layer_count(self) -> int:
        return self.layers[-1][1] + 1

    def word(self, text: str) -> int:
        """The number of a recorded word. Raises BendError, naming those that were recorded."""
        terms = TokenField.parse(text).terms
        wanted = fold(str(terms[0]) if len(terms) == 1 else text).text
        for number, word in enumerate(self.words):
            if fold(word).text == wanted:
                return number
        raise BendError(
            f'"{text.strip()}" was not recorded; recorded were: {", ".join(self.words)}. Choose one of these, or set '
            f'record to "listed words" on Patch Model, put it into record_tokens, and sample again.'
        )

    def chosen_words(self, text: str) -> tuple[int, ...]:
        """The numbers of the words of a comma list; of all words where it is empty."""
        if not text.strip():
            return tuple(range(len(self.words)))
        return tuple(dict.fromkeys(self.word(term.token) for term in TokenField.parse(text).terms))

    def chosen_steps(self, text: str) -> tuple[int, ...]:
        """The places on the axis of steps whose bins hold any of the steps that `text` means."""
        return _bins(self.steps, text, ranges.STEPS, self.step_count)

    def chosen_layers(self, text: str) -> tuple[int, ...]:
        """The places on the axis of layers whose bins hold any of the layers that `text` means."""
        return _bins(self.layers, text, ranges.LAYERS, self.layer_count)

    def chosen_heads(self, text: str) -> tuple[int, ...]:
        """The places on the axis of heads. Raises BendError where some are asked for and only their mean was kept."""
        if text.strip().lower() == "all":
            return tuple(range(self.heads))
        if self.heads == 1:
            raise BendError("the heads were recorded as their mean. Turn record_heads on in Patch Model, sample again.")
        return tuple(sorted(ranges.resolve(text, ranges.HEADS, self.heads)))

    def mean_map(
        self, word: int, bent: bool, steps: Sequence[int], layers: Sequence[int], heads: Sequence[int] | None = None
    ) -> Tensor:
        """The mean `(F, h, w)` float32 of one word's maps over places on the three axes that a call was seen at.

        Raises BendError where none was.
        """
        maps = self.bent if bent else self.original
        places = [(step, layer) for step in steps for layer in layers if self.seen[word, step, layer]]
        if not places:
            raise BendError(
                f"nothing was recorded in {_named('step', self.steps, steps)} of {_named('layer', self.layers, layers)}"
                f": the sampler made no call there. Choose others."
            )
        parts = range(self.heads) if heads is None else heads
        total = torch.zeros(self.grid.shape)
        for place in places:  # one at a time: all of a large record would not fit
            total += maps.unpack(word, *place, parts).mean(0)
        return total / len(places)


def _bins(bins: Bins, text: str, kind: ranges.IndexAxis, count: int) -> tuple[int, ...]:
    numbers = ranges.resolve(text, kind, count)
    if not numbers:
        raise BendError(f"{kind.field} is {text!r}, which none of the {count} recorded {kind.field} is. {kind.how}")
    return tuple(i for i, (first, last) in enumerate(bins) if any(first <= number <= last for number in numbers))


def _named(what: str, bins: Bins, places: Sequence[int]) -> str:
    numbers = ", ".join(span(bins[place]) for place in places)
    return f"{what}s {numbers}" if len(places) > 1 else f"{what} {numbers}"


def span(ends: tuple[int, int]) -> str:
    """A bin's name: `3`, or `3-5`."""
    first, last = ends
    return f"{first}" if first == last else f"{first}-{last}"


def even_bins(count: int, bins: int) -> Bins:
    """`count` numbers in `bins` bins, as even as can be."""
    edges = [count * i // bins for i in range(bins + 1)]
    return tuple((start, end - 1) for start, end in pairwise(edges))
