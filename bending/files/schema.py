"""What a bend is in a file: read off the dataclasses, so that a new operator or field is in files at once.

A table says for each type of a field how it is read from a node and written as plain data.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from decimal import Decimal
from functools import partial
from typing import Any

from ..bend import Animation, Bend
from ..errors import BendError
from ..frames.mask_video import MaskVideo
from ..operators import OPERATORS, OTHERS, Operator
from ..parameter import parameter_types
from ..time import animation
from ..time.stretch import Stretch
from ..time.windows import TimeWindow
from .masks import MaskReader, MaskWriter
from .yaml_nodes import FileError, Node, choice, flag, items, keyed, mapping, meant, number, text, whole

MODES: dict[str, type[Operator]] = {**OPERATORS, **OTHERS}
OVER = ("frames", "steps")


@dataclass(frozen=True)
class FieldCodec:
    """`read(node, name, reader)` gives a value or raises FileError; `write(value, writer)` gives plain data."""

    read: Callable[[Node, str, MaskReader], Any]
    write: Callable[[Any, MaskWriter], Any]


def file_fields(cls: type) -> dict[str, Field]:
    """The fields of a dataclass that stand in files: what makes two of its values differ."""
    types = parameter_types(cls)
    return {field.name: field for field in fields(cls) if field.init and field.compare and types[field.name] in CODECS}


def build(make: Callable, cls: type, node: Node, reader: MaskReader) -> Any:
    """`make` with those fields of `cls` that a mapping gives. Raises FileError in the line of the key that is wrong."""
    types = parameter_types(cls)
    given = {
        name: CODECS[types[name]].read(node.value[name], name, reader)
        for name in file_fields(cls)
        if name in node.value
    }
    try:
        return make(**given)
    except BendError as error:
        raise FileError(node.lines.get(error.field, node.line), str(error)) from None


def to_plain(value: Any, writer: MaskWriter) -> dict:
    """The fields of a dataclass as plain data; those that are empty by default are left out while they are so."""
    written, types = {}, parameter_types(type(value))
    for name, field in file_fields(type(value)).items():
        content = getattr(value, name)
        if content in (None, ()) and field.default in (None, ()):
            continue
        written[name] = CODECS[types[name]].write(content, writer)
    return written


def needed(cls: type) -> list[str]:
    return [name for name, field in file_fields(cls).items() if field.default is field.default_factory is MISSING]


def read_bend(node: Node, reader: MaskReader) -> Bend:
    entries = mapping(node, "a bend")
    if "mode" not in entries:
        raise FileError(
            node.line, f'a bend lacks "mode"; it has {", ".join(entries) or "nothing"}. Add it: mode: blur.'
        )
    cls = MODES[choice(entries["mode"], "mode", MODES)]
    known = ("mode", "convention", *file_fields(cls), *file_fields(Bend))
    keyed(node, f"a bend of mode {cls.key}", known, [*needed(cls), *needed(Bend)])
    _check_convention(entries, cls)
    operator = build(cls, cls, node, reader)
    bend = build(partial(Bend, operator), Bend, node, reader)
    _check_animations(entries, bend)
    return bend


def write_bend(bend: Bend, writer: MaskWriter) -> dict:
    operator, common = bend.operator, to_plain(bend, writer)
    convention = {"convention": operator.convention} if operator.convention > 1 else {}
    token = {"token": common.pop("token")}
    return {"mode": operator.key, **convention, **token, **to_plain(operator, writer), **common}


def _check_convention(entries: Mapping[str, Node], cls: type[Operator]) -> None:
    """What parameters mean may change; a file says for which meaning it was written, where that is not the first."""
    if "convention" not in entries:
        return
    convention = whole(entries["convention"], "convention")
    if not 1 <= convention <= cls.convention:
        raise FileError(
            entries["convention"].line,
            f"{cls.name} is written by convention {convention}, and this pack knows {cls.convention}. Update the pack.",
        )


def _check_animations(entries: Mapping[str, Node], bend: Bend) -> None:
    animatable, seen = (*bend.operator.numbers, "strength"), set()
    nodes = items(entries["animations"], "animations") if bend.animations else ()
    for name, node in zip((moving.parameter for moving in bend.animations), nodes, strict=True):
        line = node.value["parameter"].line
        if name not in animatable:
            raise FileError(line, f'{bend.operator.name} has no parameter "{name}". {meant(name, animatable)}')
        if name in seen:
            raise FileError(line, f"{name} is animated twice. Keep one of the two.")
        seen.add(name)


def _read_window(node: Node, name: str, reader: MaskReader) -> TimeWindow:
    keyed(node, "a window", tuple(file_fields(TimeWindow)))
    return build(TimeWindow, TimeWindow, node, reader)


_TRACKS = {"keyframes": ("ease",), "list": (), "curve": (), "stretch": ("fade", "outside")}
"""The ways of an animation, and what else each has."""


def _read_animation(node: Node, name: str, reader: MaskReader) -> Animation:
    more = [key for keys in _TRACKS.values() for key in keys]
    entries = keyed(node, "an animation", ("parameter", "over", *more, *_TRACKS), ("parameter", "over"))
    ways = [way for way in _TRACKS if way in entries]
    if len(ways) != 1 or any(key in entries and key not in _TRACKS[ways[0]] for key in more):
        raise FileError(
            node.line,
            "an animation follows keyframes (with ease), a list, a curve, or a stretch (with fade and outside). Give "
            "it one of them.",
        )
    (way,) = ways
    over = choice(entries["over"], "over", OVER)
    try:
        if way == "stretch":
            track = _read_stretch(entries, over, reader)
        elif way == "keyframes":
            ease = choice(entries["ease"], "ease", animation.EASES) if "ease" in entries else animation.EASES[0]
            track = animation.parse_keyframes(text(entries[way], way), ease)
        else:
            track = animation.sampled_curve(_read_numbers(entries[way], way, reader), way)
    except BendError as error:
        raise FileError(entries[way].line, str(error)) from None
    return Animation(text(entries["parameter"], "parameter"), over, track)


def _read_stretch(entries: Mapping[str, Node], over: str, reader: MaskReader) -> Stretch:
    node = entries["stretch"]
    ends = _read_numbers(node, "stretch", reader)
    if len(ends) != 2 or over != "frames":
        raise FileError(node.line, "a stretch is of the film: [0.2, 0.6], over: frames. Write it so.")
    return Stretch(*ends, **{name: number(entries[name], name) for name in ("fade", "outside") if name in entries})


def _write_animation(moving: Animation, writer: MaskWriter) -> dict:
    track, where = moving.track, {"parameter": moving.parameter, "over": moving.over}
    if isinstance(track, animation.SampledCurve):
        return {**where, track.name: list(map(float, track.samples))}
    if isinstance(track, Stretch):
        return {**where, "stretch": [track.start, track.end], "fade": track.fade, "outside": track.outside}
    keys = (f"{_shown(at)}{'%' * percent}: {float(value)!r}".removesuffix(".0") for at, percent, value in track.keys)
    return {**where, "keyframes": ", ".join(keys), "ease": track.ease}


def _shown(position: float) -> str:
    """Positions are read without an exponent."""
    return f"{Decimal(repr(float(position))):f}".removesuffix(".0")


def _read_numbers(node: Node, name: str, reader: MaskReader) -> tuple[float, ...]:
    return tuple(number(item, f"a value of {name}") for item in items(node, name))


def _optional(codec: FieldCodec) -> FieldCodec:
    return FieldCodec(
        lambda node, name, reader: None if node.is_nothing else codec.read(node, name, reader),
        lambda value, writer: None if value is None else codec.write(value, writer),
    )


def _many(codec: FieldCodec) -> FieldCodec:
    return FieldCodec(
        lambda node, name, reader: tuple(codec.read(item, f"an entry of {name}", reader) for item in items(node, name)),
        lambda values, writer: [codec.write(value, writer) for value in values],
    )


_TEXT = FieldCodec(lambda node, name, _: text(node, name), lambda value, _: str(value))
_NUMBERS = FieldCodec(_read_numbers, lambda values, _: list(map(float, values)))
_MASK = FieldCodec(lambda node, name, reader: reader.read(node, name), lambda mask, writer: writer.write(mask))

CODECS: dict[Any, FieldCodec] = {
    float: FieldCodec(lambda node, name, _: number(node, name), lambda value, _: float(value)),
    int: FieldCodec(lambda node, name, _: whole(node, name), lambda value, _: int(value)),
    bool: FieldCodec(lambda node, name, _: flag(node, name), lambda value, _: bool(value)),
    str: _TEXT,
    str | None: _optional(_TEXT),
    tuple[float, ...] | None: _optional(_NUMBERS),
    MaskVideo: _MASK,
    tuple[MaskVideo, ...]: _many(_MASK),
    tuple[TimeWindow, ...]: _many(FieldCodec(_read_window, to_plain)),
    tuple[Animation, ...]: _many(FieldCodec(_read_animation, _write_animation)),
}
"""By the type that a dataclass declares."""
