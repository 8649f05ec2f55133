"""What the host tests share: prompts, reports of runs, and a dense stand-in for bent attention."""

import asyncio
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import NamedTuple
from unittest import mock

import comfy.model_management
import execution
import numpy as np
import torch
from attention_bending.bending import operators as ops
from attention_bending.bending.bend import Bend, Bending
from attention_bending.bending.errors import BendError
from attention_bending.bending.text.tokens import resolve
from attention_bending.host.maps.record_store import Handle
from attention_bending.host.maps.recording import Recording
from attention_bending.host.run import run
from attention_bending.host.run.attach import patch_model
from attention_bending.host.run.patch import Patch
from attention_bending.host.text.prompt_encoding import KEY, encode_prompt
from core.oracle import bent_attention

OVERRIDE = "optimized_attention_override"
SMALL = "wan22_14b_t2v_high"
"""A text-to-video model of two layers with one head: what is tested with it does not depend on the family."""


def remember(module: torch.nn.Module) -> None:
    """Let a module give what it gave for the same input: embedding a text is half of the work of a tiny film.

    By a class of its own, since a forward put on the module would be somebody's work in the run's eyes.
    """

    class Remembering(type(module)):
        known = ()

        def forward(self, given):
            for before, output in self.known:
                if (before.shape, before.dtype) == (given.shape, given.dtype) and torch.equal(before, given):
                    return output
            self.known = ((given, super().forward(given)), *self.known[:3])
            return self.known[0][1]

    module.__class__ = Remembering


class Mishap(Exception):
    """What goes wrong in the middle of a run."""


def fail(step, *_):
    """A callback that raises it."""
    if step == 1:
        raise Mishap


def cancel(step, *_):
    """A callback in which the user presses Cancel."""
    if step == 1:
        comfy.model_management.interrupt_current_processing()


def validated(node: str, **given) -> tuple[bool, str]:
    """Whether ComfyUI takes a graph of this node, and what it says if not."""
    graph = {"1": {"class_type": node, "inputs": given}}
    valid, errors, _ = asyncio.run(execution.validate_inputs("test", graph, "1", {}, []))
    return valid, " ".join(f"{error['message']} {error['details']}" for error in errors)


@lru_cache(maxsize=64)
def prompt(clip, text: str) -> list:
    """The conditioning of Bend Prompt; encoded once for all tests."""
    return encode_prompt(clip, text)[0]


@dataclass(frozen=True)
class Sighting:
    """A word's map at one site of one model call, before and after the chain: `(B, H, F, h, w)` float32."""

    layer: int
    step: int
    original: torch.Tensor
    bent: torch.Tensor


SEEING: weakref.WeakKeyDictionary[Handle, Callable[[Sighting], None]] = weakref.WeakKeyDictionary()
"""Who is shown what is recorded under a handle, before it is stored."""


class ShownRecords(run.RunRecords):
    """Records that also show the first word of each recording to whom SEEING names."""

    def __init__(self, recordings, words, warnings, axes, grid, *args):
        super().__init__(recordings, words, warnings, axes, grid, *args)
        self.recordings, self.grid = recordings, grid

    def add(self, layer, step, watched, frames, original, bent):
        super().add(layer, step, watched, frames, original, bent)
        for recording, (word, *_) in self.recordings:
            if (see := SEEING.get(recording.handle)) and watched.by_word[word]:
                at = [watched.columns.index(column) for column in watched.by_word[word]]
                sums = (maps[..., at].sum(-1).transpose(1, 2) for maps in (original, bent))
                see(Sighting(layer, step, *(s.unflatten(2, (len(frames), *self.grid.shape[1:])) for s in sums)))


def bent(model, *bends: Bend, applied: bool = True, see: Callable[[Sighting], None] | None = None, watch: str = "kiss"):
    """What Patch Model gives; `see` is shown the maps of the word `watch` at every site."""
    recording = None
    if see:
        recording = Recording(Handle(None, 2**26), "listed words", watch)
        SEEING[recording.handle] = see
    return patch_model(model, Patch(Bending(bends), applied, recording=recording))


