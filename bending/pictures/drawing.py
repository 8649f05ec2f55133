"""Pictures of recorded maps: their colours, scale, size and time, laid over the film or by themselves.

**Convention**
    A map's values are divided by the largest magnitude of its film, or of its frame, taken over all views of one word
    that are shown together; 0 stays 0. A map that is nowhere negative then lies in 0 … 1 and has the colours of a
    colour map. A difference, bent minus original, lies in −1 … 1: red where the bend gave more, blue where it took
    away. Cells meet pixels by their centres, bicubic, clamped. A frame shows the latent frame it was made from.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

from ..errors import BendError
from ..maps.against import AGAINST, PROBES, mean_maps
from ..maps.record import Record
from ..parameter import parameter
from . import text_rendering
from .optional import needs
from .text_rendering import Canvas

COLOR_MAPS = ("viridis", "plasma", "turbo", "hot", "cividis", "gray", "red")
PLAIN = {"gray": (1.0, 1.0, 1.0), "red": (1.0, 0.1, 0.1)}
"""The plain ones: one colour, over a film more of it and by itself brighter where the map is larger."""
SIGNED = "seismic"
NEGATIVE = 0.05
"""Of a film's largest magnitude: what is less below 0 is not worth the colours of a difference."""
SHOWS = {
    "original": ("original",),
    "bent": ("bent",),
    "difference": ("difference",),
    "side by side": ("original", "bent"),
}
NORMALIZE = ("film", "frame")
GAP = 4
"""Pixels between pictures."""
_ONE_LINE = 480
"""Pixels from which on a picture's caption fits into one line."""


def one_of(field: str, value: str, choices: Sequence[str]) -> str:
    """`value`, where it is one of the choices. Raises BendError otherwise."""
    if value not in choices:
        raise BendError(f"{field} is {value!r}. Choose one of {', '.join(choices)}.")
    return value


# --- colour and scale ------------------------------------------------------------------------------------------------


@lru_cache
def palette(colors: str) -> Tensor:
    """`(256, 3)` in 0 … 1, from the smallest to the largest; SIGNED has 255, so that 0 has the middle one."""
    if colors in PLAIN:
        return torch.linspace(0, 1, 256)[:, None] * torch.tensor(PLAIN[colors])
    count = 255 if one_of("color_map", colors, (*COLOR_MAPS, SIGNED)) == SIGNED else 256
    with needs("kornia"):
        from kornia.color import ColorMap
    return ColorMap(base=colors, num_colors=count, dtype=torch.float32).colors.T.clamp(0, 1).contiguous()


def heat(values: Tensor, colors: str) -> Tensor:
    """`(…, H, W)` in 0 … 1, or −1 … 1 with SIGNED, to colours `(…, H, W, 3)`; what lies outside has the end's."""
    table = palette(colors)
    place = (values + 1) / 2 if colors == SIGNED else values
    return table[(place.clamp(0, 1) * (len(table) - 1)).round().long()]


def overlay(pictures: Tensor, values: Tensor, colors: str, opacity: float) -> Tensor:
    """Values `(H, W)` over pictures `(…, H, W, 3)`, as opaque as `opacity` times their magnitude."""
    foreground = torch.tensor(PLAIN[colors]) if colors in PLAIN else heat(values, colors)
    return torch.lerp(pictures, foreground.expand_as(pictures), (opacity * values.abs().clamp(max=1))[..., None])


def peaks(views: Tensor, normalize: str = "film") -> Tensor:
    """The scale `(F,)` of views `(V, F, h, w)`: the largest magnitude of all, or of each frame."""
    by_frame = views.abs().amax((0, 2, 3))
    return by_frame if one_of("normalize", normalize, NORMALIZE) == "frame" else by_frame.amax().expand(len(by_frame))


def normalised(maps: Tensor, scale: Tensor) -> Tensor:
    """`(…, F, h, w)` by a scale `(F,)`; 0 where that is 0."""
    scale = scale[:, None, None]
    return torch.where(scale > 0, maps / scale, 0.0)


def colors_for(views: Tensor, view: str, color_map: str) -> str:
    """The colour map that says most of one word's views: SIGNED for a difference, and where a bend went below 0."""
    return SIGNED if view == "difference" or views.min() < -NEGATIVE * views.abs().max() else color_map


# --- size and time ---------------------------------------------------------------------------------------------------


