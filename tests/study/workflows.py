"""Small workflows of the toy, and studies of them in a folder."""

import copy
import json
from pathlib import Path

EXPORTS = Path(__file__).resolve().parents[1] / "workflows"
CIRCLE = "a (red) circle on the left"

STUDY = """
format: attention-bending-study
workflow: toy.json
prompts:
  - {text: "a (red) circle on the left", subject: red}
seeds: [1]
each: {token: "ALL; subject"}
bends:
  - {mode: amplify, factor: "0; 0.5; 1"}
version: 1
"""
"""Four bent films, the un-bent one, and two cells in which nothing bends."""


def toy(name: str = "Bend one word", steps: int = 1) -> dict:
    """A twin on the toy, as short as can be: one picture."""
    graph = json.loads((EXPORTS / f"{name} (toy).json").read_text(encoding="utf-8"))
    for node in graph.values():
        inputs = node["inputs"]
        if "length" in inputs:
            inputs["length"] = 1
        if "end_at_step" in inputs:  # of two samplers, each has its half
            inputs["start_at_step"], inputs["end_at_step"] = inputs["start_at_step"] // 10, inputs["end_at_step"] // 10
        if "steps" in inputs:
            inputs["steps"] = 2 if "end_at_step" in inputs else steps
    return graph


def changed(graph: dict, node: str, **inputs) -> dict:
    graph = copy.deepcopy(graph)
    graph[node]["inputs"] |= inputs
    return graph


def written(folder: Path, study: str = STUDY, workflow: dict | None = None) -> Path:
    """The file of a study, its workflow beside it."""
    (folder / "toy.json").write_text(json.dumps(workflow or toy()), encoding="utf-8")
    file = folder / "study.yaml"
    file.write_text(study, encoding="utf-8")
    return file
