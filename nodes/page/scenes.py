"""Scenes on the page: where in the film each is heard, and their text with other stretches in it."""

from ...bending.errors import BendError
from ...bending.text.scenes import compose, parse_scenes, with_stretches
from ...bending.text.tokens import TokenMap
from ...bending.timeline import scene_notes, weighed
from . import LONGEST, NonsenseError, asked

_SCENES = 500


def scenes(question: dict) -> dict:
    """From ``{text, whole_film, weights}`` to ``{scenes: [{text, start, end}], notes, problem}``.

    Ends are in fractions of the film, and weights whose they are, "" where that is not known.
    """
    text, whole_film, weights = (asked(question, name, str, LONGEST) for name in ("text", "whole_film", "weights"))
    try:
        script = parse_scenes(text)
        prompt, places = compose(script, whole_film, moving=weights != "encoder")
        if weights == "attention":
            weighed(prompt, TokenMap(prompt.text, (), prompt.marked, scenes=places), script.scenes)
    except BendError as error:
        return {"scenes": [], "notes": [], "problem": str(error)}
    told = [
        {"text": prompt.text[slice(*place)], "start": scene.start, "end": scene.end}
        for scene, place in zip(script.scenes, places[1:], strict=True)
    ]
    return {"scenes": told, "notes": scene_notes(script, places), "problem": ""}


def stretch(question: dict) -> dict:
    """``{text, stretches: [[start, end]]}`` to the text with those."""
    stretches = asked(question, "stretches", list, _SCENES)
    for ends in stretches:
        if not (isinstance(ends, list) and len(ends) == 2 and all(isinstance(end, int | float) for end in ends)):
            raise NonsenseError("a stretch is [start, end]")
        if not 0 <= ends[0] < ends[1] <= 1:
            raise NonsenseError(f"no part of a film is {ends}")
    return {"text": with_stretches(asked(question, "text", str, LONGEST), [tuple(ends) for ends in stretches])}
