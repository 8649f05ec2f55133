"""What the benchmark times, un-bent, bent and dense: one cross-attention, or one denoising step of ComfyUI's Wan."""

from collections.abc import Callable
from functools import partial

import comfy.sample
import comfy.sd
import torch
from comfy.ldm.modules.attention import attention_pytorch, get_attention_function, optimized_attention
from comfy.ldm.wan.model import WanModel
from comfy.model_management import get_free_memory
from torch import Tensor
from torch.nn.attention import SDPBackend

from ..bending import Bending, FrameLayout, Grid, TokenMap
from ..bending.api import START
from ..bending.attention.action import operators_at
from ..bending.attention.chain import plan_chain
from ..bending.attention.device_cache import DeviceCache
from ..bending.attention.kernel import Attention
from ..bending.attention.state import bend_maps, bend_output
from ..bending.digest import fingerprint
from ..bending.text.tokens import EncoderTokens, Piece
from ..host.families.family import Site
from ..host.families.geometry import Geometry
from ..host.maps.record_store import Handle
from ..host.maps.recording import Recording
from ..host.run.attach import patch_model
from ..host.run.kernel import HostKernel
from ..host.run.patch import Patch
from ..host.run.site import OVERRIDE, Bender, RowSlice, bent_forward
from ..host.text.prompt_encoding import KEY
from .bench_cases import DEPTH, DTYPES, EMBEDDING, FEED_FORWARD, FOUR, HEADS, TOKENS, WORDS, Chain, Scenario
from .tiny import filled

# The host's names of the kernels that are measured beside torch's own, where they are installed.
OTHER_KERNELS = {"cpu": ("sub_quad",), "cuda": ("xformers", "sage", "sage3", "flash")}
DENSE_COPIES = 4  # of the map, in float32: what the dense way holds at its worst

Parts = dict[str, Callable[[], list[Tensor]]]
"""Ways of doing the same: un-bent, bent and perhaps dense; each gives the output, and the watched maps if any."""


class Call:
    """One cross-attention's q `(1, L, H·D)`, k and v `(1, T, H·D)`, as the host's model hands them to its kernel."""

    def __init__(self, model: str, grid: tuple[int, int, int], device: torch.device):
        self.grid, self.heads, self.device, self.dtype = Grid(*grid), HEADS[model], device, DTYPES[device.type]
        generator = torch.Generator().manual_seed(0)
        lengths = (self.grid.cells, TOKENS, TOKENS)
        q, k, v = (torch.randn(1, length, self.heads * DEPTH, generator=generator) for length in lengths)
        self.tensors = [tensor.to(device, self.dtype) for tensor in (2 * q, k, v)]  # logits' standard deviation is 2
        choice = torch._fused_sdp_choice(*(t.unflatten(2, (self.heads, -1)).transpose(1, 2) for t in self.tensors))
        kernel = f"attention_pytorch ({SDPBackend(choice).name.removesuffix('_ATTENTION').lower()})"
        tells = HostKernel(attention_pytorch.__wrapped__, None, *self.tensors, self.heads, (), {}).tells
        self.facts = {"kernel": kernel + " + lse" * tells, "layers": None}
        kernels = (get_attention_function(name, None) for name in ("pytorch", *OTHER_KERNELS[device.type]))
        self.kernels = [*filter(None, kernels)]

    def attend(self, kernel: Callable, transformer_options: dict | None = None) -> Tensor:
        return kernel(*self.tensors, heads=self.heads, transformer_options=transformer_options or {})

    def parts(self, scenario: Scenario, kernel: Callable, dense: bool) -> Parts:
        parts: Parts = {"un-bent": lambda: [self.attend(kernel)]}
        if scenario.against:
            parts["un-bent"] = OneSite(self, kernel, scenario.against)
        parts["bent"] = OneSite(self, kernel, scenario.bends, scenario.watch)
        if dense and DENSE_COPIES * 4 * self.heads * self.grid.cells * TOKENS < get_free_memory(self.device):
            by_hand = Dense(scenario, self.grid, self.device)
            parts["dense"] = lambda: [self.attend(kernel, {OVERRIDE: by_hand}), *by_hand.maps]
        return parts


class OneSite(Bender):
    """A run of one site and one chain; called, it is the site's forward by `kernel`, with the watched maps if any."""

    def __init__(self, call: Call, kernel: Callable, bends: Chain, watch: tuple[int, ...] = ()):
        grid, self.watch = call.grid, watch
        geometry = Geometry(grid.cells, 0, tuple(range(grid.frames)), grid.height, grid.width)
        self.slices = [RowSlice(slice(0, 1), geometry.rows(call.device), geometry)] if bends or watch else []
        self.cache = DeviceCache(FrameLayout.whole(grid), call.heads, call.device)
        chain = [(bend, (columns,)) for bend, columns in bends]
        self.plan, self.watching = plan_chain(chain, TOKENS), plan_chain(chain, TOKENS, watch)
        self.forward = bent_forward(self, Site(0, "", calls=1, text_call=0), partial(call.attend, kernel))

    def __call__(self) -> list[Tensor]:
        self.maps: list[Tensor] = []
        return [self.forward(transformer_options={}), *self.maps]

    def slices_at(self, layer: int) -> list[RowSlice]:
        return self.slices

    def bends(self, layer: int, part: RowSlice) -> bool:
        return bool(self.plan.steps)

    def bend(self, layer: int, part: RowSlice, attention: Attention) -> Tensor | None:
        bent = None
        if self.plan.steps:
            bent, attention = bend_output(self.plan, attention, self.cache, keep_lse=bool(self.watch))
        if self.watch:
            self.maps = [bend_maps(self.watching, attention, self.cache).bent]
        return bent


