"""What the benchmark times, un-bent, bent and dense: one cross-attention, or one denoising step of ComfyUI's Wan."""

import math
from collections.abc import Callable
from functools import cached_property, partial

import comfy.sample
import comfy.sd
import torch
from comfy.ldm.modules.attention import attention_pytorch, get_attention_function, optimized_attention
from comfy.ldm.wan.model import WanModel
from comfy.model_management import get_free_memory
from torch import Tensor

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
from ..host.run.kernel import chosen_backend
from ..host.run.open_keys import OpenKeys
from ..host.run.patch import Patch
from ..host.run.site import OVERRIDE, Bender, RowSlice, bent_forward
from ..host.text.prompt_encoding import KEY
from .bench_cases import DEPTH, EMBEDDING, FEED_FORWARD, FIRST, HEADS, SHAPES, TOKENS, WORDS, Chain, Scenario, Shape
from .tiny import filled

# The host's names of the kernels that are measured beside torch's own, where they are installed.
OTHER_KERNELS = {"cpu": ("sub_quad",), "cuda": ("xformers", "sage", "sage3", "flash")}
DENSE_COPIES = 4  # of the map, in float32: what the dense way holds at its worst

Parts = dict[str, Callable[[], list[Tensor]]]
"""Ways of doing the same: un-bent, bent and perhaps dense; each gives the output, and the watched maps if any."""


class Call:
    """One cross-attention's q `(1, L, H·D)`, k and v `(1, T, H·D)`, as the host's model hands them to its kernel.

    `mask` `(1, 1, 1, T)` is there where the host always gives one: 0, or the least number for the tokens that it shuts
    out.
    """

    def __init__(self, model: str, grid: tuple[int, int, int], dtype: str, device: torch.device):
        self.shape, self.grid, self.device, self.dtype = SHAPES[model], Grid(*grid), device, getattr(torch, dtype)
        self.heads, tokens = self.shape.heads, self.shape.tokens
        shapes = [(1, length, self.heads * self.shape.depth) for length in (self.grid.cells, tokens, tokens)]
        self.mask = masking(self.shape, self.dtype, device)
        if device.type == "meta":
            self.tensors = [torch.empty(shape, dtype=self.dtype, device=device) for shape in shapes]
            return
        generator = torch.Generator().manual_seed(0)
        q, k, v = (torch.randn(shape, generator=generator) for shape in shapes)
        self.tensors = [tensor.to(device, self.dtype) for tensor in (2 * q, k, v)]  # logits' standard deviation is 2

    @cached_property
    def facts(self) -> dict[str, str | None]:
        fused = chosen_backend(*(t.unflatten(2, (self.heads, -1)).transpose(1, 2) for t in self.tensors))
        kernel = f"attention_pytorch ({fused.name.removesuffix('_ATTENTION').lower()})"
        return {"kernel": kernel, "layers": None}

    @cached_property
    def kernels(self) -> list[Callable]:
        kernels = (get_attention_function(name, None) for name in ("pytorch", *OTHER_KERNELS[self.device.type]))
        return [*filter(None, kernels)]

    def attend(self, kernel: Callable, transformer_options: dict | None = None) -> Tensor:
        tensors, options = self.tensors, {"transformer_options": transformer_options or {}}
        if self.mask is not None:
            options["mask"] = self.mask
        if self.shape.heads_first:
            tensors = [tensor.unflatten(2, (self.heads, -1)).transpose(1, 2) for tensor in tensors]
            options["skip_reshape"] = True
        return kernel(*tensors, heads=self.heads, **options)

    def parts(self, scenario: Scenario, kernel: Callable, dense: bool) -> Parts:
        parts: Parts = {"un-bent": lambda: [self.attend(kernel)]}
        if scenario.against:
            parts["un-bent"] = OneSite(self, kernel, scenario.against)
        site = Masked if scenario.by_mask else OneSite
        parts["bent"] = site(self, kernel, scenario.bends, scenario.watch)
        if dense and DENSE_COPIES * 4 * self.heads * self.grid.cells * self.shape.tokens < get_free_memory(self.device):
            by_hand = Dense(scenario, self.grid, self.device, self.shape)
            parts["dense"] = lambda: [self.attend(kernel, {OVERRIDE: by_hand}), *by_hand.maps]
        return parts

    def exact(self, scenario: Scenario) -> Tensor:
        """What the bent output is in float64, head by head, dense; of these q, k and v as their type holds them."""
        by_hand = Dense(scenario, self.grid, self.device, self.shape)
        heads = zip(*(tensor.double().chunk(self.heads, 2) for tensor in self.tensors), strict=True)
        return torch.cat([by_hand(attention_pytorch, *qkv, heads=1, mask=self.mask) for qkv in heads], 2)

    def error(self, scenario: Scenario) -> float:
        """How far the bent output is from that, as root mean squares, over that of its values; by the first kernel."""
        exact, (output, *_) = self.exact(scenario), self.parts(scenario, self.kernels[0], dense=False)["bent"]()
        return float((output - exact).square().mean().sqrt() / exact.square().mean().sqrt())

    @cached_property
    def unbent_error(self) -> float:
        return self.error(Scenario())


