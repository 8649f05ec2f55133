"""What `evaluate-toy` bends: every mode, in several strengths, on one word, several words and all, where and when."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple


class Words(NamedTuple):
    """What a caption says of a thing; no place is the film's choice."""

    colour: str
    shape: str
    place: str = ""


@dataclass(frozen=True)
class Subject:
    """A caption and its words; the first thing is bent, a second one is only watched, or what the first swaps with."""

    caption: str
    thing: Words
    other: Words | None = None
    moves: bool = False


SUBJECTS = (
    # Where no place is told the maps decide; where one is, they have words against them.
    Subject("a red circle", Words("red", "circle")),
    Subject("a yellow star on a grey field", Words("yellow", "star")),
    Subject("a blue square in the middle", Words("blue", "square", "middle")),
    Subject("a purple square moving right", Words("purple", "square"), moves=True),
    Subject(
        "a red circle on the left and a blue star on the right",
        Words("red", "circle", "left"),
        Words("blue", "star", "right"),
    ),
    Subject(
        "a white triangle at the top and a purple square at the bottom",
        Words("white", "triangle", "top"),
        Words("purple", "square", "bottom"),
    ),
    Subject("a green triangle and a yellow circle", Words("green", "triangle"), Words("yellow", "circle")),
)

COLOUR, SHAPE, PLACE, WORDS, ALL = "its colour", "its shape", "its place", "its words", "ALL"

TARGETS: dict[str, Callable[[Words], str]] = {
    COLOUR: lambda words: words.colour,
    SHAPE: lambda words: words.shape,
    PLACE: lambda words: words.place,
    WORDS: lambda words: ", ".join(filter(None, words)),
    ALL: lambda words: "ALL",
}
"""The `token` of a bend by name, for a thing's words."""

SETTINGS = {
    "amplify": ({"factor": 0.0}, {"factor": 0.5}, {"factor": 2.0}, {"factor": 5.0}, {"factor": 20.0}),
    "regional_mask": (
        {"x1": 0.5, "y1": 0.0, "x2": 1.0, "y2": 1.0, "feather": 0.0},
        {"x1": 0.0, "y1": 0.5, "x2": 1.0, "y2": 1.0, "feather": 0.0},
    ),
    "blur": ({"sigma": 0.7}, {"sigma": 2.0}, {"sigma": 6.0}),
    "sharpen": ({"amount": 1.0}, {"amount": 4.0}),
    "translate": ({"x": 0.1}, {"x": 0.25}, {"x": -0.25}, {"x": 0.0, "y": 0.1}, {"x": 0.0, "y": 0.25}),
    "rotate": ({"angle": 15.0}, {"angle": 90.0}, {"angle": 180.0}),
    "spatial_scale": ({"factor": 0.5}, {"factor": 1.2}, {"factor": 1.5}, {"factor": 2.0}),
    "flip": ({"axis": "horizontal"}, {"axis": "vertical"}),
    "frequency_filter": (
        {"kind": "low", "high": 0.25},
        {"kind": "low", "high": 0.5},
        {"kind": "high", "low": 0.25, "keep_mean": False},
    ),
    "time": ({"way": "shift", "amount": 1.0}, {"way": "reverse"}, {"way": "freeze"}),
    "paint": ({"half": "right"}, {"half": "bottom"}),
    "swap": ({"way": "trade"}, {"way": "follow"}),
    "temperature": ({"temperature": 0.5}, {"temperature": 0.8}, {"temperature": 1.25}, {"temperature": 2.0}),
}
"""For each mode the parameters that differ from its defaults; strength and all else is full."""

Setting = tuple[tuple[str, float | str], ...]


def settings(mode: str) -> list[Setting]:
    return [tuple(setting.items()) for setting in SETTINGS[mode]]


MAIN = dict.fromkeys(SETTINGS, 0) | {
    "blur": 1,
    "sharpen": 1,
    "translate": 1,
    "rotate": 1,
    "spatial_scale": 2,
    "time": 1,
}
MAIN_SETTING = {mode: settings(mode)[number] for mode, number in MAIN.items()}
"""The setting that is also tried by layers, by window and by strength."""

WINDOWS = ((0.0, 0.33), (0.33, 0.66), (0.66, 1.0))

