"""The tables of scenes, weights and Words Here in docs/what-bends-do.md, from the films of `language`."""

import math
from collections.abc import Sequence

from ..dev.markdown import renewed, table
from . import language, measure, world
from .judge import Row
from .language import MIDDLES, Take
from .page import PAGE
from .results import Rows

BEGIN, END = "<!-- made by `python dev evaluate-toy --language` -->", "<!-- end of the language -->"

SEEDS = 4
"""Of a take the most films that are counted."""

TURNED = 2.0
"""A film has turned whose last picture is so many times as far from its first as the un-bent film's is."""

Films = dict[str, Row]
"""The results by the film's name."""


def pairs(films: Films, take: Take, unbent: Take) -> list[tuple[Row, Row]]:
    """The films of a take that are there, each with the one of the same seed that nothing bent."""
    names = ((take.film(seed), unbent.film(seed)) for seed in range(SEEDS))
    return [(films[name], films[other]) for name, other in names if name in films and other in films]


def nearer(bent: Row, unbent: Row, colours: Sequence[str]) -> list[bool]:
    """Of each scene whether the largest thing in its middle picture is nearer its colour than in the un-bent film."""
    return [_off(bent, n, colour) < _off(unbent, n, colour) for n, colour in enumerate(colours)]


def _off(row: Row, picture: int, colour: str) -> float:
    """How far the largest thing in a picture is from a colour."""
    things = row["things"][picture]
    return math.dist(things[0]["rgb"], world.COLOURS[colour]) if things else math.inf


def coloured(row: Row, colours: Sequence[str]) -> int:
    """In how many scenes the largest thing of the middle picture has the scene's colour."""
    pictures = zip(row["things"], colours, strict=False)  # behind the middles stands the last picture
    return sum(bool(things) and measure.colour_of(things[0]["rgb"]) == colour for things, colour in pictures)


def scenes(films: Films) -> str:
    """Three scenes of one thing in three colours, by the length of the film and the way they are written."""
    longest = max(language.FRAMES)
    kinds = [("each scene in full", sorted(language.FRAMES), language.SCENES, language.TIMELINE)]
    kinds.append(("the thing in whole_film, colours in scenes", [longest], language.WHOLE_FILM, language.TIMELINE))
    kinds += [(f"each in full; {way}", [longest], language.SCENES, way) for way in (language.SILENCED, language.LOUDER)]
    lines = []
    for said, lengths, texts, way in kinds:
        for frames in lengths:
            found = [
                (bent, unbent, colours)
                for text, colours in zip(texts, language.COLOURS, strict=True)
                for bent, unbent in pairs(films, Take(text, way, frames), Take(text, frames=frames))
            ]
            if found:
                lines.append((said, str(frames), *_counted(found)))
    head = (
        "un-bent: in their colour",
        "bent: in their colour",
        "nearer it than un-bent",
        "films with all three nearer",
    )
    return _table(("scenes", "latent frames", *head, "films that turned"), lines, 1)


def _counted(found: Sequence[tuple[Row, Row, Sequence[str]]]) -> list[str]:
    """What `scenes` says of films, their un-bent ones and the colours that their scenes ask for."""
    near = [nearer(bent, unbent, colours) for bent, unbent, colours in found]
    turned = sum(bent["turn"] >= TURNED * unbent["turn"] for bent, unbent, _ in found)
    before, after = (sum(coloured(pair[n], pair[2]) for pair in found) for n in (1, 0))
    of_scenes = [f"{count} of {len(MIDDLES) * len(found)}" for count in (before, after, sum(map(sum, near)))]
    return [*of_scenes, *(f"{count} of {len(found)}" for count in (sum(map(all, near)), turned))]


def weights(films: Films) -> str:
    """A weight of one thing's colour: whether the colour left it, by picture, and what became of the other thing."""
    plain, lines = Take(language.WEIGHED.format(1)), []
    for weight in language.WEIGHTS:
        for way in (language.ATTENTION, language.ENCODER):
            found = pairs(films, Take(language.WEIGHED.format(weight), way), plain)
            lost = [away for bent, unbent in found if (away := taken_away(bent, unbent))]
            if lost:
                cells = [f"{sum(column)} of {len(lost)}" for column in zip(*lost, strict=True)]
                lines.append((weight.replace(">", " to "), way, *cells))
    head = (
        "weight of red",
        "way",
        "gone in the first third",
        "in the middle",
        "in the last third",
        "the star is another",
    )
    return _table(head, lines, 2)


def taken_away(bent: Row, unbent: Row) -> list[bool] | None:
    """In the middle picture of each third whether the red circle is there and not red, then whether the blue star is
    another in any of them; None where the un-bent film does not show both.
    """
    away, other = [], False
    for n in range(len(MIDDLES)):
        circle, star = (_thing(unbent, n, *words) for words in (("red", "circle"), ("blue", "star")))
        if circle is None or star is None:
            return None
        now, still = (
            min(bent["things"][n], key=lambda each: abs(each["x"] - was["x"]), default=None) for was in (circle, star)
        )
        away.append(now is not None and measure.colour_of(now["rgb"]) != "red")
        other = other or still is None or (measure.colour_of(still["rgb"]), still["shape"]) != ("blue", "star")
    return [*away, other]


def _thing(row: Row, picture: int, colour: str, shape: str) -> dict | None:
    things = row["things"][picture]
    return next((t for t in things if (measure.colour_of(t["rgb"]), t["shape"]) == (colour, shape)), None)


def words_here(films: Films) -> str:
    """Of the things of a film the ranks, by lift, of the words for its colour and its shape."""
    lines = []
    for caption in language.ASKED:
        rows = [films[name] for seed in range(SEEDS) if (name := language.asked(caption, seed)) in films]
        things = [sorted(ranks) for row in rows for ranks in row["ranks"]]
        if things:
            first, both = sum(1 in ranks for ranks in things), things.count([1, 2])
            lines.append((caption, f"{first} of {len(things)}", f"{both} of {len(things)}"))
    return _table(("caption", "a word of its own comes first", "both words of its own come first"), lines, 1)


def _table(head: Sequence[str], lines: Sequence[Sequence[str]], left: int) -> str:
    """A table; empty where no film of it is there."""
    return table(head, lines, left) if lines else ""


def write(rows: Rows) -> None:
    """Put the tables that have films between the page's markers."""
    films = {row["name"]: row for row in rows}
    sections = {
        "A prompt that changes": scenes(films),
        "A weight of one word": weights(films),
        "Words heard at a place": words_here(films),
    }
    block = "".join(f"\n### {heading}\n\n{text}\n" for heading, text in sections.items() if text)
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8"), BEGIN, END, f"{block}\n"), encoding="utf-8")
