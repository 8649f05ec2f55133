"""The twins of Wan's example workflows on the toy Wan: ``<name> (toy).json``, made of their originals and themselves.

Nodes, wires and layout are the original's, with one Load Toy Wan in the place of all its loaders. Titles, words and
numbers are the twin's own, its note among them, and stand in its file alone: whoever changes them opens the twin in
ComfyUI and saves it. The twin of a new workflow begins with the original's.
"""

import copy
import json
from pathlib import Path
from typing import Any

from ..toy.world import FRAMES, HEIGHT, WIDTH
from . import paths

MARK = " (toy)"
STEPS = 20

COMMON = {
    "CLIPTextEncode": {"text": ""},
    "EmptyHunyuanLatentVideo": {"width": WIDTH, "height": HEIGHT, "length": FRAMES},
    "KSampler": {"steps": STEPS, "cfg": 4, "sampler_name": "euler", "scheduler": "simple"},
    "KSamplerAdvanced": {"steps": STEPS, "cfg": 4, "sampler_name": "euler", "scheduler": "simple"},
    "ImageStitch": {"spacing_width": 8},
    "CreateVideo": {"fps": 8},
}
"""Values of all twins, by type: the world's size, and how its films were sampled when the toy was tried."""

LOADERS = ("UNETLoader", "CLIPLoader", "VAELoader", "ModelSamplingSD3")
"""What the toy takes the place of: its sampling settings are Wan's own."""

OUTPUTS = ("MODEL", "CLIP", "VAE")
"""The toy's, in order."""

TOY = {
    "type": "AttnBendToyWan",
    "size": [360, 66],
    "properties": {"Node name for S&R": "AttnBendToyWan"},
    "color": "#3d2b4f",
    "bgcolor": "#2a1f38",
}
"""The node, where it is another than the loader in whose place it stands."""

MARGIN = 20
"""Pixels of the page between a node and its group's edge."""

CONTROLLED = ("seed", "noise_seed", "value")
"""Inputs behind which the page may put a widget of its own, for what becomes of the number after a run."""

Workflow = dict[str, Any]
Node = dict[str, Any]


def make(original: Workflow, own: Workflow | None = None) -> Workflow:
    """The twin of a workflow in the editor's format; `own` is the twin so far, None where there is none yet."""
    workflow = copy.deepcopy(original)
    for node in workflow["nodes"]:
        folder, slash, file = _values(node).get("filename_prefix", "").rpartition("/")
        _change(node, {"filename_prefix": f"{folder}{slash}toy_{file}"})
    if own:
        _keep(workflow, own)
    for node in workflow["nodes"]:
        _change(node, COMMON.get(node["type"], {}))
    _load_toy(workflow)
    return workflow


def _keep(workflow: Workflow, own: Workflow) -> None:
    """Give the nodes and groups that the twin has already the titles and values that they have there."""
    nodes = {(node["id"], node["type"]): node for node in own["nodes"]}
    groups = {group["id"]: group for group in own["groups"]}
    for node in workflow["nodes"]:
        if twin := nodes.get((node["id"], node["type"])):
            if "title" in twin:
                node["title"] = twin["title"]
            _change(node, _values(twin))
    for group in workflow["groups"]:
        group["title"] = groups.get(group["id"], group)["title"]


def _change(node: Node, values: dict[str, Any]) -> None:
    """Put values into those of a node's widgets that it has, by their names."""
    known = _values(node)
    if known:
        node["widgets_values"] = list((known | {name: values[name] for name in values.keys() & known}).values())


def _values(node: Node) -> dict[str, Any]:
    """What a node's widgets hold, by their names, in the order in which it is saved."""
    values = node.get("widgets_values") or ()
    if node["type"] == "MarkdownNote":  # the page's own: it has no inputs
        names = ["text"]
    else:
        names = [entry["widget"]["name"] for entry in node["inputs"] if "widget" in entry]
    if len(values) > len(names):
        (after,) = (i for i, name in enumerate(names) if name in CONTROLLED)
        names.insert(after + 1, "control_after_generate")
    return dict(zip(names, values, strict=True))


def _load_toy(workflow: Workflow) -> None:
    """Put Load Toy Wan where the first loader is, wire it to all that the loaders fed, and fit their group to it."""
    gone = {node["id"]: node for node in workflow["nodes"] if node["type"] in LOADERS}
    first = min(gone)
    outputs = [{"localized_name": kind.lower(), "name": kind.lower(), "type": kind, "links": []} for kind in OUTPUTS]
    toy = gone[first] | TOY | {"inputs": [], "outputs": outputs, "widgets_values": []}
    toy.pop("title", None)
    links = [link for link in workflow["links"] if link[3] not in gone]
    for link in links:
        number, source, _, _, _, kind = link
        if source in gone:
            slot = OUTPUTS.index(kind)
            link[1:3] = first, slot
            toy["outputs"][slot]["links"].append(number)
    nodes = [toy if node["id"] == first else node for node in workflow["nodes"] if node["id"] not in {*gone} - {first}]
    for order, node in enumerate(sorted(nodes, key=lambda node: node["order"])):
        node["order"] = order
    workflow.update(nodes=nodes, links=links)
    workflow["last_node_id"] = max(node["id"] for node in nodes)
    workflow["last_link_id"] = max(link[0] for link in links)
    (group,) = (group for group in workflow["groups"] if group["title"].startswith("1 · "))
    left, top, width, _ = group["bounding"]
    bottom = toy["pos"][1] + toy["size"][1] + MARGIN
    group.update(title="1 · Load the toy Wan", bounding=[left, top, width, bottom - top])


def files() -> dict[Path, str]:
    """The twins' files and what is to stand in them."""
    texts = {}
    for original in sorted(paths.EXAMPLES.glob("*.json")):
        if not original.stem.endswith(MARK) and _is_wans(_read(original)):
            file = original.with_stem(original.stem + MARK)
            twin = make(_read(original), _read(file) if file.exists() else None)
            texts[file] = json.dumps(twin, indent=2, ensure_ascii=False) + "\n"
    return texts


def _is_wans(workflow: Workflow) -> bool:
    """Whether the toy, a Wan, can stand in a workflow for what that loads."""
    return any(node["type"] == "CLIPLoader" and "wan" in node["widgets_values"] for node in workflow["nodes"])


def _read(file: Path) -> Workflow:
    return json.loads(file.read_text(encoding="utf-8"))
