"""What aims cost: a bend with a mask, or a number that moves over the frames, against the same bend without.

``python -m dev.bench_aims``, in the development environment. Processor time on one thread, each pair in turn, the least
of several: other work on the machine hardly shows.
"""

import time
from collections.abc import Callable

import torch
import torch.nn.functional as F

from ..bending import narrow
from ..bending import operators as ops
from ..bending.attention.chain import plan_chain
from ..bending.attention.device_cache import DeviceCache
from ..bending.attention.kernel import Attention
from ..bending.attention.state import run_chain
from ..bending.bend import Bend, Bending
from ..bending.frames.grid import Grid
from ..bending.frames.layout import FrameLayout
from ..bending.frames.mask_video import MaskVideo
from ..bending.time import animation

GRID, HEADS, DEPTH, TOKENS = Grid(5, 30, 52), 12, 128, 512
ROUNDS = 8
ONE_WORD, ALL = [[3]], [list(range(TOKENS))]
MASK, MASK_FILM = MaskVideo(torch.rand(1, 60, 104)), MaskVideo(torch.rand(17, 60, 104))


def moving(bend: Bend) -> Bend:
    track = animation.parse_keyframes("0: 10, 100%: 90")
    return narrow.animate(Bending((bend,)), "angle", "frames", track).bends[0]


ROTATE, BLUR, TRANSLATE = (Bend(operator, "word") for operator in (ops.Rotate(), ops.Blur(), ops.Translate()))
PAIRS = {
    "ALL rotated, the angle moving": (ROTATE, moving(ROTATE), ALL),
    "ALL rotated, a mask": (ROTATE, Bend(ops.Rotate(), "word", masks=(MASK,)), ALL),
    "ALL blurred, a mask": (BLUR, Bend(ops.Blur(), "word", masks=(MASK,)), ALL),
    "one word moved, a mask": (TRANSLATE, Bend(ops.Translate(), "word", masks=(MASK,)), ONE_WORD),
    "one word moved, a film of masks": (TRANSLATE, Bend(ops.Translate(), "word", masks=(MASK_FILM,)), ONE_WORD),
    "one word rotated, the angle moving": (ROTATE, moving(ROTATE), ONE_WORD),
}


def site(bend: Bend, columns: list[list[int]], qkv: tuple[torch.Tensor, ...]) -> Callable[[], object]:
    """One bent attention call, as a site of a run makes it where torch's kernel tells its log-sum-exp."""
    plan = plan_chain([(bend, columns)], TOKENS)
    tables = DeviceCache(FrameLayout.whole(GRID), HEADS, qkv[0].device)
    flash = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu

    def kernel(q, k, values):
        return F.scaled_dot_product_attention(*(each.transpose(1, 2) for each in (q, k, values))).transpose(1, 2)

    def call():
        output, lse = flash(*(each.transpose(1, 2) for each in qkv))
        attention = Attention(*qkv, kernel, DEPTH**-0.5, lse.transpose(1, 2))
        return run_chain(plan, attention, output.transpose(1, 2), tables)

    return call


def seconds(call: Callable[[], object]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def main() -> None:
    torch.set_num_threads(1)
    qkv = tuple(torch.randn(1, rows, HEADS, DEPTH) for rows in (GRID.cells, TOKENS, TOKENS))
    print(f"{'':<36}  with / without")
    for name, (without, aimed, columns) in PAIRS.items():
        calls = [site(bend, columns, qkv) for bend in (without, aimed)]
        for call in calls:
            call()
        rounds = [[seconds(call) for call in calls] for _ in range(ROUNDS)]
        plain, played = (min(column) for column in zip(*rounds, strict=True))
        print(f"{name:<36}  {played / plain:.2f}", flush=True)


def run(arguments: list[str]) -> None:
    main()
