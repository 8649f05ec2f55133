"""The toy's world: captions such as "a red circle on the left and a blue star, moving up", and the films they tell of.

Everything is drawn from a seed. What a caption leaves open (a colour, a shape, a place) is random; a thing of which no
motion is told stands still, and a field of which nothing is told is black.

**Convention** Places are fractions of the frame, origin top-left, x right, y down, and are of a film's middle moment.
"""

import random
from dataclasses import dataclass, replace

import torch
from torch import Tensor

WIDTH, HEIGHT, FRAMES = 160, 112, 9
"""Pixels and frames of a film: 3 × 14 × 20 latent cells, 3 × 7 × 10 image tokens."""

COLOURS = {
    "red": (0.90, 0.10, 0.12),
    "green": (0.10, 0.72, 0.22),
    "blue": (0.15, 0.30, 0.95),
    "yellow": (0.97, 0.86, 0.12),
    "purple": (0.65, 0.18, 0.85),
    "white": (0.96, 0.96, 0.96),
}
FIELDS = {"black": (0.02, 0.02, 0.02), "grey": (0.45, 0.45, 0.45)}
SHAPES = ("circle", "square", "triangle", "star")

COLUMNS = {"left": 0.20, "middle": 0.50, "right": 0.80}
ROWS = {"top": 0.26, "middle": 0.50, "bottom": 0.74}
PLACES = {
    "on the left": ("left", None),
    "on the right": ("right", None),
    "at the top": (None, "top"),
    "at the bottom": (None, "bottom"),
    "in the middle": ("middle", "middle"),
    "in the top left": ("left", "top"),
    "in the top right": ("right", "top"),
    "in the bottom left": ("left", "bottom"),
    "in the bottom right": ("right", "bottom"),
}
"""Each place's column and row; None is anywhere between the outer ones."""

MOTIONS = {"left": (-0.24, 0.0), "right": (0.24, 0.0), "up": (0.0, -0.22), "down": (0.0, 0.22)}
"""The way from the first frame to the last, in fractions of the frame."""

JITTER = 0.03
SIZES = (15.0, 19.0)
"""Radius in pixels of the smallest and the largest circle; the other shapes look as large as the circle."""

REACH = 1.25
"""The farthest point of any shape, in radii."""

GAP = 5.0
"""Pixels at least between two things."""


@dataclass(frozen=True)
class Thing:
    """One object: what it is, and for its film's middle moment where (`x`, `y`); `size` is in pixels."""

    shape: str
    colour: str
    x: float
    y: float
    size: float
    place: str | None = None
    motion: str | None = None

    def at(self, frame: int) -> tuple[float, float]:
        """Its centre in pixels."""
        dx, dy = MOTIONS.get(self.motion, (0.0, 0.0))
        since = frame / (FRAMES - 1) - 0.5
        return (self.x + since * dx) * WIDTH, (self.y + since * dy) * HEIGHT


@dataclass(frozen=True)
class Scene:
    """A film before it is drawn, and a caption that is true of it."""

    things: tuple[Thing, ...]
    field: str
    caption: str


def scene(seed: int | str) -> Scene:
    """The scene of that seed: one or two things that never touch."""
    draw = random.Random(f"toy {seed}")
    while True:
        things = tuple(_thing(draw) for _ in range(draw.choice((1, 1, 2, 2, 2))))
        if len(things) == 2 and draw.random() < 0.25:
            things = (things[0], _move(things[1], things[0].motion))
        distinct = len({thing.shape for thing in things}) == len({thing.colour for thing in things}) == len(things)
        if _apart(things) and (distinct or draw.random() < 0.25):
            break
    field = draw.choice(("black", "black", "grey"))
    return Scene(things, field, "" if draw.random() < 0.08 else _caption(things, field, draw))


def _thing(draw: random.Random) -> Thing:
    place = draw.choice((None, *PLACES)) if draw.random() < 0.85 else None
    column, row = PLACES.get(place, (None, None))
    x = _coordinate(draw, COLUMNS, column)
    y = _coordinate(draw, ROWS, row)
    motion = draw.choice(tuple(MOTIONS)) if draw.random() < 0.35 else None
    still = Thing(draw.choice(SHAPES), draw.choice(tuple(COLOURS)), x, y, draw.uniform(*SIZES), place)
    return _move(still, motion)


