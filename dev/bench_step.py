"""The benchmark's step level: one denoising step of ComfyUI's own Wan, un-bent, bent on every layer, and dense.

The whole way is timed: the sampler node's work, Patch Model's plan, the model. The weights are random.
"""

from collections.abc import Callable
from typing import NamedTuple

import comfy.ops
import comfy.sample
import comfy.sd
import torch
from comfy.ldm.modules.attention import optimized_attention
from comfy.ldm.wan.model import WanModel
from torch import Tensor

from ..bending.bend import Bend, Bending
from ..bending.digest import fingerprint
from ..bending.frames.grid import Grid
from ..bending.text.tokens import EncoderTokens, Piece, TokenMap
from ..host.maps.record_store import Handle
from ..host.maps.recording import Recording
from ..host.run.attach import patch_model
from ..host.run.patch import Patch
from ..host.run.site import OVERRIDE
from ..host.text.prompt_encoding import KEY
from .bench_call import DEPTH, DTYPES, Dense, Rounds, Row
from .bench_meter import MB, median_ms, peak_bytes, spread, time_in_turn
from .bench_scenarios import MODES, SCENARIOS, TOKENS

EMBEDDING = 4096
"""The width of Wan's text embedding."""

WORDS = ("one", "two", "three", "four")
FIRST = 3
"""The column of the first word, as in the call level's chain of four."""

TOLERANCE = {torch.float32: 0.01, torch.bfloat16: 0.5}
"""How far the bent film may be from the dense one, relative to the most that the bends change in it."""


class Size(NamedTuple):
    """A Wan: its name in the rows, heads (each 128 wide), width of the feed-forward part, layers."""

    model: str
    heads: int
    ffn: int
    layers: int


SMALL = Size("small", 2, 512, 2)


def large(layers: int) -> Size:
    """Wan 2.1 1.3B with that many of its 30 layers."""
    return Size("1.3B", 12, 8960, layers)


class Step:
    """One denoising step without guidance, so that every row that is computed is bent."""

    def __init__(self, size: Size, grid: tuple[int, int, int], device: torch.device):
        self.size = size
        self.grid = Grid(*grid)
        self.device = device
        self.dtype = DTYPES[device.type]
        with torch.inference_mode(False):
            self.model = comfy.sd.load_diffusion_model_state_dict(
                random_weights(size, self.dtype), model_options={"dtype": self.dtype}
            )
        generator = torch.Generator().manual_seed(1)
        embedding = torch.randn(1, TOKENS, EMBEDDING, generator=generator)
        self.positive = [[embedding, {KEY: token_map(embedding)}]]
        self.negative = [[embedding, {}]]
        frames, height, width = grid
        self.noise = torch.randn(1, 16, frames, 2 * height, 2 * width, generator=generator)

    def sample(self, model) -> Tensor:
        latent = torch.zeros_like(self.noise)
        arguments = (model, self.noise, 1, 1.0, "euler", "simple", self.positive, self.negative, latent)
        return comfy.sample.sample(*arguments, disable_pbar=True, seed=0)

    def bent(self):
        """The model with the call level's chain of four words on every layer."""
        return patch_model(self.model, Patch(Bending(tuple(map(Bend, MODES, WORDS)))))

    def recorded(self):
        """The same, and the four words' maps are kept."""
        kept = Recording(Handle(None, 2**30), "bent words")
        return patch_model(self.model, Patch(Bending(tuple(map(Bend, MODES, WORDS))), recording=kept))

    def inactive(self):
        """The model with that chain in a window that one step does not reach."""
        bends = (Bend(mode, word, start=0.5) for mode, word in zip(MODES, WORDS, strict=True))
        return patch_model(self.model, Patch(Bending(tuple(bends))))

    def dense(self):
        """The model with the text's attention calls answered by the dense way."""
        dense = Dense(SCENARIOS["words-4"], self.grid, self.size.heads, self.device)

        def override(func, q: Tensor, k: Tensor, v: Tensor, *args, **kwargs) -> Tensor:
            about_text = k.shape[1] == TOKENS and q.shape[1] != TOKENS
            return dense(q, k, v) if about_text else func(q, k, v, *args, **kwargs)

        clone = self.model.clone()
        clone.model_options["transformer_options"][OVERRIDE] = override
        return clone


