"""That the sites of a model call are reached: a graph captured from a block runs it again without any Python."""

from collections.abc import Iterable, Mapping, Set
from typing import Any

import comfy.utils

from ...bending.errors import BendError
from ..families.family import Site

GRAPH = "_comfy_graph"
"""Where ComfyUI's memory compiler keeps the graph that it captured from a block."""

FORWARDS = ("forward", "_forward", "forward_orig")


def require_reached(model, sites: Iterable[Site], reached: Set[Site], options: Mapping[str, Any]) -> None:
    """Raise BendError where some of the `sites` that a call had to reach were left to a captured graph.

    `model` is the host's, `options` the call's transformer_options. Layers that another node
    replaces, and blocks that one answers from a cache, are its affair.
    """
    replaced = options.get("patches_replace", {}).get("dit", {})
    awaited = [site for site in sites if ("double_block", site.layer) not in replaced]
    missing = [site for site in awaited if site not in reached]
    if not missing:
        return
    from_cache = len(missing) == len(awaited) or _is_replaced(model.diffusion_model)
    if from_cache and not any(_has_graph(model, site) for site in missing):
        return
    raise BendError(
        f"layer {missing[0].layer} ran without its bends: {len(awaited)} text attentions were expected in this model "
        f"call, and {len(awaited) - len(missing)} seen. A graph captured from its block runs it again without asking. "
        f"Start ComfyUI with --disable-cuda-graphs, or take out the node that captures graphs."
    )


def _is_replaced(network) -> bool:
    """Whether a forward of its own has been given to it; one that was put back is its class's."""
    own = ((name, vars(network).get(name)) for name in FORWARDS)
    return any(f is not None and getattr(f, "__func__", f) is not getattr(type(network), name, None) for name, f in own)


def _has_graph(model, site: Site) -> bool:
    """Whether a module that holds the site has one."""
    names = site.path.split(".")
    return any(hasattr(comfy.utils.get_attr(model, ".".join(names[:end])), GRAPH) for end in range(1, len(names)))
