"""What a run must know of a kind of model: one object a family, in a file of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from ...bending.frames.grid import Grid
from .geometry import Geometry


@dataclass(frozen=True)
class Site:
    """An attention of block `layer` that reads the text: its forward's path in the model, and which call in it is it.

    `calls` is how many attention calls the forward makes, `text_call` the number of the text's among them, from 0.
    """

    layer: int
    path: str
    calls: int
    text_call: int


class Cell(NamedTuple):
    """What a place of the grid stands for: a square of `pixels`, and `stride` frames (the first latent frame: one)."""

    pixels: int
    stride: int


@dataclass(frozen=True)
class TextEncoder:
    """A text encoder: its tokenizer's class, the name of what reads its tokens (`text.readers`), how to load it."""

    tokenizer: type
    reader: str
    works: str


class Family(Protocol):
    """A kind of model that can be bent; `works` names its models, for refusals."""

    works: str
    encoders: tuple[TextEncoder, ...]

    def accepts(self, model) -> bool:
        """Whether a model is of this family: by its exact classes, which were checked."""

    def lookalike(self, model) -> str | None:
        """Why a model that only seems to be of this family cannot be bent, with the cure; None for any other."""

    def sites(self, patcher) -> list[Site]:
        """The sites in block order. Raises BendError where a forward is not the class's own."""

    def heads(self, model) -> int:
        """The heads of each site."""

    def head_width(self, model) -> int:
        """How wide each head is."""

    def grid(self, model, latent_shape: tuple[int, ...]) -> Grid:
        """The grid of a whole film's tokens, from the shape of its latent."""

    def cell(self, patcher) -> Cell:
        """What a place of that grid stands for."""

    def geometry(
        self,
        model,
        latent_shape: tuple[int, ...],
        conditions: Mapping[str, Any],
        options: Mapping[str, Any],
        retained: tuple[int, ...],
    ) -> Geometry:
        """The layout of one model call.

        `latent_shape` and `conditions` are what the call is given; `options` its transformer_options; `retained` the
        positions that a context handler fills with the film's frames of that number. Raises BendError for a layout
        that cannot be bent.
        """
