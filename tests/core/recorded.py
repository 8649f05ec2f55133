"""Records of maps that are known, to make pictures of."""

import torch
from attention_bending.bending.frames.grid import Grid
from attention_bending.bending.maps.record import PackedMaps, Record, even_bins


def record(original, bent=None, words=("kiss",), **fields):
    """Of maps `(W, S, N, P, F, h, w)`."""
    count, steps, layers, heads, *grid = original.shape
    packed = PackedMaps.pack(original)
    given = {
        "columns": tuple((column,) for column in range(count)),
        "grid": Grid(*grid),
        "steps": even_bins(steps, steps),
        "layers": even_bins(layers, layers),
        "heads": heads,
        "original": packed,
        "bent": packed if bent is None else PackedMaps.pack(bent),
        "seen": torch.ones(count, steps, layers, dtype=torch.bool),
    }
    return Record(words, **{**given, **fields})


def maps(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def spot(frames=3, height=4, width=6, at=(1, 2, 4)):
    """One word's maps, zero but for one cell."""
    film = torch.zeros(1, 1, 1, 1, frames, height, width)
    film[0, 0, 0, 0][at] = 0.03125
    return film


def middle(picture):
    """Of what is brightest in `(H, W)`: row and column, in pixels."""
    return tuple((picture > 0.8 * picture.max()).nonzero().float().mean(0).tolist())