def enlarge(values: Tensor, height: int, width: int) -> Tensor:
    """`(F, h, w)` to `(F, height, width)`, smoothly, within each picture's own range; a smaller size is a mean."""
    low, high = values.amin((1, 2), keepdim=True), values.amax((1, 2), keepdim=True)
    if height < values.shape[1] or width < values.shape[2]:
        sized = F.interpolate(values[:, None], (height, width), mode="bicubic", antialias=True)[:, 0]
    else:
        sized = _catmull_rom(values.shape[1], height) @ values @ _catmull_rom(values.shape[2], width).T
    return sized.clamp(low, high)


def _catmull_rom(cells: int, pixels: int) -> Tensor:
    """`(pixels, cells)`: the Catmull-Rom spline through the centres of cells, at those of pixels, the border repeated.

    torch's own bicubic is another one (a = −3/4), by which an even slope comes out in steps; with antialias it is this
    one, but leaves out what lies beyond the border: up to 0.09 of a map's range elsewhere in its outermost cells.
    """
    at = (torch.arange(pixels) + 0.5) * (cells / pixels) - 0.5
    low = at.floor()
    t = (at - low)[:, None]
    taps = (
        torch.cat((((2 - t) * t - 1) * t, (3 * t - 5) * t * t + 2, ((4 - 3 * t) * t + 1) * t, (t - 1) * t * t), 1) / 2
    )
    source = (low.long()[:, None] + torch.arange(-1, 3)).clamp(0, cells - 1)
    return torch.zeros(pixels, cells).scatter_add_(1, source, taps)


def latent_frames(count: int, length: int, stride: int = 4) -> Tensor:
    """`(count,)`: the one of `length` latent frames that each frame of a film shows.

    By the model's causal rule where the film has stride · (length − 1) + 1 frames: the first alone, then `stride` each;
    otherwise the nearest, evenly from the first to the last. `latent_time.in_time` undoes it, if every latent frame
    is shown.
    """
    frame = torch.arange(count)
    if count == stride * (length - 1) + 1:
        return (frame + stride - 1) // stride
    return (2 * frame * (length - 1) + count - 1) // max(1, 2 * (count - 1))


# --- the maps of a run -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Look:
    """How maps are drawn; `opacity` (0 … 1) is over a film, and without one nothing shines through."""

    color_map: str = parameter("viridis", choices=COLOR_MAPS)
    normalize: str = parameter("film", choices=NORMALIZE)
    opacity: float = parameter(0.7, low=0, high=1, step=0.05)
    captions: bool = True

    def __post_init__(self):
        one_of("color_map", self.color_map, COLOR_MAPS)
        one_of("normalize", self.normalize, NORMALIZE)
        if not 0 <= self.opacity <= 1:
            raise BendError(f"opacity is {self.opacity}. Give it a number from 0 (only the film) to 1.")


@dataclass(frozen=True, eq=False)
class Views:
    """Some maps of one run: words down, views across, `values` `(W, V, F, h, w)` float32; cell and stride of it."""

    words: tuple[str, ...]
    views: tuple[str, ...]
    values: Tensor
    cell: int
    stride: int

    @property
    def film_length(self) -> int:
        """How many frames the film of these maps has."""
        return self.stride * (self.values.shape[2] - 1) + 1


def view_of(record: Record, view: str, words: Sequence[int], *places: Sequence[int], against: str = PROBES) -> Tensor:
    """`(W, F, h, w)` of some words' originals, bent or differences, a mean over places on steps, layers, maybe heads.

    Several probes of a record are read `against` each other, or against nothing.
    """
    one_of("against", against, AGAINST)
    bents = (True, False) if view == "difference" else (view == "bent",)
    first, *others = (mean_maps(record, words, bent, *places, against=against) for bent in bents)
    return first - others[0] if others else first


def choose(
    record: Record,
    words: str = "",
    show: str = "side by side",
    layers: str = "all",
    steps: str = "all",
    against: str = PROBES,
) -> Views:
    """Maps of a record, a mean over layers and steps; of all words where `words` is empty; `against` as in view_of."""
    views = SHOWS[one_of("show", show, tuple(SHOWS))]
    numbers = record.chosen_words(words)
    places = record.chosen_steps(steps), record.chosen_layers(layers)
    values = torch.stack([view_of(record, view, numbers, *places, against=against) for view in views], 1)
    return Views(tuple(record.words[n] for n in numbers), views, values, record.cell, record.stride)


def as_mask(views: Views, count: int) -> Tensor:
    """The first word's first view as `(count, h, w)` in 0 … 1, a pixel a cell, held in time; nothing where negative."""
    values = views.values[0, 0].clamp(min=0)
    return normalised(values, peaks(values[None]))[latent_frames(count, len(values), views.stride)]


