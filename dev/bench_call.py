"""The benchmark's call level: one cross-attention un-bent, bent by the pack's own path, and bent the dense way.

Needs ComfyUI on Python's path with its arguments read.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

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
from ..bending.attention.state import bend_maps, bend_output
from ..bending.frames.grid import Grid
from ..bending.frames.layout import FrameLayout
from ..host.families.family import Site
from ..host.families.geometry import Geometry
from ..host.run.kernel import HostKernel
from ..host.run.site import Bender, RowSlice, bent_forward
from .bench_cases import AIMS, DEPTH, HEADS, SCENARIOS, TOKENS, Case, Scenario, one_bend
from .bench_meter import DTYPES, measure

BACKENDS = ("math", "flash", "memory-efficient", "cuDNN")
OTHER_KERNELS = {"cpu": ("sub_quad",), "cuda": ("xformers", "sage", "sage3", "flash")}
"""The host's names of the kernels that are measured beside torch's own, where they are installed."""

TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 0.1}
"""How far the bent output may be from the dense one, relative to its largest value; other kernels', a tenth."""

DENSE_COPIES = 4
"""How many copies of the map, in float32, the dense way holds at its worst."""


class Inputs:
    """One cross-attention's q `(1, L, H·D)`, k and v `(1, T, H·D)`, as the host's model hands them to its kernel."""

    layers = None

    def __init__(self, model: str, grid: tuple[int, int, int], device: torch.device):
        self.grid, self.heads, self.device, self.dtype = Grid(*grid), HEADS[model], device, DTYPES[device.type]
        generator = torch.Generator().manual_seed(0)
        lengths, gains = (self.grid.cells, TOKENS, TOKENS), (2.0, 1.0, 1.0)  # logits with a standard deviation of 2
        self.q, self.k, self.v = self.tensors = [
            (gain * torch.randn(1, length, self.heads * DEPTH, generator=generator)).to(device, self.dtype)
            for length, gain in zip(lengths, gains, strict=True)
        ]
        choice = torch._fused_sdp_choice(*(t.unflatten(2, (self.heads, -1)).transpose(1, 2) for t in self.tensors))
        self.kernel = f"attention_pytorch ({BACKENDS[choice] if choice < len(BACKENDS) else 'another'})"
        self.lse = HostKernel(attention_pytorch.__wrapped__, None, *self.tensors, self.heads, (), {}).tells

    def attend(self, kernel: Callable, transformer_options: dict | None = None) -> Tensor:
        return kernel(*self.tensors, heads=self.heads, transformer_options=transformer_options or {})


class OneSite(Bender):
    """A run of one site and one chain; called, it is the site's forward with `kernel`."""

    def __init__(self, scenario: Scenario, inputs: Inputs, kernel: Callable):
        self.scenario, self.kernel = scenario, kernel.__name__
        self.maps: Tensor | None = None
        grid, device = inputs.grid, inputs.device
        geometry = Geometry(grid.cells, 0, tuple(range(grid.frames)), grid.height, grid.width)
        self.cache = DeviceCache(FrameLayout.whole(grid), inputs.heads, device)
        self.slice = RowSlice(slice(0, 1), geometry.rows(device), geometry)
        chain = [(bend, (columns,)) for bend, columns in scenario.bends]
        self.plan, self.watching = plan_chain(chain, TOKENS), plan_chain(chain, TOKENS, scenario.watch)
        self.unbent = partial(inputs.attend, kernel)
        self.forward = bent_forward(self, Site(0, "", calls=1, text_call=0), self.unbent)

    def __call__(self) -> Tensor:
        self.maps = None
        return self.forward(transformer_options={})

    def slices_at(self, layer: int) -> list[RowSlice]:
        return [self.slice] if self.scenario.bends or self.scenario.watch else []

    def bends(self, layer: int, part: RowSlice) -> bool:
        return bool(self.scenario.bends)

    def bend(self, layer: int, part: RowSlice, attention: Attention) -> Tensor | None:
        bent, known = None, attention
        if self.scenario.bends:
            bent, known = bend_output(self.plan, attention, self.cache, keep_lse=bool(self.scenario.watch))
        if self.scenario.watch:
            self.maps = bend_maps(self.watching, known, self.cache).bent
        return bent


