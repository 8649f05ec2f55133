"""docs/what-bends-do.md, from the rows of the evaluation; its pictures are drawn by `plots`."""

from collections.abc import Callable
from itertools import chain

from ..dev import paths
from ..dev.markdown import renewed, table
from . import cases
from .results import Results, Rows, changed, did_it, has_done, mean, share, title, whole

PAGE = paths.ROOT / "docs" / "what-bends-do.md"
BEGIN, END = "<!-- made by `python dev evaluate-toy` -->", "<!-- end -->"

PROMISES: dict[str, tuple[str, tuple[str, ...]]] = {
    "amplify": ("factor 0: the colour, the shape is another; the place is left", ("factor 0.0",)),
    "regional_mask": ("the thing is inside", ()),
    "paint": ("the thing is inside", ()),
    "translate": ("the thing goes there", ()),
    "rotate": ("the thing goes there", ()),
    "spatial_scale": ("the thing goes there", ()),
    "flip": ("the thing goes there", ()),
    "swap": ("trade: both things have each other's", ("way trade",)),
    "time": ("reverse, freeze: the thing turns back, stands still", ()),
}
"""What each mode promises that a program can see, and the settings that promise it; all where none is named."""


def promises(results: Results) -> str:
    """For each mode the share of films in which it did what it says, by what was bent."""
    lines = []
    for mode, (says, settings) in PROMISES.items():
        plain = [case for case in cases.cases() if case.mode == mode and case.plain]
        plain = [case for case in plain if not settings or case.setting_text in settings]
        films = {target: [] for target in cases.TARGETS}
        for case in plain:
            films[case.target] += results.of(case)
        lines.append([title(mode), says, *map(did_it, films.values())])
    return table(["bend", "what it says", *cases.TARGETS], lines, 2)


def places(results: Results) -> str:
    """Bends of ALL that move things: with and without a word in the caption that says where the thing is."""
    kinds = {
        "no place told": lambda subject: not subject.thing.place,
        "a place told": lambda subject: bool(subject.thing.place),
    }
    modes = ("translate", "rotate", "spatial_scale", "flip", "regional_mask")
    bends = [cases.Case(mode, setting, cases.ALL) for mode in modes for setting in cases.settings(mode)]
    lines = [[*named(case), *(did_it(results.of(case, on)) for on in kinds.values())] for case in bends]
    return table(["bend of ALL", "setting", *kinds], lines, 2)


def narrowed(results: Results, target: str) -> str:
    """For each mode's main setting by layers, steps and strength: did it and, in parentheses, visibly changed."""
    lines = []
    for mode, setting in cases.MAIN_SETTING.items():
        films = [results.of_main(mode, target, part) for part in cases.PARTS.values()]
        cells = [f"{share(rows, has_done)} ({COLUMNS['changed'](rows)})" if rows else "—" for rows in films]
        if any(films):
            lines.append([*named(cases.Case(mode, setting, target)), *cells])
    return table(["bend", "setting", *cases.PARTS], lines, 2)


def apart(results: Results) -> str:
    """Captions of two things, of which one's words are bent: did it, and how often each of the two changed."""
    targets = (cases.WORDS, cases.COLOUR, cases.SHAPE)
    head = [column for target in targets for column in (f"{target}: did it", "changed", "the other")]
    lines = []
    for mode, setting in cases.MAIN_SETTING.items():
        bends = [cases.Case(mode, setting, target) for target in targets]
        films = [results.of(case, lambda subject: subject.other is not None) for case in bends]
        if any(films):
            cells = [(share(rows, has_done), COLUMNS["changed"](rows), COLUMNS[OTHER](rows)) for rows in films]
            lines.append([*named(bends[0]), *chain(*cells)])
    return table(["bend", "setting", *head], lines, 2)


def louder(results: Results) -> str:
    """The thing's words sent elsewhere, as ever and so that they arrive louder."""
    ways = {
        "renormalised": {},
        f"not renormalised, then Amplify {cases.LOUDER:g}": {"renormalize": False, "louder": cases.LOUDER},
    }
    columns = ("did it", WHOLE, OTHER)
    lines = []
    for mode in cases.SENDING:
        for setting in cases.settings(mode):
            bends = [cases.Case(mode, setting, cases.main_targets(mode)[0], **way) for way in ways.values()]
            cells = [COLUMNS[name](results.of(case)) for case in bends for name in columns]
            lines.append([*named(bends[0]), bends[0].target, *cells])
    head = [f"{way}: {name}" if name == columns[0] else name for way in ways for name in columns]
    return table(["bend", "setting", "bent", *head], lines, 3)


OTHER = "the other changed"
WHOLE = "still whole"

COLUMNS: dict[str, Callable[[Rows], str]] = {
    "films": lambda rows: str(len(rows)),
    "did it": did_it,
    "changed": lambda rows: share(rows, changed),
    "gone": lambda rows: share(rows, lambda row: not row["present"]),
    "moved x": lambda rows: mean(rows, "dx", "{:+.2f}"),
    "moved y": lambda rows: mean(rows, "dy", "{:+.2f}"),
    "area ×": lambda rows: mean(rows, "area", "{:.2f}"),
    "colour kept": lambda rows: share(rows, lambda row: row.get("colour")),
    "shape kept": lambda rows: share(rows, lambda row: row.get("shape")),
    WHOLE: lambda rows: share(rows, whole),
    OTHER: lambda rows: share([row["other"] for row in rows if "other" in row], changed),
}


def named(case: cases.Case) -> tuple[str, str]:
    """The mode, and its setting without the noughts of whole numbers."""
    values = (f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in case.setting)
    return title(case.mode), ", ".join(values)


def details(results: Results) -> str:
    """A table for each mode: its settings by target, in full."""
    parts = []
    for mode in cases.SETTINGS:
        plain = [case for case in cases.cases() if case.mode == mode and case.plain and results.of(case)]
        lines = [
            [named(case)[1], case.target, *(column(results.of(case)) for column in COLUMNS.values())] for case in plain
        ]
        if lines:
            parts.append(f"### {title(mode)}\n\n" + table(["setting", "bent", *COLUMNS], lines, 2))
    return "\n\n".join(parts)


def drawn(results: Results) -> str:
    """How often each caption's un-bent film shows its first thing in its colour and shape."""
    films = {(row["caption"], row["seed"]): row["drawn"] for row in results.all}
    lines = [
        [subject.caption, f"{sum(right)} of {len(right)}"]
        for subject in cases.SUBJECTS
        if (right := [ok for (caption, _), ok in films.items() if caption == subject.caption])
    ]
    return table(["caption", "drawn as told"], lines, 1)


def tables(rows: Rows) -> str:
    """All that the program knows, as Markdown."""
    results = Results(rows)
    sections = {
        "Does it do what it says?": promises(results),
        "Places that words tell, and bends of ALL": places(results),
        "One of two things": apart(results),
        "Sent elsewhere, and louder": louder(results),
        "Where and when: bends of ALL": narrowed(results, cases.ALL),
        "Where and when: bends of the thing's words": narrowed(results, cases.WORDS),
        "The captions": drawn(results),
        "Every setting": details(results),
    }
    return "\n\n".join(f"## {heading}\n\n{text}" for heading, text in sections.items())


def write(rows: Rows) -> None:
    """Put the tables between the page's markers, and draw the pictures beside it."""
    from . import plots

    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(renewed(page, BEGIN, END, f"\n{tables(rows)}\n\n"), encoding="utf-8")
    plots.write(Results(rows), PAGE.parent)
