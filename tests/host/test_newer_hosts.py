"""What ComfyUIs do that are newer than the one here, imitated by the shapes that their sources show."""

from types import SimpleNamespace

import pytest
import torch
from attention_bending.bending import operators as ops
from attention_bending.bending.bend import Bend
from comfy.ldm.modules.attention import attention_pytorch
from host.support import KISS, OVERRIDE, SMALL, SQUARE, assert_dense, bent


@pytest.fixture
def choosing(tiny_model):
    """A model whose text attentions have one chosen by the checkpoint (0.37), and what they were asked."""
    model, asked = tiny_model(SMALL, fresh=True), []

    def chosen(q, k, v, heads, **kwargs):
        assert kwargs["_inside_attn_wrapper"]  # so that the host does not call the override again
        asked.append(k.shape[1])
        return attention_pytorch(q, k, v, heads, **kwargs)

    for block in model.model.diffusion_model.blocks:
        block.cross_attn.comfy_attention = SimpleNamespace(function=chosen)
    return model, asked


def test_an_attention_that_the_checkpoint_chose_is_the_one_that_is_asked(choosing, positive, negative, sample):
    model, asked = choosing
    assert_dense(sample, model, KISS, positive, negative, **SQUARE)
    assert asked


def test_but_not_where_another_node_has_put_its_own(choosing, positive, negative, sample):
    """As the host itself does: an override comes first."""
    model, asked = choosing
    some = model.clone()
    some.model_options["transformer_options"][OVERRIDE] = lambda func, *args, **kwargs: func(*args, **kwargs)
    film = sample(bent(some, *KISS), positive, negative)
    assert not asked
    assert torch.isfinite(film).all()


def test_a_record_alone_asks_it_too(choosing, positive, negative, sample):
    """The override that looks on must not bring another attention with it."""
    model, asked = choosing
    sample(bent(model, Bend(ops.Flip(), "kiss", strength=0.0), see=lambda sighting: None), positive, negative)
    assert asked
