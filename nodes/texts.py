"""What the nodes say of themselves, from `texts.yaml`, put into their schemas: every sentence stands there once.

That file is no locale of ComfyUI's, which cannot share a sentence between nodes; a locale can be written from schemas.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from comfy_api.latest import io

FILE = Path(__file__).with_suffix(".yaml")


@lru_cache(1)
def all_texts() -> dict[str, dict[str, Any]]:
    """Of each node by its id: `description`, and sentences by name under `inputs` and `outputs`."""
    texts = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    del texts["shared"]
    return texts


def described_schema(node_id: str, **declared) -> io.Schema:
    """A node's schema with its description, and a tooltip on every input and output. KeyError where one is missing."""
    texts = all_texts()[node_id]
    # What makes something of its own id is another node than its twin, whose cached output ComfyUI would else hand it.
    knows_itself = io.Hidden.unique_id in declared.get("hidden", ())
    schema = io.Schema(node_id=node_id, description=texts["description"], not_idempotent=knows_itself, **declared)
    for widget in schema.inputs:
        unit = [widget.tooltip] if widget.tooltip else []  # left there by `widgets.number`
        widget.tooltip = " ".join([texts["inputs"][widget.id], *unit])
        if isinstance(widget, io.Autogrow.Input):
            slot = widget.template.input
            slot.tooltip = texts["inputs"][slot.id]
    for output in schema.outputs:
        output.tooltip = texts["outputs"][output.id]
    return schema
