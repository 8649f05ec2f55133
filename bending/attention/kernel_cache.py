"""What the algebra needs on a device whichever frames it bends: kernels, indices, selectors, each made once."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

import torch
from torch import Tensor

from ..operators import Kernel, Operator
from ..time.windows import SamplingMoment

Keeping = Callable[[], AbstractContextManager]
"""What is entered, never twice at once, around the making of all that outlives a call: the host may plan the memory of
calls ahead."""

Made = TypeVar("Made")


class KernelCache:
    """One for each device, for the length of a run, shared by all context windows. `builds` counts what was made."""

    def __init__(self, device: torch.device, keeping: Keeping = nullcontext):
        self.device = device
        self.keeping = keeping
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
        return self._kernel((operator, height, width), lambda: operator.kernel(height, width, self.device))

    def matrix(self, operators: tuple[Operator, ...], frames: int) -> Tensor:
        """The matrix `(F, F)` along the frames of an operator in time, or of one for each frame."""

        def build() -> Tensor:
            matrices = [operator.matrix(frames) for operator in operators]
            # frame f of the result is row f of its own operator's matrix
            rows = [matrix[f] for f, matrix in enumerate(matrices)]
            return (matrices[0] if len(matrices) == 1 else torch.stack(rows)).to(self.device)

        return self._kernel((operators, frames), build)

    def _kernel(self, key: tuple, build: Callable[[], Made]) -> Made:
        self._used.add(key)
        self.builds += key not in self._kernels
        return self.kept(self._kernels, key, build)

    def kept(self, store: dict, key, build: Callable[[], Made]) -> Made:
        """`store[key]`, built where it is missing: whatever is kept on the device from call to call is made here."""
        if key not in store:
            with self.keeping():
                store[key] = build()
        return store[key]

    def index(self, numbers: tuple[int, ...]) -> Tensor:
        """The numbers as an index tensor."""
        return self.kept(self._indices, numbers, lambda: torch.tensor(numbers, dtype=torch.long, device=self.device))

    def selector(self, sets: Sequence[tuple[int, ...]], width: int, depth: int, dtype: torch.dtype) -> Tensor:
        """Values `(T, depth)` for an attention call: slot i of its output is the sum of A over the columns in set i."""

        def build() -> Tensor:
            selector = torch.zeros(width, depth, dtype=dtype)
            for slot, columns in enumerate(sets):
                selector[list(columns), slot] = 1
            return selector.to(self.device)

        return self.kept(self._selectors, (tuple(sets), width, depth, dtype), build)
