"""Bent attention the slow way: float64, dense, one loop a cell. Written from the conventions, not from the code."""

import math
from functools import lru_cache

import numpy as np


def softmax(logits):
    e = np.exp(logits - logits.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


# --- operators on one picture (h, w) -----------------------------------------------------------------------------


def amplify(a, factor):
    return factor * a


def regional_mask(a, x1, y1, x2, y2, feather, invert):
    h, w = a.shape
    f = max(1.0, feather * min(h, w))

    def ramp(u):
        return min(max(u + 0.5, 0.0), 1.0)

    def window(t, low, high, size):
        rise = 1.0 if low == 0 else ramp((t - low * size) / f)
        fall = 0.0 if high == 1 else ramp((t - high * size) / f)
        return rise - fall

    out = np.zeros_like(a)
    for i in range(h):
        for j in range(w):
            weight = window(j + 0.5, x1, x2, w) * window(i + 0.5, y1, y2, h)
            out[i, j] = a[i, j] * (1 - weight if invert else weight)
    return out


def blur(a, sigma, kernel_size):
    if sigma == 0:
        return a
    radius = (kernel_size - 1) // 2 if kernel_size else math.ceil(4 * sigma)
    taps = {k: math.exp(-k * k / (2 * sigma * sigma)) for k in range(-radius, radius + 1)}
    total = sum(taps.values())

    def along(line):
        return [sum(t / total * line[_mirror(i + k, len(line))] for k, t in taps.items()) for i in range(len(line))]

    a = np.array([along(row) for row in a])
    return np.array([along(column) for column in a.T]).T


def _mirror(i, n):
    while not 0 <= i < n:
        i = -1 - i if i < 0 else 2 * n - 1 - i
    return i


def sharpen(a, amount, sigma, clamp):
    out = a + amount * (a - blur(a, sigma, 0))
    return np.maximum(out, 0) if clamp else out


def _look(a, row, column, padding):
    h, w = a.shape
    if padding == "zeros":
        return a[row, column] if 0 <= row < h and 0 <= column < w else 0.0
    if padding == "border":
        return a[min(max(row, 0), h - 1), min(max(column, 0), w - 1)]
    if padding == "wrap":
        return a[row % h, column % w]
    return a[_mirror(row, h), _mirror(column, w)]


def _sampled(a, source, padding):
    """out(p) = in(source(p)), bilinear; p and source in cells, centres at half numbers."""
    h, w = a.shape
    out = np.zeros_like(a)
    for i in range(h):
        for j in range(w):
            x, y = source(j + 0.5, i + 0.5)
            x, y = round(x - 0.5, 9), round(y - 0.5, 9)
            x0, y0 = math.floor(x), math.floor(y)
            for row, wy in ((y0, y0 + 1 - y), (y0 + 1, y - y0)):
                for column, wx in ((x0, x0 + 1 - x), (x0 + 1, x - x0)):
                    out[i, j] += wy * wx * _look(a, row, column, padding)
    return out


def translate(a, x, y, padding):
    h, w = a.shape
    return _sampled(a, lambda px, py: (px - x * w, py - y * h), padding)


def rotate(a, angle, padding, center_x, center_y):
    h, w = a.shape
    cx, cy, t = center_x * w, center_y * h, math.radians(angle)

    def source(px, py):  # what is now at p was, before a clockwise turn, counter-clockwise of it
        dx, dy = px - cx, py - cy
        return cx + math.cos(t) * dx + math.sin(t) * dy, cy - math.sin(t) * dx + math.cos(t) * dy

    return _sampled(a, source, padding)


def spatial_scale(a, factor, padding, center_x, center_y):
    h, w = a.shape
    cx, cy = center_x * w, center_y * h
    return _sampled(a, lambda px, py: (cx + (px - cx) / factor, cy + (py - cy) / factor), padding)


def flip(a, axis):
    if axis in ("horizontal", "both"):
        a = a[:, ::-1]
    if axis in ("vertical", "both"):
        a = a[::-1, :]
    return a


def frequency_filter(a, kind, low, high, rolloff, keep_mean):
    h, w = a.shape
    spectrum = np.fft.fft2(a)

    def below(r, cutoff):
        if cutoff >= 1.5:
            return 1.0
        if cutoff == 0:
            return 1.0 if r == 0 else 0.0
        if rolloff == 0:
            return 1.0 if r < cutoff else 0.0
        u = min(max((r - (cutoff - rolloff / 2)) / rolloff, 0), 1)
        return 0.5 + 0.5 * math.cos(math.pi * u)

    for i in range(h):
        for j in range(w):
            fy, fx = min(i, h - i) * 2 / h, min(j, w - j) * 2 / w
            r = float(np.sqrt(np.float32(np.float32(fx) ** 2 + np.float32(fy) ** 2)))
            keep = {
                "low": below(r, high),
                "high": 1 - below(r, low),
                "band": below(r, high) * (1 - below(r, low)),
                "notch": 1 - below(r, high) * (1 - below(r, low)),
            }[kind]
            spectrum[i, j] *= 1.0 if keep_mean and (i, j) == (0, 0) else keep
    return np.fft.ifft2(spectrum).real


FUNCTIONS = {
    "amplify": amplify,
    "regional_mask": regional_mask,
    "blur": blur,
    "sharpen": sharpen,
    "translate": translate,
    "rotate": rotate,
    "spatial_scale": spatial_scale,
    "flip": flip,
    "frequency_filter": frequency_filter,
}

KEEPS_TOTAL_ON_PURPOSE = ("amplify", "regional_mask")


# --- a chain on a whole attention map ----------------------------------------------------------------------------


@lru_cache(maxsize=512)
def matrix(key, parameters, height, width):
    """The (h·w, h·w) matrix of a linear operator: what it makes of each single cell."""
    cells = np.eye(height * width).reshape(-1, height, width)
    return np.stack([FUNCTIONS[key](cell, **dict(parameters)).reshape(-1) for cell in cells], axis=1)


def on_frames(key, parameters, columns, grid):
    """An operator on columns (L, S) of a map, frame by frame."""
    frames, height, width = grid
    clamp = parameters.get("clamp", False)
    linear = {**parameters, "clamp": False} if clamp else parameters
    m = matrix(key, tuple(sorted(linear.items())), height, width)
    out = np.concatenate([m @ film for film in np.split(columns, frames)])
    return np.maximum(out, 0) if clamp else out


def bent_attention(q, k, v, chain, grid, scale=None):
    """One head: q (L, D), k and v (T, D). `chain` of (key, parameters, columns, strength, renormalize).

    Returns the output, the bent map, and by how much renormalising has enlarged small remainders, rounding included.
    """
    a = softmax(q @ k.T * (scale or q.shape[1] ** -0.5))
    mass = np.ones((len(a), 1))
    enlarged = np.ones_like(mass)
    for key, parameters, columns, strength, renormalize in chain:
        columns = sorted(columns)
        linear = key != "sharpen" or not parameters["clamp"]
        old = a[:, columns]
        new = old + strength * (on_frames(key, parameters, old, grid) - old)
        if len(columns) < a.shape[1] or not linear:
            mass = mass + (np.abs(new) - np.abs(old)).sum(1, keepdims=True)
        elif key not in KEEPS_TOTAL_ON_PURPOSE:
            mass = mass + strength * (on_frames(key, parameters, mass, grid) - mass)
        a[:, columns] = new
        if renormalize:
            divisor = np.where(mass > 1e-5, mass, 1)
            a, mass, enlarged = a / divisor, mass / divisor, enlarged / divisor
    return a @ v, a, max(1.0, enlarged.max())
