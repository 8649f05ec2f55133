"""Whose wrapper, patch or forward stands around the host's own functions, for calls that are not as they should be."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..families import foreign

HOSTS = ("comfy", "comfy_api", "comfy_extras", "comfy_api_nodes", "nodes", "torch", "builtins")
USUAL = ("forward", "guider", "sampler")
"""Where some of the host's own stands in any run."""

MOST_NAMED = 4


@dataclass
class Host:
    """What a run stands in: the host's model, the object patches under the run's own, the model_options, and who calls
    the model: the guider's class, and the sampler once it is known.
    """

    model: Any
    patches: Mapping[str, Any]
    options: Mapping[str, Any]
    guider: type
    sampler: Callable | None = None


def whose(host: Host, options: Mapping[str, Any]) -> str:
    """Whose wrapper or patch changes a call of these transformer_options, as far as can be seen, and the cure."""
    found: dict[tuple[str, str], str] = {}
    for place, function in _around_a_call(host, options):
        innocent = (_OURS, *HOSTS) if place in USUAL else (_OURS,)
        if callable(function) and not _is_in(foreign.address(function)[0], innocent):
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


def _around_a_call(host: Host, options: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What may stand around the host's own functions, nearest to the attention first, and where; some of it is None."""
    for kind, by_place in options.get("patches_replace", {}).items():
        yield from ((f"patches_replace {kind}", function) for function in by_place.values())
    for kind, functions in options.get("patches", {}).items():
        yield from ((f"patch {kind}", function) for function in functions)
    yield from (("object patch", function) for function in host.patches.values())
    yield from _replaced(host.model)
    for kind, by_key in options.get("wrappers", {}).items():
        yield from ((f"wrapper {kind}", function) for functions in by_key.values() for function in functions)
    yield "model function wrapper", host.options.get("model_function_wrapper")
    yield "calc_cond_batch function", host.options.get("sampler_calc_cond_batch_function")
    if "context_handler" in host.options:
        yield "context handler", type(host.options["context_handler"])
    yield "guider", host.guider
    yield "sampler", host.sampler


def _replaced(model) -> Iterator[tuple[str, Callable]]:
    """Functions and hooks that were put on the host's modules, or on their classes."""
    modules = list(model.modules())
    for module in modules:
        own = vars(module)
        yield from (("forward", function) for name, function in own.items() if "forward" in name and callable(function))
        yield from (("hook", hook) for name in ("_forward_pre_hooks", "_forward_hooks") for hook in own[name].values())
    for kind in dict.fromkeys(kind for module in modules for kind in type(module).__mro__):
        if kind.__module__.partition(".")[0] in HOSTS:
            functions = [function for name, function in vars(kind).items() if "forward" in name and callable(function)]
            yield from (("forward", function) for function in functions)


def _is_in(module: str, packages: Sequence[str]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


_OURS = foreign.address(_is_in)[0].rpartition(".host.")[0]
