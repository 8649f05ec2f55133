"""Bendings of all kinds, for hypothesis: each operator, aim, window, animation and mask that a file must hold."""

from functools import partial

import torch
from attention_bending.bending import operators as ops
from attention_bending.bending.bend import PASSES, Animation, Bend, Bending
from attention_bending.bending.errors import BendError
from attention_bending.bending.frames.mask_video import MaskVideo
from attention_bending.bending.operators import swap, time
from attention_bending.bending.parameter import parameter_types
from attention_bending.bending.time import animation
from attention_bending.bending.time.stretch import Stretch
from attention_bending.bending.time.windows import TimeWindow
from hypothesis import strategies as st

number = st.floats(-1e6, 1e6, allow_nan=False) | st.sampled_from((0.1, 1 / 3, 5e-324, 1e-5, 1e16, -2.5))
part = st.floats(0, 1) | st.sampled_from((0, 1, 0.5))
WORDS = ("kiss", "red rose#2", '"red, round"', "ALL", "kiss, PADDING", "吻", "no", "1e3", "a: b", "- x")
words = st.sampled_from((*WORDS, "é\u2028#3", "😀 &a"))


def masks(draw) -> MaskVideo:
    shape = draw(st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 5)))
    values = torch.rand(shape, generator=torch.Generator().manual_seed(draw(st.integers(0, 99))))
    if draw(st.booleans()):  # as a picture holds it
        values = (values * 255).round() / 255
    return MaskVideo(values, draw(part))


mask = st.composite(masks)()
increasing = st.tuples(part, part).filter(lambda ends: ends[0] < ends[1])


@st.composite
def operator(draw) -> ops.Operator:
    """One of any mode, with parameters that it takes."""
    cls = draw(st.sampled_from([*ops.OPERATORS.values(), *ops.OTHERS.values()]))
    choices = {"kind": ("low", "high", "band", "notch"), "axis": tuple(ops.AXES), "padding": ops.PADDINGS}
    choices["way"] = time.WAYS if cls is ops.Time else swap.WAYS
    kinds = {float: number, bool: st.booleans(), int: st.integers(0, 9), str: words, MaskVideo: mask}
    given = {}
    for name, kind in parameter_types(cls).items():
        given[name] = draw(st.sampled_from(choices[name]) if name in choices else kinds[kind])
    for low, high in (("x1", "x2"), ("y1", "y2")):
        if low in given:
            given[low], given[high] = draw(increasing)
    try:
        return cls(**given)
    except BendError:  # parameters that do not go together
        return cls(mask=given["mask"]) if cls is ops.Paint else cls(**({"other": "rose"} if cls is ops.Swap else {}))


@st.composite
def window(draw) -> TimeWindow:
    curve = draw(st.none() | st.lists(number, min_size=1, max_size=5).map(tuple))
    fades = draw(st.tuples(st.floats(0, 10), st.floats(0, 10)))
    if draw(st.booleans()):
        return TimeWindow("percent", *draw(increasing), *fades, curve)
    first, last = sorted(draw(st.tuples(st.integers(0, 9), st.integers(10, 99))))
    return TimeWindow("steps", float(first), float(last), *fades, curve)


@st.composite
def track(draw) -> animation.Track:
    if draw(st.booleans()):
        values = draw(st.lists(number, min_size=1, max_size=5))
        return animation.sampled_curve(values, draw(st.sampled_from(("list", "curve"))))
    places = draw(st.lists(st.tuples(st.integers(-99, 99) | part, st.booleans()), min_size=1, max_size=4, unique=True))
    keys = ((float(place), percent and 0 <= place <= 100, draw(number)) for place, percent in places)
    unique = {key[:2]: key for key in keys if key[0].is_integer() or key[0] > 1e-9}
    return animation.Keyframes(tuple(unique.values()) or ((0.0, False, 1.0),), draw(st.sampled_from(animation.EASES)))


@st.composite
def animated(draw, name: str) -> Animation:
    if draw(st.integers(0, 3)) == 0:
        return Animation(name, "frames", Stretch(*draw(increasing), draw(part), draw(part)))
    return Animation(name, draw(st.sampled_from(("frames", "steps"))), draw(track()))


@st.composite
def bend(draw) -> Bend:
    mode = draw(operator())
    moving = draw(st.lists(st.sampled_from((*mode.numbers, "strength")), unique=True, max_size=2))
    start, end = draw(increasing)
    return Bend(
        mode,
        draw(words),
        draw(part),
        start,
        end,
        layers=draw(st.sampled_from(("all", "early & 0-3", "0-5, 13, -1"))),
        renormalize=draw(st.booleans()),
        heads=draw(st.sampled_from(("all", "0-3, 7"))),
        frames=draw(st.sampled_from(("all", "0%-50%, -1", " 3 "))),
        passes=draw(st.sampled_from((None, *PASSES))),
        masks=tuple(draw(st.lists(mask, max_size=2))),
        windows=tuple(draw(st.lists(window(), max_size=2))),
        animations=tuple(draw(animated(name)) for name in moving),
        origin=draw(st.none() | st.just("14")),
    )


bending = st.lists(bend(), max_size=4).map(lambda bends: Bending(tuple(bends)))

turn = partial(Bend, ops.Rotate(), "kiss")


def large_mask(seed: int = 0) -> MaskVideo:
    """One that does not stand in a file itself."""
    return MaskVideo(torch.rand(2, 96, 160, generator=torch.Generator().manual_seed(seed)), 0.25)
