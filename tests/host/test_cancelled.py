"""A run that is cancelled at any of its steps, or within one, leaves nothing: the next film is the same to the bit."""

import gc

import comfy.model_management
import pytest
import torch
from attention_bending.bending import operators as ops
from attention_bending.bending.bend import Animation, Bend, Bending
from attention_bending.bending.time.animation import Keyframes
from attention_bending.host.maps import record_store
from attention_bending.host.maps.record_store import Handle
from attention_bending.host.maps.recording import Recording
from attention_bending.host.run.attach import patch_model
from attention_bending.host.run.patch import Patch
from comfy.model_management import InterruptProcessingException
from host.support import SQUARE, runs
from host.test_traces import untouched

STEPS, LAYERS = 3, 2
MOVING = Animation("x", "steps", Keyframes(((0.0, False, 0.0), (2.0, False, 0.5))))
BENDS = (
    Bend(ops.Translate(), "kiss", animations=(MOVING,)),
    Bend(ops.Blur(), "ALL"),
    Bend(ops.Temperature(2.0), "ALL"),
)


@pytest.fixture
def subject(model):
    """A model with bends and a record, that is cancelled in the text's attention when `left` calls have been made."""
    left = []

    def patch(args):
        if left:
            left[0] -= 1
            if left[0] < 0:
                raise InterruptProcessingException
        return args["x"]

    model = model.clone()
    model.set_model_attn2_patch(patch)
    handle = Handle("20", 2**26)
    some = patch_model(model, Patch(Bending(BENDS), True, "20", Recording(handle, "listed words", "kiss"), handle))
    return some, handle, left


def state(model) -> tuple:
    return dict(model.object_patches), repr(model.model_options), repr(model.wrappers), repr(model.callbacks)


def test_cancelled_at_each_step_and_in_each_layer(subject, sample, positive, negative):
    """Behind the last step nothing is asked of the model any more, and so nothing is cancelled."""
    some, handle, left = subject

    def film(callback=None):
        return sample(some, positive, negative, shape=SQUARE["shape"], steps=STEPS, callback=callback)

    expected = film()
    before = state(some)
    for at in (*range(STEPS - 1), *((call,) for call in range(STEPS * LAYERS))):
        with runs() as made, pytest.raises(InterruptProcessingException):
            if isinstance(at, tuple):
                left[:] = at
                film()
            else:
                film(lambda step, *_, at=at: step == at and comfy.model_management.interrupt_current_processing())
        left.clear()
        gc.collect()
        assert [run() for run in made] == [None], at
        assert untouched(some) and state(some) == before, at
        assert len(record_store._runs[handle]) == 1  # that of the run that ended
        assert torch.equal(film(), expected), at
