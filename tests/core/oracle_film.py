"""Aims, windows, motion, Time, Paint, Swap and Temperature the slow way: float64, dense, a loop a cell.

Written from the conventions in the docstrings and the issue, not from the code. A bend is only read for what it says.
"""

import math
import re
from dataclasses import fields
from fractions import Fraction
from functools import lru_cache

import numpy as np
from core.oracle import KEEPS_TOTAL_ON_PURPOSE, _mirror, matrix, softmax

FAINT = 1e-6
THIRDS = ("early", "middle", "late")


def numbers(text, count):
    """The numbers that an aim means: aims joined by & must all hold, entries joined by commas need not."""
    chosen = set(range(count))
    for aim in text.split("&"):
        some = set()
        for term in (term.strip().lower() for term in re.split("[,，、]", aim)):
            if term == "all":
                some |= set(range(count))
            elif term in THIRDS:
                some |= {i for i in range(count) if THIRDS[math.floor(3 * i / count)] == term}
            elif "%" in term:
                low, high = (Fraction(part.strip(" %")) / 100 for part in term.split("-"))
                some |= {i for i in range(count) if low <= Fraction(i, count) < high}
            elif re.fullmatch(r"-?\d+", term):
                some.add(int(term) % count)
            else:
                some |= set(range(int(term.split("-")[0]), int(term.split("-")[1]) + 1))
        chosen &= some
    return chosen


def soft(picture, feather):
    """Each pixel the mean of a square of `feather · shorter side` about its centre, the border pixels going on."""
    width = feather * min(picture.shape)
    if width <= 1:
        return picture

    def along(line):
        out = np.zeros(len(line))
        for i in range(len(line)):
            low, high = i + 0.5 - width / 2, i + 0.5 + width / 2
            for pixel in range(math.floor(low), math.ceil(high)):
                part = min(high, pixel + 1) - max(low, pixel)
                out[i] += part / width * line[min(max(pixel, 0), len(line) - 1)]
        return out

    return np.apply_along_axis(along, 0, np.apply_along_axis(along, 1, picture))


def by_area(picture, height, width):
    """Each cell the mean of the picture over it, pixels counting by how much of them lies in it."""

    def overlaps(size, cells):
        edge = [size * Fraction(i, cells) for i in range(cells + 1)]
        part = [[max(0, min(edge[c + 1], p + 1) - max(edge[c], p)) for p in range(size)] for c in range(cells)]
        return np.array(part, float) * cells / size

    return overlaps(picture.shape[0], height) @ picture @ overlaps(picture.shape[1], width).T


