"""What leads where in a graph in API form, of nodes by id; an input of one is a value or a wire, `[id, slot]`."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

Graph = dict[str, dict[str, Any]]


def is_wire(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], int)


def wires(at: Mapping[str, Any]) -> Iterator[tuple[str, list]]:
    return ((name, value) for name, value in at["inputs"].items() if is_wire(value))


def ancestors(graph: Graph, nodes: Iterable[str]) -> set[str]:
    """They, and all that they need."""
    found, ahead = set(), list(nodes)
    while ahead:
        if (node := ahead.pop()) not in found:
            found.add(node)
            ahead += [wire[0] for _, wire in wires(graph[node])]
    return found


def descendants(graph: Graph, nodes: Iterable[str]) -> list[str]:
    """They, and all that need them, in the order of the graph."""
    found = set(nodes)
    while more := {n for n, at in graph.items() if n not in found and any(w[0] in found for _, w in wires(at))}:
        found |= more
    return [node for node in graph if node in found]


def nearest(graph: Graph, node: str, fits: Callable[[Mapping[str, Any]], bool]) -> list | None:
    """The wire out of the nearest node before this one that fits; None where none does."""
    ahead, seen = deque(wire for _, wire in wires(graph[node])), set()
    while ahead:
        source, _ = wire = ahead.popleft()
        if fits(graph[source]):
            return wire
        if source not in seen:
            seen.add(source)
            ahead.extend(wire for _, wire in wires(graph[source]))
    return None
