"""What a run holds on the device beside the model, told to the host before that loads the model."""

from collections.abc import Callable, Iterable

from ...bending.attention.chain import Plan
from ...bending.attention.device_cache import OTHER_BYTES

FLOAT32 = 4
MAP_COPIES = 3
"""Of a block's maps at the most: their logits, their shares, and what a bend makes of them."""


def reserving(beside: int) -> Callable:
    """A PREPARE_SAMPLING wrapper that has the host leave room for so many bytes, so that its batching does not change.

    It reckons with the latent's size alone, so that grows by what the bytes would be of it.
    """

    def reserve(executor, model, noise_shape, conds, *args, **kwargs):
        batch, *rest = noise_shape
        whole = model.model.memory_required([2 * batch, *rest])
        return executor(model, [batch * (1 + beside / whole), *rest], conds, *args, **kwargs)

    return reserve


def bend_bytes(plans: Iterable[Plan], rows: int, heads: int, width: int, element: int) -> int:
    """What the costliest of some chains holds at one site, beside the un-bent output `rows · heads · width`.

    A kernel that must be asked with selectors takes an output more; which it is, is known in the first call only.
    """
    output = rows * heads * width
    most = 0
    for plan in plans:
        columns = max(map(len, plan.blocks), default=0) + len(plan.blocks) + len(plan.sets)
        maps = MAP_COPIES * FLOAT32 * rows * heads * columns
        product = bool(plan.steps and plan.blocks)  # of single columns; of the parts one becomes the output
        outputs = element * output * max(0, len(plan.sets) - 1 + product + (len(plan.blocks) > 1))
        spreads = any((step.all_columns or step.groups) and not step.bend.operator.diagonal for step in plan.steps)
        widened = MAP_COPIES * min(OTHER_BYTES, FLOAT32 * output) if spreads else 0  # what is bent at once
        most = max(most, maps + outputs + widened)
    return most
