"""The templates that the page offers to start with: `web/templates.json`, written by ``python dev workflows``."""

import json

from . import paths
from .workflow_table import TEMPLATES

FILE = paths.ROOT / "web" / "templates.json"


def text() -> str:
    """Each template's name and what one sees in it, in order."""
    listed = [{"name": name, "says": template.says} for name, template in TEMPLATES.items()]
    return json.dumps(listed, indent=1, ensure_ascii=False) + "\n"


def write() -> None:
    FILE.write_text(text(), encoding="utf-8")
