"""Whether servers make the same un-bent film: by its digest, and where that differs, by how far its pixels are apart.

The films are compared as they are saved, by the server in question, in ComfyUI: both have gone through one encoder.
"""

import json
import uuid
from typing import Any, NamedTuple

from .client import Comfy
from .graph import FILM, MEASURE, Template
from .wires import Graph
from .work import Task

ANOTHER_MODEL = 0.02
"""Mean difference of pixels, 0 … 1, above which it is another model, whatever its files are called."""


class Apart(NamedTuple):
    """Differences of two films' pixels, 0 … 1."""

    mean: float
    largest: float


def apart(comfy: Comfy, template: Template, task: Task, film: bytes) -> Apart:
    """How far the un-bent film of a task's prompt and seed, made on this server, is from `film`, an mp4."""
    names = f"study/{task.unbent}/{uuid.uuid4().hex[:8]}"
    made = _run(comfy, template.graph(task.prompt, task.seed, None, names))["outputs"][FILM]["images"][0]
    own = f"{made['subfolder']}/{made['filename']} [{made['type']}]"
    other = comfy.upload(f"{task.unbent}.mp4", film)
    told = _run(comfy, _comparison(own, other))["outputs"][MEASURE]["text"][0]
    measured = json.loads(told)
    return Apart(measured["change"], measured["largest"])


def _comparison(own: str, other: str) -> Graph:
    graph: Graph = {}
    for name, file in (("own", own), ("other", other)):
        graph[f"{name} file"] = {"class_type": "LoadVideo", "inputs": {"file": file}}
        graph[name] = {"class_type": "GetVideoComponents", "inputs": {"video": [f"{name} file", 0]}}
    inputs = {"images": ["own", 0], "unbent": ["other", 0]}
    return graph | {MEASURE: {"class_type": "AttnBendMeasure", "inputs": inputs}}


def _run(comfy: Comfy, graph: Graph) -> dict[str, Any]:
    return comfy.run(graph, str(uuid.uuid4()))
