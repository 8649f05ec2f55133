"""How a forward attends to the text."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Attends:
    """The numbers of a forward's attention calls that attend to the text, from 0, and how many calls it makes.

    One that takes the batch apart may make several of the text's: each has the next rows of the batch. `calls` says how
    many there are in all where one of `text` was made, where two were, and so on. `past_override` tells that the
    text's may be made by torch's attention itself, which no override of the host's sees.
    """

    text: tuple[int, ...] = (0,)
    calls: tuple[int, ...] = (1,)
    past_override: bool = False


ONCE = Attends()
"""One call, which is the text's."""
