"""What the algebra needs on the device: made at first use, kept as long as it holds, never made twice in a step."""

import math
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from ..bend import Bend
from ..frames.layout import FrameLayout
from ..frames.mask_video import MaskVideo
from ..operators import Kernel
from ..time.windows import SamplingMoment
from .action import Action, act
from .kernel_cache import KernelCache, Made

PART_BYTES = {"cpu": 2**20}
"""How much of a quantity is bent at once, by device: what fits a processor's cache, or keeps a GPU busy."""

BLOCK_BYTES = {"cpu": 2**21}
"""The same for what is done row by row: measured on a processor, a block and what is made of it stay in its cache."""

OTHER_BYTES = 2**26
"""Both, on other devices."""


class DeviceCache:
    """One for each film layout and device, for the length of a run; `go_to` says which moment is bent.

    `kernels` is shared by all layouts of a device. `builds` counts the actions, masks and kernels that were built.
    """

    def __init__(self, layout: FrameLayout, heads: int, device: torch.device, kernels: KernelCache | None = None):
        self.layout = layout
        self.heads = heads
        self.device = device
        self.kernels = kernels or KernelCache(device)
        self.moment = SamplingMoment(0.0, 0, 1)
        self._builds = 0
        self._part_bytes = PART_BYTES.get(device.type, OTHER_BYTES)
        self._block_bytes = BLOCK_BYTES.get(device.type, OTHER_BYTES)
        self._actions: dict[Bend, tuple[Action, Action] | None] = {}
        self._of_moment: dict[Hashable, Any] = {}
        self._masks: dict[MaskVideo, Tensor] = {}

    @property
    def builds(self) -> int:
        return self._builds + self.kernels.builds

    def go_to(self, moment: SamplingMoment) -> None:
        """Go to a moment: forget what belonged to the last, and kernels that it did not use."""
        self.kernels.go_to(moment)
        if moment != self.moment:
            self.moment = moment
            self._actions.clear()
            self._of_moment.clear()

    def action(self, bend: Bend, on_host: bool = False) -> Action | None:
        """The bend at this moment, on the device; None where it changes nothing."""

        def build() -> tuple[Action, Action] | None:
            action = act(bend, self.moment, self.layout, self.heads)
            return None if action is None else (action.on(self.device), action)

        self._builds += bend not in self._actions
        actions = self.kernels.kept(self._actions, bend, build)
        return None if actions is None else actions[on_host]

    def at_moment(self, key: Hashable, build: Callable[[], Made]) -> Made:
        """What `build` makes, kept while the moment lasts."""
        return self.kernels.kept(self._of_moment, key, build)

    def mask(self, mask: MaskVideo) -> Tensor:
        """The mask on this film's grid, `(F, h, w)`."""
        self._builds += mask not in self._masks
        return self.kernels.kept(self._masks, mask, lambda: mask.on(self.layout).to(self.device))

    def bend(self, bend: Bend, rows: Tensor) -> Tensor:
        """`rows + weight · (f(rows) − rows)` for rows `(B, L, H, C)`, as a new tensor of their type."""
        return self.bend_(bend, rows.clone(memory_format=torch.contiguous_format))

    def bend_(self, bend: Bend, rows: Tensor, before: Tensor | None = None, after: Tensor | None = None) -> Tensor:
        """The same in place, a part at a time and in float32 whatever the type of the rows.

        `before` and `after` `(B, L, H, 1)` multiply the rows on the way in and on the way out, in the same pass.
        """
        action = self.action(bend)
        temporal = action is not None and action.operators[0].temporal
        for b, row in enumerate(rows) if rows.numel() and action is not None else ():
            factors = (None if factor is None else factor[b] for factor in (before, after))
            pictures = (None if some is None else self.layout.grid.as_pictures(some) for some in (row, *factors))
            (self._bend_in_time if temporal else self._bend_frames)(action, *pictures)
        return rows

    def remap_words(self, bend: Bend, sums: Sequence[Tensor]) -> list[Tensor]:
        """The words' summed maps `(B, L, H, 1)` as a bend of whole words leaves them, as new tensors."""
        action, grid = self.action(bend), self.layout.grid
        remapped = [total.clone() for total in sums]
        for operator, frames in action.runs(grid.frames):
            rows = slice(frames.start * grid.height * grid.width, frames.stop * grid.height * grid.width)
            masks = [self.mask(mask)[frames] for mask in operator.masks]
            for total, new in zip(remapped, operator.remap_words([old[:, rows] for old in sums], masks), strict=True):
                total[:, rows] = new
        return [self._blend_rows(action, *pair) for pair in zip(sums, remapped, strict=True)]

    def _blend_rows(self, action: Action, old: Tensor, new: Tensor) -> Tensor:
        """`old + weight · (new − old)` for rows `(B, L, H, C)` that were made otherwise."""
        pairs = (map(self.layout.grid.as_pictures, pair) for pair in zip(old, new, strict=True))
        pictures = [self._blend(action, *pair, (slice(None),)) for pair in pairs]
        return torch.stack(pictures).view(old.shape)

    def tempering(self, bends: Sequence[Bend]) -> float | Tensor:
        """What multiplies the logits at the temperatures of `bends`, each to its weight: one over their product.

        A number where it is the same at every place and head, else `(L, H, 1)` float32.
        """
        actions = [*filter(None, map(self.action, bends))]
        return self.at_moment(tuple(bends), lambda: self._tempering(actions))

    def _tempering(self, actions: Sequence[Action]) -> float | Tensor:
        if all(len(action.operators) == 1 and not isinstance(action.weight, Tensor) for action in actions):
            return math.prod((action.operators[0].temperature ** -action.weight for action in actions), start=1.0)
        grid, product = self.layout.grid, torch.ones(1, 1, 1, 1, 1, device=self.device)
        for action in actions:
            temperatures = torch.tensor([operator.temperature for operator in action.operators], device=self.device)
            product = product * temperatures.view(-1, 1, 1, 1, 1) ** -torch.as_tensor(action.weight)
        return product.expand(grid.frames, grid.height, grid.width, self.heads, 1).flatten(0, 2)

    def _bend_frames(self, action: Action, pictures: Tensor, before: Tensor | None, after: Tensor | None) -> None:
        scaled = before is not None or after is not None
        for operator, frames in action.runs(len(pictures), identities=scaled):
            kernel = None if operator.is_identity else self.kernels.kernel(operator, *self.layout.grid.shape[1:])
            for part, at in self._parts(pictures, frames):
                old = self._times(part, before, at)
                new = old if kernel is None else self._blend(action, old, self._apply(kernel, old), at)
                self._put(part, new, after, at)

    def _apply(self, kernel: Kernel, pictures: Tensor) -> Tensor:
        """A kernel on pictures `(N, h, w, H, C)`: to it, heads are channels like any."""
        with self.kernels.keeping():  # it may keep what its first call makes
            return kernel(pictures.flatten(3)).unflatten(3, pictures.shape[3:])

    def _bend_in_time(self, action: Action, pictures: Tensor, before: Tensor | None, after: Tensor | None) -> None:
        """All frames at once, some rows of the picture at a time."""
        matrix = self.kernels.matrix(action.operators, self.layout.grid.frames)
        chunk = max(1, self._part_bytes // (4 * pictures[:, 0].numel()))
        for start in range(0, pictures.shape[1], chunk):
            at = (slice(None), slice(start, start + chunk))
            old = self._times(pictures[at], before, at)
            new = self._blend(action, old, (matrix @ old.flatten(1)).view(old.shape), at)
            self._put(pictures[at], new, after, at)

    def _times(self, part: Tensor, factor: Tensor | None, at: tuple[slice, ...]) -> Tensor:
        """Some pictures in float32, each head times its factor; float32 may be multiplied in place."""
        if factor is None:
            return part.float()
        return part.mul_(factor[at]) if part.dtype == torch.float32 else part * factor[at]

    def _put(self, part: Tensor, new: Tensor, factor: Tensor | None, at: tuple[slice, ...]) -> None:
        """Write `new` to its place, each head times its factor if there is one; `new` may be overwritten."""
        if factor is not None and part.dtype == new.dtype:
            torch.mul(new, factor[at], out=part)
        else:
            part.copy_(new if factor is None else new.mul_(factor[at]))

    def _blend(self, action: Action, old: Tensor, new: Tensor, at: tuple[slice, ...]) -> Tensor:
        """`at` are the frames, rows of cells, and heads, that the pictures are."""
        weight = action.weight
        if not isinstance(weight, Tensor):
            return new if weight == 1 else torch.lerp(old, new, weight)
        # where the weight is the same for all frames, or all rows of cells, it has one of them, and broadcasts
        at = tuple(index if size > 1 else slice(None) for index, size in zip(at, weight.shape, strict=False))
        return torch.lerp(old, new, weight[at])

    def _parts(self, pictures: Tensor, frames: slice) -> Iterator[tuple[Tensor, tuple[slice, ...]]]:
        """Views of some pictures each, or of some heads of one, and which frames and heads they are."""
        count = max(1, self._part_bytes // (4 * pictures[0, :, :, 0].numel()))  # pictures of one head
        together, heads = max(1, count // self.heads), min(count, self.heads)
        for start in range(frames.start, frames.stop, together):
            for head in range(0, self.heads, heads):
                some = slice(start, min(start + together, frames.stop))
                at = (some, slice(None), slice(None), slice(head, head + heads))
                yield pictures[at], at

    def blocks(self, like: Tensor, numbers: int = 0) -> Iterator[tuple[int, slice]]:
        """A batch row and a slice of image rows each: what is done at once to all heads of `(B, L, H, …)`.

        `numbers` are those alive for each image row, by default what `like` has.
        """
        chunk = max(1, self._block_bytes // (8 * (numbers or like[0, 0].numel())))
        for b in range(len(like)):
            for start in range(0, like.shape[1], chunk):
                yield b, slice(start, start + chunk)

    def index(self, numbers: tuple[int, ...]) -> Tensor:
        """The numbers as an index tensor."""
        return self.kernels.index(numbers)

    def selector(self, sets: Sequence[tuple[int, ...]], width: int, depth: int, dtype: torch.dtype) -> Tensor:
        """Values `(T, depth)` for an attention call: slot i of its output is the sum of A over the columns in set i."""
        return self.kernels.selector(sets, width, depth, dtype)
