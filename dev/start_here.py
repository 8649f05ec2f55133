"""The templates that the page offers to start with: `web/templates.json`, written by ``python dev workflows``.

What each says of itself is a text of the page, in every language.
"""

import json

from . import paths
from .workflow_table import ALIKE, TEMPLATES

FILE = paths.ROOT / "web" / "templates.json"


def text() -> str:
    """Their names in order, and whether each has a twin on the toy."""
    listed = {name: name not in ALIKE for name in TEMPLATES}
    return json.dumps(listed, indent=1, ensure_ascii=False) + "\n"


def write() -> None:
    FILE.write_text(text(), encoding="utf-8")
