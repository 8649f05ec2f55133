"""The cells of a study: each a film, with its place on the axes and its bending as the text of a file."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from ..bending.bend import Bend, Bending
from ..bending.errors import BendError
from ..bending.explore.sweep import NARROWING, Axis, Point, expand
from ..bending.explore.sweep_values import MOST, Value
from ..bending.files import dump
from ..bending.operators import Operator
from ..bending.parameter import parameter_of, parameter_types
from ..bending.text.prompt import parse_prompt
from ..bending.text.token_field import TokenField, TokenTerm, replaced
from ..bending.text.tokens import EncoderTokens, Piece, TokenMap, resolve

SUBJECT = TokenTerm("subject")
"""What stands in a study's token fields for each prompt's own subject."""

Setting = float | int | bool | str


@dataclass(frozen=True)
class Prompt:
    """A prompt as it is typed, and its `subject`: a token field that names words of it; empty where none is given."""

    text: str
    subject: str = ""


@dataclass(frozen=True)
class Cell:
    """One bent film.

    prompt, subject, seed   what is sampled
    axes                    `mode`, its parameters, `token`, `steps` and what else is swept, by name and as JSON has
                            them; a token is as the study says it, so that the subject is one value on all prompts
    bending                 the text of a file of bends
    no_op                   whether nothing in it bends, so that it is the un-bent film
    """

    prompt: str
    subject: str
    seed: int
    axes: Mapping[str, Setting] = field(hash=False)
    bending: str
    no_op: bool


@dataclass(frozen=True)
class Sweep:
    """One mode over the values of its parameters and of what every bend has, each by the name that files use."""

    operator: type[Operator]
    values: Mapping[str, tuple[Value, ...]]

    @property
    def tokens(self) -> Iterator[str]:
        """Every token field that it names."""
        named = (self.values.get(name, ()) for name in self._token_fields)
        return (text for value in chain.from_iterable(named) for _, text in value.sets)

    @property
    def _token_fields(self) -> tuple[str, ...]:
        return ("token", *self.operator.token_fields)

    def points(self, subject: str) -> list[Point]:
        """All its bendings with that subject. Raises BendError for values that the mode or the bend refuses."""
        axes = [
            Axis(name, tuple(_of(subject, value) for value in values) if name in self._token_fields else values, (0,))
            for name, values in self.values.items()
        ]
        first = dict(chain.from_iterable(axis.values[0].sets for axis in axes))
        own = parameter_types(self.operator).keys() & first.keys()
        operator = self.operator(**{name: first.pop(name) for name in own})
        swept = expand(Bending((Bend(operator, **{"token": "ALL", **first}),)), axes, baseline=False, limit=MOST)
        return sorted((*swept.points, *swept.same), key=lambda point: point.place[::-1])

    def settings(self, point: Point) -> dict[str, Setting]:
        values = zip(self.values.items(), point.place, strict=True)
        return {"mode": self.operator.key, **{name: setting(choices[number]) for (name, choices), number in values}}


def cells(prompts: Sequence[Prompt], seeds: Sequence[int], sweeps: Sequence[Sweep]) -> Iterator[Cell]:
    """Prompt by prompt and seed by seed, so that what is alike in consecutive cells stays in the server's cache."""
    shared = dict.fromkeys(name for sweep in sweeps for name in sweep.values if name in NARROWING)
    for prompt in prompts:
        bent = [
            (
                _filled(sweep.settings(point), shared),
                dump(point.bending, kind="json", check=False),
                all(bend.is_identity for bend in point.bending),
            )
            for sweep in sweeps
            for point in sweep.points(prompt.subject)
        ]
        for seed in seeds:
            yield from (Cell(prompt.text, prompt.subject, seed, *each) for each in bent)


def check_words(prompt: Prompt, sweeps: Sequence[Sweep]) -> None:
    """Raises BendError for a word of the sweeps, or a subject, that the prompt lacks.

    Words of a scene are left to the node that reads scenes.
    """
    tokens = [*dict.fromkeys(chain.from_iterable(sweep.tokens for sweep in sweeps)), *filter(None, [prompt.subject])]
    parsed = parse_prompt(prompt.text, moving=True)
    whole = Piece(parsed.text, 0, len(parsed.text), 0)
    read = TokenMap(parsed.text, (EncoderTokens("", (whole,), (), (), 1),), parsed.marked)
    for term in chain.from_iterable(TokenField.parse(token).terms for token in tokens):
        if term == SUBJECT:
            if not prompt.subject:
                raise BendError("its subject is bent, but it has none. Add subject: and a word of it.", "subject")
        elif not term.selector and term.scene is None:
            resolve(term.token, read)


def _of(subject: str, value: Value) -> Value:
    """A value of a token field with that subject in the place of `subject`."""
    ((name, text),) = value.sets
    terms = TokenField.parse(text).terms
    return Value(value.label, ((name, replaced(terms, SUBJECT, subject)),)) if SUBJECT in terms else value


def setting(value: Value) -> Setting:
    """A window of time by its label, all else as it is set."""
    return value.sets[0][1] if len(value.sets) == 1 else value.label


def _filled(settings: dict[str, Setting], shared: Sequence[str]) -> dict[str, Setting]:
    """With what other sweeps of the study set of every bend, and this one leaves at its default."""
    return settings | {name: _default(name) for name in shared if name not in settings}


def _default(name: str) -> Setting:
    whole = {"token": "ALL", "steps": "all", "percent": "all", "pass": "positive"}
    return whole[name] if name in whole else parameter_of(Bend, name).default
