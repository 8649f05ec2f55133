"""What a study tells the person who started it."""

from collections.abc import Sequence


class StudyError(Exception):
    """What cannot work, and what to do about it: all that was found, a sentence or two each."""

    def __init__(self, *faults: str):
        super().__init__("\n".join(faults))
        self.faults: Sequence[str] = faults


class Lost(Exception):
    """A server gave no answer, or only half of one: not the fault of a cell, and counted as no attempt."""


class Refused(Exception):
    """A server will not have a cell, or a bend in it cannot work: trying again would change nothing."""


class Invalid(Refused):
    """ComfyUI will not begin with a graph: something in it, or something that this server lacks."""


class Failed(Exception):
    """A cell failed on a server that is there: interrupted, out of memory, anything unknown."""
