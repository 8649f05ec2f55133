"""What is asked to be kept of words' maps, and which columns those words are."""

from dataclasses import dataclass, field

from ...bending.errors import BendError
from ...bending.text.token_field import TokenField
from .record_store import Handle

RECORDED = ("bent words", "marked words", "listed words", "prompt words")
NONE = "none"


@dataclass(frozen=True)
class Recording:
    """What a run keeps of words' maps, under `handle`.

    words    `bent words` of the whole chain (the prompt's first eight where there are none), `marked words` of the
             prompts, `listed words`: those of the comma list `tokens`, which are then `listed`, or `prompt words`: all
             of the prompts, as many as can be recorded at once; `none` of them where a patch has probes to record
    heads    whether the heads are kept apart; else their mean
    """

    handle: Handle
    words: str = "bent words"
    tokens: str = ""
    heads: bool = False
    listed: TokenField | None = field(init=False, default=None, compare=False, repr=False)

    def __post_init__(self):
        if self.words not in (NONE, *RECORDED):
            raise BendError(f"record is {self.words!r}. Choose one of {', '.join(RECORDED)}.", "record")
        if self.words == "listed words":
            try:
                object.__setattr__(self, "listed", TokenField.parse(self.tokens))
            except BendError as error:
                raise error.within("record_tokens") from None


@dataclass(frozen=True)
class WatchedWords:
    """The words of a run that are recorded, in one conditioning: the columns of each, none of one that it lacks.

    `probes` are the numbers of those words that are seen in it by other keys than its own.
    """

    cond: str
    by_word: tuple[tuple[int, ...], ...]
    probes: range = range(0)

    def __bool__(self) -> bool:
        return bool(self.columns or self.probes)

    @property
    def columns(self) -> tuple[int, ...]:
        """Of all of them, each once: the columns whose maps a site is asked for, in their order."""
        return tuple(dict.fromkeys(column for columns in self.by_word for column in columns))
