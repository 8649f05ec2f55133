"""Words on the page: those that a bend can take, and a prompt's pieces while it is typed."""

from ...bending.errors import BendError
from ...bending.text.marking import toggled
from ...host.text.chips import field_chips, prompt_told
from ...host.text.fields import check_field
from ...host.text.own_bends import WEIGHTS
from ...host.text.pieces import LONGEST, PromptPieces, pieces_of, pieces_of_scenes
from . import LONGEST as LONGEST_QUESTION
from . import NonsenseError, asked

TOY = "AttnBendToyWan"
_PROMPTS, _BENDS, _FIELDS = 64, 500, 8


def words(question: dict) -> dict:
    """What the fields of bends can have: `field_chips`, and what is to be said of the prompts themselves.

    From ``{prompts: [prompt], bends: [{prompts: [its number], fields: {name: text}}]}``, where a prompt is ``{text,
    loader: {class_type, inputs} | null}``, with ``weights`` where its node has a say in whose they are, and one of
    scenes has a ``whole_film``, to
    ``{bends: [{fields: {name: {chips, problems}}, notes}]}``.
    """
    prompts = [_read(prompt) for prompt in asked(question, "prompts", list, _PROMPTS)]
    return {"bends": [_bend(bend, prompts) for bend in asked(question, "bends", list, _BENDS)]}


def pieces(question: dict) -> dict:
    """A prompt, as in `words`, to its chips, how many columns there are of which kind, and what is to be said."""
    return prompt_told(_read(question), whole_words=_loader(question)[0] == TOY)


def mark(question: dict) -> dict:
    """``{text, start, end}`` to the text with that part marked, or no longer marked."""
    text = asked(question, "text", str, LONGEST)
    return {"text": toggled(text, asked(question, "start", int), asked(question, "end", int))}


def _bend(bend: object, prompts: list[PromptPieces]) -> dict:
    if not isinstance(bend, dict):
        raise NonsenseError("a bend is an object")
    numbers, fields = asked(bend, "prompts", list, _PROMPTS), asked(bend, "fields", dict, _FIELDS)
    if not all(number in range(len(prompts)) for number in numbers):
        raise NonsenseError(f"prompts are numbered from 0 to {len(prompts) - 1}, not {numbers}")
    own = [prompts[number] for number in numbers]
    return {
        "fields": {name: _field(asked(fields, name, str), own) for name in fields},
        "notes": [prompt.problem for prompt in own if prompt.problem],
    }


def _field(text: str, prompts: list[PromptPieces]) -> dict:
    problems = check_field(text, prompts)
    return {
        "chips": field_chips(text, prompts, problems),
        "problems": [problem.to_json() for problem in problems],
    }


def _read(prompt: object) -> PromptPieces:
    if not isinstance(prompt, dict):
        raise NonsenseError("a prompt is an object")
    text = asked(prompt, "text", str, LONGEST_QUESTION)
    weights = asked(prompt, "weights", str) if "weights" in prompt else ""
    if weights not in ("", *WEIGHTS):
        raise NonsenseError(f"weights are nobody's: {weights!r}")
    try:
        if "whole_film" in prompt:
            return pieces_of_scenes(*_loader(prompt), text, asked(prompt, "whole_film", str, LONGEST_QUESTION), weights)
        return pieces_of(*_loader(prompt), text, weights)
    except BendError as error:  # too long
        return PromptPieces(text, problem=str(error))


def _loader(prompt: dict) -> tuple[str, dict]:
    """The class of the node that loads the text encoder, and its values; empty where none is connected."""
    if prompt.get("loader") is None:
        return "", {}
    loader = asked(prompt, "loader", dict)
    return asked(loader, "class_type", str, 200), asked(loader, "inputs", dict, 200)
