"""The English texts of the nodes for ComfyUI's page, from their own declarations: `locales/en/nodeDefs.json`.

Other languages lie beside it, written by hand with the same keys. The page runs some of these texts through a message
compiler and shows others as they are, the same text even, so none may hold the compiler's signs: an escape would be
seen. A dot in a key would be a step down, so it is an underscore there.
"""

import json

from . import paths

FOLDER = paths.ROOT / "locales"
ENGLISH = FOLDER / "en" / "nodeDefs.json"


def write(nodes) -> None:
    """Make the file anew, of ComfyUI's V3 nodes."""
    ENGLISH.write_text(content(nodes), encoding="utf-8")


def content(nodes) -> str:
    schemas = sorted((node.define_schema() for node in nodes), key=lambda schema: schema.node_id)
    return json.dumps({schema.node_id: _texts(schema) for schema in schemas}, ensure_ascii=False, indent=2) + "\n"


def _texts(schema) -> dict:
    return {
        "display_name": schema.display_name,
        "description": schema.description,
        "inputs": {each.id.replace(".", "_"): _slot(each) for each in schema.inputs},
        "outputs": {str(number): _slot(each) for number, each in enumerate(schema.outputs)},
    }


def _slot(slot) -> dict[str, str]:
    return {"name": slot.display_name or slot.id, "tooltip": slot.tooltip}
