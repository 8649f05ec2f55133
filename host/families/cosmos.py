"""Cosmos Predict 2: where its text attention is. Checked against ComfyUI's own `MiniTrainDIT`."""

from typing import ClassVar

from .attends import ONCE
from .encoders import COSMOS_T5
from .family import Family


class Cosmos(Family):
    """Cosmos Predict 2: each block has one cross-attention, whose queries are the film's tokens."""

    works = "Cosmos Predict 2"
    encoders = (COSMOS_T5,)
    workflow = "Bend one word in Cosmos Predict 2"
    models: ClassVar = {"CosmosPredict2": "cosmos.predict2.MiniTrainDIT"}
    attends: ClassVar = {"cosmos.predict2.Attention": ONCE}

    def places(self, network):
        return [(layer, f"blocks.{layer}.cross_attn") for layer in range(len(network.blocks))]

    def patch(self, model):
        network = model.diffusion_model
        return network.patch_temporal, network.patch_spatial, network.patch_spatial

    def heads(self, model):
        return model.diffusion_model.num_heads

    def head_width(self, model):
        return model.diffusion_model.model_channels // model.diffusion_model.num_heads