def masking(shape: Shape, dtype: torch.dtype, device: torch.device) -> Tensor | None:
    """The mask of a model that gives one, as ComfyUI's LTXV makes it of a tokenizer's."""
    if shape.open is None:
        return None
    is_open = torch.arange(shape.tokens, device=device) < shape.open
    return ((is_open.long() - 1).to(dtype) * torch.finfo(dtype).max).view(1, 1, 1, -1)


class OneSite(Bender):
    """A run of one site and one chain; called, it is the site's forward by `kernel`, with the watched maps if any.

    `way` is how the last call's attention told what its keys weigh; None where none was asked.
    """

    def __init__(self, call: Call, kernel: Callable, bends: Chain, watch: tuple[int, ...] = ()):
        grid, self.watch, self.way = call.grid, watch, None
        geometry = Geometry(grid.cells, 0, tuple(range(grid.frames)), grid.height, grid.width)
        keys = None
        if call.mask is not None:
            keys = OpenKeys(range(call.shape.keys), call.shape.tokens, call.device)
        part = RowSlice(slice(0, 1), geometry.rows(call.device), geometry, keys=keys)
        self.slices = [part] if bends or watch else []
        self.cache = DeviceCache(FrameLayout.whole(grid), call.heads, call.device)
        self.acts = bool(bends)
        self.on_logits = [bend for bend, _ in bends if bend.operator.acts_on == "logits"]
        chain = [(bend, words) for bend, words in bends if bend not in self.on_logits]
        self.plan, self.watching = plan_chain(chain, call.shape.keys), plan_chain(chain, call.shape.keys, watch)
        self.forward = bent_forward(self, Site(0, ""), partial(call.attend, kernel))

    def __call__(self) -> list[Tensor]:
        self.maps: list[Tensor] = []
        return [self.forward(transformer_options={}), *self.maps]

    def slices_at(self, site: Site) -> list[RowSlice]:
        return self.slices

    def bends(self, layer: int, part: RowSlice) -> bool:
        return self.acts

    def bend(self, site: Site, part: RowSlice, attention: Attention) -> Tensor | None:
        bent, attention = None, attention.at_temperature(self.on_logits, self.cache)
        if self.acts:
            bent, attention = bend_output(self.plan, attention, self.cache, keep_lse=bool(self.watch))
        self.way = attention.way
        if self.watch:
            self.maps = [bend_maps(self.watching, attention, self.cache).bent]
        return bent


class Masked:
    """The same of bends that only amplify, by a mask `(L, T)` that is added to all logits; made in the first call."""

    way = "a mask"

    def __init__(self, call: Call, kernel: Callable, bends: Chain, watch: tuple[int, ...] = ()):
        self.call, self.kernel, self.bends = call, kernel, bends

    def __call__(self) -> list[Tensor]:
        return [self.kernel(*self.call.tensors, heads=self.call.heads, mask=self.mask)]

    @cached_property
    def mask(self) -> Tensor:
        grid = self.call.grid
        gains = torch.ones(grid.frames, TOKENS)
        for bend, (columns,) in self.bends:
            operators = operators_at(bend, START, FrameLayout.whole(grid))
            gains[:, list(columns)] *= torch.tensor([[operator.factor] for operator in operators])
        return gains.log().to(self.call.tensors[0]).repeat_interleave(grid.height * grid.width, 0)