def draw(views: Views, look: Look, images: Tensor | None = None, size: tuple[int, int] | None = None) -> Tensor:
    """The film of maps `(N, H, W, 3)`: over each frame of `images` `(N, H, W, 3)`, at their size, or by themselves.

    By themselves a map is of `size`, height and width, or else a cell takes its own pixels of the film; a small film is
    enlarged a whole number of times. Words are below each other and views side by side, with captions beneath.
    """
    height, width = (size or _size_of(views)) if images is None else images.shape[1:3]
    count = views.film_length if images is None else len(images)
    rows = [
        _Row(word, values, views.views, look, width) for word, values in zip(views.words, views.values, strict=True)
    ]
    strips = [[row.strip(view, width) for view in range(len(views.views))] if look.captions else [] for row in rows]
    beneath = strips[0][0].shape[1] if look.captions else 0

    down, across = height + beneath + GAP, width + GAP
    background = torch.tensor(text_rendering.BACKGROUND) / 255
    canvas = background.repeat(count, down * len(rows) - GAP, across * len(views.views) - GAP, 1)
    shown = latent_frames(count, views.values.shape[2], views.stride)
    for r, row in enumerate(rows):
        for v in range(len(views.views)):
            top, left = r * down, v * across
            if look.captions:
                strip = strips[r][v].expand(len(row.scale), -1, -1, -1)
                canvas[:, top + height : top + height + beneath, left : left + width] = strip[shown]
            for frame in shown.unique().tolist():
                at = shown == frame
                values = enlarge(row.values[v, frame, None], height, width)[0]
                picture = heat(values, row.colors)
                if images is not None:
                    under = images[at.to(images.device)][..., :3].to(canvas)
                    picture = overlay(under, values, row.colors, look.opacity)
                canvas[at, top : top + height, left : left + width] = picture
    return canvas


def _size_of(views: Views) -> tuple[int, int]:
    """Of a picture without a film: a cell's own pixels, a whole number of times so that the longer side has 512."""
    height, width = (side * views.cell for side in views.values.shape[-2:])
    times = max(1, -(-512 // max(height, width)))
    return height * times, width * times


class _Row:
    """One word's views, ready to be drawn: `values` `(V, F, h, w)` in −1 … 1, `scale` `(F,)`, `colors`."""

    def __init__(self, word: str, views: Tensor, names: tuple[str, ...], look: Look, width: int):
        self.word, self.names = word, names
        self.colors = colors_for(views, names[0], look.color_map)
        self.scale = peaks(views, look.normalize)
        self.values = normalised(views, self.scale)
        if self.colors != SIGNED:
            self.values = self.values.clamp(min=0)
        self.frames = len(self.scale) if look.normalize == "frame" else 1

    def strip(self, view: int, width: int) -> Tensor:
        """The caption `(1 or F, height, width, 3)`: the word, the view, and the scale in colours."""
        return torch.stack([self._caption(self.names[view], float(peak), width) for peak in self.scale[: self.frames]])

    def _caption(self, view: str, peak: float, width: int) -> Tensor:
        size = max(11, min(26, width // 32))
        line, wide = text_rendering.line_height(size), width >= _ONE_LINE
        canvas = Canvas(width, line if wide else 2 * line)
        end = canvas.write(size // 2, 0, self.word, size, width=width * 2 // 5 if wide else width * 3 // 5)
        canvas.write(end + size // 2, 0, view, size, text_rendering.FAINT)
        x, y = (width * 11 // 20, 0) if wide else (size // 2, line)
        write_scale(canvas, x, y, width - x - size // 2, size, peak, self.colors)
        return canvas.pixels()


def write_scale(canvas: Canvas, x: int, y: int, width: int, size: int, peak: float, colors: str) -> int:
    """A bar of a colour map with the numbers of its ends, in a line `width` pixels wide. Returns where it ends."""
    low, high = (f"{-peak:.2g}", f"+{peak:.2g}") if colors == SIGNED else ("0", f"max {peak:.2g}")
    bar = min(8 * size, width - text_rendering.width_of(low, size) - text_rendering.width_of(high, size) - size)
    x = canvas.write(x, y, low, size, text_rendering.FAINT) + size // 2
    if bar > size:
        tall = size * 2 // 3
        ramp = heat(torch.linspace(-1 if colors == SIGNED else 0, 1, bar).expand(tall, bar), colors)
        canvas.paste(x, y + (text_rendering.line_height(size) - tall) // 2, ramp)
        x += bar + size // 2
    return canvas.write(x, y, high, size)
