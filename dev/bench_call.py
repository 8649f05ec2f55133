"""The benchmark's call level: one cross-attention un-bent, bent by the pack's own path, and bent the dense way.

Needs ComfyUI on Python's path with its arguments read.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from comfy.ldm.modules.attention import attention_pytorch, get_attention_function
from comfy.model_management import get_free_memory
from torch import Tensor

from ..bending import operators as ops
from ..bending.api import START
from ..bending.attention.action import operators_at
from ..bending.attention.chain import plan_chain
from ..bending.attention.device_cache import DeviceCache
from ..bending.attention.kernel import Attention
from ..bending.attention.state import run_chain
from ..bending.frames.grid import Grid
from ..bending.frames.layout import FrameLayout
from ..host.families.family import Site
from ..host.families.geometry import Geometry
from ..host.run.kernel import with_lse
from ..host.run.site import RowSlice, bent_forward
from .bench_meter import MB, median_ms, peak_bytes, spread, time_in_turn
from .bench_scenarios import AIMS, SCENARIOS, TOKENS, Scenario

DEPTH = 128
"""The width of a head of every Wan."""

HEADS = {"1.3B": 12, "14B": 40, "small": 2}
DTYPES = {"cpu": torch.float32, "cuda": torch.bfloat16}
BACKENDS = ("math", "flash", "memory-efficient", "cuDNN")
OTHER_KERNELS = {"cpu": ("sub_quad",), "cuda": ("xformers", "sage", "sage3", "flash")}
"""The host's names of the kernels that are measured beside torch's own, where they are installed."""

TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 0.1}
"""How far the bent output may be from the dense one, relative to its largest value."""

DENSE_COPIES = 4
"""How many copies of the map, in float32, the dense way holds at its worst."""


@dataclass
class Row:
    """One measurement, as it stands in the JSON. Milliseconds are medians, MB are 10⁶ bytes.

    `extra_mb` is the peak of a first call above its inputs and the un-bent output; `error` the largest difference of
    bent from dense over the largest value; `spread` the un-bent times' distance of quartiles over their median; `lse`
    whether the kernel gave its log-sum-exp; `others` the same call by the host's other kernels.
    At the step level memory is above the un-bent step's peak, and `error` relative to what the bends change.
    """

    level: str
    model: str
    grid: tuple[int, int, int]
    scenario: str
    ms: float
    unbent_ms: float
    dense_ms: float | None
    extra_mb: float | None
    dense_extra_mb: float | None
    unbent_extra_mb: float | None
    kernel: str
    dtype: str
    heads: int
    rounds: int
    spread: float
    error: float | None
    lse: bool | None = None
    layers: int | None = None
    others: list[dict[str, Any]] = field(default_factory=list)


class Rounds(NamedTuple):
    """How often each part is timed: un-bent and bent, dense, and each of both by another kernel."""

    main: int = 7
    dense: int = 3
    other: int = 3


@dataclass(frozen=True)
class Inputs:
    """One cross-attention's q `(1, L, H·D)`, k and v `(1, T, H·D)`, as the host's model hands them to its kernel."""

    model: str
    grid: Grid
    q: Tensor
    k: Tensor
    v: Tensor

    @classmethod
    def random(cls, model: str, grid: tuple[int, int, int], device: torch.device) -> "Inputs":
        generator = torch.Generator().manual_seed(0)
        grid = Grid(*grid)
        lengths, gains = (grid.cells, TOKENS, TOKENS), (2.0, 1.0, 1.0)  # logits with a standard deviation of 2
        tensors = (
            gain * torch.randn(1, length, HEADS[model] * DEPTH, generator=generator)
            for length, gain in zip(lengths, gains, strict=True)
        )
        return cls(model, grid, *(tensor.to(device, DTYPES[device.type]) for tensor in tensors))

    @property
    def heads(self) -> int:
        return HEADS[self.model]


class OneSite:
    """What a site asks of a run, for one site and one chain; called, it is the site's forward with `kernel`."""

    def __init__(self, scenario: Scenario, inputs: Inputs, kernel: Callable):
        self.scenario = scenario
        self.inputs = inputs
        self.maps: Tensor | None = None
        grid, device = inputs.grid, inputs.q.device
        geometry = Geometry(grid.cells, 0, tuple(range(grid.frames)), grid.height, grid.width)
        self.cache = DeviceCache(FrameLayout.whole(grid), inputs.heads, device)
        self.slice = RowSlice(slice(0, 1), geometry.rows(device), geometry)
        self.plan = plan_chain([(bend, (cover,)) for bend, cover in scenario.bends], TOKENS, scenario.watch)

        def attend(transformer_options: dict) -> Tensor:
            return kernel(inputs.q, inputs.k, inputs.v, heads=inputs.heads, transformer_options=transformer_options)

        self.forward = bent_forward(self, Site(0, "", calls=1, text_call=0), attend)

    def __call__(self) -> Tensor:
        self.maps = None
        return self.forward(transformer_options={})

    def slices_at(self, layer: int) -> list[RowSlice]:
        return [self.slice] if self.scenario.bends or self.scenario.watch else []

    def bend(self, layer: int, part: RowSlice, attention: Attention, output: Tensor, rerun: Callable) -> Tensor:
        maps = run_chain(self.plan, attention, output, self.cache).maps
        self.maps = maps if self.scenario.watch else None
        return output


