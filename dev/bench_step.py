"""The benchmark's step level: one denoising step of ComfyUI's own Wan, un-bent, bent on every layer, and dense.

The whole way is timed: the sampler node's work, Patch Model's plan, the model. The weights are random.
"""

from functools import partial
from typing import Any

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
from .bench_call import Dense
from .bench_cases import DEPTH, FIRST, HEADS, MODES, SCENARIOS, TOKENS, Case
from .bench_meter import DTYPES, measure

EMBEDDING = 4096
"""The width of Wan's text embedding."""

FEED_FORWARD = {"1.3B": 8960, "small": 512}
WORDS = ("one", "two", "three", "four")

TOLERANCE = {torch.float32: 0.01, torch.bfloat16: 0.5}
"""How far the bent film may be from the dense one, relative to the most that the bends change in it."""


class Step:
    """One denoising step without guidance, so that every row that is computed is bent.

    Of the 30 layers of 1.3B a CPU gets 2.
    """

    kernel, lse = optimized_attention.__name__, None

    def __init__(self, model: str, grid: tuple[int, int, int], device: torch.device):
        self.grid, self.heads, self.device, self.dtype = Grid(*grid), HEADS[model], device, DTYPES[device.type]
        self.layers = 30 if model == "1.3B" and device.type == "cuda" else 2
        with torch.inference_mode(False):
            weights = random_weights(model, self.layers, self.dtype)
            self.model = comfy.sd.load_diffusion_model_state_dict(weights, model_options={"dtype": self.dtype})
        generator = torch.Generator().manual_seed(1)
        embedding = torch.randn(1, TOKENS, EMBEDDING, generator=generator)
        self.positive = [[embedding, {KEY: token_map(embedding)}]]
        self.negative = [[embedding, {}]]
        frames, height, width = grid
        self.noise = torch.randn(1, 16, frames, 2 * height, 2 * width, generator=generator)
        self.sample(self.model)  # now the weights are where they are needed

    def sample(self, model) -> Tensor:
        latent = torch.zeros_like(self.noise)
        arguments = (model, self.noise, 1, 1.0, "euler", "simple", self.positive, self.negative, latent)
        return comfy.sample.sample(*arguments, disable_pbar=True, seed=0)

    def bent(self, start: float = 0.0, recording: Recording | None = None):
        """The model with the call level's chain of four words on every layer."""
        bends = (Bend(mode, word, start=start) for mode, word in zip(MODES, WORDS, strict=True))
        return patch_model(self.model, Patch(Bending(tuple(bends)), recording=recording))

    def dense(self):
        """The model with the text's attention calls answered by the dense way."""
        dense = Dense(SCENARIOS["words-4"], self.grid, self.heads, self.device)

        def override(func, q: Tensor, k: Tensor, v: Tensor, *args, **kwargs) -> Tensor:
            about_text = k.shape[1] == TOKENS and q.shape[1] != TOKENS
            return dense(q, k, v) if about_text else func(q, k, v, *args, **kwargs)

        clone = self.model.clone()
        clone.model_options["transformer_options"][OVERRIDE] = override
        return clone


def measure_step(step: Step, case: Case) -> dict[str, Any]:
    """The row of `every-layer`, of `inactive`, or of `record-4`: a bent step with a record against one without.

    Raises AssertionError where bent and dense differ, or an inactive bend or a record changes a bit.
    """
    if case.scenario == "every-layer":
        models = {"un-bent": step.model, "bent": step.bent(), "dense": step.dense()}
    elif case.scenario == "inactive":
        models = {"un-bent": step.model, "bent": step.bent(start=0.5)}  # which one step does not reach
    else:
        models = {"un-bent": step.bent(), "bent": step.bent(recording=Recording(Handle(None, 2**30)))}
    parts = {name: partial(step.sample, model) for name, model in models.items()}

    def check() -> float | None:
        films = {name: part() for name, part in parts.items()}
        if "dense" not in films:
            assert torch.equal(films["bent"], films["un-bent"]), f"{case.scenario}: other bits than without it"
            return None
        changed = (films["bent"] - films["un-bent"]).abs().max()
        assert changed > 0, f"{case.scenario}: the bends did nothing"
        error = float((films["bent"] - films["dense"]).abs().max() / changed)
        assert error < TOLERANCE[step.dtype], f"{case.scenario}: {error:.1e} from dense, so what was timed differs"
        return error

    return measure(case, step, parts, check)


def random_weights(model: str, layers: int, dtype: torch.dtype) -> dict[str, Tensor]:
    """A text-to-video Wan's state dict; scaled so that a step stays finite."""
    size = {"dim": HEADS[model] * DEPTH, "ffn_dim": FEED_FORWARD[model], "num_heads": HEADS[model]}
    empty = {"device": "meta", "dtype": dtype, "operations": comfy.ops.disable_weight_init}
    generator = torch.Generator().manual_seed(2)
    weights = {}
    for name, plan in WanModel("t2v", num_layers=layers, **size, **empty).state_dict().items():
        if "norm" in name and name.endswith("weight"):
            weights[name] = torch.ones(plan.shape, dtype=dtype)
        else:
            gain = 0.1 if plan.ndim < 2 or name.endswith("modulation") else plan[0].numel() ** -0.5
            weights[name] = (gain * torch.randn(plan.shape, generator=generator)).to(dtype)
    return weights


def token_map(embedding: Tensor) -> TokenMap:
    """A map in which WORDS stand at the call level's columns."""
    text = " ".join(WORDS)
    starts = map(text.index, WORDS)
    pieces = [
        Piece(word, at, at + len(word), FIRST + i) for i, (word, at) in enumerate(zip(WORDS, starts, strict=True))
    ]
    padding = sorted({*range(TOKENS)} - {piece.column for piece in pieces})
    encoder = EncoderTokens("umt5xxl", tuple(pieces), (), tuple(padding), TOKENS)
    return TokenMap(text, (encoder,), (), fingerprint(embedding))
