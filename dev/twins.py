"""The example workflows' twins on the toy Wan: ``<name> (toy).json``, each made of its original and a row of a table.

A twin is the original with one Load Toy Wan in the place of all its loaders, and other words and numbers in its
widgets. What these are is data: see `twin_table`.
"""

import copy
import json
import re
from inspect import cleandoc
from pathlib import Path
from typing import Any, NamedTuple

from . import paths

FOLDER = paths.ROOT / "example_workflows"
MARK = " (toy)"

LOADERS = ("UNETLoader", "CLIPLoader", "VAELoader", "ModelSamplingSD3")
"""What the toy takes the place of: its sampling settings are Wan's own."""

OUTPUTS = ("MODEL", "CLIP", "VAE")
"""The toy's, in order."""

TOY_SIZE = (360, 66)
MARGIN = 20
"""Pixels of the page between a node and its group's edge."""

CONTROLLED = ("seed", "noise_seed", "value")
"""Inputs behind which the page may put a widget of its own, for what becomes of the number after a run."""

REAL = (
    "**On a real Wan:** open the template *{name}*. It is the same graph with Wan's loaders, to look for the same in."
)

Workflow = dict[str, Any]
Node = dict[str, Any]


class Twin(NamedTuple):
    """What a workflow's twin has of its own, and its picture, which is the original's too.

    `prompt`  Bend Prompt's text
    `page`    rows of shots of the twin: what stands on the picture (see `shots`)
    `note`    the note's text, between its headline and the line on a real Wan
    `nodes`   values by widget name, or a new "title", for a node's id or for all nodes of a type
    `groups`  new titles by the original's
    """

    prompt: str
    page: tuple
    note: str
    nodes: dict[int | str, dict[str, Any]]
    groups: dict[str, str] = {}  # noqa: RUF012 - read only


def make(name: str, original: Workflow, row: Twin, common: dict[str, dict[str, Any]]) -> Workflow:
    """The twin of a workflow in the editor's format; `common` are values for all twins, by type."""
    workflow = copy.deepcopy(original)
    _load_toy(workflow)
    own = {
        "AttnBendPrompt": {"text": row.prompt},
        "MarkdownNote": {"text": f"# {name}{MARK}\n\n{_flowing(row.note)}\n\n{REAL.format(name=name)}"},
    }
    for node in workflow["nodes"]:
        if (prefix := _values(node).get("filename_prefix")) is not None:
            folder, slash, file = prefix.rpartition("/")
            change(node, {"filename_prefix": f"{folder}{slash}toy_{file}"})
        for table in (common, own, row.nodes):
            for key in (node["type"], node["id"]):
                change(node, table.get(key, {}))
    _expect(row.nodes, {key for node in workflow["nodes"] for key in (node["id"], node["type"])}, "node")
    _expect(row.groups, {group["title"] for group in workflow["groups"]}, "group")
    for group in workflow["groups"]:
        group["title"] = row.groups.get(group["title"], group["title"])
    return workflow


def _flowing(text: str) -> str:
    """A note without the indentation and the line ends that it has only in the table's source."""
    return re.sub(r"(?<!\n)\n(?!\n|\* )", " ", cleandoc(text))


def change(node: Node, values: dict[str, Any]) -> None:
    """Put values into a node's widgets, by their names; "title" is the node's own."""
    values = dict(values)
    if "title" in values:
        node["title"] = values.pop("title")
    if values:
        _expect(values, set(widgets(node)), f"widget of {node['type']}")
        node["widgets_values"] = list((_values(node) | values).values())


def widgets(node: Node) -> list[str]:
    """The names of a node's widgets in the order in which their values are saved."""
    if node["type"] == "MarkdownNote":  # the page's own: it has no inputs
        return ["text"]
    names = [entry["widget"]["name"] for entry in node["inputs"] if "widget" in entry]
    controls = len(node.get("widgets_values") or ()) - len(names)
    if controls > 0:
        (after,) = (i for i, name in enumerate(names) if name in CONTROLLED)
        names.insert(after + 1, "control_after_generate")
    return names


def _values(node: Node) -> dict[str, Any]:
    return dict(zip(widgets(node), node.get("widgets_values") or (), strict=True))


def _expect(keys, known: set, what: str) -> None:
    if unknown := [key for key in keys if key not in known]:
        raise KeyError(f"no {what} is called {unknown}; there are {sorted(map(str, known))}")


def _load_toy(workflow: Workflow) -> None:
    """Put Load Toy Wan where the first loader is, wire it to all that the loaders fed, and fit their group to it."""
    gone = {node["id"]: node for node in workflow["nodes"] if node["type"] in LOADERS}
    first = min(gone)
    toy = _toy(first, gone[first]["pos"], gone[first]["order"])
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
    group.update(title="1 · Load the toy Wan", bounding=[left, top, width, toy["pos"][1] - top + TOY_SIZE[1] + MARGIN])


def _toy(key: int, place: list[float], order: int) -> Node:
    outputs = [{"localized_name": kind.lower(), "name": kind.lower(), "type": kind, "links": []} for kind in OUTPUTS]
    return {
        "id": key,
        "type": "AttnBendToyWan",
        "pos": place,
        "size": list(TOY_SIZE),
        "flags": {},
        "order": order,
        "mode": 0,
        "inputs": [],
        "outputs": outputs,
        "properties": {"Node name for S&R": "AttnBendToyWan"},
        "widgets_values": [],
        "color": "#3d2b4f",
        "bgcolor": "#2a1f38",
    }


def files(table: dict[str, Twin], common: dict[str, dict[str, Any]]) -> dict[Path, str]:
    """The twins' files and what is to stand in them."""
    texts = {}
    for name, row in table.items():
        original = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
        twin = make(name, original, row, common)
        texts[FOLDER / f"{name}{MARK}.json"] = json.dumps(twin, indent=2, ensure_ascii=False) + "\n"
    return texts
