"""What all servers of a study have in common, so that its films can be compared.

comfyui, pack   versions                        classes   of each node of the graph, a digest of its inputs and outputs
models          of each file that a loader of the graph names, a digest of its content
torch, device   told, and kept with each film; they may differ
"""

import hashlib
import json
import time
from collections.abc import Mapping
from typing import Any

from .client import Comfy
from .errors import Lost, Refused
from .wires import Graph

Facts = dict[str, Any]

ROUTE = "/attention_bending/models"
NAMES = {"comfyui": "ComfyUI", "pack": "Attention Bending"}
_PAUSE = 1.0
"""Seconds between two questions for digests, which a server may take minutes to make."""


def facts(comfy: Comfy, graph: Graph, trust: bool = False) -> Facts:
    """What a server says of itself, as far as this graph needs it; with `trust`, models by size and time alone.

    Raises Refused where it has not what the graph needs, and Lost.
    """
    stats = comfy.get("/system_stats") or {}
    system, devices = stats.get("system", {}), stats.get("devices") or [{}]
    classes = {kind: _class(comfy, kind) for kind in sorted({node["class_type"] for node in graph.values()})}
    if missing := [kind for kind, digest in classes.items() if digest is None]:
        cure = (
            "Install Attention Bending there, in the version of this one."
            if any(kind.startswith("AttnBend") for kind in missing)
            else "Install the packs that they come from."
        )
        raise Refused(f"it has no node {', '.join(missing)}. {cure}")
    told = _told(comfy, graph, trust)
    return {
        "comfyui": system.get("comfyui_version"),
        "pack": told["pack"],
        "classes": classes,
        "models": told["models"],
        "torch": system.get("pytorch_version"),
        "device": devices[0].get("name"),
    }


def differences(lock: Facts, found: Facts) -> list[str]:
    """In what a server differs from the study's, by name; what the study has not met yet differs from nothing."""
    told = [
        f"{title} is {found[name]} there, and {lock[name]} in the study"
        for name, title in NAMES.items()
        if name in lock and lock[name] != found[name]
    ]
    for name, what in (
        ("classes", "the node {} is another there"),
        ("models", "the file {} holds something else there"),
    ):
        common = lock.get(name, {}).keys() & found[name].keys()
        told += [what.format(key) for key in sorted(common) if lock[name][key] != found[name][key]]
    return told


def joined(lock: Facts, found: Facts) -> Facts:
    """The study's facts, with those of a server that were not met yet."""
    merged = {name: {**found[name], **lock.get(name, {})} for name in ("classes", "models")}
    return {**found, **lock, **merged}


def versions(found: Facts) -> dict[str, Any]:
    """What is kept with a film."""
    return {name: found[name] for name in ("comfyui", "pack", "torch", "device")}


def _told(comfy: Comfy, graph: Graph, trust: bool) -> Mapping[str, Any]:
    """The pack, and what the models of the graph hold, which a server may have to read first."""
    while True:
        told = comfy.post(ROUTE, {"prompt": graph, "trust": trust})
        if not isinstance(told, dict):
            raise Lost(f"{comfy.url} does not tell its models")
        if "error" in told:
            raise Refused(told["error"])
        if not told["pending"]:
            return told
        time.sleep(_PAUSE)


def _class(comfy: Comfy, kind: str) -> str | None:
    """A digest of a node's inputs and outputs by name and type; not of the choices, which are a machine's own files."""
    told = (comfy.get(f"/object_info/{kind}") or {}).get(kind)
    if told is None:
        return None
    inputs = {
        group: [
            [name, spec[0] if isinstance(spec[0], str) else "COMBO"]
            for name, spec in told["input"].get(group, {}).items()
        ]
        for group in ("required", "optional")
    }
    bare = {"inputs": inputs, "outputs": list(zip(told["output"], told["output_name"], strict=False))}
    return hashlib.sha256(json.dumps(bare, sort_keys=True, default=str).encode()).hexdigest()[:16]