def _coordinate(draw: random.Random, bands: dict[str, float], band: str | None) -> float:
    if band is None:
        return draw.uniform(min(bands.values()) - JITTER, max(bands.values()) + JITTER)
    return bands[band] + draw.uniform(-JITTER, JITTER)


def _move(thing: Thing, motion: str | None) -> Thing:
    """The thing with that motion, its path pushed back into the frame where it would leave it."""
    dx, dy = MOTIONS.get(motion, (0.0, 0.0))
    low_x, low_y = 0.12 + abs(dx) / 2, 0.17 + abs(dy) / 2
    x, y = min(max(thing.x, low_x), 1 - low_x), min(max(thing.y, low_y), 1 - low_y)
    return replace(thing, x=x, y=y, motion=motion)


def _apart(things: tuple[Thing, ...]) -> bool:
    if len(things) < 2:
        return True
    room = REACH * (things[0].size + things[1].size) + GAP
    ways = [(*things[0].at(frame), *things[1].at(frame)) for frame in range(FRAMES)]
    return all((x - u) ** 2 + (y - v) ** 2 > room**2 for x, y, u, v in ways)


def _caption(things: tuple[Thing, ...], field: str, draw: random.Random) -> str:
    motions = {thing.motion for thing in things}
    together = len(motions) == 1 and None not in motions and draw.random() < 0.6
    text = " and ".join(_phrase(thing, draw, tell_motion=not together) for thing in things)
    if draw.random() < (0.9 if field == "grey" else 0.2):
        text += f" on a {field} field"
    return f"{text}, moving {things[0].motion}" if together else text


def _phrase(thing: Thing, draw: random.Random, tell_motion: bool) -> str:
    shape = thing.shape if draw.random() < 0.93 else "shape"
    words = [shape] if draw.random() < 0.1 else [thing.colour, shape]
    if draw.random() < 0.9:
        words.insert(0, "a")
    if thing.place:
        words.append(thing.place)
    if thing.motion and tell_motion:
        words += ["moving", thing.motion]
    return " ".join(words)


def film(of: Scene, device: str | torch.device = "cpu", first: int = 0, last: int = FRAMES) -> Tensor:
    """The drawn frames `first` … `last` − 1, `(frames, 3, HEIGHT, WIDTH)` in 0 … 1, edges antialiased."""
    frames = range(first, last)
    picture = torch.tensor(FIELDS[of.field], device=device).view(1, 3, 1, 1).expand(len(frames), 3, HEIGHT, WIDTH)
    column = torch.arange(WIDTH, device=device) + 0.5
    row = torch.arange(HEIGHT, device=device) + 0.5
    for thing in of.things:
        centre = torch.tensor([thing.at(frame) for frame in frames], device=device)
        x = column.view(1, 1, -1) - centre[:, 0].view(-1, 1, 1)
        y = row.view(1, -1, 1) - centre[:, 1].view(-1, 1, 1)
        cover = (0.5 - distance(thing.shape, x, y, thing.size)).clamp(0, 1).unsqueeze(1)
        picture = picture + cover * (torch.tensor(COLOURS[thing.colour], device=device).view(1, 3, 1, 1) - picture)
    return picture


def distance(shape: str, x: Tensor, y: Tensor, size: float) -> Tensor:
    """Signed distance in pixels from a shape's edge, negative inside; `x`, `y` in pixels from its centre."""
    if shape == "circle":
        return torch.hypot(x, y) - size
    if shape == "square":
        return torch.maximum(x.abs(), y.abs()) - 0.88 * size
    if shape == "triangle":
        return torch.maximum(y, 0.8660254 * x.abs() - 0.5 * y) - 0.68 * size
    return _star(x, y, REACH * size)


def _star(x: Tensor, y: Tensor, outer: float, points: int = 5) -> Tensor:
    """Distance from the line between an outer corner and the inner one beside it, the plane folded to half a point."""
    half = torch.pi / points
    angle = torch.atan2(x, -y).remainder(2 * half)
    angle = torch.minimum(angle, 2 * half - angle)
    radius = torch.hypot(x, y)
    u, v = radius * angle.cos(), radius * angle.sin()
    inner = 0.46 * outer
    corner_u, corner_v = inner * torch.cos(torch.tensor(half)), inner * torch.sin(torch.tensor(half))
    along_u, along_v = corner_u - outer, corner_v
    # The point's inside lies to the left of the way from the outer corner to the inner one.
    return ((u - outer) * along_v - v * along_u) / torch.hypot(along_u, along_v)
