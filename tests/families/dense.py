"""Bent text attention the slow way: it knows shapes alone, and neither a family nor how the host calls its kernel."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
import torch
from attention_bending.bending.bend import Bend
from core.oracle import bent_attention, softmax

from .member import Member

OVERRIDE = "optimized_attention_override"


@dataclass
class Dense:
    """A global override: a call with the member's counts of queries and keys is the text's, and bent in float64.

    `rows` counts what was computed so: one for each row of the positive prompt in each such call. `maps` are those of
    the word `kiss` before all bends, of each row the mean over its heads, `(L,)`.
    """

    member: Member
    bends: Sequence[Bend]
    active: Callable[[float], bool] = lambda sigma: True
    layer: int | None = None
    rows: int = 0
    maps: list[np.ndarray] = field(default_factory=list)

    def patched(self, model):
        clone = model.clone()
        clone.model_options["transformer_options"][OVERRIDE] = self.attend
        return clone

    def attend(self, func, q, k, v, heads, *args, **kwargs):
        out = func(q, k, v, heads, *args, **kwargs)
        names = ("mask", "attn_precision", "skip_reshape", "skip_output_reshape")
        given, options = {**dict(zip(names, args, strict=False)), **kwargs}, kwargs["transformer_options"]
        apart = [self._heads_in_front(tensor, heads, given) for tensor in (q, k, v)]
        sizes = apart[0].shape[2], apart[1].shape[2]
        here = self.layer in (None, options.get("block_index"))
        if not here or sizes != (self.member.queries, self.member.keys) or not self.active(float(options["sigmas"][0])):
            return out
        out = out.clone()
        view = out.transpose(1, 2) if given.get("skip_output_reshape") else out.unflatten(2, (heads, -1))
        passes = options["cond_or_uncond"]
        films = len(out) // len(passes)
        for row in range(len(out)):
            if passes[row // films] == 0:
                self.rows += 1
                bent = [self._bent(*(tensor[row, head] for tensor in apart)) for head in range(heads)]
                self.maps.append(np.mean([words for _, words in bent], 0))
                for head, (output, _) in enumerate(bent):
                    view[row, self.member.rows, head] = torch.from_numpy(output).to(out)
        return out

    @staticmethod
    def _heads_in_front(tensor, heads: int, given) -> torch.Tensor:
        return tensor if given.get("skip_reshape") else tensor.unflatten(2, (heads, -1)).transpose(1, 2)

    def _bent(self, q, k, v) -> tuple[np.ndarray, np.ndarray]:
        """One head of one row, `(L, D)`, and the word's map before: what is masked is not there."""
        left = [key for key in range(len(k)) if key not in self.member.shut]
        chain = []
        for bend in self.bends:
            columns = [left.index(key) for key in self.member.means(bend.token) if key in left]
            if columns:
                chain.append((bend.operator.key, asdict(bend.operator), columns, bend.strength, bend.renormalize))
        q, k, v = (tensor.double().cpu().numpy() for tensor in (q[self.member.rows], k[left], v[left]))
        words = softmax(q @ k.T * q.shape[1] ** -0.5)[:, [left.index(key) for key in self.member.means("kiss")]]
        return bent_attention(q, k, v, chain, self.member.grid)[0], words.sum(1)
