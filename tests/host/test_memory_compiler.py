"""Under ComfyUI's memory compiler (0.34 and newer): what outlives a block is allocated while it is paused; and a graph
that it replays without Python is an error.

The host here is older, so a module stands in for its `comfy.model_prefetch`. It looks on as the compiler does, at every
allocation inside a block that is still alive when the block has ended, and may be paused, but not twice at once.
"""

import sys
from collections import Counter
from contextlib import contextmanager
from types import ModuleType

import pytest
import torch
from attention_bending.bending import operators as ops
from attention_bending.bending.bend import Animation, Bend, Bending
from attention_bending.bending.errors import BendError
from attention_bending.bending.frames.mask_video import MaskVideo
from attention_bending.bending.time.animation import parse_keyframes
from attention_bending.host.maps.record_store import Handle
from attention_bending.host.maps.recording import Recording
from attention_bending.host.run.attach import patch_model
from attention_bending.host.run.patch import Patch
from host.support import KISS, OVERRIDE, SMALL, bent, reports, said
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


def _address(tensor) -> int:
    return tensor.untyped_storage().data_ptr()


class Compiler(TorchDispatchMode):
    """`kept` counts what was allocated in a block and outlives it, by operation: not `paused`, and in all."""

    def __init__(self):
        super().__init__()
        self.paused = False
        self.pauses = 0
        self.kept, self.all_kept = Counter(), Counter()
        self._in_block = False
        self._births: dict[int, tuple[StorageWeakRef, str, bool]] = {}

    @contextmanager
    def pause(self):
        assert not self.paused, "the host's own pause ends at the first end"
        self.paused, self.pauses = True, self.pauses + 1
        try:
            yield
        finally:
            self.paused = False

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        if self._in_block:
            given = set(map(_address, filter(torch.is_tensor, tree_leaves((args, kwargs)))))
            for tensor in filter(torch.is_tensor, tree_leaves(out)):
                if _address(tensor) not in given:  # else it is a view, or written in place
                    born = StorageWeakRef(tensor.untyped_storage()), str(func), self.paused
                    self._births[_address(tensor)] = born
        return out

    def block(self, arguments: dict, extra: dict) -> dict:
        """In place of a block, around it."""
        self._in_block = True
        out = extra["original_block"](arguments)
        self._in_block = False
        for address, (storage, name, paused) in self._births.items():
            if address != _address(out["img"]) and not storage.expired():
                self.all_kept[name] += 1
                self.kept[name] += not paused
        self._births.clear()
        self.kept += Counter()  # without zeros
        return out


MASK = MaskVideo(torch.rand(1, 8, 8, generator=torch.Generator().manual_seed(0)), 0.3)
TURNS = (Animation("angle", "frames", parse_keyframes("0%: 10, 100%: 80")),)
GROWS = (Animation("strength", "frames", parse_keyframes("0%: 0.2, 100%: 1")),)

BENDS = {
    "in space": (
        Bend(ops.Translate(x=0.25, y=-0.3, padding="reflection"), "kiss"),
        Bend(ops.Rotate(), "kiss", animations=TURNS),
        Bend(ops.Blur(sigma=0.8), "ALL", strength=0.7),
        Bend(ops.Sharpen(), "ALL", animations=GROWS),
        Bend(ops.FrequencyFilter(), "PADDING"),
    ),
    "with a mask": (
        Bend(ops.Paint(MASK), "kiss"),
        Bend(ops.Flip(), "ALL", masks=(MASK,)),
        Bend(ops.Swap("sunset"), "kiss"),
        Bend(ops.RegionalMask(), "ALL"),
    ),
    "in time, and of the logits": (Bend(ops.Time("reverse"), "ALL"), Bend(ops.Temperature(0.5), "ALL")),
}


def run(model, bends, compiler, sample, positive, negative):
    """A bent and recorded film of three steps, the compiler looking on."""
    handle = Handle(None, 2**26)
    recording = Recording(handle, "listed words", "kiss, sunset", heads=True)
    watched = patch_model(model, Patch(Bending(bends), recording=recording))
    for block in range(2):
        watched.set_model_patch_replace(compiler.block, "dit", "double_block", block)
    with reports() as made, compiler:
        sample(watched, positive, negative, steps=3)
    assert made[0].bent == 2 * 3 and made[0].ways
    return made[0]


