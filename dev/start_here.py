"""The templates that the page offers to start with: `web/templates.json`, written by ``python dev workflows``.

What each says of itself is a text of the page, in every language.
"""

import json

from . import paths
from .workflow_table import TEMPLATES

FILE = paths.ROOT / "web" / "templates.json"


def text() -> str:
    """Their names, in order."""
    return json.dumps([*TEMPLATES], indent=1, ensure_ascii=False) + "\n"


def write() -> None:
    FILE.write_text(text(), encoding="utf-8")
