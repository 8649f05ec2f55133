"""Prompts with the bends that their own texts ask for: weights of words in the attention, and scenes of a film.

These travel with the conditioning, too, so that a run can tell which of them nobody has connected.
"""

from typing import NamedTuple

from ...bending.bend import Bending
from ...bending.text.prompt import Prompt, parse_prompt
from ...bending.text.scenes import Script, compose
from ...bending.text.tokens import TokenMap
from ...bending.timeline import timeline, weighed
from .prompt_encoding import encode_parsed

KEY = "attention_bending_own_bends"
"""Where a conditioning's extras hold the Bending that belongs to it; nowhere where that is empty."""

WEIGHTS = ("encoder", "attention")
"""To whom a text's weights may be given."""


class Weighed(NamedTuple):
    """A text's `conditioning` and `tokens`, and the `bending` that belongs to them."""

    conditioning: list
    tokens: TokenMap
    bending: Bending


def encode_weighed(clip, text: str, weights: str, origin: str | None = None) -> Weighed:
    """A prompt whose `weights` are the "encoder"'s or the "attention"'s, which is then given a bend for each.

    Raises BendError as `encode_prompt` and `weighed` do.
    """
    in_attention = weights == "attention"
    prompt = parse_prompt(text, moving=in_attention)
    conditioning, tokens = encode_parsed(clip, given(prompt, weights))
    return _joined(conditioning, tokens, weighed(prompt, tokens, origin=origin) if in_attention else Bending())


def encode_scenes(
    clip, script: Script, whole_film: str, weights: str, fade: float, outside: float, origin: str | None = None
) -> Weighed:
    """Scenes as one text, what the whole film hears in front: the same, with a bend for each scene before.

    Raises BendError as `encode_prompt`, `timeline` and `weighed` do.
    """
    in_attention = weights == "attention"
    prompt, spans = compose(script, whole_film, moving=in_attention)
    conditioning, tokens = encode_parsed(clip, given(prompt, weights), spans)
    bending = timeline(script.scenes, tokens, fade, outside, origin)
    if in_attention:
        bending += weighed(prompt, tokens, script.scenes, origin)
    return _joined(conditioning, tokens, bending)


def given(prompt: Prompt, weights: str) -> Prompt:
    """What of a prompt the encoder is given."""
    return prompt.without_weights() if weights == "attention" else prompt


def _joined(conditioning: list, tokens: TokenMap, bending: Bending) -> Weighed:
    own = {KEY: bending} if bending else {}
    return Weighed([[cond, {**extras, **own}] for cond, extras in conditioning], tokens, bending)
