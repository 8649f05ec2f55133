"""What the algebra needs on a device whichever frames it bends: kernels, indices, selectors, each made once."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ..operators import Kernel, Operator
from ..time.windows import SamplingMoment


class KernelCache:
    """One for each device, for the length of a run, shared by all context windows. `builds` counts what was made."""

    def __init__(self, device: torch.device):
        self.device = device
        self.builds = 0
        self._moment: SamplingMoment | None = None
        self._kernels: dict[tuple, Kernel | Tensor] = {}
        self._used: set[tuple] = set()
        self._indices: dict[tuple[int, ...], Tensor] = {}
        self._selectors: dict[tuple, Tensor] = {}

    def go_to(self, moment: SamplingMoment) -> None:
        """Go to a moment: forget kernels that the last did not use."""
        if moment != self._moment:
            self._moment = moment
            # an angle that moves over the steps makes a kernel for each; only the last step's may be needed again
            self._kernels = {key: self._kernels[key] for key in self._used}
            self._used.clear()

    def kernel(self, operator: Operator, height: int, width: int) -> Kernel:
        """The operator's kernel for pictures of that size."""
        return self._kept((operator, height, width), lambda: operator.kernel(height, width, self.device))

    def matrix(self, operators: tuple[Operator, ...], frames: int) -> Tensor:
        """The matrix `(F, F)` along the frames of an operator in time, or of one for each frame."""

        def build() -> Tensor:
            matrices = [operator.matrix(frames) for operator in operators]
            # frame f of the result is row f of its own operator's matrix
            rows = [matrix[f] for f, matrix in enumerate(matrices)]
            return (matrices[0] if len(matrices) == 1 else torch.stack(rows)).to(self.device)

        return self._kept((operators, frames), build)

    def _kept(self, key: tuple, build) -> Kernel | Tensor:
        if key not in self._kernels:
            self._kernels[key] = build()
            self.builds += 1
        self._used.add(key)
        return self._kernels[key]

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
