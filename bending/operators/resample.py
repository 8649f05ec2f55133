"""Bilinear resampling by an affine map: what Translate, Rotate and Spatial Scale share."""

from __future__ import annotations

from functools import lru_cache

from ..lazy import np, torch
from .base import Kernel

SNAP = 1e-6
"""Sample positions this near to a cell's centre (in cells) are taken as on it, so that shifts by whole cells,
turns by 180° and quarter turns of square frames are exact permutations."""

FAR = 1e12
"""Cells that a repeated picture is still counted over; beyond, a float knows no fraction of a cell."""

NO_BAGS = ("mps",)
"""Where torch had no `embedding_bag` before 2.10, so that each tap is gathered by itself."""


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
    with np.errstate(over="ignore", invalid="ignore"):
        q = inverse[:, :2] @ p + inverse[:, 2:] + origin[:, None] - 0.5
    q = np.stack([_countable(q[0], width, padding), _countable(q[1], height, padding)])
    nearest = np.round(q)
    q = np.where(np.abs(q - nearest) < SNAP, nearest, q)
    low = np.floor(q)
    fraction = q - low
    taps, weights = [], []
    for dy in (0, 1):
        for dx in (0, 1):
            column, inside_x = _fold(low[0].astype(np.int64) + dx, width, padding)
            row, inside_y = _fold(low[1].astype(np.int64) + dy, height, padding)
            weight = (fraction[0] if dx else 1 - fraction[0]) * (fraction[1] if dy else 1 - fraction[1])
            taps.append(row * width + column)
            weights.append(weight * (inside_x & inside_y))
    used = [i for i, weight in enumerate(weights) if weight.any()] or [0]
    index = torch.from_numpy(np.stack([taps[i] for i in used], axis=1).astype(np.int32))
    weight = torch.from_numpy(np.stack([weights[i] for i in used], axis=1).astype(np.float32))
    if bool((weight == 1).all()):  # asked before they go to the device, which is never waited for
        return _permute(index[:, 0].to(device))
    mix = _gather if torch.device(device).type in NO_BAGS else _mix
    return mix(index.to(device), weight.to(device))


def line(source: torch.Tensor, size: int, padding: str) -> torch.Tensor:
    """The `(n, size)` matrix that reads a line of `size` cells at n positions, in cells from 0, linearly between."""
    x = _countable(source.numpy().astype(np.float64), size, padding)
    x = np.where(np.abs(x - np.round(x)) < SNAP, np.round(x), x)
    low = np.floor(x)
    matrix = np.zeros((len(x), size), np.float32)
    for step, weight in ((0, 1 - (x - low)), (1, x - low)):
        cell, inside = _fold(low.astype(np.int64) + step, size, padding)
        np.add.at(matrix, (np.arange(len(x)), cell), (weight * inside).astype(np.float32))
    return torch.from_numpy(matrix)


def _countable(x: np.ndarray, size: int, padding: str) -> np.ndarray:
    """Positions on a line of `size` cells, those out of all bounds brought to where there is the same to read."""
    period = {"wrap": size, "reflection": 2 * size}.get(padding)
    with np.errstate(invalid="ignore"):
        within = np.clip(x, -1, size) if period is None else np.where(np.abs(x) < FAR, x, np.mod(x, period or 1))
    return np.nan_to_num(within)


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


def _permute(index: torch.Tensor) -> Kernel:
    return lambda pictures: pictures.flatten(1, 2).index_select(1, index).view(pictures.shape)


def _gather(index: torch.Tensor, weight: torch.Tensor) -> Kernel:
    """What `_mix` does, tap by tap."""
    taps = [(cell.contiguous(), share[:, None].contiguous()) for cell, share in zip(index.T, weight.T, strict=True)]

    def kernel(pictures: torch.Tensor) -> torch.Tensor:
        flat = pictures.flatten(1, 2)
        return sum(flat.index_select(1, cell) * share for cell, share in taps).view(pictures.shape)

    return kernel


def _mix(index: torch.Tensor, weight: torch.Tensor) -> Kernel:
    """Each cell a weighted sum of some others, `index` and `weight` `(P, taps)`: one pass over the picture.

    Measured against `grid_sample`, sparse matrices and a gather for each tap: the fastest on a channels-last picture,
    and the only one of them that knows all four paddings.
    """
    cells, taps = index.shape

    @lru_cache(maxsize=2)  # a film is bent in parts of one size, and a rest
    def bags(count: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        starts = torch.arange(count * cells, dtype=index.dtype, device=index.device) * taps
        if count == 1:  # an angle that moves over the frames has a kernel for each: nothing is kept twice
            return index.flatten(), starts, weight.flatten()
        picture = torch.arange(count, dtype=index.dtype, device=index.device).view(-1, 1, 1) * cells
        return (index + picture).flatten(), starts, weight.repeat(count, 1).flatten()

    def kernel(pictures: torch.Tensor) -> torch.Tensor:
        table = pictures.reshape(len(pictures) * cells, -1)
        members, starts, weights = bags(len(pictures))
        mixed = torch.nn.functional.embedding_bag(members, table, starts, mode="sum", per_sample_weights=weights)
        return mixed.view(pictures.shape)

    return kernel