class Dense:
    """The same, plainly: the softmax is built, its columns are edited and renormalised, it is multiplied by V."""

    def __init__(self, scenario: Scenario, grid: Grid, heads: int, device: torch.device):
        self.grid, self.heads, self.watch = grid, heads, list(scenario.watch)
        self.maps: Tensor | None = None
        layout = FrameLayout.whole(grid)
        self.columns = [torch.tensor(columns, device=device) for _, columns in scenario.bends]
        self.kernels = [  # of each bend one for all frames, or one for each
            [operator.kernel(grid.height, grid.width, device) for operator in operators_at(bend, START, layout)]
            for bend, _ in scenario.bends
        ]

    def __call__(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        q, k, v = (tensor.unflatten(2, (self.heads, -1)).transpose(1, 2) for tensor in (q, k, v))
        A = (q @ k.mT * q.shape[3] ** -0.5).softmax(-1)
        for columns, kernels in zip(self.columns, self.kernels, strict=True):
            if len(columns) == A.shape[3]:
                A = self.edited(kernels, A)
                A = A / A.sum(-1, keepdim=True)  # a bend of all tokens counts no signs (DESIGN 3)
            else:
                A[..., columns] = self.edited(kernels, A[..., columns])
                A = A / A.abs().sum(-1, keepdim=True)
        self.maps = A[..., self.watch].transpose(1, 2) if self.watch else None
        return (A @ v).transpose(1, 2).flatten(2)

    def edited(self, kernels: list[ops.Kernel], maps: Tensor) -> Tensor:
        """An operator on maps `(B, H, L, S)`."""
        height, width = self.grid.shape[1:]
        parts = maps.unflatten(2, (len(kernels), -1, height, width)).float().unbind(2)
        edited = [kernel(part.flatten(0, 2)).view(part.shape) for kernel, part in zip(kernels, parts, strict=True)]
        return torch.stack(edited, 2).to(maps.dtype).view(maps.shape)


def measure_call(inputs: Inputs, case: Case) -> dict[str, Any]:
    """One row. Raises AssertionError where bent and dense differ, or an inactive bend changes a bit."""
    scenario = SCENARIOS[case.scenario]
    kernels = [get_attention_function(name, None) for name in OTHER_KERNELS[inputs.device.type] if case.rounds[2]]
    bent, *others = (OneSite(scenario, inputs, kernel) for kernel in (attention_pytorch, *filter(None, kernels)))
    dense = Dense(scenario, inputs.grid, inputs.heads, inputs.device)
    parts = {"un-bent": bent.unbent, "bent": bent}
    if DENSE_COPIES * 4 * inputs.heads * inputs.grid.cells * TOKENS < get_free_memory(inputs.device):
        parts["dense"] = partial(dense, *inputs.tensors)
    for other in others:
        parts |= {f"{other.kernel} un-bent": other.unbent, other.kernel: other}

    def check() -> float | None:
        """The largest difference of bent from dense over the largest value, of output and watched maps."""
        expected = parts["dense"]() if "dense" in parts else None
        errors = []
        for site in (bent, *others):
            output = site()
            if not scenario.bends:
                assert torch.equal(output, site.unbent()), f"{case.scenario}: other bits than the un-bent output"
            if expected is not None:
                pairs = [(output, expected), *([(site.maps, dense.maps)] if scenario.watch else [])]
                errors.append(max(float((ours - theirs).abs().max() / theirs.abs().max()) for ours, theirs in pairs))
                tolerance = TOLERANCE[inputs.dtype] if site is bent else 0.1
                assert errors[-1] < tolerance, (
                    f"{case.scenario}: {errors[-1]:.1e} from dense, so what was timed differs"
                )
        return errors[0] if errors else None

    return measure(case, inputs, parts, check)


def measure_aim(inputs: Inputs, case: Case) -> dict[str, Any]:
    """One row: the bend with its aim against the bend without. AssertionError where the aim changes nothing."""
    operator, columns, aim = AIMS[case.scenario]
    scenarios = (one_bend(operator, columns), one_bend(operator, columns, **aim))
    without, aimed = (OneSite(scenario, inputs, attention_pytorch) for scenario in scenarios)

    def check() -> None:
        assert not torch.equal(without(), aimed()), f"{case.scenario}: the aim did nothing"

    return measure(case, inputs, {"un-bent": without, "bent": aimed}, check)
