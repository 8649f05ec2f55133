"""Which blocks of the model a bend acts in: `all`, thirds, numbers and ranges."""

import re
from functools import lru_cache

from .errors import BendError

THIRDS = ("early", "middle", "late")
_NUMBER = re.compile(r"-?\d+")
_RANGE = re.compile(r"(\d+)\s*-\s*(\d+)")
_HOW = "Write all, early, middle, late, or numbers such as 0-5, 13, -1 (the first block is 0, the last -1)."


@lru_cache(maxsize=256)
def parse_layers(text: str) -> tuple[str | tuple[int, int], ...]:
    """The terms of a `layers` field: a name, or an inclusive range `(first, last)`; a negative number stands alone.

    Raises BendError for anything else, so that a slip of the pen never means "all".
    """
    terms: list[str | tuple[int, int]] = []
    for term in (part.strip() for part in text.split(",")):
        if term.lower() in ("all", *THIRDS):
            terms.append(term.lower())
        elif _NUMBER.fullmatch(term):
            terms.append((int(term), int(term)))
        elif match := _RANGE.fullmatch(term):
            first, last = int(match[1]), int(match[2])
            if first > last:
                raise BendError(f"layers has the range {term!r}, which runs backwards. Write {last}-{first}.")
            terms.append((first, last))
        else:
            raise BendError(f"layers is {text!r}, where {term!r} is no layer. {_HOW}")
    return tuple(terms)


@lru_cache(maxsize=256)
def resolve_layers(text: str, count: int) -> frozenset[int]:
    """The blocks, 0-based, that `text` names in a model of `count` blocks; thirds are by ⌊3i/n⌋.

    Raises BendError for a block that the model does not have.
    """
    chosen: set[int] = set()
    for term in parse_layers(text):
        if term == "all":
            chosen.update(range(count))
        elif isinstance(term, str):
            chosen.update(i for i in range(count) if 3 * i // count == THIRDS.index(term))
        else:
            for layer in range(term[0], term[1] + 1):
                if not -count <= layer < count:
                    raise BendError(
                        f"layers is {text!r}, but this model has no layer {layer}: its {count} layers are 0 to "
                        f"{count - 1} (or -{count} to -1, counted from the end)."
                    )
                chosen.add(layer % count)
    return frozenset(chosen)
