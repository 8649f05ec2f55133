"""The keys that a conditioning's own mask leaves open: what it shuts out wholly is left out, and needs no mask."""

from collections.abc import Sequence

import torch
from torch import Tensor

SHUT = -1e4
"""A mask that adds less than this to a logit shuts its key out: no weight is left of it in any type."""


class OpenKeys:
    """The open ones of a call's `count` text keys, for the rows of one conditioning: `index` `(K,)` on the device.

    They are known from the conditioning. That the mask of a call says the same is noted on the device, so that no call
    waits for it: `unlike` is true once one did not.
    """

    def __init__(self, keys: Sequence[int], count: int, device: torch.device):
        self.index = torch.tensor(keys, device=device)
        self.count = count
        self.unlike = torch.zeros((), dtype=torch.bool, device=device)
        self._is_open = torch.zeros(count, dtype=torch.bool, device=device).index_fill_(0, self.index, True)
        self._seen: tuple[Tensor, slice] | None = None

    def misfit(self, mask: Tensor | None, rows: slice) -> str | None:
        """How a call's mask cannot be the conditioning's own, the same for all queries; its values come later."""
        if mask is None or mask.ndim < 3 or mask.shape[-2:] != (1, self.count):
            seen = "none" if mask is None else " × ".join(map(str, mask.shape))
            return f"the text's attention has another mask than its conditioning's own ({seen})."
        if self._seen is None or self._seen[0] is not mask or self._seen[1] != rows:  # once a model call
            self._seen = mask, rows
            own = mask[rows] if mask.shape[0] > 1 else mask
            is_open, is_shut = (own, ~own) if own.dtype == torch.bool else (own == 0, own < SHUT)
            self.unlike |= ~torch.where(self._is_open, is_open, is_shut).all()
        return None

    def of(self, tensor: Tensor) -> Tensor:
        """What keys or values `(B, T, H, D)` have of them, `(B, K, H, D)`."""
        return tensor.index_select(1, self.index)

    def spread(self, tensor: Tensor) -> Tensor:
        """The same the other way, with zeros in the others' places."""
        batch, _, *rest = tensor.shape
        return tensor.new_zeros(batch, self.count, *rest).index_copy_(1, self.index, tensor)
