"""One row of the table: a model of a family, tiny and with random weights, and by hand how its text attention lies."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import comfy.model_patcher
import comfy.nested_tensor
import comfy.supported_models
import torch
from attention_bending.bending.digest import fingerprint
from attention_bending.bending.text.tokens import EncoderTokens, Piece, TokenMap
from attention_bending.dev.nodes_tiny import models
from attention_bending.host.text.prompt_encoding import KEY

TEXT = "a romantic kiss at sunset"
PIECES = (("a", 0, 1), ("romantic", 2, 10), ("ki", 11, 13), ("ss", 13, 15), ("at", 16, 18), ("sunset", 19, 25))

Extras = Callable[["Member", torch.Generator], Mapping[str, Any]]
"""What a conditioning of a member holds beside its text."""


def text_alone(member, generator):
    return {}


@dataclass(frozen=True, eq=False)
class Member:
    """A model class of the host, and what a call of it holds; nothing here is asked of the code under test.

    config    the class in comfy.supported_models, `settings` of its network beside its own
    shape     of the latent, of one film
    sound     the shape of a latent that is packed behind the film's
    mask      what of the latent is sampled, `(1, 1, F, h, w)`; all where it is None
    width     of a text column, of which a conditioning has `columns`
    embedded  how many columns its embedding has, where the model makes those of them
    registers how many of the columns are the model's own, the last
    extras    what its conditionings hold besides
    rows      the film's own queries among `queries`, and the `grid` that they make
    keys      of the text's attention; a conditioning's first column is key `shift`, and `shut` are masked
    calls     of the text's attention in one call of the model
    site      a module that attends to the text, by its path in the network
    film      which frames of the latent are the film's; all where it is None
    encoder   who read the prompt
    batches   whether the host can sample two films at once
    """

    config: str
    settings: Mapping[str, Any]
    shape: tuple[int, ...]
    width: int
    rows: slice | list[int]
    grid: tuple[int, int, int]
    queries: int
    calls: int
    site: str
    columns: int = 24
    embedded: int | None = None
    registers: int = 0
    keys: int = 24
    shift: int = 0
    shut: tuple[int, ...] = ()
    extras: Extras = text_alone
    sound: tuple[int, ...] | None = None
    mask: torch.Tensor | None = None
    encoder: str = "umt5xxl"
    batches: bool = True
    slow: bool = False

    @property
    def is_there(self) -> bool:
        """Whether this ComfyUI has its class."""
        return hasattr(comfy.supported_models, self.config)

    def model(self, device: str):
        """The model that ComfyUI makes of this configuration."""
        return models.made(self.config, self.settings, device)

    def build(self) -> comfy.model_patcher.ModelPatcher:
        """That model with random weights."""
        return models.built(self.config, self.settings)

    def conditioning(self, seed: int) -> list:
        """As a node gives it, the words of TEXT on its columns."""
        generator = torch.Generator().manual_seed(seed)
        embedding = torch.randn(1, self.embedded or self.columns, self.width, generator=generator)
        tokens = replace(self.tokens, fingerprint=fingerprint(embedding))
        return [[embedding, {KEY: tokens, **self.extras(self, generator)}]]

    @cached_property
    def tokens(self) -> TokenMap:
        pieces = tuple(Piece(*piece, column) for column, piece in enumerate(PIECES))
        text = self.columns - self.registers
        end, padding, registers = (len(PIECES),), range(len(PIECES) + 1, text), range(text, self.columns)
        lies = (pieces, end, tuple(padding), self.columns, tuple(registers))
        return TokenMap(TEXT, (EncoderTokens(self.encoder, *lies, embedded=self.embedded),))

    def latent(self, films: int) -> torch.Tensor | comfy.nested_tensor.NestedTensor:
        """The empty latent of so many films."""
        film, *sound = (torch.zeros(films, *shape[1:]) for shape in (self.shape, self.sound) if shape)
        return comfy.nested_tensor.NestedTensor((film, *sound)) if sound else film

    def means(self, token: str) -> list[int]:
        """The keys that a token field of the tests means."""
        columns = {"kiss": range(2, 4), "ALL": range(-self.shift, self.keys - self.shift)}
        text = self.columns - self.registers
        columns |= {"PADDING": range(len(PIECES) + 1, text), "REGISTERS": range(text, self.columns)}
        return [column + self.shift for column in columns[token]]


@dataclass(frozen=True, eq=False)
class WithFaces(Member):
    """One that looks at pictures of faces, which takes longer than all the rest: at each but once."""

    def build(self):
        patcher = super().build()
        encoder = patcher.model.diffusion_model.motion_encoder
        look, seen = encoder.get_motion, {}

        def motion(faces: torch.Tensor) -> torch.Tensor:
            key = fingerprint(faces)
            if key not in seen:
                seen[key] = look(faces)
            return seen[key]

        encoder.get_motion = motion
        return patcher
