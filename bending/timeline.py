"""What a text asks of the attention, as bends: each weight of a word, and each scene's words in its stretch alone."""

from collections.abc import Iterator, Sequence

from .bend import Animation, Bend, Bending
from .errors import BendError
from .operators import Amplify
from .parameter import parameter_of
from .text.prompt import Prompt, Weight
from .text.scenes import Scene, Script
from .text.token_field import TokenTerm
from .text.tokens import TokenMap, resolve
from .time.animation import Keyframes
from .time.stretch import Stretch


def timeline(
    scenes: Sequence[Scene], tokens: TokenMap, fade: float = 0.0, outside: float = 0.0, origin: str | None = None
) -> Bending:
    """A bend for each scene: its words are multiplied by a `Stretch`, and renormalised.

    `fade` and `outside` are the stretches'. Raises BendError for a scene of which the encoder made no token.
    """
    bends = []
    for number, scene in enumerate(scenes, 1):
        token = TokenTerm("", scene=number).token
        try:
            resolve(token, tokens)
        except BendError as error:
            raise error.within(f"scene {number}") from None
        track = Stretch(scene.start, scene.end, fade, outside)
        bends.append(Bend(Amplify(1.0), token, animations=(Animation("factor", "frames", track),), origin=origin))
    return Bending(tuple(bends))


def weighed(prompt: Prompt, tokens: TokenMap, scenes: Sequence[Scene] = (), origin: str | None = None) -> Bending:
    """A bend for each weight of a prompt: exactly that occurrence is multiplied by it, and renormalised.

    Weights that move do so evenly, over the film or over their scene's stretch. Raises BendError for one outside
    Amplify's range, and for a part that no token field can name.
    """
    return Bending(tuple(_weight_bends(prompt, tokens, scenes, origin)))


def _weight_bends(prompt: Prompt, tokens: TokenMap, scenes: Sequence[Scene], origin: str | None) -> Iterator[Bend]:
    for start, end, weight in prompt.weights:
        within = (n for n, (first, last) in enumerate(tokens.scenes) if first <= start and end <= last)
        number = next(within, None)
        term = _term((start, end), number, tokens)
        _check(weight, term)
        if isinstance(weight, tuple):
            stretch = (scenes[number - 1].start, scenes[number - 1].end) if number else (0.0, 1.0)
            moving = (Animation("factor", "frames", _even(weight, *stretch)),)
            yield Bend(Amplify(weight[0]), term.token, animations=moving, origin=origin)
        else:
            yield Bend(Amplify(weight), term.token, origin=origin)


def _term(place: tuple[int, int], scene: int | None, tokens: TokenMap) -> TokenTerm:
    """What names this place alone."""
    word = " ".join(tokens.text[slice(*place)].split())
    first, last = (0, len(tokens.text)) if scene is None else tokens.scenes[scene]
    places = [span for span in tokens.places(word) if first <= span[0] and span[1] <= last]
    if place not in places or '"' in word:
        raise BendError(
            f'the weight of "{word}" cannot be given to its words alone. Weigh whole words, without quotes in them.',
            "text",
        )
    return TokenTerm(word, occurrence=places.index(place) + 1 if len(places) > 1 else None, scene=scene)


def _check(weight: Weight, term: TokenTerm) -> None:
    offer = parameter_of(Amplify, "factor").offer
    for value in weight if isinstance(weight, tuple) else (weight,):
        if not offer.low <= value <= offer.high:
            raise BendError(
                f'the weight of "{term}" is {value:g}. Give it a number from {offer.low:g} to {offer.high:g}.', "text"
            )


def _even(values: tuple[float, ...], start: float, end: float) -> Keyframes:
    """Values from the start to the end of a stretch, evenly spaced."""
    places = (start + (end - start) * i / (len(values) - 1) for i in range(len(values)))
    return Keyframes(tuple((round(100 * place, 6), True, value) for place, value in zip(places, values, strict=True)))


def asked_as(bend: Bend) -> str:
    """A bend of `timeline` or `weighed` as its text asks for it: `scene 2`, `(red:2)` or `(red#2:1>0)`."""
    (term,) = bend.tokens[0].terms
    tracks = [animation.track for animation in bend.animations]
    if any(isinstance(track, Stretch) for track in tracks):
        return f"scene {term.scene}"
    values = [value for track in tracks for *_, value in track.keys] or [bend.operator.factor]
    return f"({term}:{'>'.join(f'{value:g}' for value in values)})"


def describe_weights(bending: Bending) -> str:
    """A line that tells the weights which the attention is given; empty where there are none."""
    return f"in the attention: {', '.join(map(asked_as, bending))}" if bending else ""


def describe_scenes(script: Script, tokens: TokenMap) -> str:
    """A line for each scene: its stretch, columns, tokens and text, what the whole film hears first; then notes."""
    encoder, used, lines = tokens.encoders[0], set(), []
    heard = ["the whole film", *(f"{scene.start:.0%}–{scene.end:.0%}" for scene in script.scenes)]
    for number, ((start, end), when) in enumerate(zip(tokens.scenes, heard, strict=True)):
        columns = sorted({piece.column for piece in encoder.pieces_in(start, end)}) if start < end else []
        used.update(columns)
        if columns:
            span, count = f"columns {columns[0]}–{columns[-1]}", len(columns)
            lines.append(f"@{number} · {when} · {span}, {count} tokens · {tokens.text[start:end]}")
    lines.append(f"{len(used)} of {encoder.columns} columns")
    lines += scene_notes(script, tokens.scenes)
    lines += encoder.notes
    if encoder.unheard:
        lines.append(f'Cut off, so that {encoder.name} does not hear it: "{encoder.unheard}"')
    return "\n".join(lines)


def scene_notes(script: Script, places: Sequence[tuple[int, int]]) -> list[str]:
    """What is to be said of scenes as they were read; `places` as a TokenMap has them."""
    notes, (start, end) = list(script.notes), places[0]
    if start == end and (gaps := script.gaps):
        where = ", ".join(f"{first:.0%} to {last:.0%}" for first, last in gaps)
        notes.append(f"From {where} of the film no scene is heard, and there is no text for the whole film.")
    return notes
