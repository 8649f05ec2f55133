"""What is said of the models that can be bent: made from their families, and from the table of those that were tried.

It stands in `docs/models.md`, in Patch Model's help page and, in short, in the README.
"""

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from . import markdown, paths

DOCS, HELP, README = (paths.ROOT / name for name in ("docs/models.md", "web/docs/AttnBendModel.md", "README.md"))
START, END = "<!-- models: written by python dev workflows -->", "<!-- /models -->"
TRIED = "with tiny models of the same classes and random weights, on a CPU, in ComfyUI 0.30.0; not on the real weights"
SAME = "the same way"
NUMBER = re.compile(r"\b[0-9]+\b")
"""A block's, in the path of a module."""

OTHERS = (
    (
        "Wan 2.1 text-to-video, image-to-video, first-last-frame, Fun Control; Wan 2.2 14B (both models) and 5B",
        f"{SAME} in ComfyUI 0.24.1 and 0.27.0 too",
    ),
    ("LoRA, fp8 weights, cfg 1 with few steps, torch.compile (backend `eager`), context windows, EasyCache", SAME),
    (
        "KJNodes' WanVideoNAG, Prompt Relay; attention overrides (Sage and others), Model Attention Backend, "
        "Block Sparse Attention",
        f"{SAME}, beside nodes that do what those do",
    ),
    ("GGUF", "not tried; weights are never touched, so it should work"),
    ("GPUs", "not measured on a GPU"),
)
"""What the README says of more than models."""


def members() -> Mapping[str, object]:
    """The models that the tests of families bend, by name."""
    if (room := str(paths.ROOT / "tests")) not in sys.path:
        sys.path.append(room)
    from families.table import MEMBERS

    return MEMBERS


def write() -> None:
    """Make the blocks anew."""
    for file in (DOCS, HELP, README):
        file.write_text(renewed(file), encoding="utf-8")


def renewed(file: Path) -> str:
    """One of the pages with its block made anew."""
    block = short() if file == README else "".join(_section(family) for family in _families())
    return markdown.renewed(file.read_text(encoding="utf-8"), START, END, f"\n{block}\n")


def short() -> str:
    """The README's table."""
    lines = [(family.works, TRIED) for family in _families()]
    return markdown.table(("works with", "how it was tested"), [*lines, *OTHERS], left=2) + "\n"


def _families():
    from ..host.families import FAMILIES  # needs torch, without which `python dev` starts

    return FAMILIES


def _section(family) -> str:
    rows = ((name, "; ".join(dict.fromkeys(facts))) for name, facts in _facts(family))
    table = markdown.table(("", ""), [(name, facts) for name, facts in rows if facts], left=2)
    return f"### {_title(family)}\n\n{table}\n\n"


def _title(family) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[a-z])(?=\d)", " ", type(family).__name__)


def _facts(family) -> Iterator[tuple[str, list[str]]]:
    """What is told of a family, by name: one fact, or one for each encoder or model where they differ."""
    tried = _tried(family)
    cells = {name: family.cell(patcher) for name, patcher in tried.items()}
    places = (place for patcher in tried.values() for _, place in family.places(patcher.model.diffusion_model))
    yield "models", [family.works]
    yield "prompts", [encoder.works for encoder in family.encoders]
    yield "a column", [encoder.columns for encoder in family.encoders]
    for selector in ("padding", "end", "registers"):
        yield selector.upper(), [getattr(encoder, selector) or "none" for encoder in family.encoders]
    yield "layers", [f"one for each `{NUMBER.sub('N', place)}`" for place in places]
    yield "a cell", _by_model({name: f"{cell.pixels} × {cell.pixels} pixels" for name, cell in cells.items()})
    yield "pictures of a latent frame", _by_model({name: _pictures(cell.stride) for name, cell in cells.items()})
    yield "tried", [*tried, f"all {TRIED}"]
    yield "workflow", [f"*{family.workflow}*"] if family.workflow else []


def _tried(family) -> dict:
    """Of the models that the tests bend, the family's, by name; without weights."""
    import comfy.model_patcher
    import torch

    models, cpu = {name: member.model("meta") for name, member in members().items()}, torch.device("cpu")
    return {
        name: comfy.model_patcher.ModelPatcher(model, cpu, cpu)
        for name, model in models.items()
        if family.accepts(model)
    }


def _pictures(stride: int) -> str:
    return "1" if stride == 1 else f"the first 1, every other {stride}"


def _by_model(facts: Mapping[str, str]) -> list[str]:
    """Each fact once; those that are not the first model's with whose they are."""
    usual = next(iter(facts.values()))
    others = {fact: [name for name in facts if facts[name] == fact] for fact in facts.values() if fact != usual}
    return [usual, *(f"{fact} ({', '.join(names)})" for fact, names in others.items())]