PARTS: dict[str, dict] = {
    "in full": {},
    **{f"{band} layers": {"layers": band} for band in ("early", "middle", "late")},
    **{f"{start:.0%} to {end:.0%}": {"window": (start, end)} for start, end in WINDOWS},
    "strength 0.5": {"strength": 0.5},
    "not renormalised": {"renormalize": False},
}
"""How a mode's main setting is narrowed down: fields of its Case."""

SENDING = ("regional_mask", "translate", "rotate", "spatial_scale", "flip", "paint", "swap")
"""The modes that send a word's map elsewhere: what arrives is also tried louder, and not renormalised."""
LOUDER = 2.0


@dataclass(frozen=True)
class Case:
    """One bend, to be tried on every subject; `louder` is the factor of an Amplify of all its words behind it."""

    mode: str
    setting: Setting
    target: str
    layers: str = "all"
    window: tuple[float, float] = (0.0, 1.0)
    strength: float = 1.0
    renormalize: bool = True
    louder: float = 1.0

    @property
    def name(self) -> str:
        """Names the case in the results' file."""
        start, end = self.window
        parts = [self.mode, self.setting_text, self.target, self.layers, f"{start}-{end}", f"{self.strength}"]
        if not self.renormalize:
            parts.append("not renormalised")
        if self.louder != 1:
            parts.append(f"then amplify {self.louder}")
        return " | ".join(parts)

    @property
    def setting_text(self) -> str:
        """Its parameters that differ from the mode's defaults."""
        return ", ".join(f"{name} {value}" for name, value in self.setting)

    @property
    def plain(self) -> bool:
        """In all layers and steps, full and renormalised."""
        return self == Case(self.mode, self.setting, self.target)


def cases() -> Iterator[Case]:
    """All of them, the plain ones first."""
    for mode in SETTINGS:
        yield from (Case(mode, setting, target) for setting in settings(mode) for target in targets(mode))
    for mode, setting in MAIN_SETTING.items():
        for target in main_targets(mode):
            for part in PARTS.values():
                if part and not (mode == "temperature" and part.keys() & {"strength", "renormalize"}):
                    yield Case(mode, setting, target, **part)
    for mode in SENDING:
        for setting in settings(mode):
            yield Case(mode, setting, main_targets(mode)[0], renormalize=False, louder=LOUDER)


def fits(case: Case, subject: Subject) -> bool:
    """Whether a subject has what a case bends: a told place, and for Swap another thing."""
    return bool(subject.thing.place or case.target != PLACE) and bool(subject.other or case.mode != "swap")


def targets(mode: str) -> tuple[str, ...]:
    """What a mode is tried on: Swap on one word and its like, Paint not on ALL, Temperature is of all attention."""
    return {"temperature": (ALL,), "paint": (COLOUR, SHAPE, PLACE, WORDS), "swap": (COLOUR, SHAPE, PLACE)}.get(
        mode, tuple(TARGETS)
    )


def main_targets(mode: str) -> tuple[str, ...]:
    """Those on which a mode's main setting is also tried by layers, by window and by strength."""
    return (COLOUR,) if mode == "swap" else tuple(target for target in (WORDS, ALL) if target in targets(mode))


def bends_of(case: Case, subject: Subject):
    """The case's Bends for a subject, a tuple."""
    from ..bending.bend import Bend
    from ..bending.operators import Amplify

    start, end = case.window
    token = TARGETS[case.target](subject.thing)
    bend = Bend(operator(case, subject), token, case.strength, start, end, case.layers, case.renormalize)
    if case.louder == 1:
        return (bend,)
    return bend, replace(bend, operator=Amplify(case.louder), token=", ".join(token.text for token in bend.tokens))


def operator(case: Case, subject: Subject):
    """The case's operator; Swap's other word is the subject's other thing's."""
    import torch

    from ..bending import operators
    from ..bending.frames.mask_video import MaskVideo

    setting = dict(case.setting)
    if case.mode == "paint":
        mask = torch.zeros(8, 8)
        (mask if setting["half"] == "bottom" else mask.T)[4:] = 1.0
        setting = {"mask": MaskVideo(mask)}
    if case.mode == "swap":
        setting["other"] = TARGETS[case.target](subject.other)
    return (operators.OPERATORS | operators.OTHERS)[case.mode](**setting)
