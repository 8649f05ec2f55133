"""Recorded maps are those of the dense softmax, before and after bends, in float32 and bfloat16."""

import comfy.ldm.wan.model
import comfy.sampler_helpers
import comfy.sd
import folder_paths
import pytest
import torch
from attention_bending.bending import operators as ops
from attention_bending.bending.bend import Bend
from attention_bending.bending.text.tokens import resolve
from attention_bending.host.maps.record_store import record_of
from attention_bending.host.text.prompt_encoding import KEY
from comfy.ldm.modules.attention import get_attention_function
from core.oracle import bent_attention
from host.recordings import BLUR, GRID, recording, run
from host.support import SMALL, bent


class Queries:
    """The queries and keys of each text attention, as the model's own norms give them, by layer."""

    def __init__(self, model):
        self.seen: list[tuple[int, torch.Tensor, torch.Tensor]] = []
        self._hooks, last = [], {}
        for layer, block in enumerate(model.model.diffusion_model.blocks):
            attention = block.cross_attn

            def keep_q(module, inputs, output, layer=layer):
                last[layer] = output.clone()

            def keep_k(module, inputs, output, layer=layer):
                self.seen.append((layer, last[layer], output.clone()))

            self._hooks += [attention.norm_q.register_forward_hook(keep_q)]
            self._hooks += [attention.norm_k.register_forward_hook(keep_k)]

    def close(self):
        for hook in self._hooks:
            hook.remove()

    def maps(self, column: int) -> list[tuple[int, torch.Tensor]]:
        """For each call, its layer and the dense softmax's column in float64, `(H, F, h, w)`."""
        return [(layer, softmax(q, k)[:, :, column].unflatten(1, GRID)) for layer, q, k in self.seen]


def softmax(q, k):
    heads = q.shape[2] // 128
    q, k = (tensor[0].double().unflatten(1, (heads, 128)).transpose(0, 1) for tensor in (q, k))
    return (q @ k.mT / 128**0.5).softmax(-1)


def largest_error(ours, dense, above: float) -> float:
    there = dense > above
    assert there.any()
    return float(((ours.double() - dense).abs() / dense)[there].max())


@pytest.fixture
def kiss_column(positive):
    (encoder,) = positive[0][1][KEY].encoders
    (piece,) = (piece for piece in encoder.pieces if "kiss" in piece.text)
    return piece.column


@pytest.mark.parametrize("kernel", ["pytorch", "sub_quad", "split"])
def test_maps_equal_the_dense_softmax(kernel, model, positive, negative, sample, kiss_column, monkeypatch):
    """Before storage to 1e-5, after it to 1e-3, by any kernel of the host."""
    monkeypatch.setattr(comfy.ldm.wan.model, "optimized_attention", get_attention_function(kernel))
    sightings, queries = [], Queries(model)
    watched, handle = recording(model, BLUR, see=sightings.append, heads=True, applied=False)
    latent = run(sample, watched, positive, negative)
    queries.close()
    dense = queries.maps(kiss_column)
    assert len(sightings) == len(dense) == 4
    record = record_of(handle, latent)
    for sighting, (layer, column) in zip(sightings, dense, strict=True):
        assert sighting.layer == layer
        assert largest_error(sighting.original[0], column, 1e-6) < 1e-5
        for head in range(record.heads):
            stored = record.mean_map(0, False, (sighting.step,), (layer,), (head,))
            assert largest_error(stored, column[head], 1e-4) < 1e-3


def test_bent_maps_equal_the_dense_ones(model, positive, negative, sample, kiss_column):
    bends = (Bend(ops.Translate(x=0.25), "kiss"), Bend(ops.Amplify(3.0), "sunset"), Bend(ops.Blur(1.0), "ALL"))
    sightings, queries = [], Queries(model)
    watched, handle = recording(model, *bends, see=sightings.append, applied=False)
    latent = run(sample, watched, positive, negative)
    queries.close()
    columns = [resolve(bend.token, positive[0][1][KEY], 512).columns for bend in bends]
    chain = [
        (bend.operator.key, vars(bend.operator), some, 1.0, True) for bend, some in zip(bends, columns, strict=True)
    ]
    record = record_of(handle, latent)
    for sighting, (layer, q, k) in zip(sightings, queries.seen, strict=True):
        dense = bent_attention(q[0].double().numpy(), k[0].double().numpy(), k[0].double().numpy(), chain, GRID)[1]
        dense = torch.from_numpy(dense[:, kiss_column]).unflatten(0, GRID)
        assert largest_error(sighting.bent[0, 0], dense, 1e-6) < 1e-4
        assert largest_error(record.mean_map(0, True, (sighting.step,), (layer,)), dense, 1e-4) < 2e-3


def test_in_bfloat16_maps_equal_the_dense_softmax(positive, negative, sample, kiss_column):
    path = folder_paths.get_full_path_or_raise("diffusion_models", f"tiny_{SMALL}.safetensors")
    model = comfy.sd.load_diffusion_model(path, model_options={"dtype": torch.bfloat16})
    model.set_model_compute_dtype(torch.bfloat16)
    sightings, queries = [], Queries(model)
    run(sample, bent(model, BLUR, applied=False, see=sightings.append), positive, negative, steps=1)
    queries.close()
    assert queries.seen[0][1].dtype == torch.bfloat16
    for sighting, (_, column) in zip(sightings, queries.maps(kiss_column), strict=True):
        assert largest_error(sighting.original[0], column, 1e-6) < 2e-2