@contextmanager
def reports() -> Iterator[list]:
    """The Report of each run that begins inside."""
    made = []

    class Kept(run.Report):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            made.append(self)

    with mock.patch.object(run, "Report", Kept):
        yield made


@contextmanager
def runs() -> Iterator[list]:
    """A weak reference to each run that begins inside."""
    made = []

    class Followed(run.Run):
        def __init__(self, *args, **kwargs):
            made.append(weakref.ref(self))
            super().__init__(*args, **kwargs)

    with mock.patch.object(run, "Run", Followed):
        yield made


def said(report) -> str:
    """All warnings of a report, one a line."""
    return "\n".join(report.warnings)


def percent(sigma: float, shift: float = 8.0) -> float:
    """How far the sampling of a flow model with this shift has come at the noise level σ."""
    return 1 - sigma / (shift - (shift - 1) * sigma)


def within(start: float, end: float, shift: float = 8.0) -> Callable[[float], bool]:
    """Whether a noise level lies in `start ≤ percent < end`."""
    return lambda sigma: start - 1e-4 <= percent(sigma, shift) < end - 1e-4


class OwnTokens(NamedTuple):
    """Which image tokens of a model call are the film's own, and the grid `(F, h, w)` that they make."""

    rows: slice | list[int]
    grid: tuple[int, int, int]

    @classmethod
    def of(cls, frames: int, height: int, width: int, first: int = 0) -> "OwnTokens":
        return cls(slice(first, first + frames * height * width), (frames, height, width))


SQUARE = {"film": OwnTokens.of(2, 4, 4), "shape": (1, 16, 2, 8, 8)}
"""The film of 64 × 64 pixels that most tests sample, for `assert_dense`."""

KISS = (Bend(ops.Flip(), "kiss", renormalize=False), Bend(ops.Amplify(4.0), "kiss", renormalize=False))
"""One word, not renormalised: where it had nearly all the attention of a place, that would enlarge rounding."""

CHAIN = (
    Bend(ops.Translate(x=0.25, y=-0.3, padding="reflection"), "kiss"),
    Bend(ops.Blur(sigma=0.8), "ALL", strength=0.7, layers="1"),
    Bend(ops.Amplify(3.0), "PADDING"),
)
"""A word, all tokens in one layer, and many tokens: each way that the algebra knows."""


@dataclass
class Dense:
    """Bent text attention the slow way, as `optimized_attention_override` of a clone of `model`.

    Knows nothing of the code under test: a call is the text's, and its row conditional, where the keys are those that
    the block makes of the text of a conditioning in `positive`. There softmax, edited columns and product with V are
    computed in float64; everywhere else the host's kernel runs. `film` may be a function of the transformer options.

    `rows` counts what was computed so: one for each conditional batch row, in each layer with a bend, in each call.
    """

    model: object
    bends: Sequence[Bend]
    positive: list
    film: OwnTokens | Callable[[dict], OwnTokens]
    active: Callable[[float], bool] = lambda sigma: True
    rows: int = 0
    _keys: dict = field(default_factory=dict)

    def patched(self):
        clone = self.model.clone()
        options = clone.model_options["transformer_options"]
        before = options.get(OVERRIDE)

        def override(func, *args, **kwargs):
            kernel = self._around(func)
            return kernel(*args, **kwargs) if before is None else before(kernel, *args, **kwargs)

        options[OVERRIDE] = override
        return clone

    def _around(self, func):
        def kernel(q, k, v, heads, *args, transformer_options, **kwargs):
            out = func(q, k, v, heads, *args, transformer_options=transformer_options, **kwargs)
            layer = transformer_options["block_index"]
            if not self.active(float(transformer_options["sigmas"][0])):
                return out
            film = self.film(transformer_options) if callable(self.film) else self.film
            if q.shape[1] <= (film.rows.stop - 1 if isinstance(film.rows, slice) else max(film.rows)):
                return out  # a part of the film, which ComfyUI samples beside it for an area
            out = out.clone()
            for i, (embedding, extras) in enumerate(self.positive):
                chain = self._chain(layer, embedding, extras.get(KEY))
                keys = self._keys_of(layer, i, embedding.to(k.device))
                for row in range(len(k)) if chain and k.shape[1:] == keys.shape[1:] else ():
                    if torch.allclose(k[row], keys[0], rtol=1e-3, atol=1e-3):
                        own = self._row(q[row, film.rows], k[row], v[row], heads, chain, film.grid)
                        out[row, film.rows] = own.to(out)
                        self.rows += 1
            return out

        return kernel

    def _row(self, *given):
        return dense_row(*given)

    def _keys_of(self, layer: int, i: int, embedding):
        if (layer, i) not in self._keys:
            network = self.model.model.diffusion_model
            attention = network.blocks[layer].cross_attn
            text = network.text_embedding(embedding.to(self.model.model.get_dtype_inference()))
            self._keys[layer, i] = attention.norm_k(attention.k(text))
        return self._keys[layer, i]

    def _chain(self, layer: int, embedding, tokens) -> list[tuple]:
        chain = []
        for bend in self.bends:
            try:
                columns = resolve(bend.token, tokens, embedding.shape[1]).columns
            except BendError:
                continue  # a word that this conditioning does not have
            if bend.layers in ("all", str(layer)):
                operator = bend.operator
                chain.append((operator.key, asdict(operator), columns, bend.strength, bend.renormalize))
        return chain


