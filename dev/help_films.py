"""What the help pages' pictures show of nodes that need more than a chain on a card: films, masks, two words, time."""

from collections.abc import Iterable

import numpy as np
import torch
from PIL import Image, ImageDraw

from ..bending import narrow
from ..bending import operators as ops
from ..bending.attention.device_cache import DeviceCache
from ..bending.bend import Bend, Bending
from ..bending.frames.grid import Grid
from ..bending.frames.layout import FrameLayout
from ..bending.frames.mask_video import MaskVideo
from ..bending.time.animation import parse_keyframes
from ..bending.time.stretch import Stretch
from ..bending.time.windows import SamplingMoment, TimeWindow
from .pictures import play

FRAMES, HEIGHT, WIDTH = 5, 14, 20
"""The test film's frames and its height and width in cells: five of them stand side by side."""

Panels = dict[str, np.ndarray]
"""By caption what is shown above it: values `(h, w)`, or `(F, h, w)` for frames side by side."""


def one(operator: ops.Operator, **where) -> Bending:
    return Bending((Bend(operator, "word", **where),))


def painted(card: np.ndarray) -> Panels:
    mask = Image.new("L", (520, 300))
    draw = ImageDraw.Draw(mask)
    draw.line([(60, 250), (200, 90), (340, 210), (470, 50)], fill=255, width=60, joint="curve")
    stroke = torch.from_numpy(np.asarray(mask, np.float32) / 255)
    paint, soft = ops.Paint(MaskVideo(stroke)), ops.Paint(MaskVideo(stroke, feather=0.5))
    bendings = {"painted": one(paint), "mask_feather 0.5": one(soft), "strength 0.5": one(paint, strength=0.5)}
    return {"as it is": card} | {caption: play(card[None], bending)[0] for caption, bending in bendings.items()}


def swapped(card: np.ndarray) -> Panels:
    right, soft, strong = ops.RegionalMask(0.7, 0.0, 1.0, 1.0, feather=0.0), ops.Blur(2.0), ops.Amplify(2.0)
    (other,) = play(card[None], one(right) + one(soft) + one(strong))
    panels = {"token": card, "other": other}
    for caption, swap in {"trade": ops.Swap("other"), "mix 0.3": ops.Swap("other", mix=0.3)}.items():
        (panels[f"{caption}: token"],) = play(card[None], one(swap), other[None])
        (panels[f"{caption}: other"],) = play(other[None], one(swap), card[None])
    return panels


def tempered(card: np.ndarray) -> Panels:
    """The card as the share of one of two words: a softmax of its logit and 0."""
    share = (1.8 * card).clip(0.01, 0.99)
    logits = torch.from_numpy(np.log(share / (1 - share))).reshape(1, -1, 1, 1)
    cache = DeviceCache(FrameLayout.whole(Grid(1, *card.shape)), 1, torch.device("cpu"))
    panels = {"as it is": share}
    for temperature in (0.7, 0.4, 2.0):
        bent = logits * cache.tempering(list(one(ops.Temperature(temperature))))
        panels[f"temperature {temperature:g}"] = torch.sigmoid(bent).view(card.shape).numpy()
    return panels


def windows(card: np.ndarray) -> Panels:
    """A bend's strength in each of ten steps, as bars."""
    hill = tuple(float(np.sin(np.pi * t) ** 2) for t in np.linspace(0, 1, 101))
    shown = {
        "percent, 0.2 to 0.6": TimeWindow("percent", 0.2, 0.6),
        "steps, 2 to 6": TimeWindow("steps", 2, 6),
        "the same, fades of 2": TimeWindow("steps", 2, 6, 2, 2),
        "steps 0 to 9, a curve": TimeWindow("steps", 0, 9, curve=hill),
    }
    moments = [SamplingMoment(k / 10, k, 10) for k in range(10)]
    return {caption: bars(map(window.weight, moments), card.shape) for caption, window in shown.items()}


def bars(heights: Iterable[float], shape: tuple[int, int]) -> np.ndarray:
    """Bars of heights 0 … 1 on a thin floor, five cells each."""
    rows = shape[0]
    values = np.zeros(shape, np.float32)
    for left, height in enumerate(heights):
        at = slice(5 * left + 2, 5 * left + 6)
        values[rows - 1, at] = 0.25
        if height:
            values[rows - max(1, round(height * (rows - 2))) :, at] = 0.65
    return values


