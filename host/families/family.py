"""What a run must know of a kind of model: one object a family, in a file of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from ...bending.frames.grid import Grid
from .geometry import Geometry


@dataclass(frozen=True)
class Attends:
    """How a forward attends to the text: the numbers of the attention calls that do, from 0, and how many it makes.

    One that takes the batch apart may make several of the text's: each has the next rows of the batch. `calls` says how
    many there are in all where one of `text` was made, where two were, and so on. `past_override` tells that the
    text's may be made by torch's attention itself, which no override of the host's sees.
    """

    text: tuple[int, ...] = (0,)
    calls: tuple[int, ...] = (1,)
    past_override: bool = False


@dataclass(frozen=True)
class Site:
    """An attention of block `layer` that reads the text: its forward's path in the model, and how that attends.

    `foreign` names the forward where another pack has put it there.
    """

    layer: int
    path: str
    attends: Attends = Attends()
    foreign: str | None = None


class Cell(NamedTuple):
    """What a place of the grid stands for: a square of `pixels`, and `stride` frames (the first latent frame: one)."""

    pixels: int
    stride: int


@dataclass(frozen=True)
class TextEncoder:
    """A text encoder: its tokenizer's class, the name of what reads its tokens (`text.readers`), how to load it.

    The class is told by where it is, as in `comfy.text_encoders.wan:WanT5Tokenizer`: a host need not have it.
    """

    tokenizer: str
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

    def latent(self, film: tuple[int, ...], options: Mapping[str, Any]) -> tuple[int, ...]:
        """The shape of the latent that the host gives one conditioning in a model call, from that of the whole film.

        It is the film's, or its context window's. Raises BendError for windows that cannot be bent.
        """

    def keys(self, model, columns: int) -> int:
        """How many keys the text's attention has, the model's own with them, for a conditioning of so many columns."""

    def grid_told(self, options: Mapping[str, Any]) -> tuple[int, ...] | None:
        """The grid `(F, h, w)` that the network itself tells its blocks that it has made, where it does."""

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
