"""Whose a model call's rows are: every conditioning of a guider under a uuid of its own, with its plan."""

import uuid
from collections.abc import Mapping

import torch

from ..text.prompt_encoding import KEY as TOKENS_KEY
from .cond_plan import CondPlan
from .plan import RunPlan

Conds = Mapping[str, list[dict]]
"""A guider's lists of conditionings by role, `positive`, `negative` and what a guider has besides."""


class Roles:
    """What the conditionings that a run was planned with have become in the guider, once ComfyUI has prepared them.

    `cond_or_uncond` is a position and no role, and ComfyUI itself may copy one uuid into two roles.
    """

    def __init__(self, plan: RunPlan, conds: Conds, takes_embedding: bool):
        """`takes_embedding`: the network is given a conditioning's embedding itself (see Family)."""
        self._takes_embedding = takes_embedding
        self._planned = [
            (role, cond.get(TOKENS_KEY), cond["cross_attn"], planned)
            for role, listed in conds.items()
            for cond in listed
            if (planned := plan.conds.get((role, id(cond.get("cross_attn")))))
        ]

    def issue(self, guider) -> dict[uuid.UUID, CondPlan | None]:
        """Give each prepared conditioning of a guider a fresh uuid. Returns their plans; None for what has no words."""
        issued = {}
        for role, conds in guider.conds.items():  # all roles, so that a foreign guider's rows can be told from them
            guider.conds[role] = [{**cond, "uuid": uuid.uuid4()} for cond in conds]
            issued.update((cond["uuid"], self._plan(role, cond)) for cond in guider.conds[role])
        return issued

    def _plan(self, role: str, prepared: dict) -> CondPlan | None:
        """Of the very embedding, since another of the same values may be another prompt; or of a copy of both."""
        if "area" in prepared:  # ComfyUI adds opposites of areas
            return None
        embedding = prepared.get("cross_attn")
        if self._takes_embedding:  # which another node may have changed since
            embedding = getattr(prepared["model_conds"].get("c_crossattn"), "cond", None)
        own = [planned for planned_role, *planned in self._planned if planned_role == role]
        for _, planned, plan in own:
            if planned is embedding:
                return plan
        for tokens, planned, plan in own:
            if tokens == prepared.get(TOKENS_KEY) and _equal(planned, embedding):
                return plan
        return None


def _equal(one: torch.Tensor, other: torch.Tensor | None) -> bool:
    return other is not None and one.shape == other.shape and torch.equal(one, other.to(one))