class Dense:
    """The host's attention overridden: the softmax is built, its columns are edited and renormalised, and times V.

    In the type of q, k and v; operators get float32, for which they are made.
    """

    def __init__(self, scenario: Scenario, grid: Grid, device: torch.device, shape: Shape):
        self.tokens = shape.tokens
        layout, self.size, self.watch = FrameLayout.whole(grid), (grid.height, grid.width), list(scenario.watch)
        temperatures = (bend.operator.temperature for bend, _ in scenario.bends if bend.operator.acts_on == "logits")
        self.temperature = math.prod(temperatures)
        self.bends = []  # each with the columns of its words, and its masks, or its kernels: one, or one for each frame
        for bend, words in scenario.bends:
            if bend.operator.acts_on == "map":
                tools = [operator.kernel(*self.size, device) for operator in operators_at(bend, START, layout)]
            else:
                tools = [mask.on(layout).to(device) for mask in bend.operator.masks]
            if bend.operator.acts_on != "logits":
                self.bends.append((bend.operator, [torch.tensor(word, device=device) for word in words], tools))

    def __call__(self, func: Callable, q: Tensor, k: Tensor, v: Tensor, heads: int, *args, **kwargs) -> Tensor:
        heads_first = kwargs.get("skip_reshape")
        if not k.shape[1 + bool(heads_first)] == self.tokens != q.shape[1 + bool(heads_first)]:  # not about the text
            return func(q, k, v, heads, *args, **kwargs)
        if not heads_first:
            q, k, v = (tensor.unflatten(2, (heads, -1)).transpose(1, 2) for tensor in (q, k, v))
        logits = q @ k.mT * (q.shape[3] ** -0.5 / self.temperature)
        A = (logits if kwargs.get("mask") is None else logits + kwargs["mask"]).softmax(-1)
        uncounted = 0  # what a bend of all tokens adds to the sums of |weights| that nobody counts
        for i, (operator, words, tools) in enumerate(self.bends, start=1):
            if len(words[0]) == self.tokens:
                A, mass = (self.edited(tools, rows) for rows in (A, torch.ones_like(A[..., :1])))
                uncounted = A.abs().sum(-1, keepdim=True) - mass if i < len(self.bends) else 0
            else:
                if operator.acts_on == "map":
                    A[..., words[0]] = self.edited(tools, A[..., words[0]])
                else:
                    maps = operator.remap_words([A[..., word].transpose(1, 2) for word in words], tools)
                    for word, new in zip(words, maps, strict=True):  # of one column each
                        A[..., word] = new.transpose(1, 2).to(A.dtype)
                mass = A.abs().sum(-1, keepdim=True) - uncounted
            A, uncounted = A / mass, uncounted / mass
        self.maps = [A[..., self.watch].transpose(1, 2)] if self.watch else []
        return (A @ v).transpose(1, 2).flatten(2)

    def edited(self, kernels: list[Callable], maps: Tensor) -> Tensor:
        """An operator on maps `(B, H, L, S)`."""
        frames = maps.unflatten(2, (len(kernels), -1, *self.size)).float().unbind(2)
        edited = [kernel(part.flatten(0, 2)).view(part.shape) for kernel, part in zip(kernels, frames, strict=True)]
        return torch.stack(edited, 2).to(maps.dtype).view(maps.shape)


class Step:
    """One denoising step: the sampler node's work, Patch Model's plan, the model.

    Without guidance, so that every row that is computed is bent. The weights are random; of 30 layers a CPU gets 2,
    where the model's name does not say how many.
    """

    kernels = (optimized_attention,)

    def __init__(self, model: str, grid: tuple[int, int, int], dtype: str, device: torch.device):
        self.grid, self.device, self.dtype = Grid(*grid), device, getattr(torch, dtype)
        model, _, layers = model.partition(", ")
        layers = int(layers.split()[0]) if layers else 30 if model == "1.3B" and device.type == "cuda" else 2
        self.facts = {"kernel": optimized_attention.__name__, "layers": layers}
        size = {"dim": HEADS[model] * DEPTH, "ffn_dim": FEED_FORWARD[model], "num_heads": HEADS[model]}
        empty = WanModel("t2v", num_layers=layers, **size, device="meta", operations=torch.nn)
        with torch.inference_mode(False):
            weights = filled(empty, model)
            options = {"dtype": self.dtype, "load_device": torch.empty(0, device=device).device}  # with its number
            self.model = comfy.sd.load_diffusion_model_state_dict(weights, model_options=options)
            self.model.set_model_compute_dtype(self.dtype)  # on a CPU the host would compute in float32
        generator = torch.Generator().manual_seed(1)
        embedding = torch.randn(1, TOKENS, EMBEDDING, generator=generator)
        pieces = tuple(Piece(word, 2 * i, 2 * i + 1, FIRST + i) for i, word in enumerate(WORDS))
        others = (*range(FIRST), *range(FIRST + len(WORDS), TOKENS))
        encoder = EncoderTokens("umt5xxl", pieces, (), others, TOKENS)
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
            models["dense"].model_options["transformer_options"][OVERRIDE] = Dense(
                scenario, self.grid, self.device, SHAPES["1.3B"]
            )
        return {way: partial(self.sample, model) for way, model in models.items()}

    def bent(self, bends: Chain, watch: tuple[int, ...] = ()):
        """The model with the chain on every layer, if any, and a record of its words' maps if columns are watched."""
        recording = Recording(Handle(None, 2**30)) if watch else None
        patch = Patch(Bending(tuple(bend for bend, _ in bends)), recording=recording)
        return patch_model(self.model, patch) if bends else self.model
