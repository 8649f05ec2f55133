"""What the benchmark measures: the scenarios of each level, and the runs, in which each case makes a row."""

from typing import Any, NamedTuple

import torch

from ..bending import Bend, MaskVideo
from ..bending import operators as ops
from ..bending.bend import Animation
from ..bending.time.animation import parse_keyframes, sampled_curve

# of every Wan: the tokens of its context, the width of a head, the width of the text embedding
TOKENS, DEPTH, EMBEDDING = 512, 128, 4096


class Shape(NamedTuple):
    """A model's text attention: heads of a width, text tokens; the first `open` of these where a mask shuts out the
    others in every call, and whether the host hands it heads first.
    """

    heads: int
    depth: int = DEPTH
    tokens: int = TOKENS
    open: int | None = None
    heads_first: bool = False

    @property
    def keys(self) -> int:
        """How many tokens are attended to."""
        return self.open or self.tokens


SHAPES = {
    "1.3B": Shape(12),
    "14B": Shape(40),
    "small": Shape(2),
    "Cosmos 2B": Shape(16, heads_first=True),
    "LTX-2": Shape(32, tokens=1024),
    "LTXV": Shape(32, depth=64, tokens=128, open=24),
    "small, heads first": Shape(2, heads_first=True),
    "small, masked": Shape(2, depth=64, tokens=128, open=24),
}
"""Of Wan by its size, of others by name."""

HEADS = {name: shape.heads for name, shape in SHAPES.items()}
FEED_FORWARD = {"1.3B": 8960, "small": 512}
DTYPES = {"cpu": ("bfloat16", "float32"), "cuda": ("bfloat16",)}

FILM = (12, 20, 36)
PICTURES = 4 * (FILM[0] - 1) + 1

WORDS = "abcdefghijklmnop"  # a step's words; their columns, as those of all words, begin with the first
FIRST, FOUR = 3, (3, 4, 5, 6)
ONE, PROMPT, PADDING, EVERY = (tuple(range(*ends)) for ends in ((3, 4), (3, 43), (12, TOKENS), (0, TOKENS)))
MODES = (ops.Translate(x=0.1, y=0.05), ops.Rotate(15.0), ops.Blur(2.0), ops.FrequencyFilter("low", high=0.3))

Chain = tuple[tuple[Bend, tuple[tuple[int, ...], ...]], ...]
"""Bends, each with the columns of its words: one, or two for a swap."""


class Scenario(NamedTuple):
    """A chain, and columns that are watched. Un-bent is the chain `against`; `dense`, whether there is a dense way.

    The output must have the bits of the un-bent one, or must differ from it. `by_mask`: not by us, but by a mask that
    is added to the logits of every place.
    """

    bends: Chain = ()
    watch: tuple[int, ...] = ()
    against: Chain = ()
    same_bits: bool = False
    dense: bool = True
    by_mask: bool = False


def words(count: int, **when: float) -> Chain:
    """`count` words of one token each, dealt round to the four modes; every bend renormalises."""
    columns = range(FIRST, FIRST + count)
    return tuple(
        (Bend(mode, ", ".join(WORDS[i:count:4]), **when), (tuple(columns[i::4]),))
        for i, mode in enumerate(MODES[:count])
    )


def one(operator: ops.Operator, *words: tuple[int, ...], **aim: Any) -> Chain:
    return ((Bend(operator, "a", **aim), words or (EVERY,)),)


def aimed(operator: ops.Operator, columns: tuple[int, ...], **aim: Any) -> Scenario:
    return Scenario(one(operator, columns, **aim), against=one(operator, columns), dense=False)


MASK, MASKS = (
    {"masks": (MaskVideo(torch.rand(frames, 60, 104, generator=torch.Generator().manual_seed(3))),)}
    for frames in (1, 17)
)
MOVING = {"animations": (Animation("angle", "frames", parse_keyframes("0: 10, 100%: 90")),)}


def segments(count: int, tokens: int) -> Chain:
    """So many groups of tokens, each heard most in its own part of the film: a factor for every frame."""

    def heard(i: int) -> str:
        ends = ((100 * (i + shift) / count, value) for shift, value in ((-0.5, 0), (0.5, 1), (1.5, 0)))
        return ", ".join(f"{place:g}%: {value}" for place, value in ends if 0 <= place <= 100)

    columns = (tuple(range(start, start + tokens)) for start in range(FIRST, FIRST + count * tokens, tokens))
    return tuple(
        (Bend(ops.Amplify(), "a", animations=(Animation("factor", "frames", parse_keyframes(heard(i))),)), (group,))
        for i, group in enumerate(columns)
    )