def in_time(_) -> Panels:
    """A disc that crosses the film, moved along the frames."""
    ways = {
        "shift, amount 1": ops.Time("shift", 1.0),
        "shift, amount 1, padding wrap": ops.Time("shift", 1.0, "wrap"),
        "blur, amount 1": ops.Time("blur", 1.0),
        "reverse": ops.Time("reverse"),
        "freeze, amount 0": ops.Time("freeze", 0.0),
        "stretch, amount 2": ops.Time("stretch", 2.0),
    }
    film = disc_film()
    return {"as it is, five frames": film} | {caption: play(film, one(way)) for caption, way in ways.items()}


def aimed(card: np.ndarray) -> Panels:
    turned = one(ops.Rotate(90.0, padding="zeros"))
    right = torch.zeros(HEIGHT, WIDTH)
    right[:, 10:] = 1
    frames = narrow.where(turned, frames="40%-100%")
    bendings = {
        "a word turned by 90": turned,
        "frames 40%-100%": frames,
        "a mask of the right half": narrow.where(turned, mask=MaskVideo(right)),
        "one Where after the other": narrow.where(frames, mask=MaskVideo(right)),
    }
    return {caption: play(still_film(card), bending) for caption, bending in bendings.items()}


def animated(card: np.ndarray) -> Panels:
    turned = one(ops.Rotate(0.0, padding="zeros"))
    ways = {
        "angle 0%: 0, 100%: 90, linear": (turned, "angle", "0%: 0, 100%: 90", "linear"),
        "the same, ease": (turned, "angle", "0%: 0, 100%: 90", "ease"),
        "angle 0%: 0, 50%: 45, 100%: 90, hold": (turned, "angle", "0%: 0, 50%: 45, 100%: 90", "hold"),
        "factor 0: 1, 2: 2.5, 4: 0": (one(ops.Amplify()), "factor", "0: 1, 2: 2.5, 4: 0", "linear"),
    }
    return {
        caption: play(still_film(card), narrow.animate(bending, parameter, "frames", parse_keyframes(keys, ease)))
        for caption, (bending, parameter, keys, ease) in ways.items()
    }


def scenes(card: np.ndarray) -> Panels:
    word = one(ops.Amplify(1.0), renormalize=False)
    ways = {
        "a scene, [0%-60%]": Stretch(0.0, 0.6),
        "the next, [60%-100%]": Stretch(0.6, 1.0),
        "the same, fade 0.4": Stretch(0.6, 1.0, fade=0.4),
        "the same, outside 0.3": Stretch(0.6, 1.0, outside=0.3),
    }
    return {
        caption: play(still_film(card), narrow.animate(word, "factor", "frames", stretch))
        for caption, stretch in ways.items()
    }


def disc_film() -> np.ndarray:
    """A disc that crosses from left to right, and a bar that stays, `(F, h, w)`."""
    fine = 8
    pictures = []
    for frame in range(FRAMES):
        image = Image.new("L", (WIDTH * fine, HEIGHT * fine), 12)
        draw = ImageDraw.Draw(image)
        draw.rectangle((0, 12 * fine, WIDTH * fine, 13 * fine - 1), fill=60)
        left = (1 + 3.3 * frame) * fine
        draw.ellipse((left, 4 * fine, left + 5 * fine, 9 * fine), fill=130)
        pictures.append(np.asarray(image.resize((WIDTH, HEIGHT), Image.Resampling.BOX), np.float32) / 255)
    return np.stack(pictures)


def still_film(card: np.ndarray) -> np.ndarray:
    """The card's letter in every frame, `(F, h, w)`."""
    letter = Image.fromarray((card[3:28, 9:26] * 255).astype(np.uint8)).resize((10, HEIGHT), Image.Resampling.BOX)
    film = np.full((FRAMES, HEIGHT, WIDTH), card[0, 0])
    film[:, :, 5:15] = np.asarray(letter, np.float32) / 255
    return film


PANELS = {
    "AttnBendPaint": painted,
    "AttnBendSwap": swapped,
    "AttnBendTemperature": tempered,
    "AttnBendWhen": windows,
    "AttnBendTime": in_time,
    "AttnBendWhere": aimed,
    "AttnBendAnimate": animated,
    "AttnBendTimeline": scenes,
}
"""For each node's page, what makes its panels from the test card."""
