"""The evaluation's results by case, and what is counted of them."""

from collections.abc import Callable, Iterable
from operator import itemgetter

from . import cases
from .judge import Row, moved_far, outcome, subject

RESIZED = 1.3
"""From here a ratio of areas is seen at once."""

Rows = list[Row]


def changed(row: Row) -> bool:
    """Whether somebody who sees both films side by side says that they differ."""
    return not whole(row) or moved_far(row) or not 1 / RESIZED < row["area"] < RESIZED


def whole(row: Row) -> bool:
    """Whether the thing is there in its colour and shape."""
    return row["present"] and row["colour"] and row["shape"]


def share(rows: Iterable, holds: Callable) -> str:
    """In percent, of those for which `holds` answers at all."""
    answers = [answer for answer in map(holds, rows) if answer is not None]
    return f"{sum(answers) / len(answers):.0%}" if answers else "—"


def mean(rows: Rows, name: str, form: str) -> str:
    """The mean of a number over the rows in which the thing is still there."""
    seen = [row[name] for row in rows if row["present"]]
    return form.format(sum(seen) / len(seen)) if seen else "—"


has_done = itemgetter("outcome")
"""Whether the bend did what it says: for `share`."""


def did_it(rows: Rows) -> str:
    """The share of films in which the bend did what it says, and of how many."""
    count = sum(row["outcome"] is not None for row in rows)
    return f"{share(rows, has_done)} of {count}" if count else "—"


class Results:
    """The rows that count, those whose un-bent film is right, by case, and in each its `outcome`."""

    def __init__(self, rows: Rows):
        self.all = rows
        self._by_case: dict[str, Rows] = {}
        for row in rows:
            if row["drawn"]:
                self._by_case.setdefault(row["name"].rsplit(" | ", 2)[0], []).append(row)

    def of(self, case: cases.Case, on: Callable[[cases.Subject], bool] = lambda subject: True) -> Rows:
        """The films of a case, on the subjects that are wanted."""
        rows = [row for row in self._by_case.get(case.name, []) if on(subject(row))]
        return [row | {"outcome": outcome(case, row)} for row in rows]

    def of_main(self, mode: str, target: str, part: dict) -> Rows:
        """Those of a mode's main setting, narrowed down; of Swap with the colour word where all the words are asked."""
        bent = cases.COLOUR if (mode, target) == ("swap", cases.WORDS) else target
        return self.of(cases.Case(mode, cases.MAIN_SETTING[mode], bent, **part))


def title(mode: str) -> str:
    return mode.replace("_", " ").title()
