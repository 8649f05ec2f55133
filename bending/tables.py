"""What the algebra needs on the device and does not change while a film is made: kernels, indices, selectors."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from .grid import Grid
from .operators import Kernel, Operator

PART_BYTES = {"cpu": 2**24}
"""How much of a quantity is bent at once, by device: what fits a processor's cache, or keeps a GPU busy."""
OTHER_PART_BYTES = 2**28


class Tables:
    """Made at first use, kept for a run; one for each grid and device. Nothing here waits for the device twice."""

    def __init__(self, grid: Grid, device: torch.device):
        self.grid = grid
        self.device = device
        self._part_bytes = PART_BYTES.get(device.type, OTHER_PART_BYTES)
        self._kernels: dict[Operator, Kernel] = {}
        self._indices: dict[tuple[int, ...], Tensor] = {}
        self._selectors: dict[tuple, Tensor] = {}

    def bend(self, operator: Operator, strength: float, rows: Tensor) -> Tensor:
        """`rows + strength · (f(rows) − rows)` for rows `(B, L, H, C)`, as a new tensor of their type."""
        return self.bend_(operator, strength, rows.clone(memory_format=torch.contiguous_format))

    def bend_(self, operator: Operator, strength: float, rows: Tensor) -> Tensor:
        """The same in place, some pictures at a time and in float32 whatever the type of the rows."""
        if rows.numel() == 0:
            return rows
        if operator not in self._kernels:
            self._kernels[operator] = operator.kernel(self.grid.height, self.grid.width, self.device)
        for part in self._parts(rows):
            old = part.float()
            new = self._kernels[operator](old)
            part.copy_(new if strength == 1 else torch.lerp(old, new, strength))
        return rows

    def _parts(self, rows: Tensor) -> Iterator[Tensor]:
        """Views of the rows, some pictures each."""
        for film in rows:
            pictures = self.grid.as_pictures(film)
            some = max(1, self._part_bytes // (4 * pictures[0].numel()))
            yield from pictures.split(some)

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