def in_time(film, length):
    """n pictures or numbers on F latent frames: F, one, Wan's causal groups, else evenly stretched."""
    film = np.asarray(film, float)
    if len(film) in (1, length):
        return np.repeat(film, length // len(film), axis=0)
    if len(film) == 4 * (length - 1) + 1:
        return np.stack([film[0], *(film[4 * g + 1 : 4 * g + 5].mean(0) for g in range(length - 1))])
    at = [i * (len(film) - 1) / (length - 1) if length > 1 else 0 for i in range(length)]
    low = [min(math.floor(x), len(film) - 2) for x in at]
    return np.stack([film[i] + (x - i) * (film[i + 1] - film[i]) for x, i in zip(at, low, strict=True)])


@lru_cache(maxsize=256)
def mask_on(mask, film):
    """A MaskFilm on the frames of a call, (F, h, w)."""
    _, height, width = film.grid.shape
    cells = [by_area(soft(picture, mask.feather), height, width) for picture in mask.values.double().numpy()]
    return in_time(cells, film.length)[list(film.frames)]


def window(when, moment):
    """The strength of a window at a moment."""
    curve = 1.0
    if when.unit == "percent":
        p, unit = moment.percent, 0
        if p < when.start - 1e-4 or (p >= when.end - 1e-4 and when.end < 1):
            return 0.0
    else:
        p, unit = moment.step, 1
        if not when.start <= p <= when.end:
            return 0.0
    rise = (p - when.start + unit) / (when.fade_in + unit) if when.fade_in else 1
    fall = (when.end - p + unit) / (when.fade_out + unit) if when.fade_out else 1
    if when.curve is not None:
        t = np.clip((p - when.start) / (when.end - when.start), 0, 1)
        curve = np.interp(t, np.linspace(0, 1, len(when.curve)), np.clip(when.curve, 0, 1))
    return float(np.clip(min(rise, fall), 0, 1) * curve)


def place(position, percent, count):
    """Where a key stands among `count` frames or steps, exactly."""
    position = Fraction(str(position))
    return position / 100 * (count - 1) if percent else position + count if position < 0 else position


def track(track, count, over="frames"):
    """A track's value at each of `count` frames or steps."""
    if hasattr(track, "samples"):
        if track.name == "list" and over == "frames":
            return in_time(track.samples, count).tolist()
        at = [i / (count - 1) if count > 1 else 0 for i in range(count)]
        return np.interp(at, np.linspace(0, 1, len(track.samples)), track.samples).tolist()
    keys = sorted(((place(*key[:2], count), key[2]) for key in track.keys), key=lambda key: key[0])
    values = []
    for i in range(count):
        before = [key for key in keys if key[0] <= i]
        after = [key for key in keys if key[0] > i]
        if not before or not after:  # where all keys are in one place, the first holds
            values.append((keys if not before or keys[0][0] == keys[-1][0] else before[::-1])[0][1])
            continue
        (start, low), (end, high) = before[-1], after[0]
        t = float((i - start) / (end - start))
        t = {"linear": t, "ease": 3 * t**2 - 2 * t**3, "hold": 0.0}[track.ease]
        values.append(low + (high - low) * t)
    return values


def strength(bend, moment):
    """What holds for the whole picture."""
    by = {a.over: a.track for a in bend.animations if a.parameter == "strength"}
    value = 1.0 if by else bend.strength
    if "steps" in by:
        value = float(np.clip(track(by["steps"], moment.steps, "steps")[moment.step], 0, 1))
    for one in bend.all_windows:
        value *= window(one, moment)
    return value


def weight(bend, moment, film, heads):
    """A bend's weight at every place, (F, h, w, H): everything that is asked of it, multiplied."""
    out = np.full((*film.grid.shape, heads), strength(bend, moment))
    for a in bend.animations:
        if (a.parameter, a.over) == ("strength", "frames"):
            values = np.clip(track(a.track, film.length), 0, 1)
            out *= values[list(film.frames)][:, None, None, None]
    out *= np.array([f in numbers(bend.frames, film.length) for f in film.frames])[:, None, None, None]
    out *= np.array([h in numbers(bend.heads, heads) for h in range(heads)])
    for mask in bend.masks:
        out *= mask_on(mask, film)[..., None]
    return out


def parameters(bend, moment, film):
    """The operator's parameters in each frame of the call."""
    stands = {field.name: getattr(bend.operator, field.name) for field in fields(bend.operator)}
    frames = [dict(stands) for _ in film.frames]
    for a in bend.animations:
        if a.parameter == "strength":
            continue
        values = track(a.track, moment.steps if a.over == "steps" else film.length, a.over)
        for frame, f in zip(frames, film.frames, strict=True):
            value = values[moment.step if a.over == "steps" else f]
            frame[a.parameter] = round(value) if isinstance(stands[a.parameter], int) else value
    return frames


def time_row(frame, way, amount, padding, count):
    """How much of each frame the new frame takes."""
    row = np.zeros(count)
    if way == "blur":
        reach = math.ceil(4 * amount)
        taps = {k: math.exp(-k * k / (2 * amount * amount)) if amount else 1 for k in range(-reach, reach + 1)}
        for k, tap in taps.items():
            row[_mirror(frame + k, count)] += tap / sum(taps.values())
        return row
    if way == "freeze":
        row[min(max(round(amount) + count * (amount < 0), 0), count - 1)] = 1
        return row
    at = (count - 1) / 2 + (frame - (count - 1) / 2) / amount if way == "stretch" else frame - amount
    at = round(count - 1 - frame if way == "reverse" else at, 6)
    low = math.floor(at)
    for cell, part in ((low, low + 1 - at), (low + 1, at - low)):
        if padding == "zeros" and not 0 <= cell < count:
            continue
        place = {"wrap": cell % count, "reflection": _mirror(cell, count)}.get(padding, min(max(cell, 0), count - 1))
        row[place] += part
    return row


NOTHING = {
    "amplify": lambda factor: factor == 1,
    "regional_mask": lambda x1, y1, x2, y2, feather, invert: (x1, y1, x2, y2, invert) == (0, 0, 1, 1, False),
    "blur": lambda sigma, kernel_size: sigma == 0 or kernel_size == 1,
    "sharpen": lambda amount, sigma, clamp: 0 in (amount, sigma),
    "translate": lambda x, y, padding: x == y == 0,
    "rotate": lambda angle, **_: angle % 360 == 0,
    "spatial_scale": lambda factor, **_: factor == 1,
    "frequency_filter": lambda kind, low, high, rolloff, keep_mean: (
        (kind == "high" or high >= 1.5) and (kind == "low" or (low == 0 and keep_mean)) and kind != "notch"
    ),
    "time": lambda way, amount, padding: amount == {"shift": 0, "blur": 0, "stretch": 1}.get(way),
    "swap": lambda other, way, mix: mix == 0,
    "temperature": lambda temperature: temperature == 1,
}
"""The parameters by which each operator changes nothing; one with such in all frames, or no weight, is left out."""


def changes_nothing(key, said):
    return key in NOTHING and NOTHING[key](**said)


def moved(key, said, columns, film, rounding=0.0):
    """An operator on columns (L, S); `said` are its parameters in each frame. Float32 would err by some `rounding`."""
    frames, height, width = film.grid.shape
    pictures = np.split(columns, frames)
    out, noise = [], np.random.default_rng(1)
    for f, says in enumerate(said):
        if key == "time":
            row = time_row(f, says["way"], says["amount"], says["padding"], frames)
            new, size = (np.tensordot(row, some, 1) for some in (pictures, np.abs(pictures)))
        elif changes_nothing(key, says):
            new, size = pictures[f], 0 * pictures[f]
        else:
            linear = {**says, "clamp": False} if says.get("clamp") else says
            m = matrix(key, tuple(sorted(linear.items())), height, width)
            new, size = m @ pictures[f], np.abs(m) @ np.abs(pictures[f])
        new = new + rounding * size * noise.uniform(-1, 1, new.shape)
        out.append(np.maximum(new, 0) if says.get("clamp") and not changes_nothing(key, says) else new)
    return np.concatenate(out)


def exchanged(key, operator, sums, film):
    """The new sums of whole words from the old, (L, 1) each."""
    if key == "swap":
        (a, b), mix = sums, operator.mix
        return [(1 - mix) * a + mix * b, (1 - mix) * b + mix * a if operator.way == "trade" else b]
    mask = mask_on(operator.mask, film).reshape(film.grid.frames, -1, 1)
    pairs = zip(mask, np.split(sums[0], len(mask)), strict=True)
    return [np.concatenate([m * frame.sum() / m.sum() if m.sum() > 0 else frame for m, frame in pairs])]


def acts(bend, moment, film):
    said = parameters(bend, moment, film)
    return strength(bend, moment) > FAINT and not all(changes_nothing(bend.operator.key, says) for says in said)


def bent_attention(q, k, v, chain, film, moment, rounding=0.0):
    """All heads of one batch row: q (H, L, D), k and v (H, T, D); `chain` of (bend, the columns of each of its words).

    Returns the output, the bent maps (H, L, T), and by how much renormalising has enlarged small remainders.
    """
    acting = [(bend, words, weight(bend, moment, film, len(q))) for bend, words in chain if acts(bend, moment, film)]
    acting = [(bend, words, w) for bend, words, w in acting if w.any()]
    results = [_one_head(q[h], k[h], v[h], h, acting, film, moment, rounding) for h in range(len(q))]
    outputs, maps, enlarged = zip(*results, strict=True)
    return np.stack(outputs), np.stack(maps), max(enlarged)


def _one_head(q, k, v, h, acting, film, moment, rounding):
    acting = [(bend, words, w[..., h].reshape(-1, 1)) for bend, words, w in acting]
    logits = q @ k.T * q.shape[1] ** -0.5
    for bend, _, w in acting:
        if bend.operator.key == "temperature":
            said = [says["temperature"] for says in parameters(bend, moment, film)]
            logits = logits / np.repeat(said, len(q) // len(said))[:, None] ** w
    a = softmax(logits)
    mass, enlarged = np.ones((len(a), 1)), np.ones((len(a), 1))
    for bend, words, w in acting:
        key, columns = bend.operator.key, sorted({column for word in words for column in word})
        if key == "temperature":
            continue
        old = a[:, columns].copy()
        if key in ("paint", "swap"):
            linear = False
            sums = [a[:, list(word)].sum(1, keepdims=True) for word in words]
            for word, total, to in zip(words, sums, exchanged(key, bend.operator, sums, film), strict=True):
                here = a[:, list(word)]
                split = np.where(total == 0, 1 / len(word), here / np.where(total == 0, 1, total))
                a[:, list(word)] = split * (total + w * (to - total))
        else:
            said = parameters(bend, moment, film)
            linear = not said[0].get("clamp", False)
            a[:, columns] = old + w * (moved(key, said, old, film, rounding) - old)
        if len(columns) < a.shape[1] or not linear:
            mass = mass + (np.abs(a[:, columns]) - np.abs(old)).sum(1, keepdims=True)
        elif key not in KEEPS_TOTAL_ON_PURPOSE:
            mass = mass + w * (moved(key, said, mass, film) - mass)
        if bend.renormalize:
            divisor = np.where(mass > 1e-5, mass, 1)
            a, mass, enlarged = a / divisor, mass / divisor, enlarged / divisor
    return a @ v, a, max(1.0, enlarged.max())