def measure_step(step: Step, name: str, rounds: Rounds) -> Row:
    """The row of `every-layer`, of `inactive`, or of `record-4`: a bent step with a record against one without.

    Raises AssertionError where bent and dense differ, or an inactive bend or a record changes a bit.
    """
    models = {"un-bent": step.model, "bent": step.bent(), "dense": step.dense()}
    if name == "inactive":
        models = {"un-bent": step.model, "bent": step.inactive()}
    elif name == "record-4":
        models = {"un-bent": step.bent(), "bent": step.recorded()}
    runs: dict[str, Callable[[], Tensor]] = {
        part: (lambda model=model: step.sample(model)) for part, model in models.items()
    }
    films = {part: run() for part, run in runs.items()}
    error = None
    if name == "every-layer":
        changed = (films["bent"] - films["un-bent"]).abs().max()
        assert changed > 0, "every-layer: the bends did nothing"
        error = float(f"{(films['bent'] - films['dense']).abs().max() / changed:.1e}")
        assert error < TOLERANCE[step.dtype], f"every-layer: {error:.1e} from dense, so what was timed differs"
    else:
        assert torch.equal(films["bent"], films["un-bent"]), f"{name}: the film has other bits than without it"
    peaks = peak_bytes(runs, step.device)
    extra = {part: round((peak - peaks["un-bent"]) / MB, 2) for part, peak in peaks.items()}
    often = {"un-bent": rounds.main, "bent": rounds.main, "dense": rounds.dense}
    seconds = time_in_turn({part: (run, often[part]) for part, run in runs.items()}, step.device)
    ms = {part: median_ms(times) for part, times in seconds.items()}
    return Row(
        "step",
        step.size.model,
        step.grid.shape,
        name,
        ms["bent"],
        ms["un-bent"],
        ms.get("dense"),
        extra["bent"],
        extra.get("dense"),
        0.0,
        optimized_attention.__name__,
        str(step.dtype).removeprefix("torch."),
        step.size.heads,
        rounds.main,
        spread(seconds["un-bent"]),
        error,
        layers=step.size.layers,
    )


def random_weights(size: Size, dtype: torch.dtype) -> dict[str, Tensor]:
    """A text-to-video Wan's state dict; scaled so that a step stays finite."""
    width = size.heads * DEPTH
    plan = WanModel(
        model_type="t2v",
        dim=width,
        ffn_dim=size.ffn,
        num_heads=size.heads,
        num_layers=size.layers,
        device="meta",
        dtype=dtype,
        operations=comfy.ops.disable_weight_init,
    )
    generator = torch.Generator().manual_seed(2)

    def draw(name: str, shape: torch.Size) -> Tensor:
        if "norm" in name and name.endswith("weight"):
            return torch.ones(shape, dtype=dtype)
        gain = 0.1 if len(shape) < 2 or name.endswith("modulation") else shape[1:].numel() ** -0.5
        return (gain * torch.randn(shape, generator=generator)).to(dtype)

    return {name: draw(name, tensor.shape) for name, tensor in plan.state_dict().items()}


def token_map(embedding: Tensor) -> TokenMap:
    """A map in which WORDS stand at the call level's columns."""
    text = " ".join(WORDS)
    starts = [text.index(word) for word in WORDS]
    pieces = tuple(
        Piece(word, start, start + len(word), FIRST + i)
        for i, (word, start) in enumerate(zip(WORDS, starts, strict=True))
    )
    others = tuple(column for column in range(TOKENS) if not FIRST <= column < FIRST + len(WORDS))
    return TokenMap(text, (EncoderTokens("umt5xxl", pieces, (), others, TOKENS),), (), fingerprint(embedding))
