"""From a workflow in API form to the graphs of cells: one film bent, the same un-bent beside it, measured in ComfyUI.

**Convention.** A node's id is its key in the file. Behind a Patch Model is all that its model reaches on the way to the
one VAE Decode; that part is copied, with the model as it came, and is the un-bent film. What else the workflow saves or
shows is left out. The graph of a cell has a key: the SHA-256 of its canonical JSON without titles and without names of
files, so that the same key is the same film.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .errors import StudyError
from .wires import Graph, ancestors, descendants, is_wire, nearest, wires

Place = tuple[str, str]
"""A node's id and an input's name."""

PATCH, PROMPT = "AttnBendModel", "AttnBendPrompt"
SEEDS = ("seed", "noise_seed")
UNBENT = "unbent "
"""Before the ids of the copies."""
BENDING, MEASURE, FILM, POSTER, MAPS = (f"study {name}" for name in ("bending", "measure", "film", "poster", "maps"))
FILES = {FILM: "film.mp4", POSTER: "poster.webp", MAPS: "maps.mp4"}
"""By the node that saves it: what a cell's folder holds."""
FPS = 16
"""Of a film whose workflow tells none."""

Chosen = Mapping[str, Sequence[str]]
"""What `set` names: by `prompt` and `seed` inputs, as 6.text; by `model` and `film` nodes."""
Record = Mapping[str, str | int]
"""`words` and `limit_mb` of Patch Model."""


@dataclass(frozen=True)
class Template:
    """A workflow made ready: `bent` and `unbent` graphs, and where the prompt and the seed go in them."""

    bent: Graph
    unbent: Graph
    prompts: tuple[Place, ...]
    seeds: tuple[Place, ...]

    def graph(self, prompt: str, seed: int, bending: str | None, names: str = "") -> Graph:
        """A cell's graph, the un-bent film alone where `bending` is None; what it saves begins with `names`."""
        made = self.unbent if bending is None else self.bent
        graph = {node: {**at, "inputs": dict(at["inputs"])} for node, at in made.items()}
        for places, value in ((self.prompts, prompt), (self.seeds, seed)):
            for node, name in places:
                if node in graph:
                    graph[node]["inputs"][name] = value
        if bending is not None:
            graph[BENDING]["inputs"]["text"] = bending
        for node in FILES.keys() & graph.keys():
            graph[node]["inputs"]["filename_prefix"] = f"{names}/{FILES[node].partition('.')[0]}"
        return graph


