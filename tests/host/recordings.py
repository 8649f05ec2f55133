"""What the tests of records share: a model that records, and one sampling of it."""

from attention_bending.bending import operators as ops
from attention_bending.bending.bend import Bend, Bending
from attention_bending.host.maps.record_store import Handle
from attention_bending.host.maps.recording import Recording
from attention_bending.host.run.attach import patch_model
from attention_bending.host.run.patch import Patch
from host.support import SEEING

MB = 2**20
BLUR = Bend(ops.Blur(1.0), "kiss")
SHAPE = (1, 16, 2, 8, 8)
GRID = (2, 4, 4)


def recording(model, *bends, words="bent words", tokens="", heads=False, applied=True, limit=64 * MB, see=None):
    """A model that records, and its handle."""
    handle = Handle("9", limit)
    kept = Recording(handle, words, tokens, heads)
    if see:
        SEEING[handle] = see
    return patch_model(model, Patch(Bending(bends), applied, "9", kept)), handle


def run(sample, model, positive, negative, **options):
    """The latent, as a sampler node gives it."""
    return {"samples": sample(model, positive, negative, shape=SHAPE, **{"cfg": 1.0, **options})}