class Dense:
    """The host's attention overridden: the softmax is built, its columns are edited and renormalised, and times V."""

    def __init__(self, scenario: Scenario, grid: Grid, device: torch.device):
        self.size, self.watch = (grid.height, grid.width), list(scenario.watch)
        self.bends = []  # the columns of each, and its kernels: one for all frames, or one for each
        for bend, columns in scenario.bends:
            operators = operators_at(bend, START, FrameLayout.whole(grid))
            kernels = [operator.kernel(*self.size, device) for operator in operators]
            self.bends.append((torch.tensor(columns, device=device), kernels))

    def __call__(self, func: Callable, q: Tensor, k: Tensor, v: Tensor, heads: int, *args, **kwargs) -> Tensor:
        if not k.shape[1] == TOKENS != q.shape[1]:  # not about the text
            return func(q, k, v, heads, *args, **kwargs)
        q, k, v = (tensor.unflatten(2, (heads, -1)).transpose(1, 2) for tensor in (q, k, v))
        A = (q @ k.mT * q.shape[3] ** -0.5).softmax(-1)
        for columns, kernels in self.bends:
            if len(columns) == TOKENS:
                A = self.edited(kernels, A)
                A = A / A.sum(-1, keepdim=True)  # a bend of all tokens counts no signs (DESIGN 3)
            else:
                A[..., columns] = self.edited(kernels, A[..., columns])
                A = A / A.abs().sum(-1, keepdim=True)
        self.maps = [A[..., self.watch].transpose(1, 2)] if self.watch else []
        return (A @ v).transpose(1, 2).flatten(2)

    def edited(self, kernels: list[Callable], maps: Tensor) -> Tensor:
        """An operator on maps `(B, H, L, S)`."""
        frames = maps.unflatten(2, (len(kernels), -1, *self.size)).float().unbind(2)
        edited = [kernel(part.flatten(0, 2)).view(part.shape) for kernel, part in zip(kernels, frames, strict=True)]
        return torch.stack(edited, 2).to(maps.dtype).view(maps.shape)


class Step:
    """One denoising step: the sampler node's work, Patch Model's plan, the model.

    Without guidance, so that every row that is computed is bent. The weights are random; of 30 layers a CPU gets 2.
    """

    kernels = (optimized_attention,)

    def __init__(self, model: str, grid: tuple[int, int, int], device: torch.device):
        self.grid, self.device, self.dtype = Grid(*grid), device, DTYPES[device.type]
        layers = 30 if model == "1.3B" and device.type == "cuda" else 2
        self.facts = {"kernel": optimized_attention.__name__, "layers": layers}
        size = {"dim": HEADS[model] * DEPTH, "ffn_dim": FEED_FORWARD[model], "num_heads": HEADS[model]}
        empty = WanModel("t2v", num_layers=layers, **size, device="meta", operations=torch.nn)
        with torch.inference_mode(False):
            weights = filled(empty, model)
            self.model = comfy.sd.load_diffusion_model_state_dict(weights, model_options={"dtype": self.dtype})
        generator = torch.Generator().manual_seed(1)
        embedding = torch.randn(1, TOKENS, EMBEDDING, generator=generator)
        pieces = tuple(Piece(word, 2 * i, 2 * i + 1, FOUR[i]) for i, word in enumerate(WORDS))
        encoder = EncoderTokens("umt5xxl", pieces, (), tuple({*range(TOKENS)}.difference(FOUR)), TOKENS)
        words = TokenMap(" ".join(WORDS), (encoder,), fingerprint=fingerprint(embedding))
        self.positive, self.negative = [[embedding, {KEY: words}]], [[embedding, {}]]
        self.noise = torch.randn(1, 16, grid[0], 2 * grid[1], 2 * grid[2], generator=generator)
        self.sample(self.model)  # now the weights are where they are needed

    def sample(self, model) -> list[Tensor]:
        latent = torch.zeros_like(self.noise)
        arguments = (model, self.noise, 1, 1.0, "euler", "simple", self.positive, self.negative, latent)
        return [comfy.sample.sample(*arguments, disable_pbar=True, seed=0)]

    def parts(self, scenario: Scenario, kernel: Callable, dense: bool) -> Parts:
        models = {"un-bent": self.bent(scenario.against), "bent": self.bent(scenario.bends, scenario.watch)}
        if dense:
            models["dense"] = self.model.clone()
            models["dense"].model_options["transformer_options"][OVERRIDE] = Dense(scenario, self.grid, self.device)
        return {way: partial(self.sample, model) for way, model in models.items()}

    def bent(self, bends: Chain, watch: tuple[int, ...] = ()):
        """The model with the chain on every layer, if any, and a record of its words' maps if columns are watched."""
        recording = Recording(Handle(None, 2**30)) if watch else None
        patch = Patch(Bending(tuple(bend for bend, _ in bends)), recording=recording)
        return patch_model(self.model, patch) if bends else self.model