def key(graph: Graph) -> str:
    """What a graph's film is kept under: 20 digits of the SHA-256 of its canonical JSON."""
    bare = {
        node: {"class_type": at["class_type"], "inputs": _unnamed(node, at["inputs"])} for node, at in graph.items()
    }
    text = json.dumps(bare, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def _unnamed(node: str, inputs: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in inputs.items() if node not in FILES or name != "filename_prefix"}


def template(workflow: Any, chosen: Mapping[str, str] | None = None, record: Record | None = None) -> Template:
    """Make a workflow ready. `chosen` is a study's `set`, and `record` its `record`; maps are filmed where it says one.

    Raises StudyError with all that stands in the way.
    """
    workflow = _read(workflow)
    names = {what: [name.strip() for name in text.split(",")] for what, text in (chosen or {}).items()}
    faults: list[str] = []
    decode, patches = _film(workflow, names, faults)
    before = ancestors(workflow, [decode]) if decode else set(workflow)
    prompts = _chosen("prompt", names, workflow, faults) or _prompt(workflow, before, faults)
    seeds = _chosen("seed", names, workflow, faults) or _seeds(workflow, before, faults)
    if faults:
        raise StudyError(*faults)
    return _built(workflow, decode, patches, prompts, seeds, record)


def _read(workflow: Any) -> Graph:
    if isinstance(workflow, Mapping) and "nodes" in workflow and "links" in workflow:
        raise StudyError(
            "the workflow is an editor's file. Export it in ComfyUI by File → Export (API), and name that."
        )
    nodes = workflow.values() if isinstance(workflow, Mapping) else ()
    if not nodes or not all(isinstance(n, Mapping) and {"class_type", "inputs"} <= n.keys() for n in nodes):
        raise StudyError("the workflow is no file in API form. Export one in ComfyUI by File → Export (API).")
    graph = {node: {"class_type": at["class_type"], "inputs": dict(at["inputs"])} for node, at in workflow.items()}
    if faults := [
        f"node {node} of the workflow has {name} from node {source}, which is not there. Export the workflow again."
        for node, at in graph.items()
        for name, (source, _) in wires(at)
        if source not in graph
    ]:
        raise StudyError(*faults)
    return graph


# --- what a workflow says of itself ----------------------------------------------------------------------------------


def _film(workflow: Graph, chosen: Chosen, faults: list[str]) -> tuple[str | None, list[str]]:
    """The VAE Decode, and the Patch Models in front of it that get the study's bending; what cannot be, in `faults`."""
    there = [node for node, at in workflow.items() if at["class_type"] == PATCH]
    patches = chosen.get("model", there)
    if not there:
        faults.append("the workflow has no Patch Model, so nothing in it can be bent. Put one before the sampler.")
        return None, []
    if wrong := [node for node in patches if node not in there]:
        faults.append(f"set: model names {_list(wrong)}, no Patch Model. The workflow has {_list(there)}.")
        return None, []
    decodes = [node for node in descendants(workflow, patches) if _is_decode(workflow[node]["class_type"])]
    films = [node for node in decodes if node in chosen.get("film", decodes)]
    if len(films) != 1:
        found = f"{len(decodes)} of them, {_list(decodes)}" if decodes else "none"
        faults.append(
            f"the film of a study is the one VAE Decode behind Patch Model, and the workflow has {found}. Name one, as "
            f"set: {{film: {decodes[0] if decodes else 12}}}."
        )
        return None, []
    before = ancestors(workflow, films)
    patches = [node for node in patches if node in before]
    sources = {json.dumps(workflow[node]["inputs"].get("bending")) for node in patches}
    if len(sources) > 1 and "model" not in chosen:
        faults.append(
            f"Patch Models {_list(patches)} are fed by different bendings. Feed them by one, or name those that the "
            f"study bends, as set: {{model: {patches[0]}}}."
        )
    if told := [node for node in before for _, wire in wires(workflow[node]) if wire[0] in patches and wire[1] == 1]:
        faults.append(
            f"node {told[0]} makes the film depend on the maps of a Patch Model, which the un-bent film has not. Take "
            "it out."
        )
    return films[0], patches


def _is_decode(kind: str) -> bool:
    return "VAEDecode" in kind and "Audio" not in kind


def _chosen(what: str, chosen: Chosen, workflow: Graph, faults: list[str]) -> list[Place]:
    places = [tuple(name.rpartition(".")[::2]) for name in chosen.get(what, ())]
    for node, name in places:
        if node not in workflow or name not in workflow[node]["inputs"]:
            faults.append(f"set: {what} names {node}.{name}, and the workflow has no such input. Write it as 6.text.")
    return places


def _prompt(workflow: Graph, before: Iterable[str], faults: list[str]) -> list[Place]:
    found = [(node, "text") for node in sorted(before) if workflow[node]["class_type"] == PROMPT]
    return _only("prompt", found, workflow, "no Bend Prompt before the film", "text", faults)


def _seeds(workflow: Graph, before: Iterable[str], faults: list[str]) -> list[Place]:
    """Those of all samplers, where it is one seed; a sampler that adds no noise has none."""
    found = [
        (node, name)
        for node in sorted(before)
        for name in SEEDS
        if name in (inputs := workflow[node]["inputs"]) and inputs.get("add_noise") != "disable"
    ]
    same = len({json.dumps(workflow[node]["inputs"][name]) for node, name in found}) == 1
    none = "no sampler with a seed before the film"
    return found if _only("seed", found[:1] if same else found, workflow, none, "seed", faults) else []


def _only(what: str, found: list[Place], workflow: Graph, none: str, name: str, faults: list[str]) -> list[Place]:
    """The one place; a fault where there are several, none, or where its value comes by a wire."""
    names = [f"{node}.{input_}" for node, input_ in found]
    if not found:
        faults.append(f"the workflow has {none}. Put one in, or name the input, as set: {{{what}: 6.{name}}}.")
    elif len(found) > 1:
        faults.append(f"the {what} could be {' or '.join(names)}. Name it, as set: {{{what}: {names[0]}}}.")
    elif is_wire(workflow[found[0][0]]["inputs"].get(found[0][1])):
        faults.append(
            f"{names[0]}, the {what}, comes by a wire. Name the input that it begins at, as set: {{{what}: 5.value}}."
        )
    else:
        return found
    return []


# --- the graphs ------------------------------------------------------------------------------------------------------


def _built(
    workflow: Graph,
    decode: str,
    patches: list[str],
    prompts: Sequence[Place],
    seeds: Sequence[Place],
    record: Record | None,
) -> Template:
    before = ancestors(workflow, [decode])
    behind = descendants(workflow, patches)
    copies = {node: f"{UNBENT}{node}" for node in before if node in behind and node not in patches}

    def unbent_wire(value: Any) -> Any:
        while is_wire(value) and value[0] in patches:  # also of Patch Models in a row
            value = workflow[value[0]]["inputs"]["model"]
        return [copies.get(value[0], value[0]), value[1]] if is_wire(value) else value

    branch = {
        copy: _node(
            workflow[node]["class_type"], {name: unbent_wire(v) for name, v in workflow[node]["inputs"].items()}
        )
        for node, copy in copies.items()
    }
    bent, graph = [decode, 0], {node: _node(at["class_type"], at["inputs"]) for node, at in workflow.items()}
    unbent = [copies[decode], 0]
    for node in patches:
        graph[node]["inputs"]["bending"] = [BENDING, 0]
    graph[BENDING] = _node("AttnBendLoadText", {"text": ""})
    rate, middle = _rate(workflow, decode), _middle(workflow, before)
    maps = _maps(graph, decode, record, rate) if record else {}
    whole = {**graph, **branch, **_saved(bent, unbent, rate, middle), **maps}
    alone = {**workflow, **branch, **_saved(unbent, unbent, rate, middle)}

    def with_copies(places: Sequence[Place]) -> tuple[Place, ...]:
        return (*places, *((copies[node], name) for node, name in places if node in copies))

    return Template(_needed(whole), _needed(alone), with_copies(prompts), with_copies(seeds))


def _saved(film: list, unbent: list, rate: float, middle: int) -> Graph:
    """What every cell leaves: the film, a still of it, and what differs from the un-bent film."""
    return {
        MEASURE: _node("AttnBendMeasure", {"images": film, "unbent": unbent}),
        **_video(FILM, film, rate),
        f"{POSTER} still": _node("ImageFromBatch", {"image": film, "batch_index": middle, "length": 1}),
        POSTER: _node(
            "SaveAnimatedWEBP",
            {"images": [f"{POSTER} still", 0], "filename_prefix": "", "fps": 1.0, "lossless": False, "quality": 85,
             "method": "default"},
        ),
    }  # fmt: skip


def _maps(graph: Graph, decode: str, record: Record, rate: float) -> Graph:
    """The film of recorded words' maps after the bends, in the sampling that ends in the film."""
    latent = nearest(graph, decode, lambda at: "latent_image" in at["inputs"])
    if latent is None:
        raise StudyError("no sampler of ComfyUI's own makes the film, and no maps are found. Leave record out.")
    patch, _ = nearest(graph, latent[0], lambda at: at["class_type"] == PATCH)
    graph[patch]["inputs"] |= {"record": record["words"], "record_limit_mb": record["limit_mb"]}
    shown = {
        "maps": [patch, 1], "latent": latent, "words": "", "show": "bent", "layers": "all", "steps": "all",
        "normalize": "film", "color_map": "viridis", "opacity": 0.6, "captions": True, "images": [decode, 0],
    }  # fmt: skip
    return {f"{MAPS} drawn": _node("AttnBendMaps", shown), **_video(MAPS, [f"{MAPS} drawn", 0], rate)}


def _video(name: str, images: list, rate: float) -> Graph:
    saved = {"video": [f"{name} video", 0], "filename_prefix": "", "format": "auto", "codec": "auto"}
    return {
        f"{name} video": _node("CreateVideo", {"images": images, "fps": rate}),
        name: _node("SaveVideo", saved),
    }


def _rate(workflow: Graph, decode: str) -> float:
    """Frames per second, as the workflow saves the film."""
    inputs = (workflow[node]["inputs"] for node in descendants(workflow, [decode]))
    told = (at.get(name) for at in inputs for name in ("fps", "frame_rate"))
    return float(next((value for value in told if isinstance(value, int | float)), FPS))


def _middle(workflow: Graph, before: Iterable[str]) -> int:
    """The frame in the middle, where the workflow tells a length; ImageFromBatch takes the last where it is less."""
    told = (workflow[node]["inputs"].get("length") for node in sorted(before))
    return next((value // 2 for value in told if isinstance(value, int)), 0)


def _needed(graph: Graph) -> Graph:
    """What the study's own outputs need of a graph."""
    needed = ancestors(graph, [MEASURE, *(FILES.keys() & graph.keys())])
    return {node: at for node, at in graph.items() if node in needed}


def _node(kind: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {"class_type": kind, "inputs": dict(inputs)}


def _list(nodes: Iterable[str]) -> str:
    return " and ".join(f"node {node}" for node in nodes)
