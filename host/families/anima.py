"""Anima: Cosmos Predict 2's blocks, behind an adapter that makes a column of each of T5's tokens."""

from typing import ClassVar

from .cosmos import Cosmos
from .encoders import ANIMA
from .family import Columns, given_columns

LEAST = 512
"""How many columns there are at the least: the adapter fills them up with zeros."""


class Anima(Cosmos):
    """Anima: its columns are not those of the embedding, which the adapter reads."""

    works = "Anima"
    encoders = (ANIMA,)
    workflow = "Bend one word in Anima"
    models: ClassVar = {"Anima": "anima.model.Anima"}
    takes_embedding = False

    def text(self, model, cond, device):
        embedding, ids, weights = super().text(model, cond, device), cond.get("t5xxl_ids"), cond.get("t5xxl_weights")
        if ids is None:
            return embedding
        weights = None if weights is None else weights[None, :, None].to(embedding)
        return model.diffusion_model.preprocess_text_embeds(embedding, ids[None].to(device), weights)

    def columns(self, model, cond):
        ids = cond.get("t5xxl_ids")
        return given_columns(cond) if ids is None else Columns(max(LEAST, ids.shape[-1]))
