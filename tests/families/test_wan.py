"""What is particular of Wan's heirs: VACE's control blocks, and pictures that stand inside the latent."""

import types

import pytest
import torch
from attention_bending.bending import operators as ops
from attention_bending.bending.bend import Bend
from attention_bending.bending.frames.grid import Grid
from attention_bending.host.families.family import Call
from attention_bending.host.families.wan import Wan
from host.support import ROUNDING, bent, distance, reports

from .dense import Dense
from .table import MEMBERS
from .test_members import STEPS, built, film, member

__all__ = ["film", "member"]

vace = pytest.mark.parametrize("name", ["VACE"])


@vace
@pytest.mark.parametrize("layer, sites", [(0, 2), (1, 1)])
def test_a_control_block_has_the_layer_that_it_feeds(layer, sites, name, member, film):
    """A bend of the first layer acts in that block and in the control block behind it."""
    model, bends = built(member), (Bend(ops.Amplify(0.0), "kiss", layers=str(layer), renormalize=False),)
    dense = Dense(member, bends, layer=layer)
    expected = film(dense.patched(model))
    with reports() as made:
        result = film(bent(model, *bends))
    assert made[0].bent == dense.rows == STEPS * sites and distance(result, expected) < ROUNDING
    places = [(site.layer, site.path.split(".")[1]) for site in Wan().sites(model)]
    assert places == [(0, "blocks"), (0, "vace_blocks"), (1, "blocks")]


def controls(references: int, kept: bool = True, reacting: bool = False):
    """VACE's conditions of three latent frames, the first of them pictures."""
    frames, mask = torch.randn(1, 32, 3, 8, 8), torch.ones(1, 64, 3, 8, 8)
    nothing = built(MEMBERS["VACE"]).model.latent_format.process_out(torch.zeros(1, 16, references, 8, 8))
    frames[:, 16:, :references] = nothing + 1e-4 * reacting
    mask[:, :, :references] = 1.0 - kept
    return {"vace_frames": [frames], "vace_mask": [mask]}


def test_references_of_vace_are_told_exactly():
    """A frame that is kept whole but has gone through the VAE is the film's; so is one that is not kept."""
    model = built(MEMBERS["VACE"]).model

    def film_of(*conds):
        return Wan().film(model, Grid(3, 4, 4), conds)

    assert film_of({}) == film_of(controls(0)) == range(3)
    assert film_of(controls(1)) == range(1, 3) and film_of(controls(2)) == range(2, 3)
    assert film_of(controls(1), controls(0)) == range(1, 3)
    assert film_of(controls(1, kept=False)) == film_of(controls(1, reacting=True)) == range(3)


def test_a_window_without_the_reference():
    """Frames are numbered in the film, wherever a window begins; a reference that a context handler keeps is none."""
    window = types.SimpleNamespace(dim=2, index_list=[2, 3, 4])

    def frames(*retained):
        call = Call((1, 16, 3, 8, 8), {}, {"context_window": window}, retained, range(1, 6))
        return Wan().frames(call, 3)

    assert frames() == [1, 2, 3]
    assert frames(0) == [None, 2, 3]
    window.index_list = [0, 1, 2]
    assert frames() == [None, 0, 1]
