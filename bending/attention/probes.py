"""How much a word would be heard that is not in the prompt: asked in a sentence of its own, as if that were all of it.

    share = Σ_{t in word} exp(q·k_t/√d) / Σ_t exp(q·k_t/√d)        t over the columns of the sentence

Columns of a sentence that are equal, as an encoder's padding is, have equal keys. They are kept as one, whose logit has
the log of their number added: a sentence of 512 columns costs what its few words do, and the share is the same.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .device_cache import DeviceCache


@dataclass(frozen=True, eq=False)
class Sentences:
    """Several sentences side by side: `columns` `(1, K, D)`, of each sentence `lengths` many.

    Those of a sentence that are equal to its last are one. `logs` `(K, 1)` float32 is the log of how many a column
    stands for, and of each sentence `words` `(k,)` what part of those are the probed word's.
    """

    columns: Tensor
    lengths: tuple[int, ...]
    logs: Tensor
    words: tuple[Tensor, ...]

    @classmethod
    def of(cls, sentences: Sequence[tuple[Tensor, Collection[int]]]) -> "Sentences":
        """Each a sentence's columns `(T, D)`, and which of them are its word's. Waits for the device."""
        columns, counts, words = [], [], []
        for every, own in sentences:
            is_last = (every == every[-1]).all(-1)
            kept = ~is_last
            kept[-1] = True
            columns.append(every[kept])
            counts.append(torch.where(is_last, is_last.sum(), 1)[kept])
            is_word = torch.zeros(len(every), device=every.device).index_fill_(0, _index(own, every), 1)
            words.append(torch.where(is_last, (is_word * is_last).sum() / is_last.sum(), is_word)[kept])
        lengths = tuple(map(len, columns))
        return cls(torch.cat(columns)[None], lengths, torch.cat(counts).float().log()[:, None], tuple(words))

    def shares(self, q: Tensor, keys: Tensor, scale: float, cache: DeviceCache) -> Tensor:
        """The share of each sentence's word `(B, L, H, P)` float32, of the queries `(B, L, H, D)`.

        `keys` `(H, K, D)` float32 are those that an attention makes of the columns. Some queries are done at a time.
        """
        shares = q.new_empty(*q.shape[:3], len(self.lengths), dtype=torch.float32)
        for b, rows in cache.blocks(q, q.shape[2] * max(keys.shape[1:])):
            logits = torch.baddbmm(self.logs, keys, q[b, rows].float().permute(1, 2, 0), alpha=scale)
            for p, (own, word) in enumerate(zip(logits.split(self.lengths, 1), self.words, strict=True)):
                shares[b, rows, :, p] = (word @ own.softmax(1)).T
        return shares


def _index(numbers: Collection[int], like: Tensor) -> Tensor:
    return torch.tensor(sorted(numbers), dtype=torch.long, device=like.device)
