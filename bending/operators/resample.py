"""Bilinear resampling by an affine map: what Translate, Rotate and Spatial Scale share."""

import numpy as np
import torch
from torch import Tensor

from .base import Kernel

SNAP = 1e-6
"""Sample positions this near to a cell's centre (in cells) are taken as on it, so that shifts by whole cells,
turns by 180° and quarter turns of square frames are exact permutations."""


def resample(inverse: np.ndarray, center: tuple[float, float], padding: str, shape: tuple[int, int], device) -> Kernel:
    """The kernel of `out(p) = in(T⁻¹ p)`, bilinear.

    `inverse` is T⁻¹ as a `(2, 3)` matrix on (x, y, 1) in cells, about `center` (x, y in fractions of the frame).
    `padding` says what lies outside the frame: `border` the edge cell; `zeros` nothing; `reflection` the picture
    mirrored at its edge (…b a | a b…); `wrap` the picture again.
    """
    height, width = shape
    origin = np.array([center[0] * width, center[1] * height])
    y, x = np.mgrid[0:height, 0:width]
    p = np.stack([x.ravel() + 0.5, y.ravel() + 0.5]) - origin[:, None]
    q = inverse[:, :2] @ p + inverse[:, 2:] + origin[:, None] - 0.5
    nearest = np.round(q)
    q = np.where(np.abs(q - nearest) < SNAP, nearest, q)
    low = np.floor(q)
    fraction = q - low
    taps = []
    for dy in (0, 1):
        for dx in (0, 1):
            column, inside_x = _fold(low[0].astype(np.int64) + dx, width, padding)
            row, inside_y = _fold(low[1].astype(np.int64) + dy, height, padding)
            weight = (fraction[0] if dx else 1 - fraction[0]) * (fraction[1] if dy else 1 - fraction[1])
            weight = weight * (inside_x & inside_y)
            if weight.any():
                taps.append((row * width + column, weight))
    return _gather([(torch.from_numpy(i).to(device), _weight(w, device)) for i, w in taps])


def _fold(index: np.ndarray, size: int, padding: str) -> tuple[np.ndarray, np.ndarray]:
    """Cell indices brought into `0 … size − 1`, and which of them count at all."""
    inside = np.ones_like(index, dtype=bool)
    if padding == "wrap":
        index = index % size
    elif padding == "reflection":
        index = index % (2 * size)
        index = np.where(index < size, index, 2 * size - 1 - index)
    else:
        if padding == "zeros":
            inside = (index >= 0) & (index < size)
        index = index.clip(0, size - 1)
    return index, inside


def _weight(weight: np.ndarray, device) -> Tensor | None:
    """The taps' weights as `(P, 1)`, or None where all are one: then the gather alone is the answer."""
    return None if (weight == 1).all() else torch.from_numpy(weight.astype(np.float32)).to(device)[:, None]


def _gather(taps: list[tuple[Tensor, Tensor | None]]) -> Kernel:
    def kernel(pictures: Tensor) -> Tensor:
        cells = pictures.flatten(1, 2)
        out = None
        for index, weight in taps:
            term = cells.index_select(1, index)
            if weight is not None:
                term *= weight
            out = term if out is None else out.add_(term)
        return torch.zeros_like(pictures) if out is None else out.view(pictures.shape)

    return kernel