def dense_row(q, k, v, heads: int, chain: list[tuple], grid: tuple[int, int, int]):
    """Bent attention of one batch row: `q` `(L, H·D)`, `k` and `v` `(T, H·D)` → `(L, H·D)`."""
    q, k, v = (np.split(tensor.double().cpu().numpy(), heads, axis=1) for tensor in (q, k, v))
    outputs = [bent_attention(*head, chain, grid)[0] for head in zip(q, k, v, strict=True)]
    return torch.from_numpy(np.concatenate(outputs, axis=1))


def distance(film, other) -> float:
    """Largest difference of two films, in units of the second's standard deviation."""
    return float((film - other).abs().max() / other.std())


ROUNDING = 2e-4
"""How far float32 may carry two films apart in a few steps. A bend moves them by 0.05 at least."""


def assert_dense(sample, model, bends, positive, negative, film, *, batch=1, active=lambda sigma: True, **options):
    """Bend, and hold the film against the dense one: the same film, by the same number of bent rows, and a real change.

    `sample(model, positive, negative, **options)` is any way to sample. Returns the run's report and both films.
    """
    dense = Dense(model, bends, positive, film, active)
    expected = sample(dense.patched(), positive, negative, **options)
    plain = sample(model, positive, negative, **options)
    with reports() as made:
        result = sample(bent(model, *bends), positive, negative, **options)
    (report,) = made
    assert report.bent * batch == dense.rows > 0, f"{report.bent} sites bent, {dense.rows} rows of {batch} expected"
    assert distance(result, expected) < ROUNDING, f"{distance(result, expected):.1e} from dense attention"
    assert distance(result, plain) > 0.05, f"only {distance(result, plain):.1e} from the un-bent film"
    return report, result, plain


def calls(model) -> tuple[object, list]:
    """A clone of `model` that notes what each model call is given, and the notes: dicts with input, timestep, c."""
    clone = model.clone()
    noted = []

    def note(apply_model, call):
        noted.append(call)
        return apply_model(call["input"], call["timestep"], **call["c"])

    clone.set_model_unet_function_wrapper(note)
    return clone, noted


def sample_on(guider, sampler="euler", scheduler="simple", steps=3, shape=(1, 16, 2, 8, 8), seed=0):
    """SamplerCustomAdvanced, with core's own nodes around it."""
    from comfy_extras import nodes_custom_sampler as custom

    noise = custom.RandomNoise.execute(seed)[0]
    sigmas = custom.BasicScheduler.execute(guider.model_patcher, scheduler, steps, 1.0)[0]
    sampler = custom.KSamplerSelect.execute(sampler)[0]
    return custom.SamplerCustomAdvanced.execute(noise, guider, sampler, sigmas, {"samples": torch.zeros(shape)})[0][
        "samples"
    ]
