"""The English texts of the nodes for ComfyUI's page, from their own declarations: `locales/en/nodeDefs.json`.

Other languages lie beside it, written by hand with the same keys. The page runs these texts through a message compiler,
so its own signs are escaped; and a dot in a key would be a step down, so it is an underscore there.
"""

import json
import re

from . import paths

FOLDER = paths.ROOT / "locales"
ENGLISH = FOLDER / "en" / "nodeDefs.json"


def write(nodes) -> None:
    """Make the file anew, of ComfyUI's V3 nodes."""
    ENGLISH.write_text(content(nodes), encoding="utf-8")


def content(nodes) -> str:
    schemas = sorted((node.define_schema() for node in nodes), key=lambda schema: schema.node_id)
    return json.dumps({schema.node_id: _texts(schema) for schema in schemas}, ensure_ascii=False, indent=2) + "\n"


def escaped(text: str) -> str:
    """A text with the message compiler's signs taken literally."""
    return re.sub(r"[@{}|]", lambda sign: f"{{'{sign[0]}'}}", text)


def _texts(schema) -> dict:
    return {
        "display_name": escaped(schema.display_name),
        "description": escaped(schema.description),
        "inputs": {each.id.replace(".", "_"): _slot(each) for each in schema.inputs},
        "outputs": {str(number): _slot(each) for number, each in enumerate(schema.outputs)},
    }


def _slot(slot) -> dict[str, str]:
    return {"name": escaped(slot.display_name or slot.id), "tooltip": escaped(slot.tooltip)}