def scenes(count: int, tokens: int) -> Chain:
    """So many scenes of a prompt, one after the other: a latent frame hears each by how many of its pictures it has."""
    heard = [[float(i == count * picture // PICTURES) for picture in range(PICTURES)] for i in range(count)]
    columns = (tuple(range(start, start + tokens)) for start in range(FIRST, FIRST + count * tokens, tokens))
    return tuple(
        (Bend(ops.Amplify(), "a", animations=(Animation("factor", "frames", sampled_curve(factors)),)), (group,))
        for factors, group in zip(heard, columns, strict=True)
    )


SCENES = {
    f"{count} scenes of {tokens}": scenes(count, tokens)
    for count in (3, 6)
    for tokens in (12, 20, 60, 120)
    if FIRST + count * tokens <= TOKENS
}
CALL = {
    **{f"words-{count}": Scenario(words(count)) for count in (1, 4, 16, 64)},
    "all-translate": Scenario(one(MODES[0])),
    "all-rotate": Scenario(one(MODES[1])),
    "all-rotate-frames": Scenario(one(ops.Rotate(), **MOVING)),
    "all-flip": Scenario(one(ops.Flip())),
    "all-blur": Scenario(one(MODES[2])),
    "all-sharpen": Scenario(one(ops.Sharpen(clamp=False))),
    "all-frequency": Scenario(one(MODES[3])),
    "all-blur, words-4": Scenario(one(MODES[2]) + words(4)),
    "words-4, all-blur": Scenario(words(4) + one(MODES[2])),
    "padding-blur": Scenario(one(MODES[2], PADDING)),
    "padding-amplify": Scenario(one(ops.Amplify(2.0), PADDING)),
    "prompt-amplify": Scenario(one(ops.Amplify(2.0), PROMPT)),
    "temperature": Scenario(one(ops.Temperature(0.7))),
    "swap": Scenario(one(ops.Swap("b"), (3,), (4,))),
    "paint": Scenario(one(ops.Paint(*MASK["masks"]), ONE)),
    "words-4, recorded": Scenario(words(4), watch=FOUR, against=words(4), same_bits=True),
    "record-4": Scenario(watch=FOUR, same_bits=True),
    "inactive": Scenario(same_bits=True),
}
SCENARIOS = {
    "call": CALL,
    "aim": {
        "all-rotate, an angle moving": aimed(ops.Rotate(), EVERY, **MOVING),
        "all-rotate, a mask": aimed(ops.Rotate(), EVERY, **MASK),
        "all-blur, a mask": aimed(ops.Blur(), EVERY, **MASK),
        "word-translate, a mask": aimed(ops.Translate(), ONE, **MASK),
        "word-translate, 17 masks": aimed(ops.Translate(), ONE, **MASKS),
        "word-rotate, an angle moving": aimed(ops.Rotate(), ONE, **MOVING),
    },
    "many": {
        "bends-200": Scenario(tuple((Bend(MODES[0], "a"), ((column,),)) for column in range(FIRST, FIRST + 200))),
    },
    "segments": {
        "segments-6": Scenario(segments(6, 12)),
        **{name: Scenario(chain) for name, chain in SCENES.items()},
        **{f"{name}, masked": Scenario(chain, by_mask=True) for name, chain in SCENES.items()},
    },
    "step": {
        **{f"words-{count}": Scenario(words(count)) for count in (1, 4, 16)},
        "inactive": Scenario(words(4, start=0.5), same_bits=True, dense=False),  # a single step does not reach it
        "record-4": Scenario(words(4), watch=FOUR, against=words(4), same_bits=True, dense=False),
    },
    "counted": {
        **{name: scenario for name, scenario in CALL.items() if scenario.bends},
        **{name: Scenario(chain) for name, chain in SCENES.items() if name.endswith("60")},
    },
}


class Case(NamedTuple):
    """What makes a row; `rounds` are how often un-bent and bent are timed, dense, and the host's other kernels."""

    level: str
    model: str
    grid: tuple[int, int, int]
    scenario: str
    dtype: str
    rounds: tuple[int, int, int]


CALLS, AIMS, MANY, SEGMENTS, STEPS, COUNTED = map(list, SCENARIOS.values())
SOME = ["words-1", "words-4", "all-rotate"]
SMALL, TINY, SHORT = (2, 5, 6), (1, 15, 26), (3, 15, 26)
USUAL = (5, 30, 52)  # 480p with 17 frames: two cores do it in a fraction of a second, and no cache holds it
SD, HD = (21, 30, 52), (21, 45, 80)  # 480p and 720p with 81 frames
GROWTH = [(1, 30, 52), (9, 30, 52), (5, 15, 26), (5, 45, 80)]  # beside USUAL: other frames, other resolutions
LTX = (16, 16, 24)  # 768 × 512 with 121 frames
BOTH, HALF, SINGLE = (("bfloat16", "float32"), ("bfloat16",), ("float32",))

IN_FLOAT32 = ["words-1", "words-4", "words-16", "all-rotate", "all-blur", "all-blur, words-4", "padding-blur"]
IN_FLOAT32 += ["padding-amplify", "words-4, recorded", "inactive"]


def without(names: list[str], *others: str) -> list[str]:
    return [name for name in names if name not in others]


FEW = ["words-1", "words-4", "words-16", "inactive"]
OTHERS = (("Cosmos 2B", [USUAL]), ("LTX-2", [LTX]), ("LTXV", [LTX]))

# The runs, of each the series: level, model, grids, scenarios, types, and the rounds of each case. Whole steps of a CPU
# are float32: one without bfloat16 products would spend nearly all of its time on the layers' matrices.
SMALLEST = [
    (level, "small", [SMALL], scenarios, HALF if level == "counted" else BOTH, (2, 2, 2))
    for level, scenarios in SCENARIOS.items()
]
TO_COUNT = ("counted", "1.3B", [SD], COUNTED, HALF, (0, 0, 0))
ON_CPU = (
    ("call", "1.3B", [USUAL], ["words-1", "words-4", "all-blur", "padding-amplify"], HALF, (7, 1, 2)),
    ("call", "1.3B", [USUAL], without(CALLS, "words-1", "words-4", "all-blur", "padding-amplify"), HALF, (5, 1, 0)),
    ("call", "1.3B", [USUAL], IN_FLOAT32, SINGLE, (5, 1, 0)),
    ("call", "1.3B", GROWTH, ["words-4"], HALF, (5, 1, 0)),
    ("call", "14B", [(2, 30, 52)], SOME, HALF, (5, 1, 0)),
    *(("call", model, grids, FEW, HALF, (5, 0, 0)) for model, grids in OTHERS),
    *(("call", model, grids, FEW, SINGLE, (5, 1, 0)) for model, grids in OTHERS),
    ("aim", "1.3B", [USUAL], AIMS, HALF, (5, 0, 0)),
    ("many", "small", [TINY], MANY, BOTH, (7, 3, 3)),
    ("segments", "1.3B", [FILM], SEGMENTS, HALF, (5, 0, 0)),
    ("segments", "1.3B", [FILM], SEGMENTS, SINGLE, (5, 1, 0)),
    ("step", "1.3B", [SHORT], ["words-4", "inactive", "record-4"], SINGLE, (9, 1, 0)),
    *(("step", f"small, {layers} layers", [SHORT], ["words-4"], SINGLE, (9, 0, 0)) for layers in (4, 16)),
    TO_COUNT,
)
LARGE = (("call", "1.3B", [SD], CALLS), ("call", "1.3B", [HD], SOME), ("call", "14B", [SD, HD], SOME))
FULL_ON_CPU = (*ON_CPU, *((*series, BOTH, (3, 2, 0)) for series in LARGE))
ON_GPU = (
    *((*series, HALF, (21, 7, 21)) for series in LARGE),
    ("call", "1.3B", GROWTH, ["words-4"], HALF, (21, 7, 0)),
    *(("call", model, grids, FEW, HALF, (21, 7, 0)) for model, grids in OTHERS),
    ("aim", "1.3B", [SD], AIMS, HALF, (21, 0, 0)),
    ("many", "small", [TINY], MANY, HALF, (21, 7, 0)),
    ("segments", "1.3B", [SD], SEGMENTS, HALF, (21, 7, 0)),
    ("step", "1.3B", [SD], STEPS, HALF, (7, 3, 0)),
    TO_COUNT,
)


def cases(device: str, full: bool = False, smallest: bool = False) -> list[Case]:
    """The cases of one run, in the order of the table: all of one type, then of the next."""
    run = SMALLEST if smallest else ON_GPU if device == "cuda" else FULL_ON_CPU if full else ON_CPU
    return [
        Case(level, model, grid, scenario, dtype, rounds)
        for dtype in DTYPES[device]
        for level, model, grids, scenarios, dtypes, rounds in run
        if dtype in dtypes
        for grid in grids
        for scenario in scenarios
    ]
