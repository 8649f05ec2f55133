"""How a model call is laid out: what a run expects, where what it finds differs, and whose doing that looks like."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..families import foreign
from ..families.geometry import Geometry

HOSTS = ("comfy", "comfy_api", "comfy_extras", "comfy_api_nodes", "nodes", "torch")
MOST_NAMED = 4


@dataclass(frozen=True)
class CallLayout:
    """What a site of one model call is expected to attend with.

    `rows` are the batch's in all; `keys` the counts of text keys that its conditionings have, one unless the host
    joins what it should not.
    """

    rows: int
    geometry: Geometry
    keys: frozenset[int]

    def misfit(self, rows: int, more: bool, queries: int, keys: int, grid: tuple[int, ...] | None) -> str | None:
        """How the call of a site differs; there may be `more` of its rows to come. None where it is as expected."""
        geometry = self.geometry
        return differences(
            ("rows", self.rows, None if more and rows < self.rows else rows),
            ("grid of tokens", _by(len(geometry.frames), geometry.height, geometry.width), grid and _by(*grid)),
            ("queries", geometry.tokens, queries),
            ("text keys", " or ".join(map(str, sorted(self.keys))), str(keys)),
        )


def latent_misfit(conditionings: int, latent: Sequence[int], seen: Sequence[int]) -> str | None:
    """How the latent of a model call differs from what that many conditionings of that `latent` make."""
    batch, *size = latent
    names = ("channels", "latent frames", "latent height", "latent width") if len(size) == 4 else ()
    if len(seen) != len(latent) or not names:
        return differences(("latent", _by(batch * conditionings, *size), _by(*seen)))
    rows = ("rows", batch * conditionings, seen[0])
    return differences(rows, *zip(names, size, seen[1:], strict=True))


def differences(*facts: tuple[str, Any, Any]) -> str | None:
    """Facts of which the expected and the seen differ, as a sentence; what was not seen is None."""
    unlike = [
        f"{name}: {expected} expected, {seen} seen" for name, expected, seen in facts if seen not in (None, expected)
    ]
    return f"a model call is not laid out as this run's. {'; '.join(unlike)}." if unlike else None


def _by(*sizes: int) -> str:
    return " × ".join(map(str, sizes))


def whose(model, patches: Mapping[str, Any], model_options: Mapping[str, Any], options: Mapping[str, Any]) -> str:
    """Whose wrapper or patch changes a call, as far as can be seen, and the cure, as sentences.

    `model` is the host's model, `patches` the object patches under those of the run.
    """
    found: dict[tuple[str, str], str] = {}
    for place, function in _hooked(model, patches, model_options, options):
        if callable(function) and not _is_of(function, (_OURS,)):
            found.setdefault(foreign.address(function), f"{foreign.name_of(function)} ({place})")
    named = [text for (module, _), text in found.items() if not _is_in(module, HOSTS)] or list(found.values())
    if not named:
        return (
            "Whose doing it is cannot be seen from here: look for a node that splits the batch, cuts the film in tiles "
            "or in time, or adds to the prompt, and bend a branch without it."
        )
    more = f" and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else ""
    return (
        f"It looks like the work of {', '.join(named[:MOST_NAMED])}{more}. Remove that node from this model's branch, "
        f"or bend a branch without it."
    )


def _hooked(model, patches, model_options, options) -> Iterator[tuple[str, Any]]:
    """What stands around the host's own functions, nearest to the attention first, and where."""
    replaced = options.get("patches_replace", {})
    for kind, by_place in replaced.items():
        yield from ((f"patches_replace {kind}", function) for function in by_place.values())
    for kind, functions in options.get("patches", {}).items():
        yield from ((f"patch {kind}", function) for function in functions)
    yield from (("object patch", function) for function in patches.values())
    yield from _replaced(model)
    wrapper = model_options.get("model_function_wrapper")
    yield "model function wrapper", wrapper
    for kind, by_key in options.get("wrappers", {}).items():
        yield from ((f"wrapper {kind}", function) for function in _flat(by_key.values()))


def _replaced(model) -> Iterator[tuple[str, Callable]]:
    """Functions and hooks that were put on the host's modules, or on their classes."""
    modules = list(model.modules())
    for module in modules:
        own = vars(module)
        yield from (("forward", function) for name, function in own.items() if "forward" in name and callable(function))
        yield from (("hook", hook) for name in ("_forward_pre_hooks", "_forward_hooks") for hook in own[name].values())
    for kind in dict.fromkeys(kind for module in modules for kind in type(module).__mro__):
        functions = [function for name, function in vars(kind).items() if "forward" in name and callable(function)]
        if kind.__module__.partition(".")[0] in HOSTS:
            yield from (("forward", function) for function in functions if not _is_of(function, HOSTS))


def _flat(lists: Iterable[Iterable[Any]]) -> Iterator[Any]:
    return (item for items in lists for item in items)


def _is_of(function: Callable, packages: Sequence[str]) -> bool:
    return _is_in(foreign.address(function)[0], packages)


def _is_in(module: str, packages: Sequence[str]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


_OURS = foreign.address(_is_of)[0].rpartition(".host.")[0]
