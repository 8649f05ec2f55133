"""What a graph says of the film that a node stands behind: samplers, models, size and prompts, off ComfyUI's own form.

A graph in API form is `{id: {"class_type": …, "inputs": {name: value or [id, number]}}}`. It is read as it was queued:
a value that came by a wire is named by where it came from, unless that is a node that only holds it.
"""

from collections.abc import Iterator, Mapping
from typing import Any

Graph = Mapping[str, Mapping[str, Any]]

PARTS = ("noise", "guider", "sampler", "sigmas")
"""Inputs of a sampler that are nodes with settings of their own."""
_FLOWS = ("model", "conditioning", "clip", "vae", "latent", "image", "bending", "positive", "negative")
_HELD = ("value", "seed", "noise_seed", "int", "float", "string", "number")
_SIZE = ("width", "height", "length", "batch_size")


def settings(graph: Graph | None, node: str | None) -> dict[str, Any]:
    """Samplers, the models they use, films' sizes and prompts upstream of a node; of the whole graph if none is there.

    Each an empty list where the graph tells nothing.
    """
    graph = graph or {}
    known = list(upstream(graph, node)) if node in graph else []
    samplers = [key for key in known if _is_sampler(graph[key])]
    if not samplers:
        known = [key for key in graph if isinstance(graph[key], Mapping)]
        samplers = [key for key in known if _is_sampler(graph[key])]
    used = set().union(*(upstream(graph, key) for key in samplers)) if samplers else set(known)
    order = sorted(used, key=_by_id)
    return {
        "samplers": [_node_settings(graph, key, parts=True) for key in sorted(samplers, key=_by_id)],
        "models": [_node_settings(graph, key) for key in order if _is_model(graph, key)],
        "films": [_node_settings(graph, key) for key in order if _has_size(_inputs(graph[key]))],
        "prompts": [_inputs(graph[key])["text"] for key in order if isinstance(_inputs(graph[key]).get("text"), str)],
    }


def upstream(graph: Graph, node: str) -> Iterator[str]:
    """The nodes that a node's inputs come from, near ones first; each once, also where the graph has a ring."""
    seen, waiting = {node}, [node]
    for key in waiting:
        for link in _inputs(graph[key]).values():
            if _is_link(link, graph) and link[0] not in seen:
                seen.add(link[0])
                waiting.append(link[0])
                yield link[0]


def _inputs(node: Mapping[str, Any]) -> Mapping[str, Any]:
    inputs = node.get("inputs") if isinstance(node, Mapping) else None
    return inputs if isinstance(inputs, Mapping) else {}


def _is_link(value: Any, graph: Graph) -> bool:
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and value[0] in graph


def _is_sampler(node: Mapping[str, Any]) -> bool:
    """KSampler, SamplerCustom, their kin, and those of other packs: what takes a latent, and a model or a guider."""
    inputs = _inputs(node)
    return "latent_image" in inputs and bool({"model", "guider"} & inputs.keys())


def _is_model(graph: Graph, key: str) -> bool:
    """What loads, or changes with a setting, what the sampler samples."""
    inputs = _inputs(graph[key])
    names = [name for name, value in inputs.items() if not _is_link(value, graph)]
    if _is_sampler(graph[key]) or str(graph[key].get("class_type", "")).startswith("AttnBend"):
        return False
    return any(name.endswith("_name") and name != "sampler_name" for name in names) or (
        "model" in inputs and bool(names) and not {"sigmas", "steps", "cfg"} & set(names)
    )


def _has_size(inputs: Mapping[str, Any]) -> bool:
    return {"width", "height"} <= inputs.keys() and ("length" in inputs or "batch_size" in inputs)


def _node_settings(graph: Graph, key: str, parts: bool = False) -> dict[str, Any]:
    """A node's class and settings; with `parts` those of the nodes that a custom sampler is put together from."""
    values: dict[str, Any] = {"node": key, "type": graph[key].get("class_type")}
    for name, value in _inputs(graph[key]).items():
        if not _is_link(value, graph):
            values[name] = value
        elif parts and name in PARTS:
            values[name] = [_node_settings(graph, part) for part in _chain(graph, value[0], name)]
        elif not any(flow in name for flow in _FLOWS) and name not in PARTS:
            values[name] = _held(graph, value[0])
    return values


def _chain(graph: Graph, key: str, name: str) -> list[str]:
    """A part, and those of its kind that it was made from, such as sigmas that were split."""
    chain = [key]
    while _is_link(link := _inputs(graph[chain[-1]]).get(name), graph) and link[0] not in chain:
        chain.append(link[0])
    return chain


def _held(graph: Graph, key: str) -> Any:
    """What a node that only holds a value holds; else where the value comes from."""
    inputs = _inputs(graph[key])
    values = [value for name, value in inputs.items() if name.lower() in _HELD]
    if len(inputs) == len(values) == 1 and not isinstance(values[0], list):
        return values[0]
    return {"from": graph[key].get("class_type"), "node": key}


def _by_id(key: str) -> tuple:
    """Numbers as numbers, and those of nodes in subgraphs, `12:3`, behind their owner's."""
    return tuple((not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in key.split(":"))
