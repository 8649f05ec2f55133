"""What the algebra needs on the device and does not change while a film is made: kernels, indices, selectors."""

from collections.abc import Sequence

import torch
from torch import Tensor

from .grid import Grid
from .operators import Kernel, Operator


class Tables:
    """Made at first use, kept for a run; one for each grid and device. Nothing here waits for the device twice."""

    def __init__(self, grid: Grid, device: torch.device):
        self.grid = grid
        self.device = device
        self._kernels: dict[Operator, Kernel] = {}
        self._indices: dict[tuple[int, ...], Tensor] = {}
        self._selectors: dict[tuple, Tensor] = {}

    def bend(self, operator: Operator, rows: Tensor) -> Tensor:
        """The operator on rows `(B, H, L, C)`, float32, as a new tensor."""
        if operator not in self._kernels:
            self._kernels[operator] = operator.kernel(self.grid.height, self.grid.width, self.device)
        return self._kernels[operator](self.grid.as_frames(rows)).reshape(rows.shape)

    def index(self, numbers: tuple[int, ...]) -> Tensor:
        """The numbers as an index tensor."""
        if numbers not in self._indices:
            self._indices[numbers] = torch.tensor(numbers, dtype=torch.long, device=self.device)
        return self._indices[numbers]

    def selector(self, sets: Sequence[tuple[int, ...]], width: int, depth: int, dtype: torch.dtype) -> Tensor:
        """Values `(T, depth)` for an attention call: slot i of its output is the sum of A over the columns in set i."""
        key = (tuple(sets), width, depth, dtype)
        if key not in self._selectors:
            selector = torch.zeros(width, depth, dtype=dtype)
            for slot, columns in enumerate(sets):
                selector[list(columns), slot] = 1
            self._selectors[key] = selector.to(self.device)
        return self._selectors[key]