@pytest.fixture(params=[False, True], ids=["the kernel", "a foreign attention"])
def attended(request, model):
    """A model, and the same with another node's attention, which has to be asked for what it does not tell."""
    some = model.clone()
    if request.param:
        some.model_options["transformer_options"][OVERRIDE] = lambda func, *args, **kwargs: func(*args, **kwargs)
    return some


@pytest.mark.parametrize("chain", BENDS)
def test_what_is_kept_is_made_while_the_compiler_is_paused(chain, attended, positive, negative, sample, monkeypatch):
    compiler = Compiler()
    stand_in = ModuleType("comfy.model_prefetch")
    stand_in.pause_malloc_graph = compiler.pause
    monkeypatch.setitem(sys.modules, "comfy.model_prefetch", stand_in)
    run(attended, BENDS[chain], compiler, sample, positive, negative)
    assert not compiler.kept
    assert compiler.all_kept and compiler.pauses


def test_a_host_without_it_is_not_asked(model, positive, negative, sample, monkeypatch):
    """And the looking on finds what it looks for."""
    monkeypatch.delitem(sys.modules, "comfy.model_prefetch", raising=False)
    compiler = Compiler()
    run(model, BENDS["in space"], compiler, sample, positive, negative)
    assert compiler.kept == compiler.all_kept and len(compiler.kept) > 2


def test_an_un_bent_film_keeps_nothing(model, positive, negative, sample):
    compiler = Compiler()
    some = model.clone()
    for block in range(2):
        some.set_model_patch_replace(compiler.block, "dit", "double_block", block)
    with compiler:
        sample(some, positive, negative)
    assert not compiler.all_kept


# --- graphs that are captured from a block, and replayed without Python ---------------------------------------------


class Captured:
    """A block's forward that runs in two calls, as the compiler's does, and from then on gives what it gave."""

    def __init__(self, forward):
        self.forward = forward
        self.calls = 0

    def __call__(self, *args, **kwargs):
        self.calls += 1
        if self.calls <= 2:
            self.out = self.forward(*args, **kwargs)
        return self.out.clone()


def captured(model, *layers):
    some = model.clone()
    for layer in layers:
        path = f"diffusion_model.blocks.{layer}.forward"
        some.add_object_patch(path, Captured(some.get_model_object(path)))
    return some


@pytest.mark.parametrize("watched", [False, True], ids=["bent", "recorded"])
def test_a_replayed_block_is_an_error(watched, model, positive, negative, sample):
    patch = Patch(Bending(() if watched else KISS), recording=Recording(Handle(None, 2**26)) if watched else None)
    with pytest.raises(BendError, match=r"layer 1 ran without its bends: 2 .* expected in this model call, and 1 seen"):
        sample(patch_model(captured(model, 1), patch), positive, negative, steps=4)


def test_so_is_a_model_of_which_all_blocks_are(tiny_model, positive, negative, sample):
    """Told from a cache, which answers for all blocks too, by the graphs that ComfyUI keeps on them."""
    model = tiny_model(SMALL, fresh=True)
    with reports() as made:
        sample(bent(captured(model, 0, 1), *KISS), positive, negative, steps=4)
    assert made[0].skipped == 2 and "2 model calls came from a cache" in said(made[0])
    for block in model.model.diffusion_model.blocks:
        block._comfy_graph = {}
    with pytest.raises(BendError, match=r"2 text attentions were expected in this model call, and 0 seen"):
        sample(bent(captured(model, 0, 1), *KISS), positive, negative, steps=4)


def test_a_block_that_another_node_skips_is_none(model, positive, negative, sample):
    skipping = bent(model, *KISS)
    skipping.set_model_patch_replace(lambda args, extra: {"img": args["img"]}, "dit", "double_block", 1)
    with reports() as made:
        sample(skipping, positive, negative)
    assert made[0].bent == 2
