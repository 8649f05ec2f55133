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
from ..bending.time.windows import SamplingMoment, TimeWindow
from .pictures import play

FRAMES = (5, 14, 20)
"""The test film's frames and its height and width in cells: five of them stand side by side."""

Panels = list[tuple[str, np.ndarray]]
"""Captions and what is shown above each: values `(h, w)`, or `(F, h, w)` for frames side by side."""


def one(operator: ops.Operator, **where) -> Bending:
    return Bending((Bend(operator, "word", **where),))


def painted(card: np.ndarray) -> Panels:
    mask = Image.new("L", (520, 300))
    draw = ImageDraw.Draw(mask)
    draw.line([(60, 250), (200, 90), (340, 210), (470, 50)], fill=255, width=60, joint="curve")
    stroke = torch.from_numpy(np.asarray(mask, np.float32) / 255)
    paint = ops.Paint(MaskVideo(stroke))
    soft = ops.Paint(MaskVideo(stroke, feather=0.5))
    film = card[None]
    return [
        ("as it is", card),
        ("painted", play(film, one(paint))[0]),
        ("mask_feather 0.5", play(film, one(soft))[0]),
        ("strength 0.5", play(film, one(paint, strength=0.5))[0]),
    ]


def swapped(card: np.ndarray) -> Panels:
    right, soft, strong = ops.RegionalMask(0.7, 0.0, 1.0, 1.0, feather=0.0), ops.Blur(2.0), ops.Amplify(2.0)
    (other,) = play(card[None], one(right) + one(soft) + one(strong))

    def after(**how) -> list[np.ndarray]:
        swap = one(ops.Swap("other", **how))
        return [play(map_[None], swap, its_other[None])[0] for map_, its_other in ((card, other), (other, card))]

    return [
        ("token", card),
        ("other", other),
        ("trade: token", after()[0]),
        ("trade: other", after()[1]),
        ("mix 0.3: token", after(mix=0.3)[0]),
        ("mix 0.3: other", after(mix=0.3)[1]),
    ]


def tempered(card: np.ndarray) -> Panels:
    """The card as the share of one of two words: a softmax of its logit and 0."""
    share = (1.8 * card).clip(0.01, 0.99)
    logits = torch.from_numpy(np.log(share / (1 - share))).reshape(1, -1, 1, 1)
    cache = DeviceCache(FrameLayout.whole(Grid(1, *card.shape)), 1, torch.device("cpu"))

    def at(temperature: float) -> np.ndarray:
        on_logits = list(one(ops.Temperature(temperature)))
        return torch.sigmoid(cache.scale_queries(on_logits, logits)).view(card.shape).numpy()

    return [("as it is", share), *((f"temperature {t:g}", at(t)) for t in (0.7, 0.4, 2.0))]


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
    return [(caption, bars(map(window.weight, moments), card.shape)) for caption, window in shown.items()]


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
    film = disc_film()
    ways = {
        "shift, amount 1": ops.Time("shift", 1.0),
        "shift, amount 1, padding wrap": ops.Time("shift", 1.0, "wrap"),
        "blur, amount 1": ops.Time("blur", 1.0),
        "reverse": ops.Time("reverse"),
        "freeze, amount 0": ops.Time("freeze", 0.0),
        "stretch, amount 2": ops.Time("stretch", 2.0),
    }
    return [("as it is, five frames", film), *((caption, play(film, one(way))) for caption, way in ways.items())]


def aimed(card: np.ndarray) -> Panels:
    film = still_film(card)
    turned = one(ops.Rotate(90.0, padding="zeros"))
    right = torch.zeros(14, 20)
    right[:, 10:] = 1
    frames = narrow.where(turned, frames="40%-100%")
    return [
        ("a word turned by 90", play(film, turned)),
        ("frames 40%-100%", play(film, frames)),
        ("a mask of the right half", play(film, narrow.where(turned, mask=MaskVideo(right)))),
        ("one Where after the other", play(film, narrow.where(frames, mask=MaskVideo(right)))),
    ]


def animated(card: np.ndarray) -> Panels:
    film = still_film(card)
    turned = one(ops.Rotate(0.0, padding="zeros"))

    def shown(bending: Bending, parameter: str, keyframes: str, ease: str = "linear") -> np.ndarray:
        return play(film, narrow.animate(bending, parameter, "frames", parse_keyframes(keyframes, ease)))

    return [
        ("angle 0%: 0, 100%: 90, linear", shown(turned, "angle", "0%: 0, 100%: 90")),
        ("the same, ease", shown(turned, "angle", "0%: 0, 100%: 90", "ease")),
        ("angle 0%: 0, 50%: 45, 100%: 90, hold", shown(turned, "angle", "0%: 0, 50%: 45, 100%: 90", "hold")),
        ("factor 0: 1, 2: 2.5, 4: 0", shown(one(ops.Amplify()), "factor", "0: 1, 2: 2.5, 4: 0")),
    ]


def disc_film() -> np.ndarray:
    """A disc that crosses from left to right, and a bar that stays, `(F, h, w)`."""
    frames, height, width = FRAMES
    fine = 8
    pictures = []
    for frame in range(frames):
        image = Image.new("L", (width * fine, height * fine), 12)
        draw = ImageDraw.Draw(image)
        draw.rectangle((0, 12 * fine, width * fine, 13 * fine - 1), fill=60)
        left = (1 + 3.3 * frame) * fine
        draw.ellipse((left, 4 * fine, left + 5 * fine, 9 * fine), fill=130)
        pictures.append(np.asarray(image.resize((width, height), Image.Resampling.BOX), np.float32) / 255)
    return np.stack(pictures)


def still_film(card: np.ndarray) -> np.ndarray:
    """The card's letter in every frame, `(F, h, w)`."""
    frames, height, width = FRAMES
    letter = Image.fromarray((card[3:28, 9:26] * 255).astype(np.uint8)).resize((10, height), Image.Resampling.BOX)
    picture = np.full((height, width), card[0, 0])
    picture[:, 5:15] = np.asarray(letter, np.float32) / 255
    return np.repeat(picture[None], frames, 0)


PANELS = {
    "AttnBendPaint": painted,
    "AttnBendSwap": swapped,
    "AttnBendTemperature": tempered,
    "AttnBendWhen": windows,
}
"""For each node's page, what makes its panels from the test card."""

STRIPS = {"AttnBendTime": in_time, "AttnBendWhere": aimed, "AttnBendAnimate": animated}
"""The same for those that show a film: one row of frames a panel."""