class Dense:
    """The same, plainly: the softmax is built, its columns are edited and renormalised, it is multiplied by V."""

    def __init__(self, scenario: Scenario, grid: Grid, heads: int, device: torch.device):
        self.scenario = scenario
        self.grid = grid
        self.heads = heads
        self.maps: Tensor | None = None
        self.columns = [torch.tensor(columns, device=device) for _, columns in scenario.bends]
        film = FrameLayout.whole(grid)
        self.kernels = [  # one for all frames, or one for each
            [each.kernel(grid.height, grid.width, device) for each in operators_at(bend, START, film)]
            for bend, _ in scenario.bends
        ]

    def __call__(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        q, k, v = (tensor.unflatten(2, (self.heads, -1)).transpose(1, 2) for tensor in (q, k, v))
        A = (q @ k.mT * q.shape[3] ** -0.5).softmax(-1)
        for columns, kernels in zip(self.columns, self.kernels, strict=True):
            if len(columns) == A.shape[3]:
                A = self._film(kernels, A)
                A = A / A.sum(-1, keepdim=True)  # a bend of all tokens counts no signs (DESIGN 3)
            else:
                A[..., columns] = self._film(kernels, A[..., columns])
                A = A / A.abs().sum(-1, keepdim=True)
        self.maps = A[..., self.scenario.watch].transpose(1, 2) if self.scenario.watch else None
        return (A @ v).transpose(1, 2).flatten(2)

    def _film(self, kernels: list[ops.Kernel], maps: Tensor) -> Tensor:
        """An operator on maps `(B, H, L, S)`."""
        films = maps.reshape(-1, len(kernels), self.grid.cells // len(kernels), maps.shape[3]).float().unbind(1)
        pictures = (film.reshape(-1, self.grid.height, self.grid.width, maps.shape[3]) for film in films)
        bent = [kernel(some).view(film.shape) for kernel, some, film in zip(kernels, pictures, films, strict=True)]
        return torch.stack(bent, 1).to(maps.dtype).view(maps.shape)


def measure_call(inputs: Inputs, name: str, rounds: Rounds) -> Row:
    """One row. Raises AssertionError where bent and dense differ, or an inactive bend changes a bit."""
    scenario, device, heads = SCENARIOS[name], inputs.q.device, inputs.heads
    tensors = (inputs.q, inputs.k, inputs.v)
    map_bytes = 4 * heads * inputs.grid.cells * TOKENS
    dense = Dense(scenario, inputs.grid, heads, device)
    fits = DENSE_COPIES * map_bytes < get_free_memory(device)
    bent = OneSite(scenario, inputs, attention_pytorch)

    def unbent(kernel=attention_pytorch) -> Tensor:
        return kernel(*tensors, heads=heads, transformer_options={})

    parts = {"un-bent": (unbent, rounds.main), "bent": (bent, rounds.main)}
    if fits:
        parts["dense"] = (lambda: dense(*tensors), rounds.dense)
    peaks = peak_bytes({name: part for name, (part, _) in parts.items()}, device)  # first calls: tables are made
    extra = {part: round((peak - inputs.q.nbytes) / MB, 2) for part, peak in peaks.items()}
    expected, plain = dense(*tensors) if fits else None, unbent()
    error = _compare(bent, dense, expected, plain, TOLERANCE[inputs.q.dtype], name)
    others = {}
    for other in OTHER_KERNELS[device.type] if rounds.other else ():
        if kernel := get_attention_function(other, None):
            others[other] = OneSite(scenario, inputs, kernel)
            _compare(others[other], dense, expected, unbent(kernel), 0.1, name)
            parts[f"{other} un-bent"] = (lambda kernel=kernel: unbent(kernel), rounds.other)
            parts[f"{other} bent"] = (others[other], rounds.other)
    del expected, plain
    seconds = time_in_turn(parts, device)
    ms = {part: median_ms(times) for part, times in seconds.items()}
    backend, lse = _torch_kernel(inputs)
    return Row(
        "call",
        inputs.model,
        inputs.grid.shape,
        name,
        ms["bent"],
        ms["un-bent"],
        ms.get("dense"),
        extra["bent"],
        extra.get("dense"),
        extra["un-bent"],
        f"attention_pytorch ({backend})",
        str(inputs.q.dtype).removeprefix("torch."),
        heads,
        rounds.main,
        spread(seconds["un-bent"]),
        error,
        lse,
        others=[
            {
                "kernel": get_attention_function(other).__name__,
                "ms": ms[f"{other} bent"],
                "unbent_ms": ms[f"{other} un-bent"],
            }
            for other in others
        ],
    )


def measure_aim(inputs: Inputs, name: str, rounds: Rounds) -> Row:
    """One row: the bend with its aim against the bend without. AssertionError where the aim changes nothing."""
    without, aim = (OneSite(scenario, inputs, attention_pytorch) for scenario in AIMS[name])
    peaks = peak_bytes({"without": without, "aim": aim}, inputs.q.device)
    assert not torch.equal(without(), aim()), f"{name}: the aim did nothing"
    seconds = time_in_turn({"without": (without, rounds.main), "aim": (aim, rounds.main)}, inputs.q.device)
    return Row(
        level="aim",
        model=inputs.model,
        grid=inputs.grid.shape,
        scenario=name,
        ms=median_ms(seconds["aim"]),
        unbent_ms=median_ms(seconds["without"]),
        dense_ms=None,
        extra_mb=round((peaks["aim"] - peaks["without"]) / MB, 2),
        dense_extra_mb=None,
        unbent_extra_mb=None,
        kernel=f"attention_pytorch ({_torch_kernel(inputs)[0]})",
        dtype=str(inputs.q.dtype).removeprefix("torch."),
        heads=inputs.heads,
        rounds=rounds.main,
        spread=spread(seconds["without"]),
        error=None,
    )


def _compare(
    bent: OneSite, dense: Dense, expected: Tensor | None, plain: Tensor, tolerance: float, name: str
) -> float | None:
    """The largest difference of bent from dense over the largest value, of output and watched maps."""
    output = bent()
    if not bent.scenario.bends:
        assert torch.equal(output, plain), f"{name}: the output has other bits than the un-bent one"
    if expected is None:
        return None
    pairs = [(output, expected)] + ([(bent.maps, dense.maps)] if bent.maps is not None else [])
    error = max(float((ours - theirs).abs().max() / theirs.abs().max()) for ours, theirs in pairs)
    assert error < tolerance, f"{name}: {error:.1e} from dense, so what was timed is not the same thing"
    return float(f"{error:.1e}")


def _torch_kernel(inputs: Inputs) -> tuple[str, bool]:
    """Which of torch's own kernels runs, and whether the pack gets its log-sum-exp."""
    heads_first = [t.unflatten(2, (inputs.heads, -1)).transpose(1, 2) for t in (inputs.q, inputs.k, inputs.v)]
    choice = torch._fused_sdp_choice(*heads_first)
    known = with_lse(attention_pytorch.__wrapped__, inputs.q, inputs.k, inputs.v, inputs.heads, {})
    return BACKENDS[choice] if choice < len(BACKENDS) else "another", known is not None
